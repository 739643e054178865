"""What a probe is: a tool, the JSON it must take or refuse, and what its body must receive."""

from __future__ import annotations

import dataclasses
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["UNSET", "Row", "Unseen", "one", "row", "same", "see", "take_seen"]

UNSET: Any = type("Unset", (), {"__repr__": lambda _: "UNSET"})()
_seen: list[tuple[Any, ...]] = []


class Unseen:
    """Stands for a received object of this class, whatever it holds."""

    def __init__(self, cls: type) -> None:
        self.cls = cls


def see(*values: Any) -> str:
    """What every probe's body calls with the objects it received."""
    _seen.append(values)
    return "seen"


def take_seen() -> list[tuple[Any, ...]]:
    """What bodies received since the last call."""
    out = list(_seen)
    _seen.clear()
    return out


@dataclass(frozen=True, kw_only=True)
class Row:
    """One probe.

    ``runs`` pairs whole argument objects with the tuple the body must receive;
    they are accepted by the schema too, unless they stand in ``coerced``.
    ``reject``: the schema must refuse. ``bad``: the schema must refuse and the
    body must never see it. ``wrong``: only the second, for what a schema
    cannot say. Paths in ``says`` and ``formats`` walk properties (``a.b``) and
    items (``a.[]``).
    """

    id: str
    group: str
    fn: Callable[..., Any]
    runs: tuple[tuple[dict[str, Any], Any], ...] = ()
    coerced: tuple[tuple[dict[str, Any], Any], ...] = ()
    accept: tuple[Any, ...] = ()
    reject: tuple[Any, ...] = ()
    bad: tuple[Any, ...] = ()
    wrong: tuple[Any, ...] = ()
    optional: frozenset[str] | None = None
    hidden: tuple[str, ...] = ()
    says: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    formats: Mapping[str, str] = field(default_factory=dict)
    summary: str = ""
    summary_not: tuple[str, ...] = ()
    content: Any = UNSET
    hard: bool = False
    table: bool = True
    warns: bool = False

    def __repr__(self) -> str:
        return f"Row({self.id!r})"


def row(id: str, group: str, fn: Callable[..., Any], **facts: Any) -> Row:
    """A row for a function that is written out."""
    for key in ("runs", "coerced", "accept", "reject", "bad", "wrong"):
        facts[key] = tuple(facts.get(key, ()))
    if facts.get("optional") is not None:
        facts["optional"] = frozenset(facts["optional"])
    return Row(id=id, group=group, fn=fn, **facts)


def one(
    id: str,
    group: str,
    annotation: Any,
    ok: Iterable[tuple[Any, Any]],
    bad: Iterable[Any] = (),
    *,
    default: Any = UNSET,
    doc: str = "Probe one value.",
    **facts: Any,
) -> Row:
    """A row for ``def probe(x: annotation[ = default])``; values stand for ``{"x": value}``."""
    if default is UNSET:

        def probe(x):
            return see(x)

    else:

        def probe(x=default):
            return see(x)

    probe.__annotations__ = {"x": annotation, "return": str}
    probe.__doc__ = doc
    for key in ("accept", "reject", "wrong"):
        facts[key] = [{"x": value} for value in facts.get(key, ())]
    facts["coerced"] = [({"x": given}, (got,)) for given, got in facts.get("coerced", ())]
    for key in ("says", "formats", "defaults"):
        if key in facts and not isinstance(facts[key], Mapping):
            facts[key] = {"x": facts[key]}
    runs = [({"x": given}, (got,)) for given, got in ok]
    refused = [{"x": value} for value in bad]
    if default is UNSET:
        facts.setdefault("optional", ())
        refused.append({})
    else:
        facts.setdefault("optional", ("x",))
        runs.append(({}, (default,)))
    return row(id, group, probe, runs=runs, bad=refused, **facts)


def same(got: Any, want: Any) -> bool:
    """Equal, and of exactly the same types all the way down."""
    if isinstance(want, Unseen):
        return isinstance(got, want.cls)
    if type(got) is not type(want):
        return False
    if got is want:
        return True
    if isinstance(want, float) and want != want:
        return bool(got != got)
    if isinstance(want, re.Pattern):
        return got.pattern == want.pattern
    if isinstance(want, defaultdict) and got.default_factory is not want.default_factory:
        return False
    if isinstance(want, dict):
        return _same_mapping(got, want)
    if isinstance(want, (set, frozenset)):
        return got == want and {type(x) for x in got} == {type(x) for x in want}
    if isinstance(want, (list, tuple)) or type(want).__name__ == "deque":
        return len(got) == len(want) and all(map(same, got, want))
    state = _state(want)
    if state is not None:
        return _same_mapping(_state(got) or {}, state)
    if hasattr(want, "utcoffset") and got.utcoffset() != want.utcoffset():
        return False
    return bool(got == want)


def _same_mapping(got: Mapping[Any, Any], want: Mapping[Any, Any]) -> bool:
    if len(got) != len(want):
        return False
    kinds = {key: type(key) for key in got}
    return all(
        key in got and kinds[key] is type(key) and same(got[key], value)
        for key, value in want.items()
    )


def _state(value: Any) -> dict[str, Any] | None:
    """The fields of a record made of Python code, or None."""
    if dataclasses.is_dataclass(value):
        return {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    cls = type(value)
    for names in ("__struct_fields__",):
        if hasattr(cls, names):
            return {name: getattr(value, name) for name in getattr(cls, names)}
    if hasattr(cls, "__attrs_attrs__"):
        return {a.name: getattr(value, a.name) for a in cls.__attrs_attrs__}
    if hasattr(cls, "model_fields"):
        return {name: getattr(value, name) for name in cls.model_fields}
    if cls.__module__.startswith("tests.") and hasattr(value, "__dict__"):
        return dict(vars(value)) if not hasattr(cls, "__members__") else None
    return None
