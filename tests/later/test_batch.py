"""A batch: order kept, bounded, resumable, results as they come; sync and async alike."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading

import pytest

import altar
import altar.bridge
from altar import FunctionCall
from altar.errors import ConfigurationError
from altar.later import BatchItem, BatchProgress
from altar.later._batch_progress import Bar


def square(n: int) -> int:
    return n * n


async def asquare(n: int) -> int:
    await asyncio.sleep(0)
    return n * n


def fails(n: int) -> int:
    raise altar.ToolError("no")


WAYS = {
    "sync": lambda batch: batch.run(),
    "async": lambda batch: asyncio.run(batch.arun()),
}


def each(way: str, batch: altar.later.Batch) -> list[BatchItem]:
    async def gather() -> list[BatchItem]:
        return [item async for item in batch]

    return list(batch) if way == "sync" else asyncio.run(gather())


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("tool", [square, asquare])
def test_results_stand_in_the_order_of_the_calls(way, tool):
    calls = [(tool.__name__, {"n": n}) for n in range(50)]
    results = WAYS[way](altar.batch(calls, [tool], max_concurrency=7))
    assert [result.content for result in results] == [n * n for n in range(50)]


@pytest.mark.parametrize("way", WAYS)
def test_no_more_calls_run_at_once_than_were_asked_for_and_the_iterator_is_read_as_places_free(way):
    running, most, read, lock = 0, 0, 0, threading.Lock()
    meeting = threading.Barrier(3)

    def busy(n: int) -> int:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        if n < 3:
            meeting.wait(60)
        threading.Event().wait(0.002)
        with lock:
            running -= 1
        return n

    def calls():
        nonlocal read
        for n in range(40):
            read += 1
            yield "busy", {"n": n}

    batch = altar.batch(calls(), {"busy": busy}, max_concurrency=3)
    assert read == 0
    seen = each(way, batch)
    assert len(seen) == 40
    assert most == 3
    assert sorted(item.index for item in seen) == list(range(40))


def test_results_come_as_they_end_not_in_order():
    first = threading.Event()

    def slow_first(n: int) -> int:
        if n == 0:
            first.wait(60)
        return n

    batch = altar.batch([("f", {"n": n}) for n in range(5)], {"f": slow_first}, max_concurrency=2)
    order = []
    for item in batch:
        order.append(item.index)
        if len(order) == 4:
            first.set()
    assert order[-1] == 0


@pytest.mark.parametrize("way", WAYS)
def test_leaving_early_cancels_what_runs_and_starts_no_more(way):
    begun, stopped = [], threading.Event()

    def watch(n: int, context: altar.Context) -> int:
        begun.append(n)
        while n and not context.cancelled:
            threading.Event().wait(0.001)
        stopped.set()
        return n

    batch = altar.batch([("f", {"n": n}) for n in range(100)], {"f": watch}, max_concurrency=2)

    async def leave() -> None:
        async for _ in batch:
            break

    if way == "sync":
        for _ in batch:
            break
    else:
        asyncio.run(leave())
    assert stopped.wait(60)
    assert len(begun) <= 3
    with pytest.raises(ConfigurationError, match="run already"):
        list(batch)


@pytest.mark.parametrize("way", WAYS)
def test_a_batch_goes_on_where_its_file_ends_and_runs_nothing_twice(way, tmp_path):
    path = tmp_path / "run.jsonl"
    ran: list[int] = []

    def once(n: int) -> int:
        ran.append(n)
        return n

    calls = [("once", {"n": n}) for n in range(10)]
    for item in altar.batch(calls, {"once": once}, max_concurrency=1, save=path):
        if item.index == 3:
            break
    before = sorted(ran)
    results = WAYS[way](altar.batch(calls, {"once": once}, max_concurrency=1, save=path))
    assert [result.content for result in results] == list(range(10))
    kept = [json.loads(line)["index"] for line in path.read_text().splitlines()[1:]]
    assert sorted(kept) == list(range(10))
    assert [n for n in before if n <= 3] == [0, 1, 2, 3]
    assert all(ran.count(n) == 1 for n in range(4))


def test_what_failed_stays_failed_unless_it_is_to_be_retried(tmp_path):
    path, calls = tmp_path / "run.jsonl", [("f", {"n": 1}), ("f", {"n": 2})]
    assert not any(r.ok for r in altar.batch(calls, {"f": fails}, save=path).run())
    kept = altar.batch(calls, {"f": square}, save=path).run()
    assert [r.error.message for r in kept] == ["no", "no"]
    again = altar.batch(calls, {"f": square}, save=path, retry_failed=True).run()
    assert [r.content for r in again] == [1, 4]
    assert [r.content for r in altar.batch(calls, {"f": fails}, save=path).run()] == [1, 4]


def test_a_file_of_another_batch_or_of_anything_else_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "run.jsonl"
    altar.batch([("square", {"n": 1})], [square], save=path).run()
    with pytest.raises(ConfigurationError, match="another batch: call 0"):
        altar.batch([("square", {"n": 2})], [square], save=path).run()
    for text in ("dear diary\n", '{"altar_batch":2}\n', "no line"):
        path.write_text(text)
        with pytest.raises(ConfigurationError, match="no file of a batch"):
            altar.batch([("square", {"n": 2})], [square], save=path).run()
        assert path.read_text() == text


def test_a_cut_last_line_is_dropped_and_its_call_runs_again(tmp_path):
    path, calls = tmp_path / "run.jsonl", [("square", {"n": n}) for n in range(3)]
    altar.batch(calls, [square], max_concurrency=1, save=path).run()
    path.write_bytes(path.read_bytes()[:-9])
    items = list(altar.batch(calls, [square], max_concurrency=1, save=path))
    assert [item.resumed for item in items] == [True, True, False]
    assert len(path.read_text().splitlines()) == 4


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such locks")
def test_two_batches_never_write_to_one_file(tmp_path):
    path = tmp_path / "run.jsonl"
    first = iter(altar.batch([("square", {"n": n}) for n in range(3)], [square], save=path))
    next(first)
    with pytest.raises(ConfigurationError, match="another batch writes"):
        altar.batch([("square", {"n": 1})], [square], save=path).run()
    first.close()


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_after_a_kill_the_file_holds_every_result_that_was_given_out(tmp_path):
    path = tmp_path / "run.jsonl"
    program = textwrap.dedent(f"""
        import altar, os, signal
        def square(n: int) -> int: return n * n
        calls = [("square", {{"n": n}}) for n in range(100)]
        for count, item in enumerate(altar.batch(calls, [square], save={str(path)!r})):
            print(item.index, flush=True)
            if count == 20:
                os.kill(os.getpid(), signal.SIGKILL)
    """)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL
    given = {int(line) for line in done.stdout.split()}
    items = list(altar.batch([("square", {"n": n}) for n in range(100)], [square], save=path))
    assert given <= {item.index for item in items if item.resumed}
    assert sorted(item.result.content for item in items) == [n * n for n in range(100)]


def test_what_is_no_call_is_answered_or_refused_as_by_execute_many():
    results = altar.batch([("square", '{"n": 2}'), ("square", "{"), "nope"], [square]).run()
    assert [r.ok for r in results] == [True, False, False]
    with pytest.raises(ConfigurationError, match="batch cannot use its item 1"):
        altar.batch(["square", 7], [square]).run()
    with pytest.raises(ConfigurationError, match="batch takes a list, not one pair"):
        altar.batch(("square", {"n": 1}), [square])
    with pytest.raises(ConfigurationError, match="progress='loud'"):
        altar.batch([], [square], progress="loud")  # type: ignore[arg-type]


def test_a_session_is_used_as_it_is_with_its_own_bound_on_concurrency():
    limits = altar.later.SessionLimits(max_concurrency=2)
    with altar.Session([square], limits=limits) as session:
        batch = altar.batch([FunctionCall(name="square", args={"n": 3})], session)
        assert "2 at once" in repr(batch)
        assert batch.run()[0].content == 9
    assert altar.batch([("square", {"n": 3})], session).run()[0].error.type == "INVALID_STATE"


def test_progress_is_told_after_each_call():
    told: list[BatchProgress] = []
    calls = [("square", {"n": 1}), ("nope", {}), ("square", {"n": 2})]
    altar.batch(calls, [square], max_concurrency=1, progress=told.append).run()
    assert [(p.done, p.total, p.failed) for p in told] == [(1, 3, 0), (2, 3, 1), (3, 3, 1)]
    assert told[-1].left is None or told[-1].left == 0
    altar.batch(iter(calls), [square], progress=told.append).run()
    assert told[-1].total is None


class Screen(io.StringIO):
    encoding = "utf-8"  # type: ignore[assignment]

    def isatty(self) -> bool:
        return True


def test_a_bar_is_one_line_of_the_terminal_and_ends_with_its_last_state(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    screen, now = Screen(), [0.0]
    bar = Bar(screen, clock=lambda: now[0])
    for done in range(11):
        now[0] += 0.06
        bar(BatchProgress(done, 10, done // 5, 0, done * 0.5 + 0.1))
    bar.end(BatchProgress(10, 10, 2, 0, 5.0))
    drawn = [line for line in screen.getvalue().split("\r") if line]
    assert len(drawn) == 7  # not more often than each 0.1 s
    assert drawn[-1] == "━" * 40 + "  10/10  2.0/s  2 failed\x1b[K\n"
    assert "left" in drawn[2]


def test_where_stderr_is_no_terminal_progress_is_a_line_now_and_then(capsys):
    altar.batch([("square", {"n": n}) for n in range(30)], [square], progress=True).run()
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert lines[-1].startswith("batch: 30/30")
    altar.batch([("square", {"n": 1})], [square]).run()
    assert capsys.readouterr().err == ""


def test_a_disk_that_is_full_ends_the_batch_and_leaves_whole_lines(tmp_path):
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full here")
    with pytest.raises(OSError):
        altar.batch([("square", {"n": 1})], [square], save="/dev/full").run()


def lines_of(path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()[1:]]


@pytest.mark.parametrize("way", WAYS)
def test_what_has_ended_is_kept_when_the_caller_breaks_off_or_its_iterator_fails(way, tmp_path):
    path, go = tmp_path / "run.jsonl", threading.Event()

    def calls():
        yield from [("square", {"n": n}) for n in range(3)]
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        WAYS[way](altar.batch(calls(), [square], save=path))
    assert sorted(line["index"] for line in lines_of(path)) == [0, 1, 2]

    def second_waits(n: int) -> int:
        if n:
            go.wait(60)
        return n

    async def leave(batch) -> None:
        async with contextlib.aclosing(aiter(batch)) as items:
            async for _ in items:
                go.set()
                await asyncio.sleep(0.03)
                break

    path = tmp_path / "other.jsonl"
    two = [("f", {"n": 0}), ("f", {"n": 1})]
    batch = altar.batch(two, {"f": second_waits}, save=path)
    if way == "async":
        asyncio.run(leave(batch))
    else:
        for _ in batch:
            go.set()
            break  # the second still runs, and ends within the moment it is given
    assert 0 in {line["index"] for line in lines_of(path)}


def test_what_ended_while_the_caller_looked_at_another_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr("altar.later._batch._LINGER", 60)
    path, ended = tmp_path / "run.jsonl", threading.Semaphore(0)
    begun, gate = threading.Event(), threading.Event()

    def held(n: int) -> int:
        if n:
            begun.set()
            gate.wait(60)
        else:
            begun.wait(60)  # else it may be shown before the other is asked for
        return n

    class Told(altar.Session):
        def invoke(self, call, ctx):
            try:
                return super().invoke(call, ctx)
            finally:
                ended.release()

    batch = altar.batch([("f", {"n": n}) for n in range(2)], Told({"f": held}), save=path)
    for _ in batch:
        gate.set()
        assert ended.acquire(timeout=60)
        assert ended.acquire(timeout=60)
        break
    assert sorted(line["index"] for line in lines_of(path)) == [0, 1]


def test_a_second_cancel_while_a_batch_ends_leaves_no_lock_behind(tmp_path):
    path = tmp_path / "run.jsonl"

    begun = threading.Event()

    async def slow() -> int:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.03)
        return 1

    async def main() -> None:
        task = asyncio.create_task(altar.batch(["slow"], [slow], save=path).arun())
        while not begun.is_set():
            await asyncio.sleep(0.001)
        for _ in range(2):
            task.cancel()
            await asyncio.sleep(0.005)
        await asyncio.gather(task, return_exceptions=True)
        async with contextlib.aclosing(
            aiter(altar.batch([square_of_2], [square], save=path))
        ) as it:
            async for item in it:
                assert item.result.content == 4

    square_of_2 = ("square", {"n": 2})
    asyncio.run(main())


def test_a_tool_that_changes_its_arguments_does_not_make_its_call_another(tmp_path):
    def drain(args, context):
        args["items"].clear()
        return args.pop("n")

    importer = altar.bridge.Importer("X")
    importer.add("drain", drain)
    for _ in range(2):
        call = ("drain", {"items": [1, 2], "n": 7})
        batch = altar.batch([call], importer.tools(), save=tmp_path / "run.jsonl")
        assert [result.content for result in batch.run()] == [7]


@pytest.mark.parametrize("first_says", [True, False])
def test_a_batch_with_the_wrong_file_is_refused_and_leaves_it_as_it_was(tmp_path, first_says):
    path, mine = tmp_path / "run.jsonl", [("square", {"n": n}) for n in range(5)]
    altar.batch(mine, [square], save=path).run()
    head, *lines = path.read_text().splitlines(keepends=True)
    kept = [line for line in lines if json.loads(line)["index"] > 1]
    before = "".join([head if first_says else '{"altar_batch":1}\n', *kept])
    path.write_text(before)
    others = [("square", {"n": n + 9}) for n in range(5)]
    with pytest.raises(ConfigurationError, match="another batch"):
        altar.batch(others, [square], save=path, max_concurrency=1).run()
    assert path.read_text() == before
    results = altar.batch(mine, [square], save=path).run()
    assert [result.content for result in results] == [0, 1, 4, 9, 16]


@pytest.mark.parametrize(
    "line",
    [
        '{"index":Infinity}', '{"index":1e400}', '{"index":0}', '{"index":true,"call":"","result":{}}',
        '{"index":0,"call":KEY,"result":{"x":1}}', '{"index":0,"call":KEY,"result":[1]}',
        "[" * 100_000, "\0\0", '{"index":0,"ca', '{"index":' + "9" * 5000 + "}", "7", "null",
    ],
)  # fmt: skip
def test_a_damaged_line_is_named_and_its_call_runs_again(tmp_path, caplog, line):
    path, call = tmp_path / "run.jsonl", ("square", {"n": 3})
    altar.batch([call, call], [square], max_concurrency=1, save=path).run()
    head, one, two = path.read_text().splitlines()
    line = line.replace("KEY", json.dumps(json.loads(one)["call"]))
    path.write_text(f"{head}\n{line}\n{two}\n")
    items = sorted(altar.batch([call, call], [square], save=path), key=lambda item: item.index)
    assert [(item.result.content, item.resumed) for item in items] == [(9, False), (9, True)]
    assert "is damaged" in caplog.text


def test_a_file_whose_first_line_was_cut_off_is_an_empty_one(tmp_path):
    path = tmp_path / "run.jsonl"
    for text in ("{", '{"altar_ba', '{"altar_batch":1,"first":"ab'):
        path.write_text(text)
        assert altar.batch([("square", {"n": 3})], [square], save=path).run()[0].content == 9
        assert len(path.read_text().splitlines()) == 2


def test_calls_that_were_only_called_off_run_again(tmp_path):
    path, calls = tmp_path / "run.jsonl", [("square", {"n": n}) for n in range(6)]
    session = altar.Session([square])
    for item in altar.batch(calls, session, save=path, max_concurrency=1):
        if item.index == 1:
            session.close()
    results = altar.batch(calls, [square], save=path).run()
    assert [result.content for result in results] == [0, 1, 4, 9, 16, 25]


def test_a_resumed_result_answers_this_call_and_a_refused_file_leaves_the_batch_to_be_run(tmp_path):
    path, call = tmp_path / "run.jsonl", ("square", {"n": 3})
    altar.batch([call], [square], save=path).run()
    (item,) = altar.batch([call], [square], save=path)
    assert item.resumed
    assert item.result.call_id == item.call.call_id
    path.write_text("dear diary\n")
    batch = altar.batch([call], [square], save=path)
    with pytest.raises(ConfigurationError, match="no file of a batch"):
        batch.run()
    path.unlink()
    assert batch.run()[0].content == 9
    for save in (1, True, "", "a\0b", b"x"):
        with pytest.raises(ConfigurationError, match="give the path"):
            altar.batch([call], [square], save=save)


def test_slow_calls_hold_no_result_back():
    ended, seen = threading.Event(), []

    def told(n: int) -> int:
        ended.set()
        return n

    def calls():
        yield "f", {"n": 0}
        ended.wait(60)
        for n in range(1, 6000):  # far more than are read before the first result is seen
            threading.Event().wait(0.005)
            seen.append(n)
            yield "f", {"n": n}

    for item in altar.batch(calls(), {"f": told}, max_concurrency=32):
        assert item.index == 0
        break
    assert len(seen) < 5999


def test_on_an_event_loop_calls_may_come_from_an_async_iterator_and_begin_at_once():
    begun = []

    async def f(n: int) -> int:
        begun.append(n)
        return n

    async def slowly():
        for n in range(4):
            yield "f", {"n": n}
            await asyncio.sleep(0)

    def at_once():
        for n in range(4):
            assert len(begun) == n
            yield "f", {"n": n}

    for calls in (slowly, at_once):
        begun.clear()
        results = asyncio.run(altar.batch(calls(), {"f": f}).arun())
        assert [result.content for result in results] == [0, 1, 2, 3]
    with pytest.raises(ConfigurationError, match="async for"):
        altar.batch(slowly(), {"f": f}).run()


def test_results_from_a_file_leave_the_event_loop_its_turns(tmp_path):
    path, calls = tmp_path / "run.jsonl", [("square", {"n": n}) for n in range(300)]
    altar.batch(calls, [square], save=path).run()

    async def main() -> int:
        turns, going = 0, True

        async def count() -> None:
            nonlocal turns
            while going:
                turns += 1
                await asyncio.sleep(0)

        counting = asyncio.create_task(count())
        turned = []
        async for item in altar.batch(calls, [square], save=path):
            turned.append(turns)
            assert item.resumed
        going = False
        await counting
        return turned[-1] - turned[0]

    assert asyncio.run(main()) >= 2


def test_the_session_a_batch_makes_ends_with_it_and_one_it_was_given_does_not(monkeypatch):
    closed = []
    monkeypatch.setattr(altar.Session, "close", lambda self: closed.append(self))
    session = altar.Session([square])
    altar.batch([("square", {"n": 1})], session).run()
    assert not closed
    altar.batch([("square", {"n": 1})], [square]).run()
    assert len(closed) == 1
