"""One call in a worker: from the body of a CALL frame to the answer's."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from contextvars import copy_context
from time import monotonic
from typing import TYPE_CHECKING, Any, cast

from altar.adm import FunctionCall
from altar.errors import ErrorType
from altar.later._failure import clean, exhausted, failed, failure
from altar.later._log import log_failure, logger
from altar.later._worker_targets import RefusedError, Targets
from altar.runtime import CallContext, Cancellation

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar.adm import ToolResult
    from altar.later._worker_spans import Spans
    from altar.later._worker_targets import Tool

__all__ = ["Calls", "RefusedError"]

_MOST_RECORDS = 200
_LONGEST_RECORD = 8_000
_LONGEST_TRACEBACK = 16_000
_TO_THREAD = "asyncio.to_thread"
_PATIENCE = 0.02  # seconds that such threads may take to end


_TURNS = 4  # of the loop, in which cancelled tasks may clean up
_ASYNC = ("async", "async_generator")
_NOTHING = nullcontext()


class NotHereError(Exception):
    """A tool asked for an object that stayed in the process that called it."""


class Absent:
    """Stands for an object that does not cross; whatever is asked of it is refused."""

    def __init__(self, what: str) -> None:
        object.__setattr__(self, "_what", what)

    def __getattr__(self, name: str) -> Any:
        raise NotHereError(object.__getattribute__(self, "_what"))

    def __setattr__(self, name: str, value: Any) -> None:
        raise NotHereError(object.__getattribute__(self, "_what"))

    def _refuse(self, *_: Any) -> Any:
        raise NotHereError(object.__getattribute__(self, "_what"))

    __getitem__ = __call__ = __iter__ = __len__ = __enter__ = __aenter__ = _refuse

    def __repr__(self) -> str:
        return f"<{object.__getattribute__(self, '_what')}>"


_NO_SESSION = Absent(
    "ctx.session is not there in a worker process: let the tool return what is to be done next, "
    "or leave out isolate=True"
)
_NO_DEPS = Absent(
    "ctx.deps is not there in a worker process, because Python objects do not cross: let the "
    "tool's module make what it needs, or leave out isolate=True"
)


class Records(logging.Handler):
    """What a call logged to ``altar``, for the process that asked to log again."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        if len(self.kept) < _MOST_RECORDS:
            extra = {
                key: value
                for key in ("tool", "call_id", "correlation_id")
                if isinstance(value := getattr(record, key, None), str)
            }
            text = clean(self.format(record)[:_LONGEST_RECORD])
            self.kept.append({"level": record.levelno, "text": text, "extra": extra})

    def taken(self) -> list[dict[str, Any]]:
        """The records since the last time."""
        kept, self.kept = self.kept, []
        return kept


class Calls:
    """Carries calls out, one after another, in the main thread.

    ``restless`` is True when a task of asyncio could not be ended.
    """

    def __init__(self, main: str | None, chunk: Callable[[int, Any], None]) -> None:
        self._targets = Targets(main)
        self._chunk = chunk
        self._runner = asyncio.Runner()
        self._executor: ThreadPoolExecutor | None = None
        self._spans: Spans | None = None
        self.restless = False
        self._records = Records()
        logger.addHandler(self._records)
        self._calm = (sys.getrecursionlimit(), sys.getswitchinterval())

    def tool(self, doc: dict[str, Any]) -> tuple[Tool, bool]:
        """The tool a CALL names, and whether it was loaded just now. Raises RefusedError."""
        path, name, extra = doc["target"], doc["name"], doc["extra"]
        found = self._targets.get(path, name, extra)
        if found is not None:
            return found, False
        logger.setLevel(extra.get("log_level", logging.WARNING))
        tool = self._targets.load(path, name, extra)
        if tool.kind in _ASYNC:
            self._runner.get_loop()  # its descriptors belong to what the tool finds
        return tool, True

    def run(self, tool: Tool, doc: dict[str, Any], flag: Cancellation) -> dict[str, Any]:
        """The RESULT's parts: ``result``, and ``spans`` where there are some."""
        spans = self._recording(doc.get("traceparent"))
        try:
            with spans or _NOTHING:
                result = self._invoke(tool, doc, flag)
        except BaseException as error:  # noqa: BLE001 - KeyboardInterrupt of the tool's own, say
            sys.settrace(None)
            name, call_id = doc["name"], doc["call_id"]
            result = failed(name, call_id, error)
            log_failure("it failed", name, call_id, error)
        finally:
            self._calm_down()
        body: dict[str, Any] = {"result": self._document(result, doc)}
        found = spans.taken() if spans is not None else None
        if found:
            body["spans"] = found
        return body

    def _recording(self, header: str | None) -> Spans | None:
        """What keeps the spans of the next call, if somebody wants them."""
        if header is None:
            return None
        if self._spans is None:
            from altar.later._worker_spans import Spans  # noqa: PLC0415 - where there are traces

            self._spans = Spans()
        return self._spans.of(header)

    def _context(self, tool: Tool, doc: dict[str, Any], flag: Cancellation) -> CallContext:
        seconds, number = doc.get("seconds"), doc["id"]
        extra = doc["extra"]
        tool.deadline = None if seconds is None else monotonic() + seconds
        tool.deps = _NO_DEPS if extra.get("deps") else None
        tool.session = _NO_SESSION if doc.get("session") else None
        return CallContext(
            session_id=doc.get("session") or "",
            correlation_id=doc.get("correlation_id") or "",
            attempt=doc.get("attempt") or 1,
            emit=(lambda chunk: self._chunk(number, chunk)) if doc.get("emit") else None,
            cancelled=flag,
            approved=doc.get("approved") is True,
        )

    def _invoke(self, tool: Tool, doc: dict[str, Any], flag: Cancellation) -> ToolResult:
        lane = tool.lanes.get(doc["name"])
        if lane is not None:  # as a session would
            result: ToolResult | None = copy_context().run(lane, doc["args"], doc["call_id"])
            if result is not None:
                return result
        call = FunctionCall(name=doc["name"], args=doc["args"], call_id=doc["call_id"])
        ctx = self._context(tool, doc, flag)
        if tool.kind in _ASYNC:
            try:
                return self._runner.run(self._awaited(tool, call, ctx), context=copy_context())
            finally:
                self._end_threads()
        return copy_context().run(tool.invoke, call, ctx)  # what it sets is not the next one's

    async def _awaited(self, tool: Tool, call: FunctionCall, ctx: CallContext) -> ToolResult:
        if self._executor is None:
            self._executor = ThreadPoolExecutor(thread_name_prefix=_TO_THREAD)
            asyncio.get_running_loop().set_default_executor(self._executor)
        try:
            return await tool.ainvoke(call, ctx)
        finally:
            await self._end_tasks()

    async def _end_tasks(self) -> None:
        """Cancel the tasks a tool left, as ``asyncio.run`` does; ``restless`` where one runs on."""
        left = asyncio.all_tasks()
        if len(left) == 1:  # this one
            return
        left.discard(cast("asyncio.Task[Any]", asyncio.current_task()))
        for task in left:
            task.cancel()
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        self.restless = not all(task.done() for task in left)

    def _end_threads(self) -> None:
        """End the threads of ``asyncio.to_thread``; those that do not end are told of."""
        used = [thread for thread in threading.enumerate() if thread.name.startswith(_TO_THREAD)]
        if used and self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)
            self._executor = None
            for thread in used:
                thread.join(_PATIENCE)

    def _calm_down(self) -> None:
        """Take back what a tool may have set for the whole interpreter."""
        sys.settrace(None)
        sys.setprofile(None)
        threading.settrace(None)
        sys.setrecursionlimit(self._calm[0])
        sys.setswitchinterval(self._calm[1])

    def _document(self, result: ToolResult, doc: dict[str, Any]) -> dict[str, Any]:
        cause, name, call_id = result.cause, result.name, result.call_id
        if result.error is None and not (result.metadata or self._records.kept):
            return {"status": "SUCCESS", "content": result.content}
        if isinstance(cause, NotHereError):
            kind = ErrorType.CONFIGURATION_ERROR
            result = failure(name, call_id, str(cause), type=kind, retry=False, cause=cause)
        elif isinstance(cause, MemoryError) and doc.get("memory_mb"):
            text = f"The tool {name!r} needed more memory than its {doc['memory_mb']} MB."
            result = exhausted(name, call_id, text)
        found = result.to_dict()
        report: dict[str, Any] = {}
        if result.error is not None and cause is not None:
            report["traceback"] = clean(_traceback(cause))
        records = self._records.taken()
        if records:
            report["logs"] = records
        if report:
            found["x_worker"] = report
        return found


def _traceback(error: BaseException) -> str:
    try:
        lines = traceback.format_exception(error)
    except Exception:  # noqa: BLE001 - an exception class of the tool's, with faults of its own
        return type(error).__name__
    return "".join(lines)[-_LONGEST_TRACEBACK:]
