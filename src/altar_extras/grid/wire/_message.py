"""The form all messages share: fields that are read under a bound, and written where they say."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self, TypeVar

from altar.adm import json_problems

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "LEVEL",
    "VERSION",
    "FieldError",
    "Malformed",
    "Message",
    "Ready",
    "Unknown",
    "known",
    "registered",
]

VERSION: Final = 1
LEVEL: Final = 2
MAX_DEPTH: Final = 128
_LEAST: Final = -(2**63)
_MOST: Final = 2**63 - 1
M = TypeVar("M", bound="Message")
_TEXT: Final = frozenset({str})
_KINDS: dict[str, type[Message]] = {}


class FieldError(ValueError):
    """A field that is missing, of the wrong kind or past its bound; the text names it."""


@dataclass(slots=True, kw_only=True)
class Message:
    """One envelope. ``TYPE`` is its name on the wire; absent optional fields are not written."""

    TYPE: ClassVar[str] = ""

    def to_wire(self) -> dict[str, Any]:
        """The map that travels."""
        out: dict[str, Any] = {"type": self.TYPE, "v": VERSION}
        for name, default in _written(type(self)):
            value = getattr(self, name)
            if value is not default and value != default:
                out[name] = value
        return out

    @classmethod
    def from_wire(cls, doc: dict[str, Any]) -> Self:
        """Read a map; fields nobody knows are ignored. Raises FieldError."""
        readers, required = _read(cls)
        values: dict[str, Any] = {}
        for name, value in doc.items():
            read = readers.get(name)
            if read is not None and value is not None:
                values[name] = read(value, name)
        if len(values) < len(readers) and not required <= values.keys():
            raise FieldError(f"{cls.TYPE}.{min(required - values.keys())} is missing")
        return cls(**values)


class Ready(Message):
    """A message whose map is ready: calls and answers are many, and know what they say."""

    __slots__ = ("doc",)

    def __init__(self, doc: dict[str, Any]) -> None:
        self.doc = doc

    def to_wire(self) -> dict[str, Any]:
        """The map that travels."""
        return self.doc


@dataclass(slots=True, kw_only=True)
class Unknown(Message):
    """A message of a type this version does not know."""

    TYPE: ClassVar[str] = "?"
    type: str = ""
    id: str = ""


@dataclass(slots=True, kw_only=True)
class Malformed(Message):
    """A map that is no message: what is wrong with it, and whom to tell where it says."""

    TYPE: ClassVar[str] = "!"
    reason: str = ""
    type: str = ""
    id: str = ""


def registered(cls: type[M]) -> type[M]:
    """Note the class under its name on the wire."""
    _KINDS[cls.TYPE] = cls
    return cls


def known(name: str) -> type[Message] | None:
    """The class of that name on the wire."""
    return _KINDS.get(name)


# What a field may hold. Bounds keep a hostile peer from filling memory by single fields.


def text(limit: int = 256, default: Any = MISSING, *, shown: bool = True) -> Any:
    """A string of at most ``limit`` characters; ``shown`` in the message's repr."""

    def read(value: Any, name: str) -> Any:
        if value.__class__ is not str or len(value) > limit:
            raise FieldError(f"{name} is no text of at most {limit} characters")
        return value

    return _field(read, default, shown=shown)


def number(default: Any = MISSING, *, low: int = 0, high: int = 2**53 - 1) -> Any:
    """An integer within bounds."""

    def read(value: Any, name: str) -> Any:
        if value.__class__ is not int or not low <= value <= high:
            raise FieldError(f"{name} is no integer from {low} to {high}")
        return value

    return _field(read, default)


def seconds(default: Any = MISSING) -> Any:
    """A time span in seconds."""

    def read(value: Any, name: str) -> float:
        if value.__class__ not in (int, float) or not 0 <= value < 1e12:
            raise FieldError(f"{name} is no number of seconds")
        return float(value)

    return _field(read, default)


def flag(default: bool = False) -> Any:
    """True or false."""

    def read(value: Any, name: str) -> Any:
        if value.__class__ is not bool:
            raise FieldError(f"{name} is neither true nor false")
        return value

    return _field(read, default)


def tree(default: Any = MISSING) -> Any:
    """An object of JSON values."""

    def read(value: Any, name: str) -> Any:
        if value.__class__ is not dict:
            raise FieldError(f"{name} is no object")
        _check(value, name)
        return value

    return _field(read, default)


def value_of_any_kind() -> Any:
    """Any JSON value."""

    def read(value: Any, name: str) -> Any:
        _check(value, name)
        return value

    return _field(read, None)


def many(limit: int = 4096) -> Any:
    """A list of JSON values."""

    def read(value: Any, name: str) -> tuple[Any, ...]:
        if value.__class__ not in (list, tuple) or len(value) > limit:
            raise FieldError(f"{name} is no list of at most {limit}")
        _check(list(value), name)
        return tuple(value)

    return _field(read, ())


def raw(limit: int = 1 << 20) -> Any:
    """Bytes."""

    def read(value: Any, name: str) -> Any:
        if value.__class__ is not bytes or len(value) > limit:
            raise FieldError(f"{name} is no {limit} bytes or fewer")
        return value

    return _field(read, b"")


def raws(limit: int = 256) -> Any:
    """A list of bytes."""

    def read(value: Any, name: str) -> tuple[bytes, ...]:
        if value.__class__ not in (list, tuple) or len(value) > limit:
            raise FieldError(f"{name} is no list of at most {limit}")
        if any(part.__class__ is not bytes for part in value):
            raise FieldError(f"{name} holds what is no bytes")
        return tuple(value)

    return _field(read, ())


def _check(value: Any, name: str) -> None:
    if value.__class__ is dict:
        plain = _is_plain(value.values(), MAX_DEPTH - 1) and {*map(type, value)} <= _TEXT
    else:
        plain = _is_plain((value,), MAX_DEPTH)
    if not plain:  # the long way finds out what, and where
        problems = json_problems(value)
        if problems:
            raise FieldError(f"{name}: {problems[0]}")


def _is_plain(values: Iterable[Any], depth: int) -> bool:  # noqa: C901 - one test a kind
    """Whether all this is surely JSON, in a third of the time it takes to say where it is not."""
    for value in values:
        cls = value.__class__
        if cls is str or cls is bool or value is None:
            continue
        if cls is int:
            if not _LEAST <= value <= _MOST:
                return False
        elif cls is float:
            if value - value != 0.0:  # NaN and infinities
                return False
        elif cls is dict:
            if depth <= 0 or not _is_plain(value.values(), depth - 1):
                return False
            if not {*map(type, value)} <= _TEXT:
                return False
        elif cls is list:
            if depth <= 0 or not _is_plain(value, depth - 1):
                return False
        else:
            return False
    return True


def _field(read: Any, default: Any, *, shown: bool = True) -> Any:
    metadata = {"read": read}
    if default is MISSING:
        return field(metadata=metadata, repr=shown)
    return field(default=default, metadata=metadata, repr=shown)


_READERS: dict[type[Message], tuple[dict[str, Any], frozenset[str]]] = {}


def _read(cls: type[Message]) -> tuple[dict[str, Any], frozenset[str]]:
    """By field, what reads it; and the fields that must be there."""
    table = _READERS.get(cls)
    if table is None:
        found = fields(cls)
        required = frozenset(one.name for one in found if one.default is MISSING)
        table = {one.name: one.metadata["read"] for one in found}, required
        _READERS[cls] = table
    return table


_DEFAULTS: dict[type[Message], tuple[tuple[str, Any], ...]] = {}


def _written(cls: type[Message]) -> tuple[tuple[str, Any], ...]:
    table = _DEFAULTS.get(cls)
    if table is None:
        table = _DEFAULTS[cls] = tuple(
            (one.name, None if one.default is MISSING else one.default) for one in fields(cls)
        )
    return table
