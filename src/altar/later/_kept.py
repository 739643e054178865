"""Kept: what policies keep of one tool (its rate, places, breaker, cache) while it lives."""

from __future__ import annotations

import weakref
from _thread import allocate_lock
from types import MethodType
from typing import TYPE_CHECKING, Any

from altar.later._mark import MARK_ATTRIBUTE, Mark
from altar.runtime._stack import Parts

if TYPE_CHECKING:
    from altar.runtime import Policy

__all__ = ["Kept", "kept_of"]

_lock = allocate_lock()  # two sessions that begin at once must find one and the same


class Kept:
    """By level: under the tool's own policy, and under the process's.

    Of the process's only the newest is held, so that settings that were
    forgotten leave nothing behind.
    """

    __slots__ = ("_own", "_owners", "_process")

    def __init__(self) -> None:
        self._own: Parts | None = None
        self._process: Parts | None = None
        self._owners: dict[int, tuple[weakref.ref[Any], Kept]] = {}

    def own(self, policy: Policy) -> Parts:
        """What is kept under the tool's own policy."""
        with _lock:
            if self._own is None or self._own.policy is not policy:
                self._own = Parts(policy)
            return self._own

    def process(self, policy: Policy) -> Parts:
        """What is kept under the process's policy."""
        with _lock:
            if self._process is None or self._process.policy is not policy:
                self._process = Parts(policy)
            return self._process

    def of(self, owner: object) -> Kept | None:
        """What is kept of a method of this one object; None where objects cannot be watched."""
        key = id(owner)
        owners = self._owners
        with _lock:
            known = owners.get(key)
            if known is not None:
                return known[1]
            try:
                watched = weakref.ref(owner, lambda _: owners.pop(key, None))
            except TypeError:
                return None
            kept = Kept()
            owners[key] = (watched, kept)
            return kept


def kept_of(mark: Mark) -> Kept:
    """What is kept of a mark's tool: one for all marks of a function, one per object of a method.

    Two objects with the same @tool method are two tools: what one of them
    answered is no answer of the other.
    """
    home: Any = mark.home
    target: Any = mark.target
    found: Kept | None
    if home.__class__ is Kept:
        return home
    if home.__class__ is Mark:  # of the function or method that carries it
        found = _home(home)
        if target.__class__ is MethodType:
            found = found.of(target.__self__)
    elif getattr(target, MARK_ATTRIBUTE, None) is mark:
        found = None
    elif target.__class__ is MethodType:
        owner = _unmarked.of(target.__self__)
        found = None if owner is None else owner.of(target.__func__)
    else:  # a function nobody marked has another mark in each session
        found = _unmarked.of(target)
    return _home(mark) if found is None else found


_unmarked = Kept()


def _home(mark: Any) -> Kept:
    with _lock:
        kept = mark.home
        if kept.__class__ is not Kept:
            kept = mark.home = Kept()
        return kept
