"""How callers wait for an engine's answer: in a thread, on its loop, on another loop."""

from __future__ import annotations

import asyncio
import logging
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from altar.adm import ErrorObject, ToolResult
from altar.errors import ErrorType
from altar.trace import switch
from altar_extras.grid.client._faults import closed
from altar_extras.grid.wire import Fault, failed

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar.adm import FunctionCall
    from altar.runtime import CallContext
    from altar_extras.grid.client._engine import Engine
    from altar_extras.grid.client._options import CallOptions
    from altar_extras.grid.client._run import Run

__all__ = ["carry_across", "carry_here", "carry_in_thread"]

_log = logging.getLogger("altar.grid")
_RESULT, _CHUNK = 0, 1
_LOOK = 5.0  # seconds between looks whether the loop that is to answer is still there


class _Handle:
    """A run that was begun on another thread's loop, and how it is told to stop."""

    __slots__ = ("engine", "gone", "reason", "run")

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.run: Run | None = None
        self.reason: str | None = None
        self.gone = False

    def begin(
        self,
        call: FunctionCall,
        ctx: CallContext,
        options: CallOptions,
        emit: Callable[[Run, Any], None] | None,
        done: Callable[[ToolResult, Run | None], None],
    ) -> None:
        if self.gone:
            return
        try:
            self.run = self.engine.begin(call, ctx, options=options, emit=emit, done=_ended(done))
        except Exception:  # noqa: BLE001 - who waits on another thread must not wait for ever
            _log.exception("a call could not be begun")
            done(failed(call, _broken(), ctx.correlation_id), None)
        if self.reason is not None and self.run is not None:
            self.run.cancel(self.reason)

    def cancel(self, reason: str) -> None:
        """On the loop."""
        self.reason = reason
        if self.run is not None:
            self.run.cancel(reason)

    def abandon(self) -> None:
        """On the loop."""
        self.gone = True
        if self.run is not None:
            self.run.abandon()


class _Watch:
    """Tells a loop when another one, which was to answer, has ended."""

    __slots__ = ("_gone", "_here", "_there", "_timer")

    def __init__(
        self,
        here: asyncio.AbstractEventLoop,
        there: asyncio.AbstractEventLoop,
        gone: Callable[[], None],
    ) -> None:
        self._here = here
        self._there = there
        self._gone = gone
        self._timer = here.call_later(_LOOK, self._look)

    def _look(self) -> None:
        if self._there.is_closed():
            self._here.call_soon(self._gone)  # behind whatever it told last
        else:
            self._timer = self._here.call_later(_LOOK, self._look)

    def stop(self) -> None:
        """Look no more."""
        self._timer.cancel()


def carry_in_thread(
    engine: Engine, call: FunctionCall, ctx: CallContext, options: CallOptions
) -> ToolResult:
    """Carry out a call on the engine's loop and wait for it in this thread.

    ``ctx.emit`` is called here, in this thread: a slow listener slows its own tool alone.
    """
    answers: SimpleQueue[tuple[int, Any, Run | None]] = SimpleQueue()
    handle = _Handle(engine)
    listener = ctx.emit
    emit = None if listener is None else lambda run, chunk: answers.put((_CHUNK, chunk, run))
    tell = engine.loop.call_soon_threadsafe

    def stop() -> None:
        _tell(tell, handle.cancel, ctx.cancelled.reason or "cancelled")

    ctx.cancelled.on_cancel(stop)
    try:
        if not _tell(
            tell,
            handle.begin,
            call,
            ctx,
            options,
            emit,
            lambda result, run: answers.put((_RESULT, result, run)),
        ):
            return failed(call, closed(), ctx.correlation_id)
        while True:
            try:
                kind, value, run = answers.get(timeout=_LOOK)
            except Empty:
                if engine.loop.is_closed() and answers.empty():  # it ended as it was told
                    return failed(call, _gone(handle), ctx.correlation_id)
                continue
            if kind == _RESULT:
                return _finished(value, run, ctx)
            _listen(listener, value)
            if run is not None:
                _tell(tell, run.heard)
    except BaseException:  # a KeyboardInterrupt: nobody waits any more
        _tell(tell, handle.abandon)
        raise
    finally:
        ctx.cancelled.forget(stop)


async def carry_here(
    engine: Engine, call: FunctionCall, ctx: CallContext, options: CallOptions
) -> ToolResult:
    """Carry out a call on the running loop, which is the engine's."""
    loop = engine.loop
    answer: asyncio.Future[tuple[ToolResult, Run | None]] = loop.create_future()
    listener = ctx.emit
    run: Run | None = None

    def done(result: ToolResult, run: Run | None) -> None:
        if run is not None:
            engine.ended(run)
        if not answer.done():
            answer.set_result((result, run))

    def stop() -> None:
        if run is not None:
            _tell(loop.call_soon_threadsafe, run.cancel, ctx.cancelled.reason or "cancelled")

    def emit(run: Run, chunk: Any) -> None:
        _listen(listener, chunk)
        run.heard()

    run = engine.begin(
        call, ctx, options=options, emit=None if listener is None else emit, done=done
    )
    ctx.cancelled.on_cancel(stop)
    try:
        result, ended = await answer
    except BaseException:
        if run is not None:
            run.abandon()
        raise
    finally:
        ctx.cancelled.forget(stop)
    return _finished(result, ended, ctx)


async def carry_across(
    engine: Engine, call: FunctionCall, ctx: CallContext, options: CallOptions
) -> ToolResult:
    """Carry out a call on the engine's loop and wait for it on the running one."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[tuple[ToolResult, Run | None]] = loop.create_future()
    handle = _Handle(engine)
    listener = ctx.emit
    tell = engine.loop.call_soon_threadsafe

    def done(result: ToolResult, run: Run | None) -> None:
        _tell(loop.call_soon_threadsafe, settle, result, run)

    def settle(result: ToolResult, run: Run | None) -> None:
        if not answer.done():
            answer.set_result((result, run))

    def emit(run: Run, chunk: Any) -> None:
        _tell(loop.call_soon_threadsafe, hear, run, chunk)

    def hear(run: Run, chunk: Any) -> None:
        _listen(listener, chunk)
        _tell(tell, run.heard)

    def stop() -> None:
        _tell(tell, handle.cancel, ctx.cancelled.reason or "cancelled")

    def gone() -> None:
        settle(failed(call, _gone(handle), ctx.correlation_id), None)

    watch = _Watch(loop, engine.loop, gone)
    ctx.cancelled.on_cancel(stop)
    try:
        if not _tell(
            tell, handle.begin, call, ctx, options, None if listener is None else emit, done
        ):
            return failed(call, closed(), ctx.correlation_id)
        result, run = await answer
    except BaseException:
        _tell(tell, handle.abandon)
        raise
    finally:
        watch.stop()
        ctx.cancelled.forget(stop)
    return _finished(result, run, ctx)


def _finished(result: ToolResult, run: Run | None, ctx: CallContext) -> ToolResult:
    """A result as its caller gets it: with the correlation id, its spans taken over."""
    if run is not None and run.inv.spans and switch.tracer is not None:
        switch.tracer.adopt(run.inv.spans)
    error = result.error
    if error is None or not ctx.correlation_id or error.correlation_id is not None:
        return result
    told = ErrorObject(
        message=error.message,
        type=error.type,
        details=error.details,
        retry_allowed=error.retry_allowed,
        retry_after_ms=error.retry_after_ms,
        remediation_steps=error.remediation_steps,
        correlation_id=ctx.correlation_id,
    )
    return ToolResult(
        name=result.name, call_id=result.call_id, error=told, metadata=result.metadata
    )


def _gone(handle: _Handle) -> Fault:
    """The loop ended, and with it whatever it was told last."""
    return closed() if handle.run is None else _broken()


def _broken() -> Fault:
    return Fault(
        type=ErrorType.OUTCOME_UNKNOWN,
        reason="client_failed",
        message="The client failed; its log says how.",
        executed="unknown",
    )


def _ended(
    done: Callable[[ToolResult, Run | None], None],
) -> Callable[[ToolResult, Run | None], None]:
    def settle(result: ToolResult, run: Run | None) -> None:
        if run is not None:
            run.engine.ended(run)
        done(result, run)

    return settle


def _listen(listener: Callable[[Any], None] | None, chunk: Any) -> None:
    try:
        if listener is not None:
            listener(chunk)
    except Exception:  # noqa: BLE001 - the listener is not the tool
        _log.warning("a listener failed on a progress chunk", exc_info=True)


def _tell(tell: Callable[..., Any], *args: Any) -> bool:
    """Whether a loop could be told; one that has ended hears nothing."""
    try:
        tell(*args)
    except RuntimeError:
        _log.debug("a loop has ended before it could be told")
        return False
    return True
