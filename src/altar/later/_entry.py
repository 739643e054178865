"""Entry: everything the executor keeps about one tool, made when it is first called."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from altar.adm import FunctionDeclaration
from altar.errors import ConfigurationError
from altar.later._binding import BindError, ReadArgs, compile_binder
from altar.later._kept import Kept
from altar.later._mark import APPROVAL_FIELD, Mark, ToolOptions, fields_said
from altar.later._signature import read_signature
from altar.later.hints._report import Report

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar.later._binding import Binder
    from altar.later._context import Context

__all__ = ["DEFAULTS", "Entry", "SchemaTool", "entry_of"]

DEFAULTS = ToolOptions()


class Entry:
    """A tool as the executor sees it.

    ``kind`` is "sync", "async", "generator" or "async_generator"; ``uses``
    counts the calls that went the general way, and ``factory`` is the
    compiled fast lane (None: not tried, False: there can be none). ``deps``
    names the type of the dependencies it cannot do without, or is None.
    """

    __slots__ = (
        "_binder",
        "context",
        "deps",
        "factory",
        "kind",
        "name",
        "options",
        "target",
        "uses",
    )

    def __init__(self, mark: Mark) -> None:
        signature = read_signature(mark.target, mark=mark)
        self.name = mark.name
        self.target: Callable[..., Any] = mark.target
        self.options = mark.options or DEFAULTS
        self.kind: str = signature.kind
        self.context: str | None = signature.context
        self.deps = signature.deps
        self.uses = 0
        self.factory: Any = None
        self._binder: Binder = compile_binder(signature)

    def bind(self, args: dict[str, Any], *, strict: bool, context: Context[Any] | None) -> Any:
        """Python arguments (``.args``, ``.kwargs``, ``.coercions``); raises BindError."""
        return self._binder.bind(args, strict=strict or self.options.strict, context=context)

    def emit(self) -> Any:
        """The source of the happy path of ``bind``, or None."""
        return self._binder.emit()


class _SchemaEntry(Entry):
    """A tool described by a schema: checked against it, called with the object itself."""

    __slots__ = ("_check",)

    def __init__(self, tool: SchemaTool) -> None:
        function = tool.function
        self.name = tool.declaration.name
        self.target = function
        self.options = tool.options
        self.kind = _kind_of(function)
        self.context = "context" if tool.takes_context else None
        self.deps = None
        self.uses = 0
        self.factory = False
        self._check = tool.declaration.parameters.check

    def bind(
        self,
        args: dict[str, Any],
        *,
        strict: bool,
        context: Context[Any] | None,
    ) -> Any:
        report = Report(strict=strict or self.options.strict)
        plain = args.told(report) if isinstance(args, ReadArgs) else args
        problems = tuple(report.problems) or self._check(plain, strict=report.strict)
        if plain is None or problems:
            raise BindError(problems)
        given = (plain,) if self.context is None else (plain, context)
        return _Given(given, report.coercions)


class _Given:
    """Bound arguments of a tool that takes the JSON object as it is."""

    __slots__ = ("args", "coercions", "kwargs")

    def __init__(self, args: tuple[Any, ...], coercions: list[dict[str, str]]) -> None:
        self.args = args
        self.kwargs: dict[str, Any] = {}
        self.coercions = coercions


class SchemaTool:
    """A tool that has a declaration but no Python signature, as adapters and bridges make.

    ``function`` takes the arguments as one JSON object, after they were
    checked against ``declaration``; with ``takes_context`` it takes the call's
    :class:`altar.Context` after them. It may be async, a generator or both, and
    what it returns or raises is treated as any tool's. ``options`` are those of
    the ``@tool`` decorator; a declaration that says ``x_requires_approval`` needs
    it whatever they say, and the declaration says what they say.
    """

    __slots__ = ("_kept", "declaration", "function", "options", "takes_context")

    def __init__(
        self,
        declaration: FunctionDeclaration,
        function: Callable[..., Any],
        *,
        options: ToolOptions | None = None,
        takes_context: bool = False,
    ) -> None:
        if not isinstance(declaration, FunctionDeclaration):
            raise ConfigurationError(
                f"SchemaTool({declaration!r}, ...): give an altar.FunctionDeclaration first"
            )
        if not callable(function):
            raise ConfigurationError(
                f"SchemaTool(..., {function!r}): give a function that takes the arguments as a dict"
            )
        self.options = options or DEFAULTS
        said = dict.fromkeys(fields_said(self.options), True)
        fields = declaration.extensions
        if fields.get(APPROVAL_FIELD) is True:
            self.options = _needing_approval(self.options)
        if not said.items() <= fields.items():
            declaration = FunctionDeclaration(
                name=declaration.name,
                description=declaration.description,
                parameters=declaration.parameters,
                extensions={**fields, **said},
            )
        self.takes_context = takes_context
        self.declaration = declaration
        self.function = function
        self._kept = Kept()

    def mark(self) -> Mark:
        """The mark under which a session holds this tool."""
        mark = Mark(
            self.function, self.declaration.name, self.declaration.description, self.options
        )
        mark.declaration = self.declaration
        mark.prepared = _SchemaEntry(self)
        mark.home = self._kept
        return mark

    def __repr__(self) -> str:
        return f"SchemaTool({self.declaration.name!r})"


def _needing_approval(options: ToolOptions) -> ToolOptions:
    same = {slot: getattr(options, slot) for slot in ToolOptions.__slots__}
    return ToolOptions(**{**same, "approval": True})


def entry_of(mark: Mark) -> Entry:
    """The entry of a mark, made on first use and kept with the mark.

    Two threads may make it at once; either one serves.
    """
    entry: Entry | None = mark.prepared
    if entry is None:
        entry = mark.prepared = Entry(mark)
    return entry


def _kind_of(function: Any) -> str:
    candidates = [function]
    if not inspect.isroutine(function):
        candidates.append(type(function).__call__)
    for candidate in candidates:
        if inspect.isasyncgenfunction(candidate):
            return "async_generator"
        if inspect.iscoroutinefunction(candidate):
            return "async"
        if inspect.isgeneratorfunction(candidate):
            return "generator"
    return "sync"
