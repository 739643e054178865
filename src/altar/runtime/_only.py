"""Which calls a wrapper is for: all, those of some tools, or those a function picks."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, TypeAlias

from altar.errors import ConfigurationError

if TYPE_CHECKING:
    from altar.adm import FunctionCall

__all__ = ["Only", "chooser"]

Only: TypeAlias = "Collection[str] | Callable[[FunctionCall], bool] | None"


def chooser(owner: str, only: Only) -> Callable[[FunctionCall], bool] | None:
    """The function that ``only`` means; None for None."""
    if only is None or callable(only):
        return only
    given: object = only
    if isinstance(given, Collection) and not isinstance(given, str):
        names = frozenset(given)
        if all(isinstance(name, str) for name in names):
            return lambda call: call.name in names
    raise ConfigurationError(
        f"{owner}(only={only!r:.60}): give names of tools, or a function from the FunctionCall to "
        f'True or False; type {owner}(..., only=["send"])'
    )
