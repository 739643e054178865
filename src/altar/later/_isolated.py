"""Isolated calls: bound here, run by a worker process, and answered as if they had run here."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from altar.adm import FunctionCall
from altar.errors import ErrorType
from altar.isolate import Target, default_pool
from altar.isolate._wire import HARD_LIMIT
from altar.later._crossing import way_to
from altar.later._entry import Entry
from altar.later._failure import failure
from altar.later._log import logger
from altar.trace import switch

if TYPE_CHECKING:
    from altar.adm import ToolResult
    from altar.isolate import ProcessPool
    from altar.later._limits import SessionLimits
    from altar.later._plan import Plan

__all__ = ["Crossing", "WorkerTraceback"]

_ESCAPED = 6  # bytes that JSON in ASCII may need for one of UTF-8
_BESIDE = 131_072  # bytes for what stands beside a result's content: error, notes, log records
_REPORT = "x_worker"
_USUAL = {
    "schema": False,
    "context": False,
    "deps": False,
    "log_level": logging.WARNING,
    "strict": False,
    "tool_strict": False,
    "idempotent": False,
    "expose_errors": False,
    "max_result_bytes": 65_536,
    "max_chunks": 100_000,
}


_UNTOLD = "cannot be loaded in a worker process."
# what a worker's reason says, and what is said of it here
_STEPS = {
    'if __name__ == "__main__":': (
        "A worker imports the program's file, which began its work on import: put what starts the "
        'program below `if __name__ == "__main__":`, and leave imports and functions above it.'
    ),
    "a fresh interpreter cannot import": (
        "A worker does not find the tool's module: install it, or put its folder on sys.path "
        "before the first isolated call; result.cause lists the folders."
    ),
    "was imported, but holds no": (
        "The tool's module holds no such function in a worker: define it at the top level of its "
        "module, whatever the process is."
    ),
    "has no file": (
        "The program has no file that a worker could import: put the tool in a file and import it, "
        "or leave out isolate=True."
    ),
}
_OTHERWISE = (
    "Importing the tool's module raised an exception in a worker: result.cause holds its "
    "traceback, and `altar call FILE:TOOL` shows it."
)


class WorkerTraceback(Exception):  # noqa: N818 - what it stands for, not what went wrong
    """Stands for the exception that a tool raised in a worker process; its text is the traceback.

    The exception itself does not cross: nothing that a worker says is unpickled.
    """

    def __str__(self) -> str:
        return "\n" + str(self.args[0]) if self.args else ""


class Crossing:
    """How the tools of one LocalRuntime run in worker processes.

    ``pool`` is None for the pool of the process.
    """

    def __init__(self, limits: SessionLimits, *, strict: bool, pool: ProcessPool | None) -> None:
        self._limits = limits
        self._strict = strict
        self._own_pool = pool
        self._targets: dict[tuple[Entry, bool, int], Target] = {}
        self._sessions: set[str] = set()

    def invoke(self, plan: Plan) -> ToolResult:
        """Run a bound call in a worker and wait for its result."""
        target = self._target(plan)
        if not isinstance(target, Target):
            return target
        ctx = plan.ctx if plan.report is None else plan.ctx.replace(emit=plan.report)
        return _arrived(plan, self._pool().invoke(_sent(plan), ctx, target=target))

    async def ainvoke(self, plan: Plan) -> ToolResult:
        """Run a bound call in a worker without blocking the event loop."""
        target = self._target(plan)
        if not isinstance(target, Target):
            return target
        ctx = plan.ctx if plan.report is None else plan.ctx.replace(emit=plan.report)
        return _arrived(plan, await self._pool().ainvoke(_sent(plan), ctx, target=target))

    def close(self) -> None:
        """Free what the pool of the process keeps for the session that came this way."""
        while self._sessions:
            default_pool().end_session(self._sessions.pop())

    def _pool(self) -> ProcessPool:
        return self._own_pool or default_pool()

    def _target(self, plan: Plan) -> Target | ToolResult:
        """Where the call goes; made once for each tool."""
        entry, session = plan.entry, plan.ctx.session_id
        if session and self._own_pool is None:
            self._sessions.add(session)
        key = (entry, plan.ctx.deps is not None, logger.getEffectiveLevel())
        found = self._targets.get(key)
        if found is None:
            way = way_to(entry)
            if isinstance(way, str):
                return _cannot(plan, way)
            options, limits = entry.options, self._limits
            extra = {
                "behind": way.behind,
                "main": way.main,
                "file": way.file,
                "schema": type(entry) is not Entry,
                "context": type(entry) is not Entry and entry.context is not None,
                "deps": key[1],
                "log_level": key[2],
                "strict": self._strict,
                "tool_strict": options.strict,
                "idempotent": options.idempotent,
                "expose_errors": options.expose_errors,
                "max_result_bytes": limits.max_result_bytes,
                "max_chunks": limits.max_chunks,
            }
            found = self._targets[key] = Target(
                way.path,
                timeout=options.timeout,
                memory_mb=options.memory_mb,
                idempotent=options.idempotent,
                max_bytes=min(HARD_LIMIT, limits.max_result_bytes * _ESCAPED + _BESIDE),
                # each call carries it, and a worker reads it: what is as usual is left out
                extra={key: value for key, value in extra.items() if value != _USUAL.get(key)},
                on_spans=_adopt,
            )
        return found


def _sent(plan: Plan) -> FunctionCall:
    """The call as a worker gets it: of a tool with only a schema, with what was coerced here."""
    if type(plan.entry) is Entry or not plan.bound.coercions:
        return plan.call
    return FunctionCall(name=plan.call.name, call_id=plan.call.call_id, args=plan.bound.args[0])


def _adopt(spans: list[Any]) -> None:
    tracer = switch.tracer
    if tracer is not None:
        tracer.adopt(spans)


def _cannot(plan: Plan, why: str) -> ToolResult:
    name = plan.entry.name
    return failure(
        name,
        plan.call.call_id,
        f"The tool {name!r} cannot run in a worker process: {why}.",
        type=ErrorType.CONFIGURATION_ERROR,
        steps=("Go on without this tool: only the application can set it up.",),
        retry=False,
    )


def _arrived(plan: Plan, result: ToolResult) -> ToolResult:
    """The result with what only this process knows, and the worker's report acted upon."""
    put = object.__setattr__
    if result.extensions:
        _take_report(plan, result)
    error = result.error
    if error is None:
        coercions = plan.bound.coercions
        if coercions or (result.metadata and "coercions" in result.metadata):
            metadata = {"coercions": list(coercions)} if coercions else {}
            rest = result.metadata or {}
            metadata |= {key: value for key, value in rest.items() if key != "coercions"}
            put(result, "metadata", metadata or None)
    elif error.type == ErrorType.CONFIGURATION_ERROR and result.cause is not None:
        why = str(result.cause).partition("\n")[0]  # a traceback below it is for result.cause
        logger.warning("tool %r cannot be loaded in a worker: %s", result.name, why)
        if error.message.endswith(_UNTOLD):
            put(error, "message", f"{error.message} {_step(why)}")
    return result


def _step(why: str) -> str:
    """What the application is to do, in altar's own words: a model may read it, so that
    neither folders nor what an exception said are in it.
    """
    return next((step for sign, step in _STEPS.items() if sign in why), _OTHERWISE)


def _take_report(plan: Plan, result: ToolResult) -> None:
    extensions = result.extensions
    report = extensions.get(_REPORT)
    if report is None:
        return
    rest = {key: value for key, value in extensions.items() if key != _REPORT}
    object.__setattr__(result, "_extensions", rest)
    if report.__class__ is not dict:
        return
    text = report.get("traceback")
    if isinstance(text, str) and result.error is not None and result.cause is None:
        object.__setattr__(result, "cause", WorkerTraceback(text))
    records = report.get("logs")
    if isinstance(records, list):
        for record in records:
            _log_again(record, plan)


def _log_again(record: Any, plan: Plan) -> None:
    """One record of the worker's logger ``altar``, in this process's."""
    if record.__class__ is not dict:
        return
    level, text, extra = record.get("level"), record.get("text"), record.get("extra")
    if type(level) is int and isinstance(text, str) and isinstance(extra, dict):
        facts = {key: extra[key] for key in ("tool", "call_id", "correlation_id") if key in extra}
        logger.log(min(max(level, 0), logging.CRITICAL), "%s", text, extra=facts)
