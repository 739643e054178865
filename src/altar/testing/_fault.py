"""Fault and Gate: entries of a fake server's script that are no plain answer."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, get_args

from altar.errors import ConfigurationError

__all__ = ["Fault", "FaultKind", "Gate"]

FaultKind: TypeAlias = Literal[
    "auth",
    "permission",
    "unknown_model",
    "quota",
    "rate_limit",
    "overloaded",
    "server_error",
    "context_length",
    "close",
    "garbage",
    "content_type",
    "huge",
    "hang",
]
_KINDS: tuple[str, ...] = get_args(FaultKind)
_REPLY = "This answer was cut short because a test asked for a fault in the middle of it."


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong, as the vendor says it.

    The first eight kinds are the vendor's own errors. ``close`` drops the
    connection, ``garbage`` sends what is no JSON, ``content_type`` a page of
    HTML with status 200, ``huge`` an answer of many megabytes, ``hang``
    nothing more until the server closes or the client leaves.

    ``after=None``: before any byte. ``after=n``: when the answer is streamed,
    after n events of ``reply``; when it is not, only ``close`` differs, and
    breaks off half-way through the body. ``retry_after`` is the number of
    seconds the vendor asks to wait, ``message`` its words instead of the
    usual ones.
    """

    kind: FaultKind
    retry_after: float | None = field(default=None, kw_only=True)
    after: int | None = field(default=None, kw_only=True)
    reply: Any = field(default=_REPLY, kw_only=True)
    message: str | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if self.kind not in _KINDS:
            raise ConfigurationError(
                f"Fault({self.kind!r}) is no kind of fault; there are: {', '.join(_KINDS)}"
            )


class Gate:
    """An answer that is held back in the middle until a test lets it go on.

    The server sends ``after`` events of ``reply`` (of an answer in one piece:
    nothing) and waits for :meth:`open`. ``reached(timeout)`` waits until it
    does, and says whether it does.
    """

    __slots__ = ("_open", "_reached", "after", "reply")

    def __init__(self, reply: Any, *, after: int = 0) -> None:
        self.reply = reply
        self.after = after
        self._open = threading.Event()
        self._reached = threading.Event()

    def open(self) -> None:
        """Let the rest of the answer go out."""
        self._open.set()

    def reached(self, timeout: float = 10.0) -> bool:
        """Wait until the server holds back; False when it does not within ``timeout`` seconds."""
        return self._reached.wait(timeout)

    def pass_through(self) -> None:
        """The server's side: say that the gate is reached, and wait for it to open."""
        self._reached.set()
        self._open.wait()
