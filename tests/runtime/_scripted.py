"""Scripted, a runtime that answers what a test says, and Hand, a clock that a test turns."""

from __future__ import annotations

import gc
import signal
import sys
import threading
import time

from altar.adm import ErrorObject, FunctionCall, ToolResult
from altar.resilience import Clock
from altar.runtime import CallContext
from altar.runtime._pool import Gate, WorkerPool
from tests.waiting import PATIENCE, soon


class Hand(Clock):
    """Time that passes when somebody sleeps, or when a test says so."""

    def __init__(self):
        self.time = 1000.0
        self.slept = []

    def now(self):
        return self.time

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.time += seconds

    async def asleep(self, seconds):
        self.sleep(seconds)

    def jitter(self):
        return 1.0


class Prompt(WorkerPool):
    """A pool that gives a job out once ``begun`` is set, which its body does, and not before:
    so no time that is measured from then on is over before the body began.
    """

    def __init__(self, begun):
        super().__init__()
        self.begun = begun

    def submit(self, work):
        job = super().submit(work)
        assert self.begun.wait(PATIENCE)
        return job


def press_ctrl_c():
    """Interrupt the main thread once it waits at a gate, as it does for a call."""
    main = threading.main_thread().ident

    def waits():
        gc.disable()  # Python 3.11 may stand still for ever where frames are asked for and it collects
        try:
            return sys._current_frames()[main].f_code is Gate.wait.__code__
        finally:
            gc.enable()

    assert soon(waits)
    while waits():
        time.sleep(0.02)  # into the wait: a signal on the way there would not end it
        signal.pthread_kill(main, signal.SIGINT)
        soon(lambda: not waits(), 10)  # a second one would come to whatever runs then


class Scripted:
    """Answers with the next of ``outcomes`` each time, then with "ok".

    An outcome is content, an ErrorObject, an exception, or a function of
    (call, ctx) that returns one of these.
    """

    honours_deadline = True

    def __init__(self, *outcomes):
        self.outcomes = list(outcomes)
        self.seen = []

    def invoke(self, call, ctx):
        self.seen.append((call, ctx))
        outcome = self.outcomes.pop(0) if self.outcomes else "ok"
        if callable(outcome) and not isinstance(outcome, type):
            outcome = outcome(call, ctx)
        if isinstance(outcome, BaseException):
            raise outcome
        if isinstance(outcome, ErrorObject):
            return ToolResult(name=call.name, call_id=call.call_id, error=outcome)
        return ToolResult(name=call.name, call_id=call.call_id, content=outcome)

    async def ainvoke(self, call, ctx):
        return self.invoke(call, ctx)

    @property
    def ran(self):
        return len(self.seen)

    def __repr__(self):
        return "Scripted"


def error(kind="SERVICE_UNAVAILABLE", *, again=None, after=None, **details):
    """An error; ``after`` is in seconds."""
    return ErrorObject(
        message="It failed.",
        type=kind,
        retry_allowed=again,
        retry_after_ms=None if after is None else round(after * 1000),
        details=details or None,
    )


def call(name="read", id_=None, **args):
    return FunctionCall(name=name, args=args, call_id=id_)


def context(**fields):
    return CallContext(**fields)
