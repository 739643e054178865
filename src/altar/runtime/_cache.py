"""Cache: the same call is answered once, and for a while from memory."""

from __future__ import annotations

from contextvars import ContextVar
from json import loads
from typing import TYPE_CHECKING, Any

from altar.adm import ToolResult, digest
from altar.errors import CanonicalError, ConfigurationError
from altar.resilience import SYSTEM_CLOCK, Clock
from altar.runtime._answers import given_up, spoken
from altar.runtime._cache_store import CacheStore
from altar.runtime._only import Only, chooser
from altar.runtime._waits import Turn, at_most, holds_a_place, restore
from altar.runtime._wrapper import Wrapper
from altar.trace import event, switch

if TYPE_CHECKING:
    from altar.adm import FunctionCall
    from altar.runtime._cache_store import Flight, Key
    from altar.runtime._protocol import CallContext, Runtime
    from altar.runtime._wrapper import Steps

__all__ = ["Cache"]


class _Lead:
    """A call that is being fetched; what it calls itself must not wait for another's flight.

    That one may be waiting for this. A task that it leaves behind may, once it is over.
    """

    __slots__ = ("live", "outer")

    def __init__(self, outer: _Lead | None) -> None:
        self.outer = outer
        self.live = True

    def holds(self) -> bool:
        return self.live or (self.outer is not None and self.outer.holds())


_leading: ContextVar[_Lead | None] = ContextVar("altar_cache_leading", default=None)


class Cache(Wrapper):
    """Answers a call that succeeded less than ``ttl`` seconds ago without carrying it out.

    Calls are the same when their names and arguments are (as canonical JSON),
    and the principal, the ``deps`` object and the approval of their contexts:
    nobody sees what another was allowed to. Only successes are kept, the newest
    ``max_entries`` of them, ``max_bytes`` of JSON text at most. ``ttl`` may be a
    :class:`CacheStore`, which several runtimes then share.

    Of the same calls at the same time, from any threads and event loops, one is
    carried out and the others wait for its result; where it fails they are
    carried out side by side, and where it is broken off the next one is. A call
    within a call waits for no other: not while its caller holds a place of a
    limit, or is itself being fetched. An answer is a copy of its own:
    ``content`` under the new call's id, ``value`` the same JSON, and no
    progress chunks.

    ``only`` says which tools, and has to be given: names, or a function from the
    FunctionCall to True or False. Leave out what does something: what is
    answered from memory is not done again. Raises ConfigurationError without it.
    """

    __slots__ = ("_picks", "store")

    def __init__(
        self,
        inner: Runtime,
        ttl: float | CacheStore,
        *,
        only: Only = None,
        max_entries: int = 1024,
        max_bytes: int = 16_777_216,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        super().__init__(inner)
        if only is None:
            raise ConfigurationError(
                "Cache(...) without only= would answer for every tool, and what a tool does would "
                'not be done again: name those that only read; type Cache(inner, 60, only=["price"]'
                "), or only=lambda call: True where all of them do"
            )
        if not isinstance(ttl, CacheStore):
            ttl = CacheStore(ttl, max_entries=max_entries, max_bytes=max_bytes, clock=clock)
        self.store = ttl
        self._picks = chooser("Cache", only)

    def clear(self) -> None:
        """Forget every answer."""
        self.store.clear()

    def steps(self, call: FunctionCall, ctx: CallContext) -> Steps:
        picks = self._picks
        key = _key(call, ctx) if picks is None or picks(call) else None
        if key is None or ctx.cancelled.reason is not None:
            result: ToolResult = yield ctx
            return result
        text = self.store.look(key)
        if text is not None:
            return _answer(call, text)
        lead = _leading.get()
        # nor may one that holds a place wait: whoever it waits for may queue for that place
        if (lead is not None and lead.holds()) or holds_a_place():
            result = yield from self._fetch(key, ctx, None)
            return result
        text, flight, place = self.store.board(key, ctx.deps)
        try:
            if text is None and not place.held:
                most = at_most(None, ctx, self.store.clock)
                held: bool = yield Turn(place, most, ctx.cancelled)
                text = flight.text
                if text is None and not held:
                    return given_up(call, ctx)
            if text is not None:
                return _answer(call, text)
            if flight.solo:
                place.leave()
            result = yield from self._fetch(key, ctx, flight)
            return result
        finally:
            self.store.land(flight, place)

    def _fetch(self, key: Key, ctx: CallContext, flight: Flight | None) -> Steps:
        """Have the call carried out, and keep what it comes to."""
        if switch.tracer is not None:
            event("cache", {"hit": False})
        lead = _Lead(_leading.get())
        token = _leading.set(lead)
        try:
            result: ToolResult = yield ctx
        finally:
            lead.live = False
            restore(_leading, token)
        if result.error is None:
            text = self.store.keep(key, result, deps=ctx.deps)
            if flight is not None:
                flight.text = text
                flight.solo = text is None
        elif flight is not None:
            flight.solo = True  # those that wait need not fail one after the other
        return result

    def printed(self) -> str:
        return f"Cache({spoken(self.store.ttl)} s)"


def _key(call: FunctionCall, ctx: CallContext) -> Key | None:
    """What makes two calls the same; None for arguments that are no JSON."""
    try:
        print_ = digest(call.args, big_integers="exact")
    except CanonicalError:
        return None
    return call.name, print_, ctx.principal, id(ctx.deps), ctx.approved


def _answer(call: FunctionCall, text: str) -> ToolResult:
    """A result of its own for this call: nothing in it is shared with another's."""
    if switch.tracer is not None:
        event("cache", {"hit": True})
    parts: list[Any] = loads(text)
    content, metadata, extensions = parts
    return ToolResult(
        name=call.name,
        call_id=call.call_id,
        content=content,
        metadata=metadata,
        extensions=extensions or None,
    )
