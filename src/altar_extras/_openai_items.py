"""Items: messages as the input items of the Responses API, and its output items as parts."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from altar.adm import dumps, loads
from altar.errors import InvalidDataError
from altar.llm import (
    BlobPart,
    Data,
    Opaque,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    ToolResultPart,
    Unknown,
    takes_blob,
)
from altar_extras._openai_forms import call_name, output_form, read_args

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from altar.llm import Capabilities, Message, Part, Request, Travel

__all__ = ["Items", "item_parts", "item_text"]

_LONGEST_ID = 64
_GAP = "\n\n"  # between the pieces of one thought
_FOREIGN = "another model's, or of another kind of model"


# -- the way back: what an output item says ----------------------------------------------------


def item_parts(item: Mapping[str, Any], request: Request) -> list[Part]:
    """The parts of one output item, in order; together they hold all of it.

    A message has a part for each of its contents, and one empty text where it
    has none. Arguments and typed answers come without strict nulls.
    """
    kind = item.get("type")
    if kind == "message" and isinstance(item.get("content"), list):
        return _message_parts(item, request)
    if kind == "reasoning":
        return [Thinking(_GAP.join(_thoughts(item)), opaque=(_own("reasoning", dict(item)),))]
    if kind == "function_call" and isinstance(item.get("name"), str):
        return [_call(item, request)]
    return [Unknown(dict(item))]


def _message_parts(item: Mapping[str, Any], request: Request) -> list[Part]:
    shell = {name: value for name, value in item.items() if name != "content"}
    mark = (_own("message", shell),)
    parts: list[Part] = []
    for content in item["content"]:
        parts.append(_content_part(content, () if parts else mark, request))
    return parts or [Text("", opaque=mark)]


def _content_part(content: Any, mark: tuple[Opaque, ...], request: Request) -> Part:
    about = content if isinstance(content, dict) else {}
    for field, kind, part in (("text", "output_text", Text), ("refusal", "refusal", Refusal)):
        said = about.get(field)
        if about.get("type") == kind and isinstance(said, str):
            rest = {name: value for name, value in about.items() if name != field}
            shown = item_text(said, request) if part is Text else said
            own = [*mark, _own("content", rest)]
            if shown != said:
                own.append(_own("said", {"text": said, "read": shown}))
            return part(shown, opaque=tuple(own))
    return Unknown(content, opaque=(*mark, _own("content", {})))


def item_text(said: str, request: Request) -> str:
    """A text of the model's as that of the typed answer it was asked for, if it was."""
    rewriter = None if request.output is None else output_form(request.output).rewriter()
    return said if rewriter is None else rewriter.feed(said) + rewriter.end()


def _thoughts(item: Mapping[str, Any]) -> Iterator[str]:
    for field in ("content", "summary"):
        for piece in item.get(field) or ():
            if isinstance(piece, Mapping) and isinstance(piece.get("text"), str):
                yield piece["text"]


def _call(item: Mapping[str, Any], request: Request) -> ToolCall:
    raw = item.get("arguments")
    text = raw if isinstance(raw, str) else _json(raw)
    wire = item.get("call_id")
    named = {"name", "arguments", "call_id"}
    rest = {name: value for name, value in item.items() if name not in named}
    args = _object(text) if text.strip() else {}
    if args is not None:
        args = read_args(request.tools, item["name"], args)
    return ToolCall(
        item["name"],
        args,
        raw_args=text,
        wire_id=wire if isinstance(wire, str) and wire else None,
        opaque=(_own("call", rest),),
    )


def _own(kind: str, data: Any) -> Opaque:
    return Opaque(provider="openai", api="responses", kind=kind, data=data)


# -- the way out: a history as input items -----------------------------------------------------


class Items:
    """Writes messages into ``items`` one by one; what stays behind is noted in the travel."""

    def __init__(self, travel: Travel, can: Capabilities) -> None:
        self.items: list[dict[str, Any]] = []
        self._travel = travel
        self._can = can
        self._owed: list[tuple[str, str]] = []  # altar's id of a call, and the one on the wire
        self._used: set[str] = set()
        self._open: dict[str, Any] | None = None  # the item whose contents come part by part

    def write(self, message: Message) -> None:
        """Append the items of ``message``."""
        if message.role == "assistant":
            self._assistant(message, home=self._travel.is_home(message))
            return
        content: list[dict[str, Any]] = []
        for part in message.parts:
            if isinstance(part, ToolResultPart):
                self._result(part)
            else:
                content += self._asked(part)
        if content:
            self.items.append({"role": "user", "content": content})

    # -- what a model said ---------------------------------------------------------------

    def _assistant(self, message: Message, *, home: bool) -> None:
        self._owed = []
        start = len(self.items)
        for part in message.parts:
            if isinstance(part, Text | Refusal):
                self._said(part, home=home)
                continue
            if isinstance(part, Unknown) and self._strange(part, home=home):
                continue
            self._open = None
            if isinstance(part, Thinking):
                self._thinking(part, home=home)
            elif isinstance(part, ToolCall):
                self._call(part, home=home)
            elif isinstance(part, Data):
                self._plain(_json(part.value))
            elif isinstance(part, BlobPart):
                self._plain(self._note(part))
            elif isinstance(part, Unknown) and home and isinstance(part.raw, Mapping):
                self.items.append(dict(part.raw))
            else:
                self._travel.drop(f"{type(part).__name__} parts", _FOREIGN)
        self._open = None
        while len(self.items) > start and self.items[-1].get("type") == "reasoning":
            self.items.pop()  # refused without the item it led to
            self._travel.drop("reasoning", "the answer it led to was cut off")

    def _said(self, part: Text | Refusal, *, home: bool) -> None:
        rest = self._travel.own(part.opaque, "content", home=home)
        begun = self._begin(part, home=home)
        if rest is None and begun and not part.text:
            return  # a message without contents
        if rest is None or self._open is None:
            self._plain(part.text)
            return
        text = part.text
        said = self._travel.own(part.opaque, "said", home=home)
        if said is not None and said["read"] == text:
            text = said["text"]  # as the model wrote it, nulls and all
        field = "text" if isinstance(part, Text) else "refusal"
        self._open["content"].append({**rest, field: text})

    def _strange(self, part: Unknown, *, home: bool) -> bool:
        """Add a content of a kind nobody knows to its message; False where it is no content."""
        if self._travel.own(part.opaque, "content", home=home) is None:
            return False
        self._begin(part, home=home)
        if self._open is None:
            return False
        self._open["content"].append(part.raw)
        return True

    def _begin(self, part: Part, *, home: bool) -> bool:
        """Open the message that ``part`` is the first content of; False where it is none's."""
        shell = self._travel.own(part.opaque, "message", home=home)
        if shell is None:
            return False
        self._open = {**shell, "content": []}
        self.items.append(self._open)
        return True

    def _plain(self, text: str) -> None:
        self._open = None
        self.items.append({"role": "assistant", "content": text})

    def _thinking(self, part: Thinking, *, home: bool) -> None:
        item = self._travel.own(part.opaque, "reasoning", home=home)
        if item is None:
            self._travel.drop("thinking", _FOREIGN)
        else:
            self.items.append(dict(item))

    def _call(self, call: ToolCall, *, home: bool) -> None:
        rest = self._travel.own(call.opaque, "call", home=home)
        wire = call.wire_id if home and call.wire_id else self._fresh(call.id)
        self._used.add(wire)
        self._owed.append((call.id, wire))
        item = {
            **(rest or {"type": "function_call"}),
            "call_id": wire,
            "name": call.name if rest is not None else self._name(call.name),
            "arguments": _arguments(call),
        }
        self.items.append(item)

    def _fresh(self, own: str) -> str:
        """An id for a call that has none of this wire's: altar's own, where the wire takes it."""
        base = own if own and len(own) <= _LONGEST_ID else f"call_{own[-40:]}"
        wire, count = base, 1
        while wire in self._used:
            count += 1
            wire = f"{base[: _LONGEST_ID - 6]}_{count}"
        return wire

    def _name(self, name: str) -> str:
        """A name that another model made up, in the letters that this wire takes."""
        plain = call_name(name)
        if plain != name:
            self._travel.drop("names of calls", "written in letters that the API takes")
        return plain

    # -- what it was told ----------------------------------------------------------------

    def _result(self, part: ToolResultPart) -> None:
        wire = part.call_id
        for at, (own, known) in enumerate(self._owed):
            if own == part.call_id:
                del self._owed[at]
                wire = known
                break
        output: Any = part.text
        if part.blobs:
            output = [{"type": "input_text", "text": part.text}]
            output += [self._blob(blob) for blob in part.blobs]
        self.items.append({"type": "function_call_output", "call_id": wire, "output": output})

    def _asked(self, part: Part) -> Iterable[dict[str, Any]]:
        if isinstance(part, Text | Refusal):
            yield {"type": "input_text", "text": part.text}
        elif isinstance(part, Data):
            yield {"type": "input_text", "text": _json(part.value)}
        elif isinstance(part, BlobPart):
            yield self._blob(part)
        elif isinstance(part, Unknown) and _is_input(part.raw):
            yield dict(part.raw)
        else:
            self._travel.drop(f"{type(part).__name__} parts", "no place in a message of this role")

    def _blob(self, blob: BlobPart) -> dict[str, Any]:
        if not takes_blob(self._can, blob.mime):
            return {"type": "input_text", "text": self._note(blob)}
        image = blob.mime.startswith("image/")
        out: dict[str, Any] = {"type": "input_image" if image else "input_file"}
        if image:
            out["detail"] = "auto"
        if blob.file_id is not None:
            out["file_id"] = blob.file_id
        elif blob.uri is not None:
            out["image_url" if image else "file_url"] = blob.uri
        elif image:
            out["image_url"] = _data_url(blob)
        else:
            out["filename"] = f"file.{_suffix(blob.mime)}"
            out["file_data"] = _data_url(blob)
        return out

    def _note(self, blob: BlobPart) -> str:
        self._travel.drop(f"{blob.mime} blobs", "the model does not read them here: told as text")
        return f"[{blob.mime} was here, and cannot be shown]"


def _is_input(raw: Any) -> bool:
    return isinstance(raw, Mapping) and str(raw.get("type", "")).startswith("input_")


def _suffix(mime: str) -> str:
    known = {"text/plain": "txt", "text/markdown": "md", "application/msword": "doc"}
    return known.get(mime) or re.sub(r"[^a-z0-9]", "", mime.partition("/")[2].partition("+")[0])


def _data_url(blob: BlobPart) -> str:
    return f"data:{blob.mime};base64,{b64encode(blob.data or b'').decode()}"


def _arguments(call: ToolCall) -> str:
    """The text the model wrote; that of ``args`` where they say something else by now."""
    raw, args = call.raw_args, call.args
    if args is None:
        return raw or "{}"
    if raw is not None:
        written = _object(raw) if raw.strip() else {}
        if written is None or _without_nulls(written) == _without_nulls(args):
            return raw
    return _json(args)


def _json(value: Any) -> str:
    try:
        return dumps(value)
    except InvalidDataError:  # NaN, a lone surrogate: a model reads them all the same
        return json.dumps(value, default=str)


def _object(text: str) -> dict[str, Any] | None:
    try:
        value = loads(text)
    except InvalidDataError:
        return None
    return value if isinstance(value, dict) else None


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(item) for name, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value
