"""From altar's messages to the ones on the wire, and the digest of what thinking is bound to."""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b64encode
from typing import TYPE_CHECKING, Any

from altar.llm import (
    BlobPart,
    Data,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    ToolResultPart,
    Unknown,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from altar.llm import Message, Opaque, Part, Travel

__all__ = ["BLOBS", "History", "as_json", "leads_with_thinking", "prefix_of"]

BLOBS = ("image/jpeg", "image/png", "image/gif", "image/webp", "application/pdf", "text/*")
_IMAGES = BLOBS[:4]
_ILLEGAL = re.compile(r"[^a-zA-Z0-9_-]")
_LONGEST = 64
_PROVIDER, _API = "anthropic", "messages"
_STRANGE_MODEL = "only the model that thought it can read it"
_STRANGE_PREFIX = "what stood before it has changed since, and it would be refused"
_ELSEWHERE = "only the provider it came from can read it"


class _Prefix:
    """A digest of system, tools and messages, which grows with them; cache marks do not count."""

    __slots__ = ("_hash",)

    def __init__(self, body: Mapping[str, Any]) -> None:
        self._hash = hashlib.sha256()
        system = body.get("system") or []
        if isinstance(system, str):
            system = [{"type": "text", "text": system}]
        self._feed([_unmarked(item) for item in body.get("tools") or ()])
        self._feed([_unmarked(item) for item in system])

    def add(self, role: str, blocks: Iterable[Any]) -> None:
        """Take the next blocks of the conversation; how they are cut into messages is the same."""
        for block in blocks:
            self._feed([role, _unmarked(block)])

    @property
    def value(self) -> str:
        """The digest of what was taken so far."""
        return self._hash.hexdigest()[:32]

    def _feed(self, value: Any) -> None:
        self._hash.update(json.dumps(value, sort_keys=True, separators=(",", ":")).encode())


def _unmarked(block: Any) -> Any:
    if isinstance(block, dict) and "cache_control" in block:
        return {name: value for name, value in block.items() if name != "cache_control"}
    return block


def prefix_of(body: Mapping[str, Any]) -> str:
    """The digest of what the answer to ``body`` is bound to."""
    prefix = _Prefix(body)
    for message in body["messages"]:
        prefix.add(message["role"], message["content"])
    return prefix.value


def as_json(value: object) -> str:
    """``value`` as compact JSON text."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def leads_with_thinking(messages: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a turn that goes on with results began with thinking; True when none goes on."""
    if not messages or messages[-1]["role"] != "user":
        return True
    if messages[-1]["content"][0]["type"] != "tool_result" or len(messages) < 2:
        return True
    first = messages[-2]["content"][0]["type"]
    return first in ("thinking", "redacted_thinking")


class History:
    """Writes one history; ``travel`` notes what stays behind.

    What the user says behind the results of a round joins their message: so
    results stand first in the next user message. The model's turns stay apart
    also where one continues a paused one (the API joins them itself), and
    blocks are never joined.
    """

    def __init__(self, travel: Travel, head: Mapping[str, Any], *, bound: bool) -> None:
        self._travel = travel
        self._bound = bound
        self._prefix = _Prefix(head)
        self._ids: dict[str, str] = {}  # a call's id -> its id on the wire, for the newest calls
        self._taken: set[str] = set()

    def write(self, messages: Iterable[Message]) -> list[dict[str, Any]]:
        """The messages as the API takes them."""
        wire: list[dict[str, Any]] = []
        for message in messages:
            is_reply = message.role == "assistant"
            role = "assistant" if is_reply else "user"
            blocks = self._reply(message) if is_reply else self._said(message)
            if not blocks:
                continue
            self._prefix.add(role, blocks)
            if wire and wire[-1]["role"] == role == "user":
                wire[-1]["content"] += blocks
            else:
                wire.append({"role": role, "content": blocks})
        return wire

    # -- what the model said -------------------------------------------------------------

    def _reply(self, message: Message) -> list[dict[str, Any]]:
        origin = message.origin
        kin = origin is not None and (origin.provider, origin.api) == (_PROVIDER, _API)
        why = None if self._travel.is_home(message) else _STRANGE_MODEL
        if why is None and self._bound:
            known = self._travel.own(message.opaque, "prefix")
            if known is not None and known != self._prefix.value:
                why = _STRANGE_PREFIX
        blocks = [self._spoken(part, kin=kin, why=why) for part in message.parts]
        return [block for block in blocks if block is not None]

    def _spoken(self, part: Part, *, kin: bool, why: str | None) -> dict[str, Any] | None:
        if isinstance(part, Thinking):
            return self._thought(part, why)
        if isinstance(part, ToolCall):
            return self._call(part, kin)
        if isinstance(part, BlobPart):
            self._travel.drop(f"{part.mime} in a model's message", "Claude takes text there")
            return _text(_noted(part))
        if isinstance(part, Unknown) and kin and isinstance(part.raw, dict):
            return part.raw
        block = self._plain(part)
        if block is not None and kin:
            block |= self._fields(part.opaque)
        return block

    def _thought(self, part: Thinking, why: str | None) -> dict[str, Any] | None:
        """Thinking goes back exactly as it came, or not at all."""
        if why is None:
            redacted = self._travel.own(part.opaque, "redacted_thinking")
            if redacted is not None:
                fields = self._fields(part.opaque)
                return {"type": "redacted_thinking", "data": redacted, **fields}
            signature = self._travel.own(part.opaque, "thinking_signature")
            if signature is not None:
                block = {"type": "thinking", "thinking": part.text, "signature": signature}
                return block | self._fields(part.opaque)
            why = "it has no signature"
        self._travel.drop("thinking", why)
        return None

    def _call(self, part: ToolCall, kin: bool) -> dict[str, Any]:
        args = part.args
        if args is None:  # the vendor's own form for arguments that are no JSON
            args = {} if part.raw_args is None else {"INVALID_JSON": part.raw_args}
        wire_id = self._new_id(part.wire_id if kin and part.wire_id else part.id)
        self._ids[part.id] = wire_id
        name = _ILLEGAL.sub("_", str(part.name))[:_LONGEST] or "_"
        block = {"type": "tool_use", "id": wire_id, "name": name, "input": args}
        return block | self._fields(part.opaque) if kin else block

    def _new_id(self, wanted: str) -> str:
        """``wanted`` made legal, and unlike every other id of the conversation."""
        legal = unique = _ILLEGAL.sub("_", wanted)[:_LONGEST] or "call"
        count = 1
        while unique in self._taken:
            count += 1
            ending = f"_{count}"
            unique = legal[: _LONGEST - len(ending)] + ending
        self._taken.add(unique)
        return unique

    def _fields(self, opaque: Iterable[Opaque]) -> dict[str, Any]:
        """What else the block had: citations, who called."""
        fields = self._travel.own(opaque, "fields")
        return fields if isinstance(fields, dict) else {}

    # -- what was said to it -------------------------------------------------------------

    def _said(self, message: Message) -> list[dict[str, Any]]:
        blocks = [self._told(part) for part in message.parts]
        return [block for block in blocks if block is not None]

    def _told(self, part: Part) -> dict[str, Any] | None:
        if isinstance(part, ToolResultPart):
            return self._result(part)
        if isinstance(part, BlobPart):
            return _blob(part) or self._note(part)
        return self._plain(part)

    def _result(self, part: ToolResultPart) -> dict[str, Any]:
        wire_id = self._ids.get(part.call_id) or _ILLEGAL.sub("_", part.call_id)[:_LONGEST]
        block: dict[str, Any] = {"type": "tool_result", "tool_use_id": wire_id}
        block["content"] = part.text
        if part.is_error:
            block["is_error"] = True
        if part.blobs:  # beside an error only text is taken
            blobs = [(None if part.is_error else _blob(blob)) or blob for blob in part.blobs]
            shown = [self._note(one) if isinstance(one, BlobPart) else one for one in blobs]
            block["content"] = [*([_text(part.text)] if part.text.strip() else []), *shown]
        return block

    def _note(self, part: BlobPart) -> dict[str, Any]:
        self._travel.drop(f"{part.mime} in a message", "Claude cannot read it there")
        return _text(_noted(part))

    def _plain(self, part: Part) -> dict[str, Any] | None:
        """Text, and what is sent as text; the API refuses text that is blank."""
        if isinstance(part, (Text, Refusal)):
            return _text(part.text) if part.text.strip() else None
        if isinstance(part, Data):
            return _text(as_json(part.value))
        if isinstance(part, Unknown) and self._travel.own(part.opaque, "block") is not None:
            return part.raw if isinstance(part.raw, dict) else None
        self._travel.drop(_KINDS.get(type(part), "a part"), _ELSEWHERE)
        return None


_KINDS: dict[type, str] = {Unknown: "a part of an unknown kind", Thinking: "thinking"}


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _noted(part: BlobPart) -> str:
    size = "" if part.data is None else f", {len(part.data)} bytes"
    return f"[{part.mime}{size}: not shown]"


def _blob(part: BlobPart) -> dict[str, Any] | None:
    """The block of an image, a PDF or a text; None for what Claude does not read."""
    if part.mime in _IMAGES:
        source = _source(part)
        return None if source is None else {"type": "image", "source": source}
    if part.mime == "application/pdf":
        source = _source(part)
    elif part.mime.startswith("text/") and part.data is not None:
        try:
            text = part.data.decode()
        except UnicodeDecodeError:
            return None
        source = {"type": "text", "media_type": "text/plain", "data": text}
    elif part.mime.startswith("text/") and part.file_id is not None:
        source = {"type": "file", "file_id": part.file_id}
    else:
        return None
    return None if source is None else {"type": "document", "source": source}


def _source(part: BlobPart) -> dict[str, Any] | None:
    if part.data is not None:
        data = b64encode(part.data).decode()
        return {"type": "base64", "media_type": part.mime, "data": data}
    if part.file_id is not None:
        return {"type": "file", "file_id": part.file_id}
    if part.uri is not None and part.uri.startswith(("https://", "http://")):
        return {"type": "url", "url": part.uri}
    return None
