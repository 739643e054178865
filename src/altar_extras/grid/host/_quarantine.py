"""Quarantine: calls that killed three runtimes; pure functions over what the Hosts share."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MOST_EPOCHS", "is_quarantined", "lost_key", "with_loss"]

MOST_EPOCHS = 3
_REMEMBERED = 16  # epochs of one call
_GRACE = 1.0  # seconds: a heartbeat that was on its way when the report came


def lost_key(tool: str, args_digest: str) -> str:
    """The last word of the store's key for one call's losses."""
    return sha256(f"{tool}\0{args_digest}".encode()).hexdigest()[:32]


def with_loss(
    doc: dict[str, Any] | None, facts: dict[str, str], *, now: float, keep: float
) -> dict[str, Any] | None:
    """The record with one more run of a runtime lost; None when it holds that already.

    ``facts`` are tool, args_digest, runtime and epoch.
    """
    run = f"{facts['runtime']} {facts['epoch']}"
    runs: dict[str, float] = dict(doc["runs"]) if doc is not None else {}
    if run in runs or len(runs) >= _REMEMBERED:
        return None
    runs[run] = now
    return {
        "tool": facts["tool"],
        "args_digest": facts["args_digest"],
        "runs": runs,
        "expires": now + keep,
    }


def is_quarantined(doc: dict[str, Any], heard: Callable[[str, str], float | None]) -> bool:
    """Whether three runs were lost with the call, and none of them was heard of afterwards.

    ``heard`` says when a run was last heard (seconds since 1970): who was
    reported dead and speaks again was not killed.
    """
    dead = 0
    for run, reported in doc["runs"].items():
        name, _, epoch = run.partition(" ")
        last = heard(name, epoch)
        if last is None or last <= reported + _GRACE:
            dead += 1
    return dead >= MOST_EPOCHS
