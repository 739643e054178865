"""Corners of the pool: its parts alone, where a whole pool seldom comes by."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import json
import os
import select
import selectors
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from time import monotonic
from types import SimpleNamespace

import pytest

from altar.adm import FunctionCall
from altar.errors import ConfigurationError
from altar.isolate import ProcessPool, Target, _processes, _spawn
from altar.isolate import _wire as wire
from altar.isolate._bell import Bell
from altar.isolate._exchange import Exchange, _fields, _plain
from altar.isolate._hub import Hub, Wakeable
from altar.isolate._inbox import Inbox
from altar.isolate._loop import Loop
from altar.isolate._memory import MemoryWatch
from altar.isolate._patrol import patrol
from altar.isolate._roster import Roster, Ticket
from altar.isolate._settings import Settings
from altar.isolate._worker import BUSY, GONE, IDLE, Worker
from altar.runtime import CallContext

Make = Callable[[], Worker]
MANY = 100


@pytest.fixture
def make() -> Iterator[Make]:
    """Workers whose process is this one; nobody kills them here."""
    made: list[tuple[Worker, socket.socket, int]] = []

    def one() -> Worker:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        reader, writer = os.pipe()
        process = SimpleNamespace(pid=os.getpid(), returncode=None)
        worker = Worker(process, ours, reader, mark="none", now=monotonic())
        made.append((worker, theirs, writer))
        return worker

    yield one
    for worker, theirs, writer in made:
        worker.disown()
        theirs.close()
        os.close(writer)


def settings(**changed) -> Settings:
    usual = {
        "size": 2, "memory_mb": None, "recycle_after": None, "idle": None,
        "start_timeout": 1.0, "spares": 1, "affinity": "prefer",
    }  # fmt: skip
    return Settings(**(usual | changed))


def exchange(*, limit: int = 0, timeout: float | None = None, args=None, **ctx) -> Exchange:
    call = FunctionCall(name="tool", args=args)
    return Exchange(call, CallContext(**ctx), Target("a:b", timeout=timeout), limit)


def added(roster: Roster, worker: Worker) -> Worker:
    roster.starting += 1
    roster.add(worker)
    return worker


def fed(worker: Worker, *frames: bytes) -> None:
    data = b"".join(frames)
    worker.inbox.space()[: len(data)] = data
    worker.inbox.took(len(data))


# bell


def test_a_closed_bell_is_rung_in_vain():
    bell = Bell()
    bell.close()
    bell.ring()
    bell.close()
    with pytest.raises(OSError, match=os.strerror(errno.EBADF)):
        os.fstat(bell.fd)


def test_a_bell_whose_close_is_interrupted_closes_nothing_a_second_time():
    bell = Bell()

    def interrupt(frame, event, arg) -> None:
        if event == "c_return" and arg is os.close:
            sys.setprofile(None)
            raise KeyboardInterrupt

    try:
        sys.setprofile(interrupt)
        with pytest.raises(KeyboardInterrupt):
            bell.close()
    finally:
        sys.setprofile(None)
    assert bell._out == -1, "its number may be another file's by now"


def test_a_bell_without_eventfd_is_a_pipe_that_is_emptied_whole(monkeypatch):
    monkeypatch.delattr(os, "eventfd", raising=False)
    bell = Bell()
    for _ in range(65):
        bell.ring()
    assert select.select([bell.fd], [], [], 0)[0]
    bell.hush()
    assert not select.select([bell.fd], [], [], 0)[0]
    bell.close()
    with pytest.raises(OSError, match=os.strerror(errno.EBADF)):
        os.fstat(bell.fd)


# inbox


def test_an_inbox_that_grew_is_small_again_once_little_is_left():
    inbox = Inbox()
    frame = wire.frame(wire.CHUNK, b"x" * 100_000)
    small = wire.frame(wire.CHUNK, b"y" * 10)
    data = frame + small * 4000
    kinds = 0
    while data:
        space = inbox.space()
        count = min(len(space), len(data))
        space[:count] = data[:count]
        data = data[count:]
        inbox.took(count)
        while inbox.next() is not None:
            kinds += 1
    assert kinds == 4001
    assert len(inbox._buffer) == 65_536


def test_an_inbox_half_empty_keeps_its_size():
    inbox = Inbox()
    frame = wire.frame(wire.CHUNK, b"x" * 40_000)
    data = frame + frame[: 65_536 - len(frame)]
    inbox.space()[:] = data
    inbox.took(len(data))
    assert inbox.next() is not None
    assert len(inbox.space()) == len(frame)


# processes and spawn


def test_a_child_is_seen_to_end_without_waitid(monkeypatch):
    monkeypatch.delattr(os, "waitid", raising=False)
    process = subprocess.Popen(["/bin/sh", "-c", "exit 3"])
    process.wait()
    assert _processes.has_ended(process)
    assert _processes.reap(process) == 3


def test_a_worker_runs_with_the_flags_of_this_interpreter(monkeypatch):
    names = ("dont_write_bytecode", "no_user_site", "no_site", "ignore_environment", "isolated")
    flags = SimpleNamespace(**dict.fromkeys(names, 1), optimize=2, utf8_mode=1, dev_mode=True)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "flags", flags)
        command = _spawn._interpreter()
    expected = ["-P", "-B", "-s", "-S", "-E", "-I", "-OO", "-X", "utf8", "-X", "dev"]
    assert command[1:12] == expected


def test_a_worker_is_refused_where_no_descriptor_is_left(monkeypatch):
    def refuse(*_):
        raise OSError(errno.EMFILE, "none is left")

    before = len(os.listdir("/dev/fd"))
    with monkeypatch.context() as patch:
        patch.setattr(fcntl, "fcntl", refuse)
        for _ in range(MANY):
            with pytest.raises(OSError, match="none is left"):
                _spawn.spawn("mark", memory_mb=None)
    # one left open each time would be as many; other threads may have opened a few
    assert len(os.listdir("/dev/fd")) < before + MANY


def test_a_pool_is_refused_where_there_is_no_unix(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(os, "name", "nt")
        with pytest.raises(ConfigurationError) as caught:
            ProcessPool()
    assert "Unix" in str(caught.value)


# wire, loop and worker


def test_json_is_written_the_same_without_the_fast_encoder(monkeypatch):
    body = {"a": [1, None, "\ud800é"], "b": {}}
    with monkeypatch.context() as patch:
        patch.setattr(json.encoder, "c_make_encoder", None)
        slow = wire._encoder()
    assert slow(body) == wire.to_json(body)


def test_what_does_not_fit_of_a_hello_is_kept_for_later(make: Make):
    loop, worker = Loop(), make()
    worker.rest = b"x" * 10_000_000
    loop._send_rest(worker)
    assert 0 < len(worker.rest) < 10_000_000


def test_a_disowned_worker_has_no_files_even_where_one_is_closed(make: Make):
    worker = make()
    pipe, worker.pipe = worker.pipe, os.sysconf("SC_OPEN_MAX")  # one that no file has
    worker.disown()
    assert worker.sock.fileno() == -1
    worker.pipe = pipe


# roster


def test_a_session_waits_for_its_own_worker_while_that_is_busy(make: Make):
    roster = Roster(settings(affinity="session"))
    added(roster, make())
    added(roster, make())
    assert roster.take(exchange(session_id="s")) is not None
    assert roster.take(exchange(session_id="s")) is None


def test_a_call_without_a_session_takes_only_a_worker_that_is_kept_for_none(make: Make):
    roster = Roster(settings(affinity="session"))
    kept, free = added(roster, make()), make()
    assert roster.take(exchange(session_id="s")) is kept
    assert roster.back(kept)
    assert roster.take(exchange()) is None
    assert roster.take(exchange()) is None
    added(roster, free)
    assert roster.take(exchange()) is free


def test_to_forget_a_call_leaves_the_others_in_the_queue():
    roster = Roster(settings())
    first, second = (Ticket(exchange(), lambda: True) for _ in range(2))
    assert roster.join(first)
    assert roster.join(second)
    roster.forget(first.exchange)
    assert roster.waiting() == 1
    assert roster.leave(second)


def test_whoever_waits_too_long_is_answered_when_the_queue_is_mended():
    roster, woken = Roster(settings()), []
    ticket = Ticket(exchange(deadline=monotonic() - 9), lambda: woken.append(1))
    assert roster.join(ticket)
    assert roster.mend(lambda _: lambda: "late")
    assert ticket.refusal() == "late"
    assert woken == [1]
    assert roster.waiting() == 0


def test_a_worker_given_up_while_it_started_is_not_handed_out(make: Make):
    roster, worker = Roster(settings()), make()
    roster.starting += 1
    assert roster.drop(worker)
    roster.add(worker)
    assert (worker.place, roster.idle, roster.starting) == (GONE, [], 0)


def test_a_closed_roster_misses_nobody():
    roster = Roster(settings())
    assert roster.missing() == (0, 1)
    roster.close()
    assert roster.missing() == (0, 0)


# patrol and memory


def test_a_worker_given_up_has_a_moment_to_say_how_it_ends(make: Make):
    worker, killed = make(), []
    worker.place, before = GONE, monotonic()
    patrol(Roster(settings()), {1: worker}, lambda _: None, lambda: None, killed.append)
    assert worker.is_doomed
    assert worker.kill_at > before
    assert killed == []


def test_a_worker_whose_end_was_posted_is_left_to_that(make: Make):
    worker = make()
    worker.place = GONE

    def posted() -> None:
        worker.is_doomed = True

    patrol(Roster(settings()), {1: worker}, lambda _: None, posted, lambda _: None)
    assert worker.kill_at is None


def test_memory_is_watched_on_while_a_call_without_a_limit_runs(make: Make):
    watch, worker = MemoryWatch(lambda *_: None), make()
    worker.place, worker.exchange = BUSY, exchange()
    watch.active = True
    for _ in range(8):
        watch.tick(watch.next_at, {worker.pid: worker})
    assert watch.active


def test_an_idle_worker_that_has_grown_is_told_of(make: Make):
    seen: list[object] = []
    watch, worker = MemoryWatch(lambda _, call, __: seen.append(call)), make()
    call = exchange(limit=1)
    worker.place, worker.exchange = BUSY, call
    watch.active = True
    watch.tick(watch.next_at, {worker.pid: worker})
    worker.place, worker.exchange = IDLE, None
    for _ in range(8):
        watch.tick(watch.next_at, {worker.pid: worker})
    assert seen == [call, None]
    assert not watch.active


# exchange


def test_arguments_longer_than_a_frame_are_refused():
    refusal = exchange(args={"a": "x" * wire.HARD_LIMIT}).refusal()
    assert refusal.error.details["problems"][0]["path"] == "$"
    assert "cannot be sent" in refusal.error.message


def test_a_deadline_before_the_timeout_holds(make: Make):
    deadline = monotonic() + 5
    call = exchange(timeout=60.0, deadline=deadline)
    call.frame(make())
    assert call.until == deadline


def test_only_a_reset_says_that_a_call_was_not_begun():
    call = exchange()
    call.sent = True
    call.broken(BrokenPipeError())
    assert call.sent


def test_a_worker_that_imports_its_target_twice_breaks_the_protocol(make: Make):
    call, worker = exchange(), make()
    loaded = wire.encode(wire.LOADED, {"id": call.id})
    fed(worker, loaded, loaded)
    with pytest.raises(wire.WireError, match="says again"):
        call.read(worker)
    assert worker.loaded == {"a:b"}


def test_a_second_attempt_is_told_to_the_worker():
    call = exchange(attempt=2)
    assert _fields(call.call, call.ctx)["attempt"] == 2


def test_metadata_that_is_no_json_is_left_to_the_thorough_reader():
    said = {"status": "SUCCESS", "name": "t", "call_id": "c", "content": 1}
    assert _plain({**said, "x_metadata": {"a": float("nan")}}) is None
    assert _plain({**said, "x_metadata": {"a": 1.5}}).content == 1


# hub


def test_a_future_that_nobody_awaits_is_woken_and_cancelled_in_vain():
    async def main() -> None:
        loop = asyncio.get_running_loop()
        future, heard = Wakeable(loop=loop), []
        future.wake(5)
        future.add_done_callback(heard.append)
        assert future.cancel() is False
        await asyncio.sleep(0)
        assert heard == [future]
        assert future.result() == 5

    asyncio.run(main())


def test_a_hub_without_epoll_reads_through_the_loop(monkeypatch):
    monkeypatch.delattr(select, "epoll", raising=False)

    async def main() -> None:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            hub, read = Hub(asyncio.get_running_loop()), asyncio.Event()
            call = SimpleNamespace(until=None, read=read.set, late=None)
            hub.begin(ours.fileno(), call)
            hub.more(ours.fileno())
            theirs.send(b"x")
            await asyncio.wait_for(read.wait(), 60)
            hub.end(ours.fileno(), answered=True)
            assert not hub.loop.remove_reader(ours.fileno())

    loop = asyncio.SelectorEventLoop(selectors.PollSelector())
    try:
        loop.run_until_complete(main())
    finally:
        loop.close()
