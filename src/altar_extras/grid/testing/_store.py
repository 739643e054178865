"""StoreContract: what every Store must do, as tests that its author runs."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from altar.errors import InvalidDataError
from altar_extras.grid.transport import ConflictError, Entry

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from contextlib import AbstractAsyncContextManager

    from altar_extras.grid.transport import Change, Store

__all__ = ["StoreContract"]

_PATIENCE = 20.0


class StoreContract:
    """The contract of ``altar_extras.grid.transport.Store``, one test for each promise.

    ``open_store()`` returns an async context manager with a store; keys of
    other tests may be in it.
    """

    def open_store(self) -> AbstractAsyncContextManager[Store]:
        """Return an async context manager that gives a store."""
        raise NotImplementedError(f"{type(self).__name__}.open_store()")

    def run(self, test: Callable[[Store, str], Coroutine[Any, Any, None]]) -> None:
        """Run ``test`` with a store and a prefix of its own."""

        async def main() -> None:
            async with asyncio.timeout(3 * _PATIENCE), self.open_store() as store:
                await test(store, f"t{token_hex(6)}.")

        asyncio.run(main())

    def test_what_was_created_is_there_and_nothing_else(self) -> None:
        async def test(store: Store, own: str) -> None:
            assert await store.get(own + "a") is None
            revision = await store.create(own + "a", b"1")
            assert await store.get(own + "a") == Entry(b"1", revision)
            await store.create(own + "b.c", b"")
            assert await store.get(own + "b.c") is not None
            assert await store.keys(own) == [own + "a", own + "b.c"]
            assert await store.keys(own + "b") == [own + "b.c"]
            assert await store.keys(own + "x") == []

        self.run(test)

    def test_of_two_that_change_the_same_revision_one_is_told_of_the_conflict(self) -> None:
        async def test(store: Store, own: str) -> None:
            key = own + "a"
            first = await store.create(key, b"1")
            assert await _conflicts(store.create(key, b"2"))
            second = await store.update(key, b"2", first)
            assert second > first
            assert await _conflicts(store.update(key, b"3", first))
            assert await _conflicts(store.update(own + "none", b"3", first))
            assert await _conflicts(store.delete(key, first))
            assert await store.get(key) == Entry(b"2", second)
            both = await asyncio.gather(
                *[store.update(key, b"%d" % n, second) for n in range(5)], return_exceptions=True
            )
            assert sorted(type(one).__name__ for one in both) == ["ConflictError"] * 4 + ["int"]

        self.run(test)

    def test_a_key_that_was_removed_can_be_created_again(self) -> None:
        async def test(store: Store, own: str) -> None:
            key = own + "a"
            revision = await store.create(key, b"1")
            await store.delete(key, revision)
            assert await store.get(key) is None
            assert await store.keys(own) == []
            again = await store.create(key, b"2")
            assert again > revision
            await store.delete(key)
            await store.delete(key)
            assert await store.get(key) is None

        self.run(test)

    def test_a_key_ends_after_its_time_and_whoever_watches_is_told(self) -> None:
        async def test(store: Store, own: str) -> None:
            kept = await store.create(own + "kept", b"1", ttl=1)
            while await _conflicts(store.update(own + "kept", b"2", kept)):
                kept = await store.create(own + "kept", b"1", ttl=1)  # it had ended by then
            settled = asyncio.Event()  # and what was updated is there for good

            there = asyncio.Event()

            async def look() -> None:
                async with aclosing(store.watch(own, settled=settled.set)) as changes:  # type: ignore[type-var]
                    async for change in changes:
                        if change.value is None:
                            assert change.key == own + "gone"
                            return
                        if change.key == own + "gone":
                            there.set()

            task = asyncio.ensure_future(look())
            await settled.wait()
            while not there.is_set():  # one that ended before it was told is never told
                await _conflicts(store.create(own + "gone", b"1", ttl=1))
                with suppress(TimeoutError):
                    await asyncio.wait_for(there.wait(), 2.0)
            await task
            assert await store.keys(own) == [own + "kept"]
            await store.create(own + "gone", b"2")
            assert await store.get(own + "kept") is not None

        self.run(test)

    def test_whoever_watches_sees_what_is_there_then_every_change(self) -> None:
        async def test(store: Store, own: str) -> None:
            one = await store.create(own + "a", b"1")
            await store.create(f"x{own}other", b"1")
            settled = asyncio.Event()
            seen: list[Change] = []

            async def look() -> None:
                async with aclosing(store.watch(own, settled=settled.set)) as changes:  # type: ignore[type-var]
                    async for change in changes:
                        seen.append(change)
                        if len(seen) == 4:
                            return

            task = asyncio.ensure_future(look())
            await settled.wait()
            assert seen == [(own + "a", b"1", one)]
            two = await store.create(own + "b", b"2")
            await _until(lambda: len(seen) == 2)  # several changes of a key may come as one
            three = await store.update(own + "a", b"3", one)
            await store.delete(own + "b")
            await task
            assert seen[1:3] == [(own + "b", b"2", two), (own + "a", b"3", three)]
            assert (seen[3].key, seen[3].value) == (own + "b", None)

        self.run(test)

    def test_an_empty_store_settles_too(self) -> None:
        async def test(store: Store, own: str) -> None:
            settled = asyncio.Event()
            watching = aclosing(store.watch(own, settled=settled.set))  # type: ignore[type-var]
            async with watching as changes:
                task = asyncio.ensure_future(anext(changes))
                await settled.wait()
                await store.create(own + "a", b"1")
                assert (await task).key == own + "a"

        self.run(test)

    def test_a_text_that_is_no_key_is_refused(self) -> None:
        async def test(store: Store, own: str) -> None:
            del own
            for bad in ("", ".", "a.", "a..b", "a b", "a*", ">", "a\r\n", "x" * 600):
                for call in (store.get(bad), store.create(bad, b""), store.delete(bad)):
                    try:
                        await call
                    except InvalidDataError:
                        continue
                    raise AssertionError(f"{bad!r} was taken")

        self.run(test)


async def _until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - whatever changes it
        await asyncio.sleep(0.002)


async def _conflicts(change: Coroutine[Any, Any, object]) -> bool:
    try:
        await change
    except ConflictError:
        return True
    return False
