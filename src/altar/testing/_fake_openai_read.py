"""From a Responses body to a neutral Request."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any

from altar.adm import ToolConfig
from altar.errors import InvalidDataError
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
    neutral_tool,
    output_spec,
    sampling_of,
)
from altar.testing._fake_openai_history import kind_of
from altar.testing._fake_openai_rules import tool_of

if TYPE_CHECKING:
    from altar.llm import Request
    from altar.testing._fake_server import FakeCall

__all__ = ["blob_of", "choice_of", "read_responses", "tools_of"]

_MODES = {"auto": "AUTO", "required": "ANY", "none": "NONE"}
_DATA_URL = re.compile(r"data:([^;,]*)(?:;[^;,]*)*;base64,(.*)", re.DOTALL)


def read_responses(call: FakeCall, items: list[dict[str, Any]]) -> Request:
    """The neutral Request of a body whose ``items`` broke no rule."""
    body = call.body
    reader = _Reader(call.model)
    for item in items:
        reader.take(item)
    form = (body.get("text") or {}).get("format") or {}
    told = [text for text in (body.get("instructions"), *reader.told) if text]
    return neutral_request(
        call.model,
        reader.messages,
        instructions="\n\n".join(told) or None,
        tools=tools_of(body, "responses"),
        tool_choice=choice_of(body.get("tool_choice"), "responses"),
        output=output_spec(form["name"], form["schema"]) if "schema" in form else None,
        sampling=sampling_of(
            max_tokens=body.get("max_output_tokens"),
            temperature=body.get("temperature"),
            top_p=body.get("top_p"),
            reasoning=(body.get("reasoning") or {}).get("effort"),
        ),
    )


def tools_of(body: dict[str, Any], api: str) -> list[Any]:
    """The declarations of a body's function tools."""
    own = [tool_of(tool, api) for tool in body.get("tools") or ()]
    return [neutral_tool(t["name"], t.get("description"), t.get("parameters")) for t in own if t]


def choice_of(choice: Any, api: str) -> ToolConfig | None:
    """The tool choice as altar says it; None where it has no word for it."""
    if choice is None:
        return None
    mode, names = choice, []
    if isinstance(choice, dict):
        inner = choice.get("allowed_tools", {}) if api == "chat" else choice
        if choice.get("type") == "allowed_tools":
            mode = inner.get("mode", "auto")
            found = [tool_of(tool, api) for tool in inner.get("tools") or ()]
        else:
            mode, found = "required", [tool_of(choice, api)]
        names = [own["name"] for own in found if own]
    try:
        return ToolConfig.from_dict({"mode": _MODES[mode], "allowed_function_names": names})
    except (InvalidDataError, KeyError):
        return None


class _Reader:
    """Gathers items into messages: what the model put out in a row is one."""

    def __init__(self, model: str) -> None:
        self.messages: list[Message] = []
        self.told: list[str] = []
        self._origin = Origin(provider="openai", api="responses", model=model)
        self._names: dict[str, str] = {}

    def take(self, item: dict[str, Any]) -> None:
        kind = kind_of(item)
        if kind == "message" and item["role"] in ("system", "developer"):
            self.told.append("".join([p.text for p in _parts(item) if isinstance(p, Text)]))
        elif kind == "message":
            self._add(item["role"], _parts(item))
        elif kind == "function_call_output":
            self._add("tool", [self._result(item)])
        else:
            self._add("assistant", [self._said(item, kind)])

    def _add(self, role: Any, parts: list[Part]) -> None:
        last = self.messages[-1] if self.messages else None
        if last is not None and last.role == role and role != "user":
            self.messages.pop()
            parts = [*last.parts, *parts]
        origin = self._origin if role == "assistant" else None
        self.messages.append(Message(role, tuple(parts), origin=origin))

    def _said(self, item: dict[str, Any], kind: str) -> Part:
        if kind == "reasoning":
            text = "\n\n".join([one.get("text", "") for one in item["summary"]])
            data = Opaque(provider="openai", api="responses", kind="reasoning", data=item)
            return Thinking(text, opaque=(data,))
        if kind == "function_call":
            call_id, name = item["call_id"], item["name"]
            self._names[call_id] = name
            args = json_or_text(item["arguments"])
            if isinstance(args, dict):
                return ToolCall(name, args, id=call_id, wire_id=call_id)
            return ToolCall(name, raw_args=item["arguments"], id=call_id, wire_id=call_id)
        return Unknown(item)

    def _result(self, item: dict[str, Any]) -> ToolResultPart:
        output = item["output"]
        parts = _parts({"content": output})
        return ToolResultPart(
            call_id=item["call_id"],
            name=self._names.get(item["call_id"], ""),
            text="".join([part.text for part in parts if isinstance(part, Text)]),
            blobs=tuple([part for part in parts if isinstance(part, BlobPart)]),
        )


def _parts(item: dict[str, Any]) -> list[Part]:
    content = item["content"]
    if isinstance(content, str):
        return [Text(content)]
    return [_part(part) for part in content]


def _part(part: dict[str, Any]) -> Part:
    kind = part["type"]
    if kind in ("input_text", "output_text"):
        return Text(part["text"])
    if kind == "refusal":
        return Refusal(part["refusal"])
    if kind == "input_image":
        return blob_of(part.get("image_url"), part.get("file_id"), "image/*")
    data = part.get("file_data") or part.get("file_url")
    return blob_of(data, part.get("file_id"), "application/octet-stream")


def blob_of(url: Any, file_id: Any, mime: str) -> Part:
    """A blob by its data URL, its address or its file; ``mime`` is said where nobody else does."""
    if isinstance(file_id, str):
        return BlobPart(mime, file_id=file_id)
    found = _DATA_URL.fullmatch(url) if isinstance(url, str) else None
    if found is not None:
        return BlobPart(found[1] or mime, base64.b64decode(found[2]))
    return BlobPart(mime, uri=str(url))
