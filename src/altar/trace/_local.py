"""Local trace: what the spans of one trace in this process have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar.trace._ring import Here, Ring

__all__ = ["Local"]


class Local:
    """The part of a trace that begins in this process, with its local root.

    ``root_id`` is the local root's span, 0 if that is unknown; ``remote_id``
    its parent in another process, 0 without one. ``kept`` is None until the
    sampler has decided; it lives as long as a span of the trace does, so
    decisions need no table. ``owner`` is the local trace that decides for this
    one.
    """

    __slots__ = (
        "anchor",
        "enter",
        "here",
        "kept",
        "owner",
        "process",
        "remote_id",
        "root_id",
        "sampled",
        "state",
        "trace_id",
    )

    def __init__(
        self,
        here: Here,
        enter: Callable[[Here], Ring],
        *,
        trace_id: int,
        root_id: int,
        remote_id: int = 0,
        anchor: int = 0,
        process: int = 0,
    ) -> None:
        self.here = here
        self.enter = enter
        self.trace_id = trace_id
        self.root_id = root_id
        self.remote_id = remote_id
        self.anchor = anchor
        self.process = process
        self.sampled = True
        self.state: str | None = None
        self.kept: bool | None = None
        self.owner: Local | None = None
