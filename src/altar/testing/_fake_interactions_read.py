"""From the steps of an interaction to a neutral Request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from altar.adm import ToolConfig
from altar.errors import InvalidDataError
from altar.llm import (
    BlobPart,
    Message,
    Opaque,
    Origin,
    Part,
    Text,
    Thinking,
    ToolCall,
    ToolResultPart,
    Unknown,
)
from altar.testing._fake_http import compact
from altar.testing._fake_neutral import (
    neutral_request,
    neutral_tool,
    output_spec,
    sampling_of,
)
from altar.testing._fake_seal import decoded

if TYPE_CHECKING:
    from altar.llm import Request, Role
    from altar.testing._fake_server import FakeCall

__all__ = ["read_steps"]

_MODES = {"auto": "AUTO", "any": "ANY", "none": "NONE", "validated": "AUTO"}
_ROLES: dict[str, Role] = {"user_input": "user", "function_result": "tool"}


def read_steps(call: FakeCall, steps: list[dict[str, Any]]) -> Request:
    """The neutral Request of a conversation that broke no rule."""
    body = call.body
    config = body.get("generation_config") or {}
    schema = _schema(body.get("response_format"))
    return neutral_request(
        call.model,
        _messages(steps, call.model),
        instructions=body.get("system_instruction"),
        tools=[
            neutral_tool(tool["name"], tool.get("description"), tool.get("parameters"))
            for tool in body.get("tools") or ()
            if tool["type"] == "function"
        ],
        tool_choice=_choice(config.get("tool_choice")),
        output=None if schema is None else output_spec("output", schema),
        sampling=sampling_of(
            stop=config.get("stop_sequences") or (),
            max_tokens=config.get("max_output_tokens"),
            temperature=config.get("temperature"),
            top_p=config.get("top_p"),
            seed=config.get("seed"),
            reasoning=config.get("thinking_level"),
        ),
    )


def _schema(form: Any) -> Any:
    """The JSON Schema of a response_format: its own field, or the format itself."""
    for one in form if isinstance(form, list) else [form]:
        if isinstance(one, dict) and (one.get("type") != "text" or "schema" in one):
            return one.get("schema", one)
    return None


def _choice(choice: Any) -> ToolConfig | None:
    if choice is None:
        return None
    allowed = choice.get("allowed_tools") or {} if isinstance(choice, dict) else {"mode": choice}
    names = allowed.get("tools") or []
    mode = _MODES.get(allowed.get("mode", "auto"), "AUTO")
    try:
        return ToolConfig.from_dict({"mode": mode, "allowed_function_names": names})
    except InvalidDataError:
        return None


def _messages(steps: list[dict[str, Any]], model: str) -> list[Message]:
    """Neighbouring steps of one side as one message."""
    names = {step["id"]: step["name"] for step in steps if step["type"] == "function_call"}
    groups: list[tuple[Role, list[Part]]] = []
    for step in steps:
        role = _ROLES.get(step["type"], "assistant")
        if not groups or groups[-1][0] != role:
            groups.append((role, []))
        groups[-1][1].extend(_parts(step, names))
    origin = Origin(provider="gemini", api="interactions", model=model)
    return [
        Message(role, tuple(parts), origin=origin if role == "assistant" else None)
        for role, parts in groups
    ]


def _parts(step: dict[str, Any], names: dict[str, str]) -> list[Part]:
    kind = step["type"]
    if kind in ("user_input", "model_output"):
        return [_content(content) for content in step["content"]]
    if kind == "thought":
        text = "".join([one.get("text", "") for one in step.get("summary") or ()])
        return [Thinking(text, opaque=_opaque(step))]
    if kind == "function_call":
        given = step["arguments"]
        args = given if isinstance(given, dict) else None
        raw = None if isinstance(given, dict) else str(given)
        return [ToolCall(step["name"], args, id=step["id"], raw_args=raw, wire_id=step["id"])]
    if kind == "function_result":
        return [_result(step, names)]
    return [Unknown(step)]


def _opaque(step: dict[str, Any]) -> tuple[Opaque, ...]:
    if "signature" not in step:
        return ()
    data = step["signature"]
    return (Opaque(provider="gemini", api="interactions", kind="thought_signature", data=data),)


def _content(content: dict[str, Any]) -> Part:
    if content["type"] == "text":
        return Text(content["text"])
    if "data" in content:
        return BlobPart(content.get("mime_type", ""), decoded(content["data"]) or b"")
    if "uri" in content:
        return BlobPart(content.get("mime_type", ""), uri=content["uri"])
    return Unknown(content)


def _result(step: dict[str, Any], names: dict[str, str]) -> ToolResultPart:
    given = step["result"]
    blobs: list[BlobPart] = []
    if isinstance(given, list) and all(isinstance(one, dict) and "type" in one for one in given):
        parts = [_content(one) for one in given]
        blobs = [part for part in parts if isinstance(part, BlobPart)]
        given = "".join([part.text for part in parts if isinstance(part, Text)])
    return ToolResultPart(
        call_id=step["call_id"],
        name=step.get("name") or names.get(step["call_id"], ""),
        text=given if isinstance(given, str) else compact(given),
        is_error=bool(step.get("is_error")),
        blobs=tuple(blobs),
    )
