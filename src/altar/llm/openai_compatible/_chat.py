"""Chat completions, the way out: a Request as the JSON that ``/chat/completions`` takes."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from altar.adm import loads
from altar.errors import InvalidDataError
from altar.llm import (
    BlobPart,
    Capabilities,
    Data,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    ToolResultPart,
    Unknown,
    takes_blob,
)
from altar.llm.openai_compatible._dialect import LOCAL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from altar.llm import Message, Part, Request, Travel
    from altar.llm.openai_compatible._dialect import ChatDialect

__all__ = ["chat_request", "compact", "merged"]

_ANY_MODEL = Capabilities()
_CALL = "Answer by calling one of the tools, and not in words."
_AUDIO = {"mpeg": "mp3", "x-wav": "wav", "wave": "wav", "vnd.wave": "wav"}


def chat_request(
    request: Request,
    travel: Travel,
    *,
    dialect: ChatDialect = LOCAL,
    can: Capabilities = _ANY_MODEL,
    stream: bool = False,
) -> dict[str, Any]:
    """The body of one request; what it leaves out or rewrites is noted in ``travel``.

    A history goes out message by message: an assistant's calls with their
    arguments as the model wrote them, one ``tool`` message for each result in
    the order of the calls, then a ``user`` message with what follows the
    results. A call has the id its own server gave it, and altar's where that
    gave none or was another. ``can.blobs`` says which blobs the model reads.
    """
    body: dict[str, Any] = {"model": request.model}
    writer = _Writer(travel, dialect, can)
    instructions = request.instructions or ""
    choice = request.tool_choice
    if choice is not None and choice.mode == "ANY" and not dialect.tool_choice and request.tools:
        instructions = f"{instructions}\n\n{_CALL}".strip()
        travel.drop("tool_choice", "the server takes none: the instructions ask for a call")
    if instructions:
        writer.messages.append({"role": dialect.system_role, "content": instructions})
    for message in request.messages:
        writer.write(message)
    body["messages"] = writer.messages
    _add_tools(body, request, travel, dialect)
    if request.output is not None:
        held = dialect.output(request.output)
        body["response_format"] = {"type": "json_schema", "json_schema": held}
    _add_sampling(body, request, travel, dialect)
    if stream:
        body["stream"] = True
        body["stream_options"] = {"include_usage": True}
    return body


def _add_tools(
    body: dict[str, Any], request: Request, travel: Travel, dialect: ChatDialect
) -> None:
    choice = request.tool_choice
    names = choice.allowed_function_names if choice is not None else ()
    tools = request.tools
    if names and not dialect.allowed_tools:
        tools = tuple([tool for tool in tools if tool.name in names])
        if len(tools) < len(request.tools):
            travel.drop("tools", "the server takes no choice of tools: only those are declared")
    if choice is not None and choice.mode == "NONE" and not dialect.tool_choice and tools:
        travel.drop("tools", "the server takes no tool_choice: none are declared, for none to call")
        return
    if not tools:
        return
    body["tools"] = [{"type": "function", "function": dialect.declare(tool)} for tool in tools]
    if choice is None or not dialect.tool_choice:
        return
    mode = {"ANY": "required", "NONE": "none"}.get(str(choice.mode), "auto")
    if names and dialect.allowed_tools:
        listed = [{"type": "function", "function": {"name": name}} for name in names]
        allowed = {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": listed}}
        body["tool_choice"] = listed[0] if mode == "required" and len(names) == 1 else allowed
    else:
        body["tool_choice"] = mode


def _add_sampling(
    body: dict[str, Any], request: Request, travel: Travel, dialect: ChatDialect
) -> None:
    sampling = request.sampling
    if sampling.max_tokens is not None:
        body[dialect.max_tokens] = sampling.max_tokens
    for name in ("temperature", "top_p", "top_k", "seed"):
        value = getattr(sampling, name)
        if value is not None:
            body[name] = value
    if sampling.stop:
        body["stop"] = list(sampling.stop)
    if sampling.reasoning is not None:
        effort = dialect.efforts.get(sampling.reasoning)
        if effort is None:
            travel.drop("sampling.reasoning", f"the server knows no {sampling.reasoning!r}")
        elif isinstance(effort, str):
            body["reasoning_effort"] = effort
            if effort != sampling.reasoning:
                why = f"{effort!r} is what comes nearest to {sampling.reasoning!r}"
                travel.drop("sampling.reasoning", why)
        else:
            body.update(merged(body, effort))


class _Writer:
    """Writes messages one by one, and knows which calls wait for their results."""

    def __init__(self, travel: Travel, dialect: ChatDialect, can: Capabilities) -> None:
        self.messages: list[dict[str, Any]] = []
        self._travel = travel
        self._dialect = dialect
        self._can = can
        self._owed: list[tuple[str, str]] = []  # altar's id of a call, and the one on the wire
        self._named = 0

    def write(self, message: Message) -> None:
        if message.role == "assistant":
            self.messages.append(self._assistant(message))
            return
        rest: list[dict[str, Any]] = []
        for part in message.parts:
            if isinstance(part, ToolResultPart):
                answer = {"role": "tool", "tool_call_id": self._wire(part), "content": part.text}
                self.messages.append(answer)
                rest += self._beside(part)
        for part in message.parts:
            if not isinstance(part, ToolResultPart):
                rest += self._item(part, asked=True)
        if rest or not any(isinstance(part, ToolResultPart) for part in message.parts):
            self.messages.append({"role": "user", "content": _content(rest)})

    def _assistant(self, message: Message) -> dict[str, Any]:
        home = self._travel.is_home(message)
        said: dict[str, Any] = {"role": "assistant"}
        content: list[dict[str, Any]] = []
        calls: list[dict[str, Any]] = []
        self._owed = []
        for part in message.parts:
            if isinstance(part, Thinking):
                self._think(said, part, home)
            elif isinstance(part, ToolCall):
                calls.append(self._call(part, home))
            elif isinstance(part, Unknown) and not home:
                self._travel.drop("unknown parts", "another model's own")
            else:
                content += self._item(part, asked=False)
        said["content"] = _content(content) if content or not calls else None
        if calls:
            said["tool_calls"] = calls
        kept = self._travel.own(message.opaque, "fields", home=home) or {}
        said.update({name: kept[name] for name in self._dialect.echo if name in kept})
        return said

    def _think(self, said: dict[str, Any], part: Thinking, home: bool) -> None:
        if home and self._dialect.reasoning:
            field = self._travel.own(part.opaque, "field") or "reasoning_content"
            said[field] = said.get(field, "") + part.text
        else:
            self._travel.drop("thinking", "the server takes back none, or another model's")

    def _call(self, call: ToolCall, home: bool) -> dict[str, Any]:
        wire = call.wire_id if home and call.wire_id else call.id
        if not wire or any(wire == other for _, other in self._owed):
            self._named += 1  # a history made by hand; or a server that gave one id twice
            wire = call.id if call.id and call.id != wire else f"call_{self._named}"
        self._owed.append((call.id, wire))
        function = {"name": self._name(call.name), "arguments": self._arguments(call)}
        own = self._travel.own(call.opaque, "fields", home=home) or {}
        return {"id": wire, "type": "function", "function": function, **own}

    def _name(self, name: str) -> str:
        write = self._dialect.call_name
        written = name if write is None else write(name)
        if written != name:
            self._travel.drop("names of calls", "written in letters that the API takes")
        return written

    def _wire(self, part: ToolResultPart) -> str:
        for at, (own, wire) in enumerate(self._owed):
            if own == part.call_id:
                del self._owed[at]
                return wire
        return part.call_id

    def _arguments(self, call: ToolCall) -> str:
        """The text the model wrote; the object it was read as where the server needs JSON."""
        raw = call.raw_args
        if raw is None or not raw.strip():
            return compact(call.args or {})
        if self._dialect.broken_args:
            return raw
        written = _object(raw)
        if written is not None and (call.args is None or call.args == written):
            return raw
        if call.args is None:
            why = "the server takes none that are no JSON object: {} stands for them"
            self._travel.drop("arguments of a call", why)
        return compact(call.args or {})

    def _item(self, part: Part, *, asked: bool) -> list[dict[str, Any]]:
        if isinstance(part, (Text, Refusal)):
            return [{"type": "text", "text": part.text}]
        if isinstance(part, Data):
            return [{"type": "text", "text": compact(part.value)}]
        if isinstance(part, BlobPart):
            return [self._blob(part, asked=asked)]
        if isinstance(part, Unknown) and isinstance(part.raw, Mapping):
            return [dict(part.raw)]
        self._travel.drop(type(part).__name__, "it has no place in a message of this role")
        return []

    def _blob(self, blob: BlobPart, *, asked: bool) -> dict[str, Any]:
        written = _blob(blob) if asked and takes_blob(self._can, blob.mime) else None
        if written is not None:
            return written
        self._travel.drop(f"{blob.mime} blobs", "sent as a note: the model does not read them here")
        return {"type": "text", "text": f"[{blob.mime} was here, and cannot be shown]"}

    def _beside(self, result: ToolResultPart) -> list[dict[str, Any]]:
        """The blobs of a result, for the user message behind the results."""
        items = []
        for blob in result.blobs:
            written = _blob(blob) if takes_blob(self._can, blob.mime) else None
            if written is None:
                self._travel.drop("blobs of results", f"the model does not read {blob.mime} here")
                continue
            note = f"{blob.mime} from the tool {result.name}:"
            items += [{"type": "text", "text": note}, written]
            self._travel.drop("blobs of results", "sent behind them: tool messages are text alone")
        return items


def _content(items: Sequence[dict[str, Any]]) -> str | list[dict[str, Any]]:
    """One text as a text, which every server takes; anything else as a list of parts."""
    if not items:
        return ""
    if len(items) == 1 and items[0].get("type") == "text":
        return str(items[0]["text"])
    return list(items)


def _blob(blob: BlobPart) -> dict[str, Any] | None:
    """A blob as a part of a message; None where chat completions have no form for it."""
    if blob.file_id is not None:
        return {"type": "file", "file": {"file_id": blob.file_id}}
    kind, _, subtype = blob.mime.partition("/")
    if kind in ("image", "video"):
        return {"type": f"{kind}_url", f"{kind}_url": {"url": blob.uri or _data_url(blob)}}
    if blob.data is None:
        return None
    if kind == "audio":
        audio = {"data": b64encode(blob.data).decode(), "format": _AUDIO.get(subtype, subtype)}
        return {"type": "input_audio", "input_audio": audio}
    name = f"file.{subtype.partition('+')[0]}"
    return {"type": "file", "file": {"filename": name, "file_data": _data_url(blob)}}


def _data_url(blob: BlobPart) -> str:
    return f"data:{blob.mime};base64,{b64encode(blob.data or b'').decode()}"


def _object(raw: str) -> dict[str, Any] | None:
    try:
        value = loads(raw)
    except InvalidDataError:
        return None
    return value if isinstance(value, dict) else None


def compact(value: Any) -> str:
    """JSON text without spaces; text stays text, and what JSON has no word for becomes null."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except ValueError:
        return "null"


def merged(body: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """``body`` with ``settings`` in it: objects are merged to any depth, the rest replaced."""
    out = dict(body)
    for name, value in settings.items():
        old = out.get(name)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        out[name] = merged(old, value) if both else value  # type: ignore[arg-type]
    return out
