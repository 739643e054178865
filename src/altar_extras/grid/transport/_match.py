"""Subjects and wildcards: who hears what, and who may."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from altar_extras.grid.transport._protocol import Inbound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Protocol

    class Owner(Protocol):
        """The connection an interest belongs to."""

        @property
        def is_connected(self) -> bool: ...


__all__ = ["Interest", "Rights", "allows", "matches"]

_log = logging.getLogger("altar.grid")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """What a connection may publish and hear: subjects, "*" for one token, ">" for the rest.

    ``queues`` are pairs (subject, queue group) that may be heard as a member of the group only.
    """

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]
    queues: tuple[tuple[str, str], ...] = ()

    def may_subscribe(self, subject: str, queue: str) -> bool:
        """Whether this subject may be heard, in this queue group or in none."""
        if any(covers(rule, subject) for rule in self.subscribe):
            return True
        return any(queue == group and covers(rule, subject) for rule, group in self.queues)


class Interest:
    """One subscription."""

    __slots__ = ("handler", "owner", "queue", "subject")

    def __init__(
        self, owner: Owner, subject: str, queue: str, handler: Callable[[Inbound], None]
    ) -> None:
        self.owner = owner
        self.subject = subject
        self.queue = queue
        self.handler = handler

    def hand(self, inbound: Inbound) -> None:
        """Call the handler; what it raises is logged."""
        try:
            self.handler(inbound)
        except Exception:  # noqa: BLE001 - a handler must not end the reader
            _log.exception("the handler of %s failed", self.subject)


def allows(rules: Iterable[str], subject: str) -> bool:
    """Whether one of the rules covers the subject."""
    return any(covers(rule, subject) for rule in rules)


def matches(rule: str, subject: str) -> bool:
    """Whether a subject without wildcards falls under a rule."""
    return rule == subject or covers(rule, subject)


def covers(rule: str, subject: str) -> bool:
    """Whether everything that ``subject`` may mean, wildcards included, falls under ``rule``."""
    theirs = subject.split(".")
    for at, part in enumerate(rule.split(".")):
        if part == ">":
            return len(theirs) > at
        if at >= len(theirs) or theirs[at] == ">":
            return False
        if part not in ("*", theirs[at]):
            return False
    return len(theirs) == len(rule.split("."))
