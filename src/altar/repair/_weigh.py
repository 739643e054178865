"""Readings of one text weighed against each other: what each assumes, and how regular it is."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from altar.repair._codes import risk_of
from altar.repair._fit import misfit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from altar.repair._state import Edit

__all__ = ["Variant", "best_of", "close_to", "is_worth_weighing", "variants"]

# Other readings are looked for while the text, times the decisions that were near, stays below
# this many characters: the work for them is bounded, whatever the text.
_WORTH = 32768
_IRREGULAR = 0.15  # an object unlike the others of its array weighs as much as a lost bracket
_LOST = 0.6  # so does a member that is there no more, and then some
_SURE = 0.02  # another reading has to be better by so much
_OF_BRACKETS = frozenset(("extra", "inside", "missing", "outside", "wrong"))
_CLOSE = 0.15  # and is worth telling when it is worse by no more


class Variant(NamedTuple):
    """One reading: its edits, the value they give, and which decision fell the other way.

    ``lost`` counts the members that later ones of the same name replace.
    """

    edits: list[Edit]
    value: Any
    decision: tuple[int, str] | None = None
    lost: int = 0


def is_worth_weighing(doubts: Sequence[tuple[int, str]], schema: Any) -> bool:
    """Whether near decisions may change the reading: brackets always, quotes for a schema."""
    return schema is not None or any(other in _OF_BRACKETS for _, other in doubts)


def variants(
    length: int,
    doubts: Sequence[tuple[int, str]],
    again: Callable[[Mapping[int, str]], Variant],
) -> list[Variant]:
    """The readings in which one near decision falls the other way.

    ``again`` reads the text with decisions taken beforehand; it may raise
    ValueError for one that leads nowhere.
    """
    found = []
    for doubt in doubts[: _WORTH // max(length, 1)]:
        try:
            found.append(again(dict([doubt]))._replace(decision=doubt))
        except ValueError:
            continue
    return found


def best_of(base: Variant, others: Sequence[Variant], schema: Any) -> Variant:
    """The reading at hand, or a lighter one."""
    best, least = base, _weight(base, schema) - _SURE
    for one in others:
        weight = _weight(one, schema)
        if weight < least:
            best, least = one, weight
    return best


def close_to(chosen: Variant, others: Iterable[Variant], schema: Any) -> list[Variant]:
    """The readings with another value that are nearly as light, the lightest first."""
    bound = _weight(chosen, schema) + _CLOSE
    near: list[Variant] = []
    weighed = [(_weight(one, schema), one) for one in others]
    for weight, one in sorted(weighed, key=lambda pair: pair[0]):
        if weight <= bound and all(one.value != other.value for other in (chosen, *near)):
            near.append(one)
    return near


def _weight(one: Variant, schema: Any) -> float:
    """What a reading assumes, how irregular its value is, and how badly it fits the schema."""
    assumed = sum(risk_of(edit.code) for edit in one.edits)
    unfit = misfit(one.value, schema) if schema is not None else 0.0
    return assumed + _IRREGULAR * _odd_ones(one.value) + _LOST * one.lost + unfit


def _odd_ones(value: Any) -> int:
    """How many objects have other names than most objects of their array."""
    odd = 0
    todo = [value]
    while todo:
        one = todo.pop()
        if isinstance(one, dict):
            todo += one.values()
        elif isinstance(one, list):
            todo += one
            shapes = Counter(frozenset(item) for item in one if isinstance(item, dict))
            if len(shapes) > 1:
                odd += shapes.total() - max(shapes.values())
    return odd
