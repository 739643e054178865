"""The ways into the loop, by each of which ProviderContract asks the same of a provider."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

from altar.agent import agenerate, astream, generate, stream
from altar.errors import ProviderError
from altar.llm import Clock

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from altar.llm import Event, Provider, Reply

__all__ = ["STREAMED", "WAYS", "Watch", "Ways"]

_Way: TypeAlias = "Callable[[Provider, Any, dict[str, Any]], Reply[Any]]"


class Watch(Clock):
    """A clock that notes how long it was asked to sleep, and does not sleep."""

    __slots__ = ("slept",)

    def __init__(self) -> None:
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    async def asleep(self, seconds: float) -> None:
        self.slept.append(seconds)


def by_generate(provider: Provider, prompt: Any, given: dict[str, Any]) -> Reply[Any]:
    return generate(prompt, model=provider, **given)


def by_agenerate(provider: Provider, prompt: Any, given: dict[str, Any]) -> Reply[Any]:
    async def run() -> Reply[Any]:
        try:
            reply: Reply[Any] = await agenerate(prompt, model=provider, **given)
            return reply
        finally:
            await provider.aclose()

    return asyncio.run(run())


def by_stream(provider: Provider, prompt: Any, given: dict[str, Any]) -> Reply[Any]:
    return _last(list(stream(prompt, model=provider, **given)))


def by_astream(provider: Provider, prompt: Any, given: dict[str, Any]) -> Reply[Any]:
    return _last(asyncio.run(_events(provider, prompt, given)))


STREAMED: tuple[_Way, ...] = (by_stream, by_astream)
WAYS: tuple[_Way, ...] = (by_generate, by_agenerate, *STREAMED)


class Ways:
    """Makes providers, drives conversations with them by each way, and closes them."""

    def make_provider(self, replies: Any) -> Provider:
        """Return a fresh provider whose model gives ``replies``."""
        raise NotImplementedError(f"{type(self).__name__}.make_provider(replies) -> Provider")

    def close_provider(self, provider: Provider) -> None:
        """Close what ``make_provider`` made, and what it opened for it, such as a server."""
        provider.close()

    @contextmanager
    def opened(self, replies: Any) -> Generator[Provider, None, None]:
        """A fresh provider, closed at the end of the block; a function makes the replies anew."""
        provider = self.make_provider(replies() if callable(replies) else replies)
        try:
            yield provider
        finally:
            self.close_provider(provider)

    def replies(self, replies: Any, prompt: Any = "Weather?", **given: Any) -> list[Reply[Any]]:
        """The reply of one conversation by each of the four ways."""
        found = []
        for way in WAYS:
            with self.opened(replies) as provider:
                found.append(way(provider, prompt, given))
        return found

    def errors(
        self,
        replies: Any,
        prompt: Any = "Weather?",
        *,
        ways: tuple[_Way, ...] = WAYS,
        **given: Any,
    ) -> list[ProviderError]:
        """The error that each of the ways raises."""
        found = []
        for way in ways:
            with self.opened(replies) as provider:
                try:
                    reply = way(provider, prompt, given)
                except ProviderError as error:
                    found.append(error)
                else:
                    raise AssertionError(f"the fault went unseen: {reply!r}")
        return found

    def events(self, replies: Any, prompt: Any = "Weather?", **given: Any) -> list[Event]:
        """The events of a streamed conversation, which must be the same by both ways."""
        with self.opened(replies) as sync, self.opened(replies) as other:
            one = list(stream(prompt, model=sync, **given))
            two = asyncio.run(_events(other, prompt, given))
        assert [event.kind for event in one] == [event.kind for event in two]
        return one


async def _events(provider: Provider, prompt: Any, given: dict[str, Any]) -> list[Event]:
    try:
        return [event async for event in astream(prompt, model=provider, **given)]
    finally:
        await provider.aclose()


def _last(events: list[Event]) -> Reply[Any]:
    last = events[-1]
    assert last.kind == "end", last
    return last.reply
