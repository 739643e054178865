"""Blob: bytes with a media type, as a tool may return them or a prompt carry them."""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from typing import TYPE_CHECKING, Any

from altar.adm._frozen import Frozen
from altar.adm._kinds import is_a, kind_of
from altar.adm._problem import Problem
from altar.errors import InvalidDataError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Blob"]


class Blob(Frozen):
    """Binary data and its media type: ``Blob("image/png", data)``.

    In JSON it is ``{"mime": ..., "data": base64}``. Raises InvalidDataError
    when ``mime`` is no ``type/subtype`` or ``data`` holds no bytes.
    """

    __slots__ = ("data", "mime")

    mime: str
    data: bytes

    def __init__(self, mime: str, data: bytes) -> None:
        problems = []
        if not is_a(mime, str) or not _is_mime(mime):
            expected = 'a media type such as "image/png"'
            problems.append(Problem("$.mime", expected, kind_of(mime), keyword="pattern"))
        if not is_a(data, bytes, bytearray, memoryview):
            problems.append(Problem("$.data", "bytes", type(data).__name__, keyword="type"))
        if problems:
            raise InvalidDataError("Blob", problems)
        put = object.__setattr__
        put(self, "mime", mime)
        put(self, "data", bytes(data))

    @classmethod
    def from_dict(cls, doc: Mapping[str, Any]) -> Blob:
        """Read ``{"mime", "data"}``; other fields are ignored."""
        if not isinstance(doc, dict):
            raise InvalidDataError("Blob", [Problem("$", "an object", type(doc).__name__)])
        text = doc.get("data")
        try:
            data = b64decode(text, validate=True) if isinstance(text, str) else None
        except (Base64Error, ValueError):
            data = None
        if data is None:
            got = "nothing" if text is None else f"{type(text).__name__} that is no base64"
            problem = Problem("$.data", "base64 text", got, keyword="contentEncoding")
            raise InvalidDataError("Blob", [problem])
        return cls(doc.get("mime", ""), data)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object: mime, and data as base64 text."""
        return {"mime": self.mime, "data": b64encode(self.data).decode("ascii")}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Blob):
            return NotImplemented
        return self.mime == other.mime and self.data == other.data

    def __hash__(self) -> int:
        return hash((self.mime, self.data))

    def __repr__(self) -> str:
        return f"Blob({self.mime!r}, {len(self.data)} bytes)"

    def __reduce__(self) -> tuple[Any, ...]:
        return Blob, (self.mime, self.data)


def _is_mime(text: str) -> bool:
    kind, slash, rest = text.partition("/")
    subtype = rest.partition(";")[0].strip()
    plain = kind + subtype
    return bool(slash and kind and subtype and plain.isascii() and plain.isprintable()) and (
        " " not in plain and "/" not in subtype
    )
