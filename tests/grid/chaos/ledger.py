"""Every call accounted for by itself: what was sent, what was answered, what ran, and the laws."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from altar.adm import FunctionCall
from altar.errors import ErrorType
from altar.runtime import CallContext, Cancellation, Deadline
from altar_extras.grid.client import CallOptions, GridClient
from tests.waiting import PATIENCE

TYPES = {str(kind) for kind in ErrorType}
JITTER = 0.010  # seconds between the last look at the clock and the body's first line
_serial = count(1)


async def pause(seconds: float) -> None:
    """Let time pass: a fault lasts as long as its scenario says, and its docstring says so."""
    loop = asyncio.get_running_loop()
    over = loop.create_future()
    timer = loop.call_later(seconds, over.set_result, None)
    try:
        await over
    finally:
        timer.cancel()


class Mark(NamedTuple):
    """One line that a body wrote."""

    kind: str
    key: str
    pid: int
    at: float


def read_marks(file: Path) -> dict[str, list[Mark]]:
    """All lines, by the call's key."""
    found: dict[str, list[Mark]] = defaultdict(list)
    for line in file.read_text("ascii").splitlines():
        kind, key, pid, at = line.split()
        found[key].append(Mark(kind, key, int(pid), float(at)))
    return found


@dataclass(slots=True)
class Sent:
    """One call."""

    key: str
    tool: str
    at: float
    deadline: float
    idempotent: bool = False
    answers: list[Any] = field(default_factory=list)
    answered_at: float = 0.0
    chunks: list[Any] = field(default_factory=list)
    wanted: Any = None

    @property
    def result(self) -> Any:
        return self.answers[0] if self.answers else None

    @property
    def ok(self) -> bool:
        return bool(self.answers) and self.answers[0].error is None

    @property
    def executed(self) -> str:
        error = self.result.error
        return "yes" if error is None else str((error.details or {}).get("executed", ""))

    @property
    def reason(self) -> str:
        error = self.result.error
        return "" if error is None else str((error.details or {}).get("reason", ""))


class Ledger:
    """The calls of one scenario, and what became of them."""

    def __init__(self, marks: Path, *, timeout: float = 6.0) -> None:
        self.file = marks
        self.timeout = timeout  # of a call that names none
        self.calls: list[Sent] = []
        self.tasks: set[asyncio.Task[None]] = set()
        self.broken: list[str] = []
        self.killed: set[int] = set()  # processes whose calls nobody can know of
        self.fault_at = 0.0
        self.notes: list[str] = []

    def say(self, text: str) -> None:
        """A law is broken."""
        self.broken.append(text)

    def expect(self, true: bool, text: str) -> None:
        """A law of one scenario."""
        if not true:
            self.say(text)

    def fault(self) -> None:
        """Now something breaks."""
        self.fault_at = time.monotonic()

    def send(
        self,
        client: GridClient,
        tool: str = "work",
        *,
        timeout: float = 0.0,
        idempotent: bool = False,
        cancelled: Cancellation | None = None,
        listen: Any = None,
        key: str = "",
        **args: Any,
    ) -> tuple[Sent, asyncio.Task[None]]:
        """Send one call; its task ends with its answer. ``listen`` hears each chunk."""
        name = key or f"k{next(_serial)}"
        timeout = timeout or self.timeout
        now = time.monotonic()
        sent = Sent(name, tool, now, now + timeout, idempotent)
        if tool != "count":
            sent.wanted = name
        self.calls.append(sent)

        def hear(chunk: Any) -> None:
            sent.chunks.append(chunk)
            if callable(listen):
                listen(chunk)

        ctx = CallContext(
            deadline=Deadline(timeout),
            correlation_id=name,
            emit=hear if listen is not None else None,
            **({} if cancelled is None else {"cancelled": cancelled}),
        )
        call = FunctionCall(name=tool, args={"key": name, **args})

        async def carry() -> None:
            found = await client.ainvoke(call, ctx, CallOptions(idempotent=idempotent))
            sent.answered_at = time.monotonic()
            sent.answers.append(found)

        task = asyncio.get_running_loop().create_task(carry())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return sent, task

    async def load(
        self, clients: list[GridClient], *, rate: float, seconds: float, **how: Any
    ) -> None:
        """An open loop: calls leave at their times, whatever becomes of those before."""
        began = time.monotonic()
        for number in range(int(rate * seconds)):
            wait = began + number / rate - time.monotonic()
            if wait > 0:
                await pause(wait)
            elif number % 16 == 0:
                await asyncio.sleep(0)
            self.send(clients[number % len(clients)], **how)

    async def settled(self, seconds: float = 0.0) -> None:
        """Every call is answered, or is counted as lost."""
        if self.tasks:
            await asyncio.wait(set(self.tasks), timeout=seconds or 2 * self.timeout)
        for task in list(self.tasks):
            task.cancel()

    async def began(self, number: int, seconds: float = PATIENCE) -> None:
        """Wait until so many bodies of these calls have begun."""
        keys = {one.key for one in self.calls}
        end = time.monotonic() + seconds
        while True:
            marks = read_marks(self.file)
            if sum(1 for key in keys if key in marks) >= number:
                return
            if time.monotonic() > end:
                raise TimeoutError(f"only {len(keys & set(marks))} of {number} bodies began")
            await pause(0.01)

    async def until(self, true: Callable[[], Any], what: str, seconds: float = PATIENCE) -> None:
        """Wait until it is so, and say what did not come when it never is."""
        end = time.monotonic() + seconds
        while not true():
            if time.monotonic() > end:
                raise TimeoutError(f"{what} did not come within {seconds:g} s")
            await pause(0.01)

    async def good(self, more: int = 20) -> None:
        """Wait until so many more calls succeeded: the load is under way."""
        wanted = sum(one.ok for one in self.calls) + more
        await self.until(lambda: sum(one.ok for one in self.calls) >= wanted, f"{more} good calls")

    async def running(self, number: int) -> None:
        """Wait until the bodies of so many of the last calls have begun."""
        last = {one.key for one in self.calls[-number:]}
        await self.until(lambda: last <= read_marks(self.file).keys(), f"{number} bodies")

    # -- the account

    def account(self) -> Row:
        """Judge every call by the laws."""
        marks = read_marks(self.file)
        row = Row(sent=len(self.calls))
        for one in self.calls:
            self._judge(one, marks.get(one.key, []), row)
        self._gap(row)
        row.broken = list(self.broken)
        row.notes = list(self.notes)
        return row

    def _judge(self, one: Sent, marks: list[Mark], row: Row) -> None:
        begun = [mark for mark in marks if mark.kind == "B"]
        row.executed += len(begun)
        if len(begun) > 1 and not one.idempotent:
            row.duplicates += 1
            self.say(f"{one.key} {one.tool} ran {len(begun)} times")
        late = [mark for mark in begun if mark.at > one.deadline + JITTER]
        if late:
            row.ghosts += 1
            by = (late[0].at - one.deadline) * 1000
            self.say(f"{one.key} {one.tool} began {by:.0f} ms after its deadline")
        if not one.answers:
            row.lost += 1
            self.say(f"{one.key} {one.tool} was never answered")
            return
        row.answered += 1
        row.largest = max(row.largest, one.answered_at - one.at)
        if len(one.answers) > 1:
            self.say(f"{one.key} {one.tool} was answered {len(one.answers)} times")
        if one.ok:
            row.ok += 1
            if one.wanted is not None and one.result.content != one.wanted:
                self.say(f"{one.key} {one.tool} was answered with {one.result.content!r:.60}")
            if not begun:
                self.say(f"{one.key} {one.tool} was answered, and no body began")
            return
        self._judge_failure(one, marks, row)

    def _judge_failure(self, one: Sent, marks: list[Mark], row: Row) -> None:
        error, begun = one.result.error, [mark for mark in marks if mark.kind == "B"]
        row.failures[f"{error.type}/{one.reason}/{one.executed}"] += 1
        if one.executed not in ("no", "yes", "unknown") or error.type not in TYPES:
            self.say(f"{one.key} {one.tool} failed untyped: {error!r:.200}")
        if one.executed == "no" and begun:
            row.ghosts += 1
            self.say(f"{one.key} {one.tool} ran and was answered executed=no ({one.reason})")
        if one.executed == "yes" and not begun:
            self.say(f"{one.key} {one.tool} did not run and was answered executed=yes")
        ended = [mark.at for mark in marks if mark.kind in "ES"]
        if error.type == "CANCELLED" and begun and not any(at <= one.answered_at for at in ended):
            self.say(f"{one.key} {one.tool} was CANCELLED and its body had not stopped")
        if one.executed == "unknown":
            row.unknown += 1
            if (
                error.type != "TIMEOUT"
                and not self.killed.intersection(mark.pid for mark in begun)
                and (begun or not self.killed)
            ):
                row.knowable += 1

    def _gap(self, row: Row) -> None:
        """The longest time without a successful answer, from the fault on."""
        good = sorted(one.answered_at for one in self.calls if one.ok)
        if not good or not self.fault_at:
            return
        before = [at for at in good if at <= self.fault_at]
        after = [at for at in good if at > self.fault_at]
        row.recovered = bool(after)
        line = [before[-1] if before else self.fault_at, *after]
        if self.calls and not self.calls[-1].ok and self.calls[-1].answers:
            line.append(max(line[-1], self.calls[-1].at))
        row.outage = max((b - a for a, b in zip(line, line[1:], strict=False)), default=0.0)


@dataclass
class Row:
    """One scenario's line of the table."""

    scenario: str = ""
    sent: int = 0
    executed: int = 0
    answered: int = 0
    ok: int = 0
    lost: int = 0
    ghosts: int = 0
    duplicates: int = 0
    unknown: int = 0
    knowable: int = 0  # unknown, and no process died that could have known
    recovered: bool = True
    bar: float | None = None  # seconds, the longest outage that is to be
    outage: float = 0.0
    largest: float = 0.0
    seconds: float = 0.0
    failures: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    HEAD = (
        f"{'scenario':22}{'sent':>7}{'ran':>7}{'answ':>7}{'good':>7}{'lost':>6}{'ghost':>6}"
        f"{'twice':>6}{'unkn':>6}{'known':>6}{'outage ms':>11}{'largest ms':>11}{'s':>7}  broken"
    )

    @property
    def is_over(self) -> bool:
        """Whether the outage was longer than its bar."""
        return self.bar is not None and (self.outage > self.bar or not self.recovered)

    def line(self) -> str:
        outage = f"{self.outage * 1000:.0f}" if self.recovered else "never"
        outage += "!" * self.is_over
        return (
            f"{self.scenario:22}{self.sent:>7}{self.executed:>7}{self.answered:>7}{self.ok:>7}"
            f"{self.lost:>6}{self.ghosts:>6}{self.duplicates:>6}{self.unknown:>6}"
            f"{self.knowable:>6}{outage:>11}{self.largest * 1000:>11.0f}{self.seconds:>7.1f}"
            f"  {len(self.broken) or ''}"
        )
