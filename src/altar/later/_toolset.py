"""Toolset: what ``tools=`` may hold, and the names a session shows."""

from __future__ import annotations

import inspect
from _thread import allocate_lock
from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any, NoReturn

from altar.errors import ConfigurationError, RegistryError
from altar.later._declare import declare_marks
from altar.later._foreign import who_takes
from altar.later._mark import Mark, has_policies, mark_for, mark_of
from altar.later._registry import Registry, RegistrySnapshot, registry
from altar.later._schema_tool import SchemaTool, source_of
from altar.later.hints._report import nearest_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from altar.adm import FunctionDeclaration

__all__ = ["Toolset", "collect"]

_ALLOWED = (
    "give registered names, functions, objects with @tool methods, modules, "
    "a mapping name -> function, or a Registry"
)


class Toolset:
    """The tools a session shows: one immutable table, replaced as a whole.

    Readers never lock, and never see half of a change.
    """

    __slots__ = ("_declarations", "_lock", "_removed", "_snapshot", "marks")

    def __init__(self, tools: Any = ()) -> None:
        self._lock = allocate_lock()
        self._removed: frozenset[str] = frozenset()
        self._declarations: tuple[FunctionDeclaration, ...] | None = None
        self._snapshot: RegistrySnapshot | None = None
        if isinstance(tools, Registry):  # its snapshot is shared, however many tools it has
            self._snapshot = tools.snapshot()
            self.marks: Mapping[str, Mark] = self._snapshot.marks
        else:
            self.marks = _merged({}, collect(tools))
        self.declarations()

    def declarations(self) -> tuple[FunctionDeclaration, ...]:
        """Every tool's declaration. Raises DeclarationError for what cannot be declared."""
        if self._snapshot is not None:
            return self._snapshot.declarations()
        marks, made = self.marks, self._declarations
        if made is None:
            made = declare_marks(marks.values())
            with self._lock:
                if self.marks is marks:
                    self._declarations = made
        return made

    def add(self, tools: Any) -> None:
        """Add all of ``tools``, or none of them when one cannot be added."""
        new = list(collect(tools))
        declare_marks(new)
        with self._lock:
            merged = _merged(self.marks, new)
            self._removed -= merged.keys()
            self._replace(merged)

    def remove(self, names: Iterable[str]) -> None:
        """Remove all of ``names``, or none of them when one is not there."""
        gone = tuple(names)
        with self._lock:
            for name in gone:
                if name not in self.marks:
                    _not_held(name, self.marks)
            self._removed |= set(gone)
            self._replace({key: mark for key, mark in self.marks.items() if key not in gone})

    def hides(self, name: str) -> bool:
        """True for a tool that exists, but is not shown."""
        return name not in self.marks and (name in self._removed or name in registry)

    def has_policies(self) -> bool:
        """True when a tool brings a policy of its own."""
        if self._snapshot is not None:
            return self._snapshot.has_policies()
        return has_policies(self.marks.values())

    def _replace(self, marks: Mapping[str, Mark]) -> None:
        self.marks = marks
        self._snapshot = None
        self._declarations = None


def collect(tools: Any) -> Iterator[Mark]:
    """The marks of whatever ``tools=`` may hold."""
    if isinstance(tools, str):
        yield registry.get(tools)
    elif isinstance(tools, (Mark, SchemaTool)):
        yield tools if isinstance(tools, Mark) else tools.mark()
    elif isinstance(tools, Registry):
        yield from tools.snapshot().marks.values()
    elif isinstance(tools, Mapping):
        for name, tool in tools.items():
            yield _named(name, tool)
    elif isinstance(tools, (list, tuple, set, frozenset)):
        for tool in tools:
            yield from collect(tool)
    elif isinstance(tools, ModuleType):
        yield from _of_module(tools)
    elif hasattr(type(tools), "__altar_tools__"):
        yield from collect(list(tools.__altar_tools__()))
    else:
        yield from _of_object(tools)


def _of_object(tool: Any) -> Iterator[Mark]:
    own = mark_of(tool)
    if own is not None:
        yield own if own.target is tool else mark_for(tool)
        return
    if inspect.isroutine(tool):
        yield mark_for(tool)
        return
    methods = _marked_methods(tool)
    if methods and isinstance(tool, type):
        raise ConfigurationError(
            f"tools= got the class {tool.__name__}, whose @tool methods need an object: "
            f"give {tool.__name__}(...)"
        )
    if methods:
        for name in methods:
            yield mark_for(getattr(tool, name))
    elif (whose := who_takes(tool)) is not None:
        raise ConfigurationError(f"tools= cannot use {whose}")
    elif callable(tool):
        yield mark_for(tool)
    elif isinstance(tool, Iterable):
        for each in tool:
            yield from collect(each)
    else:
        raise ConfigurationError(f"tools= cannot use {tool!r:.200}: {_ALLOWED}")


def _marked_methods(owner: Any) -> list[str]:
    """The attributes of an object's class that are marked; properties are not touched."""
    cls = owner if isinstance(owner, type) else type(owner)
    found: dict[str, bool] = {}
    for base in reversed(cls.__mro__):
        for name, value in vars(base).items():
            function = value.__func__ if isinstance(value, (staticmethod, classmethod)) else value
            found[name] = mark_of(function) is not None if callable(function) else False
    return [name for name, marked in found.items() if marked]


def _of_module(module: ModuleType) -> Iterator[Mark]:
    marks = [mark for value in list(vars(module).values()) if (mark := mark_of(value)) is not None]
    if not marks:
        raise ConfigurationError(
            f"the module {module.__name__} has no tools: put @tool above its functions"
        )
    yield from marks


def _named(name: object, tool: Any) -> Mark:
    if not isinstance(name, str):
        raise ConfigurationError(f"tools= got the key {name!r}: a tool's name is a string")
    if isinstance(tool, SchemaTool) and tool.declaration.name == name:
        return tool.mark()
    if isinstance(tool, str):
        tool = registry.get(tool).target
    own = mark_of(tool)
    if own is not None and own.name == name and own.target is tool:
        return own
    if own is None and not inspect.isroutine(tool) and (whose := who_takes(tool)) is not None:
        raise ConfigurationError(f"tools= cannot use {whose}")
    if not callable(tool):
        raise ConfigurationError(f"tools= cannot use {tool!r:.200} as {name!r}: give a function")
    return mark_for(tool, name=name)


def _merged(old: Mapping[str, Mark], new: Iterable[Mark]) -> dict[str, Mark]:
    merged = dict(old)
    for mark in new:
        known = merged.get(mark.name)
        if known is None:
            merged[mark.name] = mark
        elif known is not mark and known.target != mark.target:
            _clash(known, mark)
    return merged


def _clash(one: Mark, other: Mark) -> NoReturn:
    sources = [source_of(mark) for mark in (one, other)]
    if any(source is not None and "MCP" in source for source in sources):
        hint = "give the server's tools names of their own with ClientOptions(prefix='...')"
    elif None in sources:
        hint = (
            "give one another name with @tool(name=...) or as a mapping, tools={'name': function}"
        )
    else:
        hint = "give one another name where it was made, or take it in once"
    shown = [
        f"{mark.target!r:.200}" if source is None else f"that of {source}"
        for mark, source in zip((one, other), sources, strict=True)
    ]
    raise RegistryError(
        f"two of this session's tools are called {one.name!r}: {shown[0]} and {shown[1]}; {hint}"
    )


def _not_held(name: object, marks: Mapping[str, Mark]) -> None:
    near = nearest_of(name, marks)
    hint = f"; did you mean {near!r}?" if near else ""
    shown = ", ".join(list(marks)[:20]) or "none"
    raise RegistryError(f"this session has no tool {name!r}{hint} (it has: {shown})")
