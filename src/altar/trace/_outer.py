"""Outer: where a root finds a parent that another library's traces have for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["outer"]


class _Outer:
    """``find`` gives the Parent of a root that begins now, or None; None where nobody is asked."""

    __slots__ = ("find",)

    def __init__(self) -> None:
        self.find: Callable[[], Any] | None = None


outer = _Outer()
