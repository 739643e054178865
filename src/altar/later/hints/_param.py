"""Param: what Annotated says about a parameter or field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from altar.errors import DeclarationError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Param"]


class Param:
    """Metadata of a parameter: ``Annotated[int, Param("How many", ge=1)]``.

    ``description`` is what the model reads. ``ge``, ``gt``, ``le``, ``lt``
    and ``multiple_of`` bound numbers (and anything else that compares),
    ``min_length`` and ``max_length`` bound texts and containers, ``pattern``
    is a regular expression that a text must contain, ``examples`` are JSON
    values for the schema.

    Raises DeclarationError for limits that no value can meet.
    """

    __slots__ = (
        "description",
        "examples",
        "ge",
        "gt",
        "le",
        "lt",
        "max_length",
        "min_length",
        "multiple_of",
        "pattern",
    )

    description: str | None
    ge: Any
    gt: Any
    le: Any
    lt: Any
    multiple_of: int | float | None
    min_length: int | None
    max_length: int | None
    pattern: str | None
    examples: tuple[Any, ...]

    def __init__(  # noqa: PLR0913 - one parameter per JSON Schema keyword
        self,
        description: str | None = None,
        *,
        ge: Any = None,
        gt: Any = None,
        le: Any = None,
        lt: Any = None,
        multiple_of: float | None = None,
        min_length: int | None = None,
        max_length: int | None = None,
        pattern: str | None = None,
        examples: Iterable[Any] = (),
    ) -> None:
        put = object.__setattr__
        put(self, "description", description)
        put(self, "ge", ge)
        put(self, "gt", gt)
        put(self, "le", le)
        put(self, "lt", lt)
        put(self, "multiple_of", multiple_of)
        put(self, "min_length", min_length)
        put(self, "max_length", max_length)
        put(self, "pattern", pattern)
        put(self, "examples", tuple(examples))
        _check(self)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"Param is frozen: {name!r} cannot be set")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Param):
            return NotImplemented
        return all(getattr(self, slot) == getattr(other, slot) for slot in Param.__slots__)

    def __hash__(self) -> int:
        return hash((self.description, self.pattern, self.min_length, self.max_length))

    def __repr__(self) -> str:
        given = [repr(self.description)] if self.description is not None else []
        names = (slot for slot in Param.__slots__ if slot != "description")
        values = ((name, getattr(self, name)) for name in names)
        given += [f"{name}={value!r}" for name, value in values if value not in (None, ())]
        return f"Param({', '.join(given)})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, tuple(getattr(self, slot) for slot in Param.__slots__)


def _rebuild(*values: Any) -> Param:
    return Param(**dict(zip(Param.__slots__, values, strict=True)))


def _check(param: Any) -> None:
    problems = []
    if param.description is not None and not isinstance(param.description, str):
        problems.append(f"description={param.description!r}: give a text")
    for name in ("min_length", "max_length"):
        value = getattr(param, name)
        if value is not None and (value.__class__ is not int or value < 0):
            problems.append(f"{name}={value!r}: give an integer of 0 or more")
    lengths = (param.min_length, param.max_length)
    if not problems and None not in lengths and param.min_length > param.max_length:
        problems.append("min_length is above max_length: no value could meet both")
    factor = param.multiple_of
    if factor is not None and not (isinstance(factor, (int, float)) and factor > 0):
        problems.append(f"multiple_of={factor!r}: give a number above zero")
    if param.pattern is not None and not isinstance(param.pattern, str):
        problems.append(f"pattern={param.pattern!r}: give a regular expression as text")
    if problems:
        raise DeclarationError("Param", problems)
