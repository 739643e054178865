"""register_type: classes of one's own in tool signatures, and the ``altar.types`` plug-ins."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from altar.errors import ConfigurationError, InvalidDataError, ToolError
from altar.later.hints._nodes import EVERY_KIND, Node, NoneType, Refs, plain
from altar.later.hints._report import INVALID, REFUSALS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from altar.later.hints._report import Path, Report

__all__ = ["CustomType", "custom_of", "register_type"]

_GROUP = "altar.types"


class CustomType:
    """How one class travels: its JSON Schema, and how to load and dump it.

    An entry point of the group ``altar.types`` is named after the class
    ("package.module.Class") and loads one of these, or any object with the
    same three attributes.
    """

    __slots__ = ("dump", "load", "schema")

    def __init__(
        self,
        *,
        schema: Mapping[str, Any],
        load: Callable[[Any], Any],
        dump: Callable[[Any], Any] | None = None,
    ) -> None:
        self.schema = dict(schema)
        self.load = load
        self.dump = dump


_types: weakref.WeakKeyDictionary[type, Any] = weakref.WeakKeyDictionary()
_listeners: list[Callable[[], None]] = []
_plugins: dict[str, Any] | None = None


def register_type(
    cls: type,
    *,
    schema: Mapping[str, Any],
    load: Callable[[Any], Any],
    dump: Callable[[Any], Any] | None = None,
) -> None:
    """Let tools take and return objects of ``cls``.

    ``schema`` is the JSON Schema of its JSON form; ``load`` gets a value that
    satisfies the schema and returns the object, raising ValueError or
    TypeError for what it refuses; ``dump`` returns the JSON form of an object.
    A later registration replaces an earlier one.

    Raises ConfigurationError when an argument has the wrong kind or ``schema``
    is no schema, with its problems.
    """
    _check(cls, schema, (load, dump or load))
    document = _document(f"register_type({cls.__name__}, ...)", schema)
    _types[cls] = CustomType(schema=document, load=load, dump=dump)
    for forget in _listeners:
        forget()


def _check(cls: Any, schema: Any, functions: tuple[Any, Any]) -> None:
    problem = None
    if not isinstance(cls, type):
        problem = f"{cls!r} is not a class"
    elif not hasattr(schema, "items"):
        problem = 'schema= must be a JSON Schema object, like {"type": "string"}'
    elif not all(map(callable, functions)):
        problem = "load= and dump= must be callable"
    if problem:
        raise ConfigurationError(f"register_type: {problem}")


def _document(subject: str, schema: Any) -> dict[str, Any]:
    """A schema as JSON Schema; raises ConfigurationError with everything wrong about it."""
    from altar.adm import Schema  # noqa: PLC0415 - only where a class is registered

    try:
        read = Schema.from_dict(dict(schema))
    except InvalidDataError as error:
        problems = "; ".join(map(str, error.problems))
        raise ConfigurationError(f"{subject}: schema= is no JSON Schema: {problems}") from None
    strange = [loss.keyword for loss in read.unknown_keywords()]
    if strange:
        raise ConfigurationError(
            f"{subject}: schema= holds {', '.join(map(repr, strange))}, which JSON Schema does "
            "not know and nothing would check: remove it, or write it as x_..."
        )
    return dict(read.document) if isinstance(read.document, dict) else {}


def on_change(forget: Callable[[], None]) -> None:
    """Call ``forget`` whenever a type is registered; caches of nodes and dumpers use this."""
    _listeners.append(forget)


def custom_of(cls: type, *, plugins: bool = True) -> Any:
    """What was registered for exactly this class, or None.

    Installed plug-ins are listed once, when a class is met that nothing else knows.
    """
    known = _types.get(cls)
    if known is None and plugins:
        found = _installed().get(f"{cls.__module__}.{cls.__qualname__}")
        if found is not None:
            known = found.load()
            if not hasattr(known, "schema") or not hasattr(known, "load"):
                raise ConfigurationError(
                    f"the {_GROUP} entry point {found.name!r} must name an object with "
                    "schema, load and dump (altar.later.CustomType)"
                )
            _document(f"the {_GROUP} entry point {found.name!r}", known.schema)
            _types[cls] = known
    return known


def _installed() -> dict[str, Any]:
    global _plugins  # noqa: PLW0603 - the list is read once per process
    if _plugins is None:
        from importlib.metadata import entry_points  # noqa: PLC0415 - 20 ms, and rarely needed

        _plugins = {point.name: point for point in entry_points(group=_GROUP)}
    return _plugins


_KINDS: dict[str, set[type]] = {
    "string": {str},
    "integer": {int},
    "number": {int, float},
    "boolean": {bool},
    "array": {list},
    "object": {dict},
    "null": {NoneType},
}


class CustomNode(Node):
    """A registered class."""

    __slots__ = ("_check", "custom", "kinds", "name")

    def __init__(self, name: str, custom: Any) -> None:
        self.name = name
        self.custom = custom
        self._check: Any = None
        types = custom.schema.get("type", list(_KINDS))
        names = [types] if isinstance(types, str) else types
        kinds: set[type] = set()
        for kind in names:
            kinds |= _KINDS.get(kind, EVERY_KIND)
        self.kinds = frozenset(kinds)

    @property
    def label(self) -> str:
        return f"a value of {self.name}"

    def body(self, refs: Refs) -> dict[str, Any]:
        return dict(self.custom.schema)

    def load(self, value: Any, path: Path, report: Report) -> Any:
        value = plain(value, path, report)
        if value is INVALID:
            return INVALID
        if self._check is None:
            from altar.adm import Schema  # noqa: PLC0415 - only where a class is registered

            self._check = Schema.trusted(self.custom.schema).check
        found = self._check(value)
        if found:
            for problem in found:
                report.note(path, problem.expected, problem.got, problem.keyword, problem.nearest)
            return INVALID
        try:
            return self.custom.load(value)
        except REFUSALS as error:  # whatever the plug-in raises
            got = (
                str(error) if isinstance(error, ToolError) else f"refused ({type(error).__name__})"
            )
            return report.note(path, self.label, got, "constructor")
