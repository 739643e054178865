"""A value out of a fixed list: Literal, Enum and Flag."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, Final

from altar.later.hints._nodes import Node, NoneType, Refs, encode, exact
from altar.later.hints._nodes_scalar import integer_of
from altar.later.hints._report import kind_of, type_names

if TYPE_CHECKING:
    from collections.abc import Iterable

    from altar.later.hints._codegen import Gen
    from altar.later.hints._report import Path, Report

__all__ = ["ChoiceNode", "EnumNode", "FlagNode", "LiteralNode"]

_MAX_LISTED: Final = 20
_MAX_LEGEND: Final = 10


class ChoiceNode(Node):
    """Some JSON scalars, each standing for one Python object.

    JSON tells ``1``, ``true`` and ``"1"`` apart, so values are looked up
    together with their class. ``titles`` names the values, where they are
    enum members whose values alone say nothing.
    """

    __slots__ = ("kinds", "titles", "wires")

    def __init__(self, wires: Iterable[Any], titles: Iterable[str | None] = ()) -> None:
        self.wires = tuple(wires)
        self.kinds = frozenset(wire.__class__ for wire in self.wires)
        self.titles = () if self.kinds == {str} else tuple(titles)

    @property
    def legend(self) -> str | None:
        pairs = [(w, t) for w, t in zip(self.wires, self.titles, strict=False) if t is not None]
        shown = ", ".join(f"{encode(wire)} = {title}" for wire, title in pairs[:_MAX_LEGEND])
        more = f" and {len(pairs) - _MAX_LEGEND} more" if len(pairs) > _MAX_LEGEND else ""
        return f"{shown}{more}" or None

    def _shown(self, at: int) -> str:
        wire = encode(self.wires[at])
        title = self.titles[at] if self.titles else None
        return wire if title is None else f"{wire} ({title})"

    @property
    def label(self) -> str:
        shown = ", ".join(map(self._shown, range(min(len(self.wires), _MAX_LISTED))))
        more = f" and {len(self.wires) - _MAX_LISTED} more" if len(self.wires) > _MAX_LISTED else ""
        return f"one of {shown}{more}" if len(self.wires) > 1 else shown

    def table(self) -> dict[tuple[type, Any], Any]:
        """(class, JSON value) -> object."""
        raise NotImplementedError

    def by_name(self) -> dict[str, Any]:
        """Further texts a model may say for an object; only without ``strict``."""
        return {}

    def body(self, refs: Refs) -> dict[str, Any]:
        types = list(dict.fromkeys(type_names[wire.__class__] for wire in self.wires))
        doc: dict[str, Any] = {"type": types[0]} if len(types) == 1 else {}
        doc["enum"] = list(self.wires)
        return doc

    def load(self, value: Any, path: Path, report: Report) -> Any:
        value = exact(value)
        table = self.table()
        if value.__class__ in self.kinds and (value.__class__, value) in table:
            return table[value.__class__, value]
        if not report.strict:
            wire = self._closest(value, table)
            if wire is not None:
                report.coerced(path, kind_of(value), kind_of(wire[1]), wire[1])
                return table[wire]
            named = self._named(value)
            if named is not None:
                report.coerced(path, "name", "value")
                return named[0]
        nearest = None
        if value.__class__ is str:
            names = () if report.strict else self.titles
            nearest = report.nearest(value, [*self.wires, *names])
        return report.fail(path, self.label, value, "enum", nearest)

    def _named(self, value: Any) -> tuple[Any] | None:
        if value.__class__ is not str:
            return None
        names = self.by_name()
        if value in names:
            return (names[value],)
        folded = value.casefold()
        found = [known for name, known in names.items() if name.casefold() == folded]
        return (found[0],) if len(found) == 1 else None

    def _closest(self, value: Any, table: dict[tuple[type, Any], Any]) -> Any:
        """The one entry that says the same in another type or case."""
        number = integer_of(value)
        if number is not None and (int, number) in table:
            return int, number
        if value.__class__ is int and (float, float(value)) in table:
            return float, float(value)
        if value.__class__ is not str:
            return None
        folded = value.casefold()
        if folded in ("true", "false") and (bool, folded == "true") in table:
            return bool, folded == "true"
        found = [key for key in table if key[0] is str and key[1].casefold() == folded]
        return found[0] if len(found) == 1 else None

    def emit(self, gen: Gen, var: str) -> None:
        table = gen.const(self.table())
        if len(self.kinds) == 1:
            (kind,) = self.kinds
            gen.miss_if(f"{var}.__class__ is not {gen.const(kind)}")
            gen.add(
                f"{var} = {gen.const({key[1]: out for key, out in self.table().items()})}[{var}]"
            )
        else:
            gen.add(f"{var} = {table}[{var}.__class__, {var}]")

    def key_schema(self) -> dict[str, Any] | None:
        texts = [wire for wire in map(_key_text, self.wires) if wire is not None]
        return {"enum": texts} if texts else None

    def load_key(self, text: str, path: Path, report: Report) -> Any:
        for (_, wire), out in self.table().items():
            if _key_text(wire) == text:
                return out
        if not report.strict:
            named = self._named(text)
            if named is not None:
                report.coerced(path, "name", "value")
                return named[0]
        texts = [_key_text(wire) for wire in self.wires]
        expected = f"a name out of {self.label}"
        return report.fail(path, expected, text, "propertyNames", report.nearest(text, texts))


def _key_text(wire: Any) -> str | None:
    if wire.__class__ is str:
        return str(wire)
    return None if wire.__class__ is NoneType else encode(wire)


class LiteralNode(ChoiceNode):
    """``Literal[...]``: JSON scalars, bytes (as base64) and enum members."""

    __slots__ = ("_table", "identity", "names")

    def __init__(self, pairs: Iterable[tuple[Any, Any]], names: dict[str, Any]) -> None:
        unique = {(wire.__class__, wire): (wire, out) for wire, out in pairs}
        titles = {id(member): name for name, member in names.items()}
        super().__init__(
            [wire for wire, _ in unique.values()],
            [titles.get(id(out)) for _, out in unique.values()] if titles else (),
        )
        self._table = {key: out for key, (_, out) in unique.items()}
        self.names = names
        self.identity = False

    def table(self) -> dict[tuple[type, Any], Any]:
        return self._table

    def by_name(self) -> dict[str, Any]:
        return self.names


class EnumNode(ChoiceNode):
    """An Enum by value, or by name when the values are no JSON scalars.

    The class is held weakly: a node must not keep alive the class it is
    cached under.
    """

    __slots__ = ("_cls", "_doc", "members")

    def __init__(self, cls: Any, note: str | None = None) -> None:
        members = list(cls)
        wires = [enum_wire(member) for member in members]
        distinct = {(wire.__class__, wire) for wire in wires}
        if None in wires or len(distinct) != len(members):
            wires = [member.name for member in members]
        super().__init__(wires, [member.name for member in members])
        self._cls = weakref.ref(cls)
        self._doc = note
        self.members = tuple(
            (wire.__class__, wire, member.name) for wire, member in zip(wires, members, strict=True)
        )

    @property
    def note(self) -> str | None:
        return self._doc

    def table(self) -> dict[tuple[type, Any], Any]:
        known = self._cls().__members__  # type: ignore[union-attr]
        return {(kind, wire): known[name] for kind, wire, name in self.members}

    def by_name(self) -> dict[str, Any]:
        return dict(self._cls().__members__)  # type: ignore[union-attr]


def enum_wire(member: Any) -> Any:
    """The JSON scalar that stands for an enum member, or None when its value is none."""
    value = exact(member.value)
    if value.__class__ is float and value - value != 0.0:
        return None
    return value if value.__class__ in (str, int, float, bool) else None


class FlagNode(Node):
    """A Flag or IntFlag: the sum of its members."""

    __slots__ = ("_cls", "bits", "mask")
    kinds = frozenset({int})

    def __init__(self, cls: Any) -> None:
        self._cls = weakref.ref(cls)
        single = {name: member.value for name, member in cls.__members__.items()}
        self.bits = {n: v for n, v in single.items() if v > 0 and v & (v - 1) == 0}
        self.mask = 0
        for value in single.values():
            self.mask |= value

    @property
    def note(self) -> str | None:
        return "Sum of " + ", ".join(f"{value} {name}" for name, value in self.bits.items())

    @property
    def label(self) -> str:
        return "a sum of " + ", ".join(f"{value} ({name})" for name, value in self.bits.items())

    def body(self, refs: Refs) -> dict[str, Any]:
        if self.mask & (self.mask + 1) == 0:
            return {"type": "integer", "minimum": 0, "maximum": self.mask}
        if self.mask.bit_count() <= 6:
            return {"type": "integer", "enum": self._sums()}
        return {"type": "integer", "minimum": 0, "maximum": self.mask}

    def _sums(self) -> list[int]:
        sums, part = [0], self.mask
        while part:
            sums.append(part)
            part = (part - 1) & self.mask
        return sorted(sums)

    def load(self, value: Any, path: Path, report: Report) -> Any:
        value = exact(value)
        if value.__class__ is int and value >= 0 and value & ~self.mask == 0:
            return self._cls()(value)  # type: ignore[misc]
        if not report.strict:
            total = self._from_names(value)
            if total is not None:
                report.coerced(path, kind_of(value), "integer")
                return self._cls()(total)  # type: ignore[misc]
        return report.fail(path, self.label, value, "enum")

    def _from_names(self, value: Any) -> int | None:
        number = integer_of(value)
        if number is not None:
            return number if number >= 0 and number & ~self.mask == 0 else None
        names = value.split("|") if value.__class__ is str else value
        if names.__class__ is not list or len(names) > 64:
            return None
        known = {n.casefold(): m.value for n, m in self._cls().__members__.items()}  # type: ignore[union-attr]
        total = 0
        for name in names:
            bit = known.get(name.strip().casefold()) if isinstance(name, str) else None
            if bit is None:
                return None
            total |= bit
        return total

    def emit(self, gen: Gen, var: str) -> None:
        gen.miss_if(f"{var}.__class__ is not int or {var} < 0 or {var} & {~self.mask}")
        gen.add(f"{var} = {gen.const(self._cls())}({var})")
