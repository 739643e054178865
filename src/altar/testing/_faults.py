"""Faults: a runtime in which chosen calls go wrong, the same ones each time."""

from __future__ import annotations

import random
from dataclasses import KW_ONLY, dataclass
from itertools import count
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from altar.adm import ErrorObject, FunctionCall, ToolResult
from altar.errors import ConfigurationError, ErrorType
from altar.resilience import SYSTEM_CLOCK, Clock
from altar.runtime import Wrapper

if TYPE_CHECKING:
    from collections.abc import Sequence

    from altar.runtime import CallContext, Runtime, Steps

__all__ = ["Faults", "Mishap", "MishapKind", "RuntimeFaultError"]

MishapKind: TypeAlias = Literal["delay", "error", "hang", "raise", "wrong_id"]
_KINDS: tuple[str, ...] = get_args(MishapKind)
_FOREVER = float("inf")


class RuntimeFaultError(RuntimeError):
    """What a ``raise`` mishap raises: a bug in a runtime."""


@dataclass(frozen=True, slots=True)
class Mishap:
    """Something that goes wrong with some calls.

    ``error`` answers with an error of type ``error``, which says that the call
    may be sent again when ``retry_after`` (seconds) is given; ``raise`` raises
    RuntimeFaultError;
    ``delay`` waits ``seconds`` and goes on; ``hang`` answers nothing until the
    call is cancelled, whatever its deadline; ``wrong_id`` answers under
    another call's id.

    It strikes the calls that fit all of what is given: their number, from 1 on
    (``call``: one, or several), the tool's name, and a ``share`` from 0 to 1
    drawn from the seed.
    """

    kind: MishapKind
    _: KW_ONLY
    call: int | tuple[int, ...] | None = None
    tool: str | None = None
    share: float = 1.0
    error: str = ErrorType.SERVICE_UNAVAILABLE
    retry_after: float | None = None
    seconds: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in _KINDS:
            raise ConfigurationError(
                f"Mishap({self.kind!r}) is no kind of mishap; there are: {', '.join(_KINDS)}"
            )
        if not 0 <= self.share <= 1:
            raise ConfigurationError(
                f"Mishap(share={self.share!r}): a number from 0 to 1; type Mishap(share=0.1)"
            )


class Faults(Wrapper):
    """Carries calls out, apart from those that a mishap of ``plan`` strikes; the first one counts.

    The same calls in the same order meet the same mishaps: chance comes from
    ``seed`` and the call's number alone. ``struck`` lists what happened, as
    (number of the call, kind).
    """

    __slots__ = ("_clock", "_numbers", "_seed", "plan", "struck")

    def __init__(
        self,
        inner: Runtime,
        plan: Sequence[Mishap],
        *,
        seed: int = 0,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        super().__init__(inner)
        if not all(isinstance(one, Mishap) for one in plan):
            raise ConfigurationError(
                f'Faults(plan={plan!r:.60}): give Mishaps; type [Mishap("error", call=2)]'
            )
        self.plan = tuple(plan)
        self.struck: list[tuple[int, MishapKind]] = []
        self._seed = seed
        self._clock = clock
        self._numbers = count(1)

    @property
    def honours_deadline(self) -> bool:
        """False: what hangs is to be ended by somebody else."""
        return False

    def steps(self, call: FunctionCall, ctx: CallContext) -> Steps:
        number = next(self._numbers)
        mishap = self._mishap(number, call)
        if mishap is None:
            result: ToolResult = yield ctx
            return result
        self.struck.append((number, mishap.kind))
        if mishap.kind == "raise":
            raise RuntimeFaultError(f"call {number} was to raise")
        if mishap.kind == "error":
            return _answer(call, ctx, mishap)
        if mishap.kind == "hang":
            yield _Wait(self._clock, _FOREVER, ctx)
            why = ctx.cancelled.reason or "it was woken"
            return _error(call, ctx, f"The call was not finished: {why}.", ErrorType.CANCELLED)
        if mishap.kind == "delay":
            yield _Wait(self._clock, mishap.seconds, ctx)
            result = yield ctx
            return result
        result = yield ctx
        return ToolResult(
            name=result.name,
            call_id=f"not-{result.call_id}"[:128],
            content=result.content,
            error=result.error,
            value=result.value,
            metadata=result.metadata,
        )

    def printed(self) -> str:
        return f"Faults({len(self.plan)})"

    def _mishap(self, number: int, call: FunctionCall) -> Mishap | None:
        for index, one in enumerate(self.plan):
            if one.tool is not None and one.tool != call.name:
                continue
            numbers = (one.call,) if isinstance(one.call, int) else one.call
            if numbers is not None and number not in numbers:
                continue
            if one.share < 1:
                drawn = random.Random(f"{self._seed}.{index}.{number}")  # noqa: S311 - a test's
                if drawn.random() >= one.share:
                    continue
            return one
        return None


class _Wait:
    """Some seconds, or until the call is cancelled."""

    __slots__ = ("_clock", "_ctx", "_seconds")

    def __init__(self, clock: Clock, seconds: float, ctx: CallContext) -> None:
        self._clock = clock
        self._seconds = seconds
        self._ctx = ctx

    def run(self) -> None:
        self._clock.wait(self._seconds, self._ctx.cancelled)

    async def arun(self) -> None:
        await self._clock.await_(self._seconds, self._ctx.cancelled)


def _answer(call: FunctionCall, ctx: CallContext, mishap: Mishap) -> ToolResult:
    after = mishap.retry_after
    return _error(
        call,
        ctx,
        "This call fails because a test asked for it.",
        mishap.error,
        retry_allowed=None if after is None else True,
        retry_after_ms=None if after is None else round(after * 1000),
    )


def _error(
    call: FunctionCall, ctx: CallContext, message: str, kind: str, **more: Any
) -> ToolResult:
    id_ = ctx.correlation_id or None
    error = ErrorObject(message=message, type=kind, correlation_id=id_, **more)
    return ToolResult(name=call.name, call_id=call.call_id, error=error)
