"""RateLimit, ConcurrencyLimit and Bulkhead: how many calls a second, and how many at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from altar.errors import ErrorType
from altar.resilience import SYSTEM_CLOCK, Clock, Slots, TokenBucket
from altar.resilience._checks import check_kind, check_number, check_whole
from altar.runtime._answers import cancelled, given_up, refusal, spoken
from altar.runtime._keyed import Keyed
from altar.runtime._waits import Pause, Turn, at_most, held_places, restore
from altar.runtime._wrapper import Wrapper
from altar.trace import event, switch

if TYPE_CHECKING:
    from altar.adm import FunctionCall, ToolResult
    from altar.runtime._protocol import CallContext, Runtime
    from altar.runtime._wrapper import Steps

__all__ = ["Bulkhead", "ConcurrencyLimit", "RateLimit"]

_SECONDS = "a number of seconds"


class RateLimit(Wrapper):
    """Lets ``rate`` calls a second through, and ``burst`` at once after a rest.

    ``rate`` may be a :class:`altar.resilience.TokenBucket`, which several
    runtimes then share. A call waits for its turn up to ``max_wait`` seconds,
    and no longer than its deadline; one that would have to wait longer is
    answered at once with RATE_LIMIT_EXCEEDED, and with when to come back. The
    turn of one that is broken off while it waits goes back, unless another
    call waits behind it already.
    """

    __slots__ = ("_clock", "bucket", "max_wait")

    def __init__(
        self,
        inner: Runtime,
        rate: float | TokenBucket,
        *,
        burst: int | None = None,
        max_wait: float = 0.0,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        super().__init__(inner)
        check_number("RateLimit", "max_wait", max_wait, _SECONDS)
        check_kind("RateLimit", "clock", clock, Clock, "Clock()")
        if not isinstance(rate, TokenBucket):
            rate = TokenBucket(rate, burst, clock=clock.now)
        self.bucket = rate
        self.max_wait = max_wait
        self._clock = clock

    def steps(self, call: FunctionCall, ctx: CallContext) -> Steps:
        if ctx.cancelled.reason is not None:  # it will not run, and needs no token
            return cancelled(call, ctx)
        if self.bucket.take() > 0.0:
            most = self.max_wait
            if most and ctx.deadline is not None:
                most = min(most, max(0.0, ctx.deadline - self._clock.now()))
            wait, token = self.bucket.reserve(most)
            if switch.tracer is not None:
                event("rate_limited", {"wait_s": wait})
            if token is None:
                return _too_fast(call, ctx, wait)
            waited = False
            try:
                if wait > 0.0:
                    yield Pause(self._clock, wait, ctx.cancelled)
                waited = ctx.cancelled.reason is None
            finally:
                if not waited:
                    self.bucket.give_back(token)
            if not waited:
                return cancelled(call, ctx)
        result: ToolResult = yield ctx
        return result

    def printed(self) -> str:
        return f"RateLimit({self.bucket.rate:g}/s)"


def _too_fast(call: FunctionCall, ctx: CallContext, wait: float) -> ToolResult:
    return refusal(
        call,
        ctx,
        f"Too many calls for now: the next may begin in {spoken(wait)} s.",
        type=ErrorType.RATE_LIMIT_EXCEEDED,
        retry_after=wait,
        step="Wait before calling again, or go on without this result.",
    )


class ConcurrencyLimit(Wrapper):
    """Lets ``limit`` calls run at once; others wait in the order in which they came.

    ``limit`` may be :class:`altar.resilience.Slots`, which several runtimes
    then share; ``max_queue`` is then theirs. A call waits up to ``max_wait``
    seconds, and no longer than its deadline. One that finds ``max_queue`` calls
    waiting, or waits too long, is answered with RESOURCE_EXHAUSTED and may be
    sent again. A call that a tool makes within its own call runs on its
    caller's slot: waiting for another could never end.
    """

    __slots__ = ("max_wait", "slots")

    def __init__(
        self,
        inner: Runtime,
        limit: int | Slots,
        *,
        max_queue: int | None = 1000,
        max_wait: float | None = 60.0,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        super().__init__(inner)
        check_number("ConcurrencyLimit", "max_wait", max_wait, _SECONDS, none=True)
        check_kind("ConcurrencyLimit", "clock", clock, Clock, "Clock()")
        if not isinstance(limit, Slots):
            limit = Slots(limit, max_queue=max_queue, clock=clock)
        self.slots = limit
        self.max_wait = max_wait

    def steps(self, call: FunctionCall, ctx: CallContext) -> Steps:
        return _in_turn(self.slots, call, ctx, self.max_wait)

    def printed(self) -> str:
        return f"ConcurrencyLimit({self.slots.limit})"


class Bulkhead(Wrapper):
    """Lets ``limit`` calls of each tool run at once, so that a slow one cannot take every place.

    Otherwise as :class:`ConcurrencyLimit`, with a queue for each tool.
    """

    __slots__ = ("_clock", "_keyed", "limit", "max_queue", "max_wait")

    def __init__(
        self,
        inner: Runtime,
        limit: int,
        *,
        max_queue: int | None = 1000,
        max_wait: float | None = 60.0,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        super().__init__(inner)
        check_whole("Bulkhead", "limit", limit, 1)
        check_whole("Bulkhead", "max_queue", max_queue, 0, none=True)
        check_number("Bulkhead", "max_wait", max_wait, _SECONDS, none=True)
        check_kind("Bulkhead", "clock", clock, Clock, "Clock()")
        self.limit = limit
        self.max_queue = max_queue
        self.max_wait = max_wait
        self._clock = clock
        self._keyed: Keyed[Slots] = Keyed(self._slots, _is_unused, busy=True)

    def steps(self, call: FunctionCall, ctx: CallContext) -> Steps:
        return _in_turn(self._keyed.get(call.name), call, ctx, self.max_wait)

    def printed(self) -> str:
        return f"Bulkhead({self.limit})"

    def _slots(self) -> Slots:
        return Slots(self.limit, max_queue=self.max_queue, clock=self._clock)


def _is_unused(slots: Slots) -> bool:
    return slots.free == slots.limit


def _in_turn(slots: Slots, call: FunctionCall, ctx: CallContext, max_wait: float | None) -> Steps:
    above = held_places.get()
    if above and any(place.held and place.slots is slots for place in above):
        result: ToolResult = yield ctx
        return result
    place = slots.enter()
    if place is None:
        if switch.tracer is not None:
            event("queued", {"wait_s": 0.0})
        return _full(call, ctx, f"{slots.max_queue} calls wait already", 1.0)
    try:
        if not place.held:
            most = at_most(max_wait, ctx, slots.clock)
            began = slots.clock.now()
            held = yield Turn(place, most, ctx.cancelled)
            if switch.tracer is not None:
                event("queued", {"wait_s": max(0.0, slots.clock.now() - began)})
            if not held:
                if ctx.cancelled.reason is not None or most != max_wait:
                    return given_up(call, ctx)
                return _full(call, ctx, f"none was free within {spoken(max_wait or 0.0)} s", 1.0)
        token = held_places.set((*above, place))
        try:
            result = yield ctx
        finally:
            restore(held_places, token)
        return result
    finally:
        place.leave()


def _full(call: FunctionCall, ctx: CallContext, why: str, retry_after: float) -> ToolResult:
    return refusal(
        call,
        ctx,
        f"Too many calls at once: {why}.",
        type=ErrorType.RESOURCE_EXHAUSTED,
        retry_after=retry_after,
        step="Call again later, or go on without this result.",
    )
