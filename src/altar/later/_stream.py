"""Streaming tools: a generator's chunks are reported as they come, and make the result."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from altar.later._log import log_failure
from altar.later.hints._dump import DumpError, dump

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator

__all__ = ["StreamBoundError", "StreamStopped", "adrain", "drain", "reporter"]

_MAX_SIZE = 64 * 1024 * 1024  # characters and bytes kept of one stream
_MAX_REPORT = 65_536


class StreamStopped(Exception):  # noqa: N818 - no error: nobody waits for the stream any more
    """The stream was closed because its call was given up."""


class StreamBoundError(Exception):
    """The stream yielded more than may be kept."""


class _Chunks:
    """What a stream has yielded so far."""

    __slots__ = ("_emit", "_kept", "_limit", "_size", "_stopped")

    def __init__(
        self, emit: Callable[[Any], None] | None, stopped: Callable[[], bool], limit: int
    ) -> None:
        self._emit = emit
        self._stopped = stopped
        self._limit = limit
        self._kept: list[Any] = []
        self._size = 0

    def take(self, chunk: Any) -> None:
        """Report a chunk and keep it. Raises when the stream must end."""
        if isinstance(chunk, (str, bytes, bytearray)):
            self._size += len(chunk)
        self._kept.append(chunk)
        if len(self._kept) > self._limit:
            raise StreamBoundError(f"it yielded more than {self._limit:,} chunks")
        if self._size > _MAX_SIZE:
            raise StreamBoundError(f"it yielded more than {_MAX_SIZE:,} characters")
        if self._emit is not None:
            self._emit(chunk)
        if self._stopped():
            raise StreamStopped

    def value(self, returned: Any) -> Any:
        """The result: what was returned, or else the chunks, joined when all are text."""
        if returned is not None:
            return returned
        if self._kept and all(isinstance(chunk, str) for chunk in self._kept):
            return "".join(self._kept)
        return self._kept


def drain(
    stream: Generator[Any, Any, Any],
    emit: Callable[[Any], None] | None,
    stopped: Callable[[], bool],
    limit: int,
) -> Any:
    """Run a generator to its end; it is closed whatever happens."""
    chunks = _Chunks(emit, stopped, limit)
    try:
        while True:
            try:
                chunk = next(stream)
            except StopIteration as end:
                return chunks.value(end.value)
            chunks.take(chunk)
    finally:
        _close(stream)


async def adrain(
    stream: AsyncIterator[Any],
    emit: Callable[[Any], None] | None,
    stopped: Callable[[], bool],
    limit: int,
) -> Any:
    """Run an async generator to its end; it is closed whatever happens."""
    chunks = _Chunks(emit, stopped, limit)
    try:
        async for chunk in stream:
            chunks.take(chunk)
        return chunks.value(None)
    finally:
        await _aclose(stream)


def reporter(name: str, emit: Callable[[Any], None]) -> Callable[[Any], None]:
    """``emit`` for Python objects: what it is given becomes JSON first.

    Progress is an extra: a chunk that has no JSON form, or a listener that
    fails, is logged, and the tool goes on.
    """

    def report(chunk: Any) -> None:
        try:
            emit(dump(chunk, max_bytes=_MAX_REPORT).content)
        except DumpError as error:
            log_failure("a progress chunk has no JSON form", name, None, error)
        except Exception as error:  # noqa: BLE001 - the listener is not the tool
            log_failure("a listener failed on a progress chunk", name, None, error)

    return report


def _close(stream: Generator[Any, Any, Any]) -> None:
    try:
        stream.close()
    except Exception as error:  # noqa: BLE001 - a tool may raise anything
        log_failure("it failed while it was closed", _name(stream), None, error)


async def _aclose(stream: AsyncIterator[Any] | AsyncGenerator[Any, Any]) -> None:
    close = getattr(stream, "aclose", None)
    if close is None:
        return
    try:
        await close()
    except asyncio.CancelledError:
        raise
    except Exception as error:  # noqa: BLE001 - a tool may raise anything
        log_failure("it failed while it was closed", _name(stream), None, error)


def _name(stream: Any) -> str:
    return getattr(stream, "__name__", type(stream).__name__)
