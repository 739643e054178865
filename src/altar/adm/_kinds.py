"""Kinds asked at run time, whatever the annotations promise."""

from __future__ import annotations

__all__ = ["is_a", "kind_of"]


def is_a(value: object, *kinds: type) -> bool:
    """``isinstance`` for constructors: callers without a type checker pass anything."""
    return isinstance(value, kinds)


def kind_of(value: object) -> str:
    """A value's type and the start of its text, for a message: ``int 42``."""
    if value is None:
        return "null"
    text = ascii(value)
    return f"{type(value).__name__} {text if len(text) <= 60 else text[:57] + '...'}"
