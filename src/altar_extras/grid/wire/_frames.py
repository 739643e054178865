"""Frames: message bodies, one or more msgpack maps one after another (or JSON, for people)."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Final, NoReturn

import msgpack

from altar.adm import Problem, dumps, loads
from altar.errors import InvalidDataError
from altar_extras.grid.wire._message import (
    VERSION,
    FieldError,
    Malformed,
    Unknown,
    known,
)

if TYPE_CHECKING:
    from altar_extras.grid.wire._message import Message

__all__ = ["MAX_BODY", "FrameError", "has_fast_codec", "pack", "pack_json", "unpack"]

MAX_BODY: Final = 1 << 20  # what nats-server takes by default, and no peer need send more at once
_MAX_MESSAGES = 1024
_BINARY = frozenset({"data", "records"})  # base64 in JSON
_OPEN_BRACE = 0x7B  # in msgpack the integer 123, so never the begin of a map


class FrameError(InvalidDataError):
    """Bytes that are no frame: truncated, oversized, of a foreign kind."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__("a GRID frame", [Problem("$", "messages of the GRID", reason)])

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.reason,)


def pack(*messages: Message) -> bytes:
    """The body that carries these messages. Raises FrameError for what no peer could read."""
    try:
        if len(messages) == 1:
            return _packb(messages[0].to_wire())
        return b"".join([_packb(message.to_wire()) for message in messages])
    except (TypeError, ValueError, OverflowError) as error:
        raise FrameError(f"{type(error).__name__}: {error}") from None


def pack_json(message: Message) -> bytes:
    """One message as JSON text, for debugging; bytes are base64."""
    return dumps(_shown(message.to_wire())).encode()


def unpack(body: bytes) -> list[Message]:
    """The messages of a body, in order.

    A map that is no message comes as Malformed, one of a type that nobody
    here knows as Unknown, so that one bad message does not take its neighbours
    with it. Raises FrameError for bytes that are no maps at all.
    """
    if not body or len(body) > MAX_BODY:
        raise FrameError(f"{len(body)} bytes, where 1 to {MAX_BODY} go")
    if body[0] == _OPEN_BRACE:
        return [_message(doc, in_json=True) for doc in _json_docs(body)]
    try:
        return [_message(msgpack.unpackb(body, raw=False, ext_hook=_no_extension))]
    except msgpack.ExtraData:
        return [_message(doc) for doc in _docs(body)]
    except FrameError:
        raise
    except (ValueError, TypeError, RecursionError, UnicodeDecodeError) as error:
        raise FrameError(f"{type(error).__name__}: {error!s:.200}") from None


def has_fast_codec() -> bool:
    """Whether msgpack's C extension is there; in pure Python it costs 15 to 30 times as much."""
    return str(msgpack.Packer.__module__) == "msgpack._cmsgpack"


def _packb(doc: dict[str, Any]) -> bytes:
    packed: Any = msgpack.packb(doc, use_bin_type=True)
    return bytes(packed)  # which it is: nothing is copied


def _docs(body: bytes) -> list[Any]:
    unpacker = msgpack.Unpacker(raw=False, ext_hook=_no_extension, max_buffer_size=MAX_BODY)
    unpacker.feed(body)
    docs: list[Any] = []
    try:
        for doc in unpacker:
            docs.append(doc)
            if len(docs) > _MAX_MESSAGES:
                _refuse(f"more than {_MAX_MESSAGES} messages")
        if unpacker.tell() != len(body):
            _refuse("it ends within a message")
    except FrameError:
        raise
    except (ValueError, TypeError, RecursionError, UnicodeDecodeError) as error:
        raise FrameError(f"{type(error).__name__}: {error!s:.200}") from None
    return docs


def _json_docs(body: bytes) -> list[Any]:
    lines = [line for line in body.split(b"\n") if line.strip()]
    if len(lines) > _MAX_MESSAGES:
        _refuse(f"more than {_MAX_MESSAGES} messages")
    try:
        return [loads(line) for line in lines]
    except InvalidDataError as error:
        raise FrameError(str(error)) from None


def _message(doc: Any, *, in_json: bool = False) -> Message:
    if doc.__class__ is not dict:
        _refuse("a message that is no map")
    name = doc.get("type")
    if name.__class__ is not str:
        return Malformed(reason="type is missing", id=_id_of(doc))
    version = doc.get("v")
    if version != VERSION or version.__class__ is not int:  # neither 1.0 nor true
        return Malformed(reason=f"v is not {VERSION}", type=name[:64], id=_id_of(doc))
    cls = known(name)
    if cls is None:
        return Unknown(type=name[:64], id=_id_of(doc))
    if in_json:
        doc = {
            key: _bytes(value) if key in ("data", "records") else value
            for key, value in doc.items()
        }
    try:
        return cls.from_wire(doc)
    except FieldError as fault:
        return Malformed(reason=str(fault), type=name[:64], id=_id_of(doc))


def _id_of(doc: dict[str, Any]) -> str:
    found = doc.get("invocation_id") or doc.get("id")
    return found[:128] if isinstance(found, str) else ""


def _no_extension(code: int, data: bytes) -> NoReturn:
    del data
    raise FrameError(f"the extension type {code}")


def _shown(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {key: _shown(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_shown(one) for one in value]
    return value


def _bytes(value: Any) -> Any:
    try:
        if isinstance(value, list):
            return [base64.b64decode(one, validate=True) for one in value]
        return base64.b64decode(value, validate=True)
    except (ValueError, TypeError):
        return value


def _refuse(reason: str) -> NoReturn:
    raise FrameError(reason)
