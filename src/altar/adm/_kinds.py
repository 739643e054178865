"""Kinds asked at run time, whatever the annotations promise."""

from __future__ import annotations

from reprlib import Repr

__all__ = ["is_a", "kind_of"]


def is_a(value: object, *kinds: type) -> bool:
    """``isinstance`` for constructors: callers without a type checker pass anything."""
    return isinstance(value, kinds)


def kind_of(value: object) -> str:
    """A value's type and the start of its text, for a message: ``int 42``."""
    if value is None:
        return "null"
    text = _repr(value).encode("ascii", "backslashreplace").decode()
    return f"{type(value).__name__} {text if len(text) <= 60 else text[:57] + '...'}"


_WIDE = 60
_brief = Repr()
_brief.maxlevel = 4  # a value may nest without end, or hold millions of items
_brief.maxstring = _brief.maxlong = _brief.maxother = 4 * _WIDE
_brief.maxlist = _brief.maxdict = _brief.maxtuple = _brief.maxset = _brief.maxfrozenset = _WIDE


def _repr(value: object) -> str:
    if isinstance(value, int) and value.bit_length() > 4 * _WIDE:
        return f"of {value.bit_length()} bits"  # Python itself refuses to write very long ones
    if isinstance(value, (str, bytes)):
        return repr(value[: 4 * _WIDE])
    try:
        return _brief.repr(value)
    except Exception:  # noqa: BLE001 - the value's class may raise anything
        return "that cannot be shown"
