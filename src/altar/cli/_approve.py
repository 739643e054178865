"""Calls that need a person: asked at the terminal, or listed where there is none."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING

from altar.cli._console import compact, is_terminal

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar.adm import FunctionCall
    from altar.cli._console import Console
    from altar.llm import Pending

__all__ = ["approver", "show_pending"]

# a no, and not the reason behind it; "no backup exists" is one
_NO = re.compile(r"\A(?:n(?![^\W_])|no(?=\s*(?:[,;:.!-]|\Z)))[\s,;:.!-]*", re.IGNORECASE)
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_BLANKS = "\u115f\u1160\u2800\u3164\uffa0"  # printable, and nothing is seen


def approver(console: Console, *, approve_all: bool) -> Callable[[FunctionCall], bool | str] | None:
    """What decides on calls: the option, who sits at the terminal, or (None) nobody."""
    if approve_all:
        return lambda call: True
    if not (console.live_err and is_terminal(sys.stdin)):
        return None

    def ask(call: FunctionCall) -> bool | str:
        typed = console.ask(f"Run {_spelled(call)}? [y/N] ").strip()
        if typed.lower() in ("y", "yes"):
            return True
        return _NO.sub("", typed) or False

    return ask


def show_pending(console: Console, pending: Pending) -> None:
    """A line on standard error for each call that waits."""
    for call in pending.calls:
        console.note(f"waits for approval: {_spelled(call)}")


def _spelled(call: FunctionCall) -> str:
    """The whole call, nothing cut; what a terminal would obey, or hide, is spelt out."""
    arguments = ", ".join([f"{_name(name)}={compact(value)}" for name, value in call.args.items()])
    text = f"{_name(call.name)}({arguments})"
    return "".join([c if _is_seen(c) else ascii(c)[1:-1] for c in text])


def _name(name: str) -> str:
    """A name as it is, where it can be nothing else; another in quotes, all of it spelt out."""
    return name if _PLAIN_NAME.fullmatch(name) else json.dumps(name)


def _is_seen(character: str) -> bool:
    return character.isprintable() and character not in _BLANKS
