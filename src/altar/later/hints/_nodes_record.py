"""Objects with named fields: dataclasses and every other class that says what it holds."""

from __future__ import annotations

import weakref
from json import loads
from typing import TYPE_CHECKING, Any, Final

from altar.errors import ToolError
from altar.later.hints._defaults import default_text
from altar.later.hints._nodes import Node, Refs, unwrap_json
from altar.later.hints._nodes_container import field_schema
from altar.later.hints._report import INVALID, MAX_DEPTH, REFUSALS

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar.later.hints._codegen import Gen
    from altar.later.hints._report import Path, Report

__all__ = ["ABSENT", "Field", "RecordNode", "default_source", "fresh"]


class _Absent:
    """The class of ABSENT: no default, or no value."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = _Absent()
_COPIED: Final = frozenset({list, dict, set, bytearray})


def fresh(default: Any) -> Any:
    """The default as one call gets it: lists, dicts, sets and bytearrays are copied."""
    cls = default.__class__
    if (cls is list or cls is dict) and default:
        return _copied(default)
    return cls(default) if cls in _COPIED else default


def _copied(value: Any) -> Any:
    """A list or dict with all lists and dicts in it copied, however deep or cyclic they are."""
    out = value.__class__()
    made = {id(value): out}
    todo = [(value, out)]
    while todo:
        source, target = todo.pop()
        for key, item in source.items() if source.__class__ is dict else enumerate(source):
            copy = made.get(id(item))
            if copy is None:
                cls = item.__class__
                copy = cls(item) if cls in _COPIED else item
                if cls is list or cls is dict:
                    copy = made[id(item)] = cls()
                    todo.append((item, copy))
            if source.__class__ is dict:
                target[key] = copy
            else:
                target.append(copy)
    return out


class Field:
    """One field: its name in Python and on the wire, its node, and what it is without a value.

    ``default`` is ABSENT and ``factory`` None for a field that is required,
    and for one that is simply left out (a NotRequired key).
    """

    __slots__ = (
        "default",
        "description",
        "extra",
        "factory",
        "name",
        "node",
        "positional",
        "required",
        "wire",
    )

    def __init__(
        self,
        name: str,
        node: Node,
        *,
        wire: str | None = None,
        required: bool = True,
        default: Any = ABSENT,
        factory: Callable[[], Any] | None = None,
        description: str | None = None,
    ) -> None:
        self.name = name
        self.wire = name if wire is None else wire
        self.node = node
        self.required = required
        self.default = default
        self.factory = factory
        self.description = description
        self.extra: dict[str, Any] = {}
        self.positional = False

    def schema(self, refs: Refs) -> dict[str, Any]:
        """The schema of the field, with its description, default and examples."""
        doc = field_schema(self.node, refs, self.description)
        if self.default is not ABSENT:
            default = default_text(self.node, self.default)
            if default is not None:
                doc["default"] = loads(default)
        doc.update(self.extra)
        return doc


class RecordNode(Node):
    """A class with fields, or a TypedDict.

    ``build`` says how the object is made: "call" with keywords, "dict" for a
    TypedDict. The class is held weakly, since the node is cached under it.
    """

    __slots__ = (
        "_cls",
        "_doc",
        "_tags",
        "build",
        "const",
        "fields",
        "hashable",
        "name",
        "recursive",
        "simple",
    )
    kinds = frozenset({dict})

    fields: tuple[Field, ...]

    def __init__(self, cls: Any, name: str, build: str = "call") -> None:
        self._cls = weakref.ref(cls)
        self.name = name
        self.build = build
        self.fields = ()
        self.const: dict[str, Any] = {}  # wire fields with one fixed value, not given to the class
        self.recursive = False
        self.simple = False  # the constructor only sets the fields
        self.hashable = build == "call" and getattr(cls, "__hash__", None) is not None
        self._doc: str | None = None

    @property
    def cls(self) -> Any:
        """The class; it lives as long as anything can still ask for it."""
        return self._cls()

    @property
    def note(self) -> str | None:
        return self._doc

    def describe(self, text: str | None) -> None:
        """Keep what the class's docstring says."""
        self._doc = text or None

    @property
    def label(self) -> str:
        return f"an object ({self.name})"

    def schema(self, refs: Refs) -> dict[str, Any]:
        return refs.ref(self.name, self) if self.recursive else self.body(refs)

    def body(self, refs: Refs) -> dict[str, Any]:
        properties = {wire: {"const": value} for wire, value in self.const.items()}
        properties |= {field.wire: field.schema(refs) for field in self.fields}
        doc: dict[str, Any] = {"type": "object", "properties": properties}
        required = [*self.const, *(field.wire for field in self.fields if field.required)]
        if required:
            doc["required"] = required
        doc["additionalProperties"] = False
        if self.recursive and self._doc:
            doc["description"] = self._doc
        return doc

    def load(self, value: Any, path: Path, report: Report) -> Any:
        if value.__class__ is not dict:
            value = unwrap_json(value, dict, path, report)
            if value.__class__ is not dict:
                return report.fail(path, self.label, value, "type")
        if report.depth >= MAX_DEPTH:
            return report.note(path, f"at most {MAX_DEPTH} levels", "deeper nesting", "depth")
        report.depth += 1
        before = len(report.problems)
        values = self.read(value, path, report)
        report.depth -= 1
        if len(report.problems) != before:
            return INVALID
        return self.construct(values, path, report)

    def read(self, value: dict[str, Any], path: Path, report: Report) -> dict[str, Any]:
        """The fields' objects by Python name; every problem is reported."""
        values: dict[str, Any] = {}
        seen = 0
        for wire, fixed in self.const.items():
            seen += wire in value
            if value.get(wire) != fixed:
                report.fail((path, wire), f'"{fixed}"', value.get(wire), "const")
        for field in self.fields:
            if field.wire in value:
                seen += 1
                values[field.name] = field.node.load(value[field.wire], (path, field.wire), report)
            elif field.required:
                expected = f"{field.node.label} (required)"
                report.note((path, field.wire), expected, "nothing", "required")
        if seen != len(value):
            known = dict.fromkeys([*self.const, *(field.wire for field in self.fields)])
            for name in value:
                if name not in known:
                    report.unknown(path, name, known)
        return values

    def construct(self, values: dict[str, Any], path: Path, report: Report) -> Any:
        """The object; a constructor's refusal becomes a problem that does not quote it."""
        if self.build == "dict":
            return values
        try:
            first = (field for field in self.fields if field.positional)
            head = [values.pop(field.name, field.default) for field in first]
            return self.cls(*head, **values)
        except REFUSALS as error:  # whatever the user's class raises
            expected = f"values that {self.name} accepts"
            got = (
                str(error) if isinstance(error, ToolError) else f"refused ({type(error).__name__})"
            )
            return report.note(path, expected, got, "constructor")

    def emit(self, gen: Gen, var: str) -> None:
        if self.recursive or self.const:
            self.emit_call(gen, var)
            return
        gen.miss_if(f"{var}.__class__ is not dict")
        optional = [field for field in self.fields if not field.required]
        if self.build == "dict" or any(not _has_default(field) for field in optional):
            self._emit_sparse(gen, var)
            return
        names = [(field, gen.var()) for field in self.fields]
        count = str(len(self.fields) - len(optional))
        if optional:
            counter = gen.var()
            gen.add(f"{counter} = {count}")
            count = counter
        for field, name in names:
            if field.required:
                gen.add(f"{name} = {var}[{field.wire!r}]")
                gen.emit(field.node, name)
            else:
                emit_optional(gen, field, name, var, count)
        gen.miss_if(f"len({var}) != {count}")
        if self.simple:
            gen.add(f"{var} = {gen.const(object.__new__)}({gen.const(self.cls)})")
            for field, name in names:
                gen.add(f"{var}.{field.name} = {name}")
            return
        given = (name if field.positional else f"{field.name}={name}" for field, name in names)
        gen.add(f"{var} = {gen.const(self.cls)}({', '.join(given)})")

    def _emit_sparse(self, gen: Gen, var: str) -> None:
        """Code for objects whose absent fields are left out."""
        out, item = gen.var(), gen.var()
        gen.add(f"{out} = {{}}")
        for field in self.fields:
            if field.required:
                gen.add(f"{item} = {var}[{field.wire!r}]")
            else:
                gen.add(f"if {field.wire!r} in {var}:")
                gen.indent += 1
                gen.add(f"{item} = {var}[{field.wire!r}]")
            gen.emit(field.node, item)
            gen.add(f"{out}[{field.name!r}] = {item}")
            if not field.required:
                gen.indent -= 1
        gen.miss_if(f"len({var}) != len({out})")
        if self.build == "dict":
            gen.add(f"{var} = {out}")
            return
        head = "".join(
            f"{out}.pop({field.name!r}, {gen.const(field.default)}), "
            for field in self.fields
            if field.positional
        )
        gen.add(f"{var} = {gen.const(self.cls)}({head}**{out})")


def _has_default(field: Field) -> bool:
    return field.default is not ABSENT or field.factory is not None


def emit_optional(gen: Gen, field: Any, name: str, source: str, count: str) -> None:
    """Code that reads an optional field into ``name`` or gives it its default."""
    gen.add(f"if {field.wire!r} in {source}:")
    gen.indent += 1
    gen.add(f"{name} = {source}[{field.wire!r}]")
    gen.add(f"{count} += 1")
    gen.emit(field.node, name)
    gen.indent -= 1
    if field.factory is not None:
        absent = f"{gen.const(field.factory)}()"
    else:
        absent = default_source(gen, field.default)
    gen.add(f"else: {name} = {absent}")


def default_source(gen: Gen, default: Any) -> str:
    """An expression for a default; a mutable one is copied each time."""
    cls = default.__class__
    if default is None or cls is bool or cls is int or (cls is str and len(default) < 100):
        return repr(default)
    if cls in _COPIED:
        return f"{gen.const(fresh)}({gen.const(default)})"
    return gen.const(default)
