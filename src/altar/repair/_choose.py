"""Which of the values found in a text are the answer: by policy, by schema, by place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from altar.repair._build import build
from altar.repair._edits import apply
from altar.repair._fit import misfit
from altar.repair._types import UNREAD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from altar.repair._items import Item

__all__ = ["choose", "value_of"]


def choose(text: str, items: Sequence[Item], policy: str, schema: Any) -> tuple[list[Item], bool]:
    """The items to keep, in order, and whether they go into an array.

    ``first``, ``last`` and ``all`` say it by themselves. ``best`` takes what a
    schema fits best; without a schema, what stands in fences for data where
    there are any, else everything.
    """
    kept = list(items)
    if policy == "first":
        return kept[:1], False
    if policy == "last":
        return kept[-1:], False
    if policy == "all":
        return kept, True
    if len(kept) == 1:
        return kept, False
    fenced = [item for item in kept if item.fenced] or kept
    if schema is None or isinstance(schema, bool):
        return fenced, len(fenced) > 1
    return _fitting(text, items, fenced, schema)


def value_of(text: str, item: Item) -> Any:
    """The value of an item; None where it is no JSON after all."""
    if item.value is not UNREAD:
        return item.value
    try:
        return build(apply(text, item.edits, item.start, item.end))
    except ValueError:
        return None


def _fitting(
    text: str, items: Sequence[Item], fenced: list[Item], schema: Any
) -> tuple[list[Item], bool]:
    """The item that fits the schema best, or all of them where together they fit better.

    Of items that fit alike the fenced come first, and of these the last: what
    is written later is written in the light of what came before.
    """
    values = [value_of(text, item) for item in items]
    costs = [misfit(value, schema) for value in values]
    inside = {item.start for item in fenced}
    order = range(len(items))
    best = min(order, key=lambda i: (costs[i], items[i].start not in inside, -i))
    chosen = [i for i in order if items[i].start in inside]
    together = misfit([values[i] for i in chosen], schema)
    if together < costs[best]:
        return fenced, True
    return [items[best]], False
