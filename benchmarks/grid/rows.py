"""The rows: each measures one thing, all that is compared within it in turns of one run."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from secrets import token_hex
from statistics import median
from typing import Any, Self

from altar.adm import FunctionCall
from altar.runtime import CallContext
from altar_extras.grid.client import GridClient
from altar_extras.grid.wire import Directory
from benchmarks.grid.callers import PEERS, TEXT, Call
from benchmarks.grid.fleet import Fleet, fleet
from benchmarks.grid.load import Figures, closed, opened
from benchmarks.grid.peers import Peer, measured, missing, peer

INFLIGHT = 64
RATE = 10_000


@dataclass(frozen=True, slots=True)
class Options:
    """How long each measurement takes, and how often it is repeated."""

    seconds: float
    repeat: int


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table; ``holds`` is None where there is no bar."""

    what: str
    bar: str
    figure: str
    beside: str = ""
    holds: bool | None = None


Lines = list[Line]


@asynccontextmanager
async def calling(found: Fleet, tool: str = "bench_echo") -> AsyncIterator[Call]:
    """A client on this loop; what it calls fails as loudly as a peer's call."""
    async with GridClient(credentials=found.client) as client:
        args = {"text": TEXT}

        async def call() -> object:
            result = await client.acall(tool, args)
            if result.error is not None:
                raise RuntimeError(result.error.message)
            return result.content

        yield call


async def through(found: Fleet, *, inflight: int, seconds: float, tool: str = "bench_echo") -> Any:
    """Calls through the grid, ``inflight`` at once."""
    async with calling(found, tool) as call:
        return await closed(call, inflight=inflight, seconds=seconds, pids=found.pids)


class Turns:
    """Several things measured in turns, so that none owns the quiet moments."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.stack = ExitStack()
        self.runs: dict[str, Callable[[], Any]] = {}
        self.found: dict[str, list[Figures]] = {}
        self.absent: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stack.close()

    def peer(self, name: str) -> Peer | None:
        """A peer's processes, until the end of the row."""
        self.absent[name] = missing(name.split()[0])
        return None if self.absent.pop(name) else self.stack.enter_context(peer(name))

    def grid(self, **how: Any) -> Fleet:
        """A grid's processes, until the end of the row."""
        return self.stack.enter_context(fleet(**how))

    def go(self) -> None:
        """Every one once, and again."""
        for _ in range(self.options.repeat):
            for name, run in self.runs.items():
                self.found.setdefault(name, []).append(asyncio.run(run()))

    def of(self, name: str, field: str) -> float:
        """The median of a figure."""
        return median([getattr(one, field) for one in self.found[name]])

    def ratio(self, name: str, other: str, field: str) -> float:
        """The median, over the turns, of one's figure in that of another in the same turn."""
        pairs = zip(self.found[name], self.found[other], strict=True)
        return median([getattr(a, field) / getattr(b, field) for a, b in pairs])

    def cpu(self, name: str) -> str:
        """CPU per call by process."""
        parts = {
            kind: median([one.cpu[kind] for one in self.found[name]])
            for kind in self.found[name][0].cpu
        }
        each = ", ".join(f"{kind} {value:.0f}" for kind, value in parts.items())
        return f"{sum(parts.values()):.0f} us CPU ({each})"


GRIDS = {
    "GRID": {},
    "GRID without audit": {"audit": False},
    "GRID mTLS": {"tls": True},
    "GRID mTLS without audit": {"tls": True, "audit": False},
}


def throughput(options: Options) -> Lines:
    """64 in flight through everything, in ratio to a bare socket."""
    names = ["raw", "nats", "nats mTLS", "http", "grpc", "redis"]
    with Turns(options) as turns:
        for name in names:
            _add(turns, name, turns.peer(name), INFLIGHT)
        for name, how in GRIDS.items():
            found = turns.grid(**how)
            turns.runs[name] = lambda found=found: through(  # type: ignore[misc]
                found, inflight=INFLIGHT, seconds=options.seconds
            )
        turns.go()
        lines = []
        for name in turns.runs:
            bar = {"GRID": 0.30, "GRID mTLS": 0.20}.get(name)
            share = turns.ratio(name, "raw", "rate")
            lines.append(
                Line(
                    f"throughput, {INFLIGHT} in flight: {SHOWN.get(name, name)}",
                    f">= {bar:.2f} of raw" if bar else "",
                    f"{turns.of(name, 'rate'):,.0f}/s = {share:.2f} of raw",
                    f"p99 {turns.of(name, 'p99'):.1f} ms; {turns.cpu(name)}{_failed(turns, name)}",
                    share >= bar if bar else None,
                )
            )
        return [*lines, *_absent(turns)]


SHOWN = {
    "raw": "raw asyncio socket",
    "nats": "bare nats-py",
    "nats mTLS": "bare nats-py, mTLS",
    "http": "HTTP (uvicorn, aiohttp)",
    "grpc": "gRPC aio",
    "redis": "Redis streams",
}


def single(options: Options) -> Lines:
    """One call at a time."""
    with Turns(options) as turns:
        for name in ("raw", "nats"):
            _add(turns, name, turns.peer(name), 1)
        for name, how in GRIDS.items():
            found = turns.grid(**how)
            turns.runs[name] = lambda found=found: through(  # type: ignore[misc]
                found, inflight=1, seconds=options.seconds
            )
        turns.go()
        return [
            Line(
                f"single call: {SHOWN.get(name, name)}",
                "p50 <= 0.5 ms" if name == "GRID" else "",
                f"p50 {turns.of(name, 'p50'):.2f} ms, p99 {turns.of(name, 'p99'):.2f} ms",
                turns.cpu(name) + _failed(turns, name),
                turns.of(name, "p50") <= 0.5 if name == "GRID" else None,
            )
            for name in turns.runs
        ]


def steady(options: Options) -> Lines:
    """10,000 calls a second, whether they are answered or not."""
    many = Options(options.seconds, max(7, options.repeat) if options.repeat > 1 else 1)
    with Turns(many) as turns:
        bare = turns.peer("nats mTLS")
        assert bare is not None

        async def peers_run() -> Figures:
            async with PEERS["nats"](bare.address) as call:
                return await opened(call, rate=RATE, seconds=options.seconds, pids=bare.pids)

        turns.runs["nats mTLS"] = peers_run
        for name in ("GRID mTLS", "GRID mTLS without audit"):
            found = turns.grid(**GRIDS[name])
            turns.runs[name] = lambda found=found: _opened(  # type: ignore[misc]
                found, RATE, options.seconds
            )
        turns.go()
        lines = []
        for name in turns.runs:
            share = turns.of(name, "p99") / turns.of("nats mTLS", "p99")
            has_bar = name == "GRID mTLS"
            lines.append(
                Line(
                    f"p99 at {RATE:,} calls/s, open loop, median of {many.repeat}: "
                    f"{SHOWN.get(name, name)}",
                    "<= 2 times bare nats-py" if has_bar else "",
                    f"{turns.of(name, 'p99'):.1f} ms = {share:.1f} times",
                    f"p50 {turns.of(name, 'p50'):.1f} ms, {turns.of(name, 'rate'):,.0f}/s done; "
                    f"{turns.cpu(name)}{_failed(turns, name)}",
                    share <= 2 if has_bar else None,
                )
            )
        return lines


def audit(options: Options) -> Lines:
    """What the audit adds at 1,000 calls a second, open loop."""
    with Turns(Options(options.seconds, max(options.repeat, 1) * 2 - 1)) as turns:
        for name in ("GRID", "GRID without audit"):
            found = turns.grid(**GRIDS[name])
            turns.runs[name] = lambda found=found: _opened(  # type: ignore[misc]
                found, 1000, options.seconds
            )
        turns.go()
        pairs = zip(turns.found["GRID"], turns.found["GRID without audit"], strict=True)
        added = median([one.p99 - other.p99 for one, other in pairs])
        return [
            Line(
                "audit's p99 added, 1,000 calls/s, open loop",
                "<= 5 ms",
                f"{added:.1f} ms",
                f"p99 {turns.of('GRID', 'p99'):.1f} ms with, "
                f"{turns.of('GRID without audit', 'p99'):.1f} ms without; {_disk()}",
                added <= 5,
            )
        ]


def skew(options: Options) -> Lines:
    """Three runtimes at 2, 2 and 40 ms, 4 slots each, 16 callers."""
    lines = []
    for name in ("GRID", "GRID without audit"):
        with Turns(options) as turns:
            found = turns.grid(pauses=(0.002, 0.002, 0.040), slots=4, **GRIDS[name])
            turns.runs["GRID"] = lambda found=found: through(  # type: ignore[misc]
                found, inflight=16, seconds=options.seconds, tool="bench_pause"
            )
            turns.runs["random"] = lambda found=found: _at_random(  # type: ignore[misc]
                found, options.seconds
            )
            turns.go()
            fast = 2 * 4 / 0.002
            share = turns.of("GRID", "rate") / fast
            lines.append(
                Line(
                    f"runtimes at 2, 2 and 40 ms, 4 slots each, 16 callers: {name}",
                    ">= 60 % of the fast pair's capacity",
                    f"{turns.of('GRID', 'rate'):,.0f}/s = {share:.0%}",
                    f"a random queue group: {turns.of('random', 'rate'):,.0f}/s "
                    f"({turns.of('random', 'rate') / fast:.0%})",
                    share >= 0.6,
                )
            )
    return lines


def stream(options: Options) -> Lines:
    """Chunks a second of one stream, with credits, and of sixteen at once."""
    with ExitStack() as stack:
        found = stack.enter_context(fleet(audit=False))
        lines = []
        for streams in (1, 16):
            rates = [asyncio.run(_streams(found, streams)) for _ in range(options.repeat)]
            what = "one stream" if streams == 1 else f"{streams} streams"
            lines.append(
                Line(f"chunks of 100 bytes with credits, {what}", "", f"{median(rates):,.0f}/s")
            )
        return lines


def sync(options: Options) -> Lines:
    """Synchronous callers: threads that share one client."""
    lines = []
    with ExitStack() as stack:
        found = stack.enter_context(fleet(audit=False))
        client = stack.enter_context(GridClient(credentials=found.client))
        client.call("bench_echo", {"text": TEXT})
        for threads in (1, 8, 64):
            rates, middles = [], []
            for _ in range(options.repeat):
                rate, p50 = _threads(client, threads, options.seconds)
                rates.append(rate)
                middles.append(p50)
            what = "1 thread" if threads == 1 else f"{threads} threads"
            figure = f"{median(rates):,.0f}/s, p50 {median(middles):.2f} ms"
            lines.append(Line(f"synchronous callers, {what}, without audit", "", figure))
    return lines


def discovery(options: Options) -> Lines:
    """The directory of three runtimes; how soon a grid is ready."""
    took: list[float] = []
    ready: list[float] = []
    for _ in range(options.repeat):
        with fleet(pauses=(0.002,) * 3) as found:
            ready.append(found.seconds)
            took += asyncio.run(_directory(found, 100))
    took.sort()
    p50, p99 = took[len(took) // 2] * 1000, took[len(took) * 99 // 100] * 1000
    return [
        Line("discovery (the directory of the runtimes)", "< 10 ms", f"p50 {p50:.2f} ms",
             f"p99 {p99:.2f} ms", p50 < 10),
        Line("server, Host and three runtimes ready, all processes new", "< 5 s",
             f"{median(ready):.1f} s", f"worst {max(ready):.1f} s", median(ready) < 5),
    ]  # fmt: skip


ROWS: dict[str, Callable[[Options], Lines]] = {
    "throughput": throughput,
    "single": single,
    "steady": steady,
    "audit": audit,
    "skew": skew,
    "stream": stream,
    "sync": sync,
    "discovery": discovery,
}


def _add(turns: Turns, name: str, found: Peer | None, inflight: int) -> None:
    if found is not None:
        seconds = turns.options.seconds
        turns.runs[name] = lambda: measured(found, inflight=inflight, seconds=seconds)


def _absent(turns: Turns) -> Iterator[Line]:
    for name, why in turns.absent.items():
        yield Line(f"throughput: {SHOWN[name]}", "", "not measured", why)


def _failed(turns: Turns, name: str) -> str:
    failed = sum(one.failed for one in turns.found[name])
    return f"; {failed} FAILED" if failed else ""


async def _opened(found: Fleet, rate: float, seconds: float) -> Figures:
    async with calling(found) as call:
        return await opened(call, rate=rate, seconds=seconds, pids=found.pids)


async def _at_random(found: Fleet, seconds: float) -> Figures:
    """The same calls to the queue group, where the server picks a member by chance."""
    async with GridClient(credentials=found.client) as client:
        await client.acall("bench_pause", {"text": TEXT})
        engine = client._looped
        assert engine is not None
        assert engine.link is not None
        engine.link.router.learn([])
        engine.link.refresh = lambda *, now=False: None  # type: ignore[method-assign]

        async def call() -> object:
            result = await client.acall("bench_pause", {"text": TEXT})
            if result.error is not None:
                raise RuntimeError(result.error.message)
            return result.content

        return await closed(call, inflight=16, seconds=seconds, pids=found.pids)


async def _streams(found: Fleet, streams: int) -> float:
    count, text = 4000 // streams * 4, "x" * 100
    async with GridClient(credentials=found.client) as client:
        heard = 0

        def hear(_: object) -> None:
            nonlocal heard
            heard += 1

        async def one(chunks: int) -> None:
            call = FunctionCall(name="bench_stream", args={"count": chunks, "text": text})
            result = await client.ainvoke(call, CallContext(emit=hear))
            if result.error is not None:
                raise RuntimeError(result.error.message)

        await one(100)
        heard = 0
        begun = time.perf_counter()
        await asyncio.gather(*(one(count) for _ in range(streams)))
        return heard / (time.perf_counter() - begun)


def _threads(client: GridClient, threads: int, seconds: float) -> tuple[float, float]:
    args = {"text": TEXT}

    def caller(_: int) -> list[float]:
        took = []
        end = time.perf_counter() + seconds
        while (sent := time.perf_counter()) < end:
            result = client.call("bench_echo", args)
            if result.error is not None:
                raise RuntimeError(result.error.message)
            took.append(time.perf_counter() - sent)
        return took

    with ThreadPoolExecutor(threads) as pool:
        took = sorted(one for some in pool.map(caller, range(threads)) for one in some)
    return len(took) / seconds, took[len(took) // 2] * 1000


async def _directory(found: Fleet, times: int) -> list[float]:
    async with GridClient(credentials=found.client) as client:
        took = []
        for _ in range(times):
            begun = time.perf_counter()
            await client.ado(lambda engine: engine.ask("directory", Directory(id=token_hex(8))))
            took.append(time.perf_counter() - begun)
        return took


def _disk() -> str:
    """How long this disk takes to have one record, as a journal writes it."""
    import os  # noqa: PLC0415 - for this alone
    import tempfile  # noqa: PLC0415 - as above

    took = []
    with tempfile.TemporaryFile() as file:
        os.write(file.fileno(), bytes(1 << 20))
        os.fsync(file.fileno())
        for number in range(100):
            begun = time.perf_counter()
            os.pwrite(file.fileno(), b"x" * 500, number * 500)
            os.fdatasync(file.fileno())
            took.append(time.perf_counter() - begun)
    took.sort()
    return f"this disk's fdatasync: p50 {took[50] * 1000:.2f} ms, p99 {took[98] * 1000:.1f} ms"
