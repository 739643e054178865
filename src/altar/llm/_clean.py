"""What a model said, made fit for a history: bounded, and text that UTF-8 can write."""

from __future__ import annotations

from typing import Any

from altar.llm._parts import Part, Refusal, Text, Thinking

__all__ = ["UnboundedError", "own_args", "sound", "sound_args", "sound_part"]

_MAX_DEPTH = 128  # as altar.adm.loads reads
_MAX_PARTS = 1_000_000


class UnboundedError(Exception):
    """Arguments nested too deeply, or made of too many values."""


def own_args(args: dict[str, Any]) -> dict[str, Any]:
    """A copy: what a tool does to its arguments must not change the history.

    Raises UnboundedError past 128 levels or a million values.
    """
    if _is_flat(args):
        return {**args}
    copied: dict[str, Any] = _copy(args, 1, [_MAX_PARTS], keep=True)
    return copied


def sound_args(args: dict[str, Any]) -> dict[str, Any]:
    """The same arguments where UTF-8 can write them, else a copy of which it can."""
    if _is_plain(args):
        return args
    cleaned: dict[str, Any] = _copy(args, 1, [_MAX_PARTS], keep=False)
    return args if cleaned == args else cleaned


def _is_flat(args: dict[str, Any]) -> bool:
    """Whether the arguments hold no others, as those of most calls."""
    for item in args.values():
        if item.__class__ is dict or item.__class__ is list:
            return False
    return len(args) < _MAX_PARTS


def _is_plain(args: dict[str, Any]) -> bool:
    """Whether they are flat, and of ASCII alone."""
    for name, item in args.items():
        kind = item.__class__
        if kind is dict or kind is list or (kind is str and not item.isascii()):
            return False
        if name.__class__ is str and not name.isascii():
            return False
    return len(args) < _MAX_PARTS


def _copy(value: Any, depth: int, room: list[int], *, keep: bool) -> Any:
    room[0] -= len(value) + 1
    if depth > _MAX_DEPTH or room[0] < 0:
        raise UnboundedError
    if value.__class__ is list:
        return [_copied(item, depth, room, keep) for item in value]
    return {
        name if keep or name.__class__ is not str else sound(name): (
            _copied(item, depth, room, keep)
        )
        for name, item in value.items()
    }


def _copied(item: Any, depth: int, room: list[int], keep: bool) -> Any:
    kind = item.__class__
    if kind is dict or kind is list:
        return _copy(item, depth + 1, room, keep=keep)
    return item if keep or kind is not str else sound(item)


def sound(text: str) -> str:
    """The text, each lone surrogate in it replaced by U+FFFD; halves that meet become one."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def sound_part(part: Part) -> Part:
    """The same part where UTF-8 can write its text, else one of which it can."""
    if not isinstance(part, (Text, Thinking, Refusal)) or part.text.isascii():
        return part
    text = sound(part.text)
    return part if text == part.text else type(part)(text, opaque=part.opaque)
