"""Calls looked at before they are made: what altar would refuse, and what it would coerce."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from altar.adm import FunctionCall
from altar.later import Context
from altar.later._binding import BindError
from altar.later._coercion import Coercion
from altar.later._entry import Entry, entry_of
from altar.later._failure import bad_arguments, hidden, unknown
from altar.later._hushed import hushed
from altar.later.hints._report import Report

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar.adm import ToolResult
    from altar.later import Mark, Session

__all__ = ["CallCheck", "Checked"]

_MAX_NAME = 4096
_COMPILED_AT = 4  # looks at a tool: fewer are not worth the 0.2 ms


class Checked(NamedTuple):
    """What came of looking at a call.

    ``refused`` is the result with which altar would refuse it, or None;
    ``args`` are the arguments as JSON, coerced as the tool would find them.
    """

    refused: ToolResult | None
    args: dict[str, Any]


class CallCheck:
    """Checks the arguments of calls as ``session`` would, and does not run them.

    For frameworks that validate first and call later. Only unknown tools and
    bad arguments are found: whether a call may run (approval, limits, a closed
    session) is said when it is made. Validators of the tool's types do run.
    """

    __slots__ = ("_looks", "_session")

    def __init__(self, session: Session) -> None:
        self._session = session
        self._looks: dict[str, _Look] = {}

    def __call__(self, name: str, args: dict[str, Any]) -> Checked:
        """What altar would say of this call."""
        name = name[:_MAX_NAME]
        toolset = self._session._toolset  # noqa: SLF001 - altar's own session
        mark = toolset.marks.get(name)
        if mark is None:
            refuse = hidden if toolset.hides(name) else unknown
            return Checked(refuse(name, FunctionCall(name=name).call_id, toolset.marks), args)
        look = self._looks.get(name)
        if look is None or look.mark is not mark:
            look = self._looks[name] = _Look(mark)
        if look.fast is not None and args.__class__ is dict and look.fast(args) is True:
            return Checked(None, args)
        return look.at(args, self._session)


class _Look:
    """One tool; ``fast`` says True of arguments that need no second look."""

    __slots__ = ("coercion", "entry", "fast", "mark", "uses")

    def __init__(self, mark: Mark) -> None:
        self.mark = mark
        self.entry: Entry = entry_of(mark)
        self.fast: Callable[[dict[str, Any]], Any] | None = None
        self.coercion: Coercion | None = None
        self.uses = 0

    def at(self, args: dict[str, Any], session: Session) -> Checked:
        entry, name = self.entry, self.mark.name
        self.uses += 1
        if self.uses == _COMPILED_AT and type(entry) is Entry:
            self.fast = _compiled(entry)
        context = None if entry.context is None else Context[Any](tool_name=name, deps=session.deps)
        strict = session._local._strict  # noqa: SLF001 - as above
        call = FunctionCall(name=name, args=args)
        try:
            bound = entry.bind(args, strict=strict, context=context)
        except BindError as error:
            problems = hushed(error.problems, self.mark)
            return Checked(bad_arguments(name, call.call_id, problems, error.missed), args)
        if bound.coercions:
            if self.coercion is None:
                declared = next(one for one in session.declarations() if one.name == name)
                self.coercion = Coercion(declared.parameters.document)
            args = self.coercion.of(args, Report(strict=False))
        return Checked(None, args)


def _compiled(entry: Entry) -> Callable[[dict[str, Any]], Any] | None:
    emitted = entry.emit()
    if emitted is None:
        return None
    source = "def look(args):\n" + "\n".join(emitted.lines) + "\n    return True\n"
    space: dict[str, Any] = dict(emitted.namespace)
    exec(compile(source, f"<altar's look at {entry.name}>", "exec"), space)  # noqa: S102
    look: Callable[[dict[str, Any]], Any] = space["look"]
    return look
