"""Chat completions as fakes read them: what is refused in messages, and the neutral Request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from altar.llm import (
    BlobPart,
    Message,
    Opaque,
    Origin,
    Part,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    ToolResultPart,
    Unknown,
)
from altar.testing._fake_neutral import (
    json_or_text,
    neutral_request,
    output_spec,
    sampling_of,
)
from altar.testing._fake_openai_read import blob_of, choice_of, tools_of

if TYPE_CHECKING:
    from altar.llm import Request
    from altar.testing._fake_openai_rules import Refusals
    from altar.testing._fake_server import FakeCall

__all__ = ["check_messages", "read_chat"]

_ROLES = ("system", "assistant", "user", "function", "tool", "developer")
_PARTS = {
    "user": ("text", "image_url", "input_audio", "file"),
    "assistant": ("text", "refusal"),
}
_REASONING = ("reasoning_content", "reasoning")


# -- the rules ---------------------------------------------------------------------------


def check_messages(messages: Any, no: Refusals) -> None:
    """Raise the refusal of the first rule that the messages break."""
    if messages is None:
        raise no.missing("messages")
    if not isinstance(messages, list):
        raise no.wrong_type("messages", "an array of objects", messages)
    if not messages:
        raise no.bad(
            "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an "
            "empty array instead.",
            "messages",
            "empty_array",
        )
    for at, message in enumerate(messages):
        _check_message(message, f"messages[{at}]", no)
    _check_pairs(messages, no)


def _check_message(message: Any, path: str, no: Refusals) -> None:
    if not isinstance(message, dict):
        raise no.wrong_type(path, "an object", message)
    role = message.get("role")
    if role is None:
        raise no.missing(f"{path}.role")
    if role not in _ROLES:
        raise no.wrong_value(f"{path}.role", role, _ROLES)
    _check_content(message, path, no)
    if role == "tool" and not isinstance(message.get("tool_call_id"), str):
        raise no.missing(f"{path}.tool_call_id")
    calls = message.get("tool_calls")
    if calls is None:
        return
    if role != "assistant":
        raise no.bad(f"Unknown parameter: '{path}.tool_calls'.", path, "unknown_parameter")
    if not isinstance(calls, list) or not calls:
        raise no.bad(
            f"Invalid '{path}.tool_calls': empty array. Expected an array with minimum length 1, "
            "but got an empty array instead.",
            f"{path}.tool_calls",
            "empty_array",
        )
    for at, call in enumerate(calls):
        _check_call(call, f"{path}.tool_calls[{at}]", no)


def _check_content(message: dict[str, Any], path: str, no: Refusals) -> None:
    role, content = message["role"], message.get("content")
    if content is None:
        called = message.get("tool_calls") is not None or message.get("refusal")
        if role == "assistant" and called:
            return
        if "content" not in message:
            raise no.missing(f"{path}.content")
        raise no.bad("Invalid value for 'content': expected a string, got null.", f"{path}.content")
    if isinstance(content, str):
        return
    if not isinstance(content, list):
        raise no.wrong_type(f"{path}.content", "one of a string or array of objects", content)
    allowed = _PARTS.get(role, ("text",))
    for at, part in enumerate(content):
        kind = part.get("type") if isinstance(part, dict) else None
        if kind in _PARTS["user"] and kind not in allowed:
            raise no.bad(
                f"Invalid 'messages'. {kind} is only supported by certain roles, not by '{role}'.",
                f"{path}.content[{at}].type",
                "invalid_value",
            )
        if kind not in allowed:
            raise no.wrong_value(f"{path}.content[{at}].type", kind, allowed)


def _check_call(call: Any, path: str, no: Refusals) -> None:
    if not isinstance(call, dict):
        raise no.wrong_type(path, "an object", call)
    for name in ("id", "type", "function"):
        if call.get(name) is None:
            raise no.missing(f"{path}.{name}")
    function = call["function"]
    for name in ("name", "arguments"):
        if function.get(name) is None:
            raise no.missing(f"{path}.function.{name}")
        if not isinstance(function[name], str):
            raise no.wrong_type(f"{path}.function.{name}", "a string", function[name])


def _check_pairs(messages: list[dict[str, Any]], no: Refusals) -> None:
    """Each call is answered once, by a tool message directly behind its assistant's."""
    owed: list[str] = []
    known: list[str] = []
    where = ""
    for at, message in enumerate(messages):
        path = f"messages.[{at}]"
        if message["role"] == "tool":
            _answer(message["tool_call_id"], owed, known, path, no)
            continue
        if owed:
            raise _unanswered(owed, where, no)
        calls = message.get("tool_calls") or ()
        known = [call["id"] for call in calls]
        owed, where = list(known), f"{path}.role"
        if len(set(known)) < len(known):
            raise no.bad(f"Duplicate 'id' in 'tool_calls' of {path}.", f"{path}.tool_calls")
    if owed:
        raise _unanswered(owed, where, no)


def _answer(call_id: str, owed: list[str], known: list[str], path: str, no: Refusals) -> None:
    if not known:
        raise no.bad(
            "Invalid parameter: messages with role 'tool' must be a response to a preceeding "
            "message with 'tool_calls'.",
            f"{path}.role",
        )
    if call_id not in known:
        raise no.bad(
            f"Invalid parameter: 'tool_call_id' of '{call_id}' not found in 'tool_calls' of "
            "previous message.",
            f"{path}.tool_call_id",
        )
    if call_id not in owed:
        raise no.bad(
            f"Invalid parameter: Duplicate value for 'tool_call_id' of '{call_id}'.",
            f"{path}.tool_call_id",
        )
    owed.remove(call_id)


def _unanswered(owed: list[str], where: str, no: Refusals) -> Exception:
    return no.bad(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to "
        f"each 'tool_call_id'. The following tool_call_ids did not have response messages: "
        f"{', '.join(owed)}",
        where,
    )


# -- reading -----------------------------------------------------------------------------


def read_chat(call: FakeCall, provider: str) -> Request:
    """The neutral Request of a body that broke no rule; ``provider`` stands in origins."""
    body = call.body
    origin = Origin(provider=provider, api="chat", model=call.model)
    told: list[str] = []
    messages: list[Message] = []
    names: dict[str, str] = {}
    for message in body["messages"]:
        role = message["role"]
        if role in ("system", "developer"):
            told.append("".join([p.text for p in _parts(message) if isinstance(p, Text)]))
        elif role == "tool":
            _add_result(messages, message, names)
        elif role == "assistant":
            messages.append(Message("assistant", tuple(_said(message, names)), origin=origin))
        else:
            messages.append(Message("user", tuple(_parts(message))))
    form = (body.get("response_format") or {}).get("json_schema") or {}
    stop = body.get("stop") or ()
    return neutral_request(
        call.model,
        messages,
        instructions="\n\n".join([text for text in told if text]) or None,
        tools=tools_of(body, "chat"),
        tool_choice=choice_of(body.get("tool_choice"), "chat"),
        output=output_spec(form["name"], form["schema"]) if "schema" in form else None,
        sampling=sampling_of(
            stop=[stop] if isinstance(stop, str) else stop,
            max_tokens=body.get("max_completion_tokens") or body.get("max_tokens"),
            temperature=body.get("temperature"),
            top_p=body.get("top_p"),
            top_k=body.get("top_k"),
            seed=body.get("seed"),
            reasoning=body.get("reasoning_effort"),
        ),
    )


def _add_result(messages: list[Message], message: dict[str, Any], names: dict[str, str]) -> None:
    call_id = message["tool_call_id"]
    text = "".join([part.text for part in _parts(message) if isinstance(part, Text)])
    part = ToolResultPart(call_id=call_id, name=names.get(call_id, ""), text=text)
    if messages and messages[-1].role == "tool":
        messages[-1] = Message("tool", (*messages[-1].parts, part))
    else:
        messages.append(Message("tool", (part,)))


def _said(message: dict[str, Any], names: dict[str, str]) -> list[Part]:
    parts: list[Part] = []
    for field in _REASONING:
        if isinstance(message.get(field), str):
            data = Opaque(provider="local", api="chat", kind="field", data=field)
            parts.append(Thinking(message[field], opaque=(data,)))
    if message.get("content"):
        parts += _parts(message)
    if message.get("refusal"):
        parts.append(Refusal(message["refusal"]))
    for call in message.get("tool_calls") or ():
        call_id, text = call["id"], call["function"]["arguments"]
        names[call_id] = call["function"]["name"]
        args = json_or_text(text)
        found = {"args": args} if isinstance(args, dict) else {"raw_args": text}
        parts.append(ToolCall(names[call_id], id=call_id, wire_id=call_id, **found))
    return parts


def _parts(message: dict[str, Any]) -> list[Part]:
    content = message["content"]
    if isinstance(content, str):
        return [Text(content)]
    return [_part(part) for part in content]


def _part(part: dict[str, Any]) -> Part:
    kind = part["type"]
    if kind == "text":
        return Text(part["text"])
    if kind == "refusal":
        return Refusal(part["refusal"])
    if kind == "image_url":
        return blob_of(part["image_url"]["url"], None, "image/*")
    if kind == "file":
        file = part["file"]
        return blob_of(file.get("file_data"), file.get("file_id"), "application/octet-stream")
    if kind == "input_audio":
        audio = part["input_audio"]
        mime = f"audio/{audio['format']}"
        found = blob_of(f"data:{mime};base64,{audio['data']}", None, mime)
        return found if isinstance(found, BlobPart) else Unknown(part)
    return Unknown(part)
