"""The run: random calls through random sessions, and the laws that each of them must keep."""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import tempfile
import time
from collections import Counter, defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from altar import FunctionCall, Session
from altar.adm import ToolResult
from altar.errors import ErrorType
from altar.isolate import default_pool
from altar.later import SessionLimits
from altar.runtime._pool import default_pool as threads_of_altar
from tests.chaos import stacks, tools
from tests.waiting import soon

if TYPE_CHECKING:
    from collections.abc import Iterator

EPISODE = 60  # calls to one session
BATCH = 20 * EPISODE  # calls that are held until they are accounted for
THREADS = 3
LIMITS = SessionLimits(max_chunks=2000)
TYPES = {str(kind) for kind in ErrorType}
# these say that no body has begun
NOT_BEGUN = {
    ErrorType.APPROVAL_REQUIRED,
    ErrorType.CIRCUIT_OPEN,
    ErrorType.PARAMETER_VALIDATION_FAILED,
    ErrorType.PERMISSION_DENIED,
    ErrorType.RATE_LIMIT_EXCEEDED,
    ErrorType.TOOL_NOT_FOUND,
}
FLOODS = {"floods", "far_floods", "streams", "astreams"}
_runs = count(1)
WEIGHTS = {
    **dict.fromkeys(("quick", "write", "aquick", "inline"), 12.0),
    **dict.fromkeys(("nested", "anested", "says_retry", "fails", "afails", "guarded"), 5.0),
    "far": 4.0,
    **dict.fromkeys(("far_fails", "far_floods"), 0.6),
    **dict.fromkeys(tools.HANGS | {"ahang"}, 1.0),
    **dict.fromkeys(("aborts", "exits", "segfaults", "loops"), 0.25),
    "grows": 0.1,
}


@dataclass
class Sent:
    """A call, and everything that came back for it."""

    call: FunctionCall
    timeout: float | None
    approved: bool
    gives_up: bool  # its caller cancels it
    twin: bool  # sent twice at once, under one id
    where: str = ""
    results: list[Any] = field(default_factory=list)

    def keep(self, came: Any) -> None:
        """Note what came back, without a flood's megabytes."""
        if isinstance(came, ToolResult) and came.error is None and self.call.name in FLOODS:
            came = ToolResult(name=came.name, call_id=came.call_id, content="much")
        self.results.append(came)


@dataclass
class Report:
    """What a run came to."""

    outcomes: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    broken: list[str] = field(default_factory=list)
    sent: int = 0
    answered: int = 0
    bodies: int = 0
    seconds: float = 0.0

    def add(self, other: Report) -> None:
        """Take in what a batch came to."""
        for name, row in other.outcomes.items():
            self.outcomes[name] += row
        self.broken += other.broken
        self.sent += other.sent
        self.answered += other.answered

    def table(self) -> str:
        """Tools down, outcomes across."""
        kinds = sorted({kind for row in self.outcomes.values() for kind in row})
        lines = [f"{'tool':16}" + "".join(f"{kind[:12]:>13}" for kind in kinds)]
        for name in sorted(self.outcomes):
            row = self.outcomes[name]
            lines.append(f"{name[:15]:16}" + "".join(f"{row[kind] or '':>13}" for kind in kinds))
        lines.append(
            f"{self.sent} sent, {self.answered} answered, {self.bodies} bodies begun, "
            f"{self.seconds:.1f} s; {len(self.broken)} laws broken"
        )
        return "\n".join(lines)


def run(calls: int, seed: int, *, without: frozenset[str] = frozenset()) -> Report:
    """Send ``calls`` calls, and account for each when nothing of its batch runs any more."""
    random, prefix = Random(seed), f"run{next(_runs)}"
    report = Report()
    began = time.monotonic()
    others = _at_work()  # bodies of whoever used the pool before
    with log_file() as log:
        bodies: Counter[str] = Counter()
        for at in range(0, calls, BATCH):
            batch: list[Sent] = []
            while (left := min(BATCH, calls - at) - len(batch)) > 0:
                episode = f"{prefix}.{at + len(batch)}"
                batch += _episode(random, episode, min(EPISODE, left), without)
            settle(others)
            bodies = _noted(log, prefix)
            report.add(account(batch, bodies))
        settle(others)
        late = _noted(log, prefix) - bodies
    report.broken += [f"a body of {ticket} began when its call had long ended" for ticket in late]
    report.bodies = bodies.total()
    report.seconds = time.monotonic() - began
    return report


def _noted(log: Path, prefix: str) -> Counter[str]:
    tickets = log.read_text(encoding="utf-8").split()
    return Counter(one for one in tickets if one.removeprefix("shared.").startswith(f"{prefix}."))


@contextmanager
def log_file() -> Iterator[Path]:
    """The file in which bodies note that they have begun, here and in worker processes.

    One for the life of the process: a worker keeps the environment it was started with.
    """
    level, logger = logging.getLogger("altar").level, logging.getLogger("altar")
    logger.setLevel(logging.CRITICAL)
    if tools.LOG not in os.environ:
        folder = tempfile.TemporaryDirectory(prefix="altar-chaos-")
        atexit.register(folder.cleanup)
        os.environ[tools.LOG] = str(Path(folder.name) / "bodies")
    path = Path(os.environ[tools.LOG])
    path.touch()
    try:
        yield path
    finally:
        logger.setLevel(level)


def settle(others: int) -> None:
    """Let bodies that nobody waits for any more come to their end."""
    Event().wait(0.2)
    soon(lambda: _at_work() <= others)
    soon(lambda: not default_pool().stats()["busy"])


def _at_work() -> int:
    """How many bodies hold a thread, or wait for one."""
    pool = threads_of_altar()
    with pool._lock:
        return pool._lost + len(pool._queue) + pool._threads - len(pool._parked)


def _episode(random: Random, prefix: str, size: int, without: frozenset[str]) -> list[Sent]:
    runtime, kind = stacks.runtime_of(random, LIMITS)
    names = [fn.__name__ for fn in tools.TOOLS if fn.__name__ not in without]
    calls = [_call(random, prefix, at, names) for at in range(size)]
    session = Session(tools.TOOLS, runtime=runtime, limits=LIMITS)
    where = f"{kind}: {session.runtime!r}"
    for sent in calls:
        sent.where = where
    shares = [calls[at :: THREADS + 1] for at in range(THREADS + 1)]
    threads = [Thread(target=_send_all, args=(session, share)) for share in shares[1:]]
    for thread in threads:
        thread.start()
    asyncio.run(_asend_all(session, shares[0], closes=random.random() < 0.05))
    for thread in threads:
        thread.join()
    session.close()
    return calls


def _call(random: Random, prefix: str, at: int, names: list[str]) -> Sent:
    ticket = f"{prefix}.{at}"
    name = random.choices(names, [WEIGHTS.get(name, 2.0) for name in names])[0]
    args: dict[str, Any] = {"ticket": ticket}
    drawn = random.random()
    if drawn < 0.15:
        if name in ("quick", "aquick", "far"):  # a cache may answer
            args = {"ticket": f"shared.{prefix}.{name}.{random.randrange(2)}"}
    elif drawn < 0.18:
        name = f"made_up_{random.randrange(50)}"
    elif drawn < 0.21:
        args = random.choice([{}, {"ticket": 3.5}, {"ticket": ticket, "more": 1}])
    stuck = name in tools.HANGS
    return Sent(
        FunctionCall(name=name, args=args, call_id=f"call-{ticket}"),
        timeout=0.05 if stuck or random.random() < 0.05 else None,
        approved=random.random() < 0.5,
        gives_up=random.random() < 0.04,
        twin=random.random() < 0.03,
    )


def _send_all(session: Session, share: list[Sent]) -> None:
    for sent in share:
        if sent.twin:
            twin = Thread(target=_send, args=(session, sent))
            twin.start()
            _send(session, sent)
            twin.join()
        else:
            _send(session, sent)


def _send(session: Session, sent: Sent) -> None:
    try:
        sent.keep(session.execute(sent.call, timeout=sent.timeout, approved=sent.approved))
    except BaseException as error:  # noqa: BLE001 - it is what came back
        sent.keep(error)


async def _asend_all(session: Session, share: list[Sent], *, closes: bool) -> None:
    tasks = [asyncio.ensure_future(_asend(session, sent)) for sent in share]
    tasks += [asyncio.ensure_future(_asend(session, sent)) for sent in share if sent.twin]
    if closes:
        await asyncio.sleep(0.02)
        session.close()
    await asyncio.gather(*tasks)


async def _asend(session: Session, sent: Sent) -> None:
    task = asyncio.ensure_future(
        session.aexecute(sent.call, timeout=sent.timeout, approved=sent.approved)
    )
    if sent.gives_up:
        await asyncio.sleep(0.003)
        task.cancel()
    try:
        sent.keep(await task)
    except BaseException as error:  # noqa: BLE001 - it is what came back
        sent.keep(error)


def account(everything: list[Sent], bodies: Counter[str]) -> Report:
    """Hold every call against the laws."""
    report = Report()
    for sent in everything:
        expected = 2 if sent.twin else 1
        report.sent += expected
        report.answered += len(sent.results)
        if len(sent.results) != expected:
            report.broken.append(
                f"{sent.call.call_id}: {len(sent.results)} answers, not {expected}"
            )
        known = sent.call.name if not sent.call.name.startswith("made_up") else "(unknown)"
        for came in sent.results:
            report.outcomes[known][_kind(came)] += 1
            report.broken += [
                f"{sent.call.call_id} {sent.call.name}: {what}\n    {came!r:.300}\n    {sent.where}"
                for what in _wrong(sent, came, bodies)
            ]
    return report


def _kind(came: Any) -> str:
    if not isinstance(came, ToolResult):
        return type(came).__name__
    return "ok" if came.error is None else str(came.error.type)


def _wrong(sent: Sent, came: Any, bodies: Counter[str]) -> list[str]:
    """The laws that one answer breaks."""
    call, wrong = sent.call, []
    if not isinstance(came, ToolResult):
        by_caller = isinstance(came, asyncio.CancelledError) and sent.gives_up
        return [] if by_caller else ["something else than a result came back"]
    if came.call_id != call.call_id or came.name != call.name:
        wrong.append(f"the answer of another call: {came.name} {came.call_id}")
    ticket = call.args.get("ticket")
    shared = not isinstance(ticket, str) or ticket.startswith("shared")
    begun = bodies[ticket] if isinstance(ticket, str) else 0
    if came.error is None:
        if begun == 0:
            wrong.append("it worked, and no body has begun")
        if call.name in tools.ECHOES and came.content["ticket"] != ticket:
            wrong.append("it holds what another call asked for")
    else:
        if came.error.type not in TYPES:
            wrong.append("its error has no type of altar's")
        if "secret" in came.error.message:
            wrong.append("it tells what an exception said")
        details = came.error.details or {}
        none = came.error.type in NOT_BEGUN or details.get("executed") == "no"
        # of twins one may be refused, which is not remembered, and the other carried out
        if none and "attempts" not in details and begun and not (shared or sent.twin):
            wrong.append(f"it says that nothing was begun, and {begun} bodies were")
    if not shared and call.name not in tools.MAY_REPEAT and begun > 1:
        wrong.append(f"{begun} bodies have begun for a tool that may not run twice")
    if not shared and begun > stacks.ATTEMPTS**4:
        wrong.append(f"{begun} bodies have begun")
    return wrong
