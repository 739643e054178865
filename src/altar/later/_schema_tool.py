"""SchemaTool: a tool that has a declaration and no Python signature."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from altar.adm import FunctionDeclaration
from altar.errors import ConfigurationError
from altar.later._binding import BindError, EmittedBind, ReadArgs
from altar.later._coercion import Coercion, check_text, has_whole_float, plain_kinds, plain_source
from altar.later._entry import DEFAULTS, Entry
from altar.later._kept import Kept
from altar.later._mark import APPROVAL_FIELD, Mark, ToolOptions, fields_said
from altar.later.hints._nodes import MAX_INT, MIN_INT
from altar.later.hints._report import Report

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar.later._context import Context

__all__ = ["SchemaTool", "source_of"]


_LANE = """\
    coercions = ()
    if {plain}:
        args = {{**args}}
    else:
        try:
            args, coercions = read(args, strict)
        except Exception:
            return None
        if args is None:
            return None
"""


class _SchemaEntry(Entry):
    """A tool described by a schema: checked against it, called with the object itself."""

    __slots__ = ("_check", "_coercion", "_plain", "_required", "source")

    def __init__(self, tool: SchemaTool) -> None:
        function = tool.function
        self.name = tool.declaration.name
        self.source = tool.source
        self.target = function
        self.options = tool.options
        self.kind = _kind_of(function)
        self.context = "context" if tool.takes_context else None
        self.deps = None
        self.uses = 0
        self.factory = None
        document = tool.declaration.parameters.document
        self._check = tool.declaration.check_args
        self._coercion = Coercion(document)
        self._plain = plain_kinds(document)
        self._required = frozenset(tool.declaration.parameters.required)

    def bind(
        self,
        args: dict[str, Any],
        *,
        strict: bool,
        context: Context[Any] | None,
    ) -> Any:
        if args.__class__ is dict and self._is_plain(args):
            own = {**args}
            return _Given((own,) if self.context is None else (own, context), [])
        report = Report(strict=strict or self.options.strict)
        plain = args.told(report) if isinstance(args, ReadArgs) else args
        if plain is not None:
            plain = self._read(plain, report)
        if plain is None or report.problems:
            raise BindError(tuple(report.problems), missed=report.missed)
        given = (plain,) if self.context is None else (plain, context)
        return _Given(given, report.coercions)

    def _read(self, args: dict[str, Any], report: Report) -> dict[str, Any]:
        """The arguments, coerced; every problem is told to ``report``."""
        try:
            check_text(args, None, report)
            problems = self._check(args)
            if not report.strict and (problems or has_whole_float(args)):
                read = self._coercion.of(args, report)
                if read is not args:
                    problems = self._check(read)
                args = read
            report.problems += problems
            return args if report.problems else _copied(args)
        except RecursionError:
            report.note(None, "arguments that nest less deeply", "deeper nesting", "depth")
            return args

    def emit(self) -> EmittedBind:
        """The source of ``bind`` for a lane: nothing is done for plain arguments."""
        plain = plain_source(self._plain, self._required)
        names = {"fn": self.target, "read": self._read_in_lane, "nothing": object()}
        takes = "" if self.context is None else ", context"
        lines = _LANE.format(plain=plain or "False").splitlines()
        return EmittedBind(lines, f"fn(args{takes})", names, coerces=True)

    def _read_in_lane(
        self, args: dict[str, Any], strict: bool
    ) -> tuple[dict[str, Any] | None, list[dict[str, str]]]:
        """The arguments and what was coerced; None for what the general way must refuse."""
        report = Report(strict=strict or self.options.strict)
        found = self._read(args, report)
        return None if report.problems else found, report.coercions

    def _is_plain(self, args: dict[str, Any]) -> bool:
        """Whether nothing is left to check or to coerce: scalars of the types asked for."""
        kinds = self._plain
        if kinds is None:
            return False
        for name, value in args.items():
            cls = value.__class__
            if name not in kinds or cls not in kinds[name]:
                return False
            if cls is str:
                if not value.isascii():
                    return False
            elif cls is float:
                if value - value != 0.0:
                    return False
            elif cls is int and not MIN_INT <= value <= MAX_INT:
                return False
        return self._required <= args.keys()


def _copied(value: Any) -> Any:
    """The value for the tool to keep: what it changes in it, nobody else sees."""
    cls = value.__class__
    if cls is dict:
        return {name: _copied(item) for name, item in value.items()}
    return [_copied(item) for item in value] if cls is list else value


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
    it whatever they say, and the declaration says what they say. ``source`` says
    whose tool it was, for messages; an importer fills it in.
    """

    __slots__ = ("_kept", "declaration", "function", "options", "source", "takes_context")

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
        said = fields_said(self.options)
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
        self.source = ""
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


def source_of(mark: Mark) -> str | None:
    """Whose tool an imported one was, as far as is known; None for a tool with a signature."""
    if mark.prepared.__class__ is not _SchemaEntry:
        return None
    source: str = mark.prepared.source
    return source[:100] or f"the schema {mark.name!r}"


def _needing_approval(options: ToolOptions) -> ToolOptions:
    same = {slot: getattr(options, slot) for slot in ToolOptions.__slots__}
    return ToolOptions(**{**same, "approval": True})


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
