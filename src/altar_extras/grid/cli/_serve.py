"""What a long-running verb does: starts, says that it is ready, drains when told to stop."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import signal
import sys
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Protocol

from altar.errors import AltarError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Coroutine, Iterator

    from altar_extras.grid.cli._console import Console

__all__ = ["Service", "add_serving", "logged", "serve"]

_log = logging.getLogger("altar.grid")
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Service(Protocol):
    """A Host or a runtime."""

    async def start(self) -> object:
        """Connect and serve."""
        ...

    async def run_forever(self) -> None:
        """Return when it ended by itself."""
        ...

    async def drain(self) -> None:
        """Finish what is under way, and leave."""
        ...

    async def close(self) -> None:
        """Leave at once."""
        ...

    async def reload(self) -> None:
        """Read again what may change while it runs; raises AltarError, and goes on as before."""
        ...


def add_serving(parser: argparse.ArgumentParser) -> None:
    """--http and --log."""
    parser.add_argument(
        "--http",
        metavar="ADDR",
        help="serve /live, /ready and /metrics on HOST:PORT, plain, to whoever reaches it; "
        "a port alone is this machine's, 0 any free one",
    )
    parser.add_argument(
        "--log",
        choices=("text", "json"),
        default="text",
        help="how to log on standard error: lines of text, or of JSON (%(default)s)",
    )


async def serve(service: Service, console: Console, ready: Callable[[], str]) -> int:
    """Run a service until SIGTERM or SIGINT, then drain it: 0; a second signal ends it: 130.

    SIGHUP has it read again what may change.
    ``ready`` is the line for standard output once it serves.
    """
    told: asyncio.Queue[int] = asyncio.Queue()
    thresholds = gc.get_threshold()
    with _signals(told), _reloading(service):
        try:
            if not await _unless_told(service.start(), told):
                return 130
            _collect_less()
            line = ready()
            _log.info(line)
            console.print(line)
            console.out.flush()
            if await _unless_told(service.run_forever(), told):
                _log.info("it was told to leave, and left")
                return 0
            _log.info("told to stop: what runs is finished first; again stops it at once")
            return 0 if await _unless_told(service.drain(), told) else 130
        finally:
            await service.close()
            gc.unfreeze()
            gc.set_threshold(*thresholds)


def _collect_less() -> None:
    """Let the garbage collector look less often, and never again at what was there at the start.

    A runtime remembers its calls for a minute; looking through them after every 700 new
    objects took a tenth of its time, and doubled p99. Cycles are found some MB later.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)


async def _unless_told(work: Coroutine[Any, Any, object], told: asyncio.Queue[int]) -> bool:
    """Whether ``work`` came to its end before a signal did; raises what it raises."""
    task = asyncio.ensure_future(work)
    signalled = asyncio.ensure_future(told.get())
    await asyncio.wait({task, signalled}, return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        signalled.cancel()
        await task
        return True
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    return False


@contextmanager
def _reloading(service: Service) -> Iterator[None]:
    """Have SIGHUP call ``reload``, one after another, where there is such a signal."""
    number = getattr(signal, "SIGHUP", None)
    if number is None:
        yield
        return
    again = asyncio.Event()

    async def hear() -> None:
        while True:
            await again.wait()
            again.clear()
            try:
                await service.reload()
            except AltarError as error:
                _log.error("SIGHUP: it goes on as before: %s", error)
            else:
                _log.info("SIGHUP: done")

    loop = asyncio.get_running_loop()
    task = loop.create_task(hear())
    loop.add_signal_handler(number, again.set)
    try:
        yield
    finally:
        loop.remove_signal_handler(number)
        task.cancel()


@contextmanager
def logged(console: Console, form: str, *, quiet: bool = False) -> Iterator[None]:
    """Write what altar logs to standard error while this runs: with --debug all of it, else what
    is worth knowing, or (``quiet``) warnings alone.
    """
    logger = logging.getLogger("altar")
    handler = _JsonHandler(sys.stderr) if form == "json" else logging.StreamHandler(sys.stderr)
    if form != "json":
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    before = logger.level
    logger.addHandler(handler)
    usual = logging.WARNING if quiet else logging.INFO
    logger.setLevel(logging.DEBUG if console.debug else usual)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)


class _JsonHandler(logging.StreamHandler):  # type: ignore[type-arg]
    """One JSON object on a line: time (UTC), level, logger, message, and the error's type."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
            + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info and record.exc_info[0] is not None:
            entry["error"] = record.exc_info[0].__name__
        return json.dumps(entry, ensure_ascii=False)


@contextmanager
def _signals(told: asyncio.Queue[int]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    before = {}
    for number in _SIGNALS:
        try:
            loop.add_signal_handler(number, told.put_nowait, number)
        except NotImplementedError:  # Windows: the handler runs in the main thread
            before[number] = signal.signal(
                number, lambda got, _: loop.call_soon_threadsafe(told.put_nowait, got)
            )
    try:
        yield
    finally:
        for number in _SIGNALS:
            if number in before:
                signal.signal(number, before[number])
            else:
                with suppress(NotImplementedError):
                    loop.remove_signal_handler(number)
