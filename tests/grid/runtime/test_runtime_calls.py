"""A runtime over the loopback: what is run, what is refused, and what each call is told."""

from __future__ import annotations

import asyncio
import threading
from secrets import token_hex

import pytest

pytest.importorskip("msgpack")
pytest.importorskip("nkeys")

from altar import Context, tool
from altar_extras.grid.runtime import RuntimeSettings, contracts_of
from altar_extras.grid.transport import Inbound
from altar_extras.grid.wire import Cancel, Credit, Query, Subjects, ToolCall, pack
from tests.grid.runtime._control import Grid, host_ms

RAN: list[str] = []
GATES: dict[str, asyncio.Event] = {}


async def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@tool(inline=True, name="double_inline")
def double(n: int) -> int:
    """Twice the number."""
    return 2 * n


def threaded(text: str) -> str:
    """The text, and where it was said."""
    return f"{text} {threading.current_thread() is not threading.main_thread()}"


async def hold(name: str) -> str:
    """Wait until the gate of that name opens."""
    RAN.append(name)
    await GATES.setdefault(name, asyncio.Event()).wait()
    return name


async def fails() -> str:
    """Raise."""
    raise ValueError("secret")


async def count(upto: int) -> list[int]:
    """Count."""
    for n in range(upto):
        yield n


def count_in_thread(upto: int, ctx: Context) -> int:
    """Count in a thread."""
    for n in range(upto):
        ctx.progress(n)
    return upto


async def large(size: int) -> str:
    """A long text."""
    return "x" * size


async def length(text: str) -> int:
    """How long a text is."""
    return len(text)


TOOLS = [add, double, threaded, hold, fails, count, count_in_thread, large, length]


def run(coroutine):
    GATES.clear()
    RAN.clear()
    return asyncio.run(asyncio.wait_for(coroutine, 60))


def reason(answer) -> str:
    return answer.result["error"]["details"]["reason"]


def test_async_inline_and_threaded_tools_answer_with_executed_load_and_identity():
    async def main():
        async with Grid(TOOLS) as grid:
            first = await grid.caller.call("add", {"a": 1, "b": 2}, runtime=grid.runtime)
            assert first.result["content"] == 3
            assert first.result["call_id"] == "c1"
            assert (first.executed, first.runtime) == ("yes", grid.runtime)
            assert first.epoch == grid.server.epoch
            assert first.load["slots"] == 32
            assert (await grid.caller.call("double_inline", {"n": 4})).result["content"] == 8
            assert (await grid.caller.call("threaded", {"text": "a"})).result["content"] == "a True"

    run(main())


def test_a_call_of_the_queue_group_is_answered_first_by_who_took_it():
    async def main():
        async with Grid(TOOLS) as grid:
            key = grid.caller.send(grid.caller.message("add", {"a": 1, "b": 2}))
            await grid.caller.result(key)
            kinds = [one.TYPE for one in grid.caller.answers[key]]
            assert kinds == ["Accepted", "ToolResult"]
            assert grid.caller.answers[key][0].runtime == grid.runtime

    run(main())


def test_a_peer_of_level_1_gets_one_message_under_the_very_address_it_gave():
    async def main():
        async with Grid(TOOLS) as grid:
            inbox = Subjects.reply("s-one", token_hex(16))
            bodies = []
            await grid.caller.transport.subscribe(f"{inbox}.>", bodies.append)
            await grid.caller.transport.subscribe(inbox, bodies.append)
            for reply in (inbox, f"{inbox}.{token_hex(11)}"):
                message = grid.caller.message("add", {"a": 1, "b": 2})
                subject = Subjects.call("add", 1, "s-one")
                grid.caller.transport.publish(subject, pack(message), reply=reply)
                await grid.caller.until(lambda: bodies)
                assert [one.subject for one in bodies] == [reply]
                bodies.clear()

    run(main())


def test_what_a_tool_did_and_what_never_began_are_told_apart():
    async def main():
        async with Grid(TOOLS) as grid:
            failed = await grid.caller.call("fails", {})
            wrong = await grid.caller.call("add", {"a": "no"})
            assert (failed.executed, wrong.executed) == ("yes", "no")
            assert failed.result["error"]["details"]["executed"] == "yes"
            assert "secret" not in str(failed.result)
            assert wrong.result["error"]["type"] == "PARAMETER_VALIDATION_FAILED"

    run(main())


def test_a_slow_call_does_not_block_a_fast_one_and_slots_bound_what_runs():
    async def main():
        settings = RuntimeSettings(slots=2, queue=1, linger_seconds=0.0)
        async with Grid(TOOLS, settings=settings) as grid:
            caller = grid.caller
            held = [caller.send(caller.message("hold", {"name": n})) for n in ("a", "b", "c")]
            await caller.until(lambda: len(RAN) == 2)
            assert grid.server.status().queued == 1
            full = await caller.call("add", {"a": 1, "b": 1})
            assert (reason(full), full.executed) == ("overloaded", "no")
            for name in ("a", "b", "c"):
                GATES.setdefault(name, asyncio.Event()).set()
            assert [(await caller.result(key)).result["content"] for key in held] == ["a", "b", "c"]
            assert (await caller.call("add", {"a": 1, "b": 1})).executed == "yes"

    run(main())


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"digest": "sha256:" + "0" * 64}, "digest_differs"),
        ({"expires_ms": 1}, "deadline_passed"),
        ({"size": 1 << 30, "sha256": "0" * 64}, "too_large"),
    ],
)
def test_a_call_that_may_not_run_is_refused_and_says_so(more, why):
    async def main():
        async with Grid(TOOLS) as grid:
            answer = await grid.caller.call("hold", {"name": "x"}, **more)
            assert answer.result["call_id"] == "c1"
            assert (reason(answer), answer.executed) == (why, "no")
            assert RAN == []

    run(main())


def test_a_call_that_waits_past_its_deadline_never_begins():
    async def main():
        settings = RuntimeSettings(slots=1, queue=8, linger_seconds=0.0)
        async with Grid(TOOLS, settings=settings) as grid:
            caller = grid.caller
            caller.send(caller.message("hold", {"name": "first"}))
            await caller.until(lambda: RAN == ["first"])
            late = caller.send(caller.message("hold", {"name": "late"}, expires_ms=host_ms() + 40))
            await asyncio.sleep(0.05)
            GATES["first"].set()
            assert reason(await caller.result(late)) == "deadline_passed"
            assert RAN == ["first"]

    run(main())


def test_a_duplicate_joins_the_first_and_the_same_id_with_other_arguments_is_refused():
    async def main():
        async with Grid(TOOLS) as grid:
            caller = grid.caller
            message = caller.message("hold", {"name": "one"})
            key = caller.send(message)
            await caller.until(lambda: RAN == ["one"])
            caller.send(message)
            other = caller.message("hold", {"name": "two"}, invocation_id=key)
            caller.send(other)
            refused = await caller.result(key)
            assert reason(refused) == "duplicate_differs"
            GATES["one"].set()
            assert (await caller.result(key, 2)).result["content"] == "one"
            caller.send(message)
            assert (await caller.result(key, 3)).result["content"] == "one"
            assert RAN == ["one"]

    run(main())


def test_a_query_says_running_then_the_result_and_buries_what_was_never_seen():
    async def main():
        async with Grid(TOOLS) as grid:
            caller = grid.caller
            key = caller.send(caller.message("hold", {"name": "q"}))
            await caller.until(lambda: RAN == ["q"])
            caller.control(grid.runtime, "query", Query(invocation_id=key))
            await caller.until(lambda: caller.got(key, "QueryAnswer"))
            assert caller.got(key, "QueryAnswer")[0].state == "running"
            GATES["q"].set()
            await caller.result(key)
            caller.control(grid.runtime, "query", Query(invocation_id=key))
            await caller.result(key, 2)
            assert caller.got(key, "QueryAnswer")[1].state == "result"
            message = caller.message("hold", {"name": "ghost"})
            gone = message.invocation_id
            caller.control(grid.runtime, "query", Query(invocation_id=gone, attempt=1))
            await caller.until(lambda: caller.got(gone, "QueryAnswer"))
            assert caller.got(gone, "QueryAnswer")[0].state == "never_seen"
            caller.send(message)
            answer = await caller.result(gone)
            assert (reason(answer), answer.executed, RAN) == ("tombstoned", "no", ["q"])
            GATES["ghost"] = asyncio.Event()
            GATES["ghost"].set()
            message.attempt = 2
            caller.send(message)
            assert (await caller.result(gone, 2)).result["content"] == "ghost"

    run(main())


def test_a_query_of_another_session_learns_nothing_and_cancels_nothing():
    async def main():
        async with Grid(TOOLS) as grid:
            caller = grid.caller
            key = caller.send(caller.message("hold", {"name": "mine"}))
            await caller.until(lambda: RAN == ["mine"])
            subject = Subjects.control(grid.runtime, "query", "s-two")
            caller.transport.publish(
                subject, pack(Query(invocation_id=key)), reply=f"{caller.requests.inbox}.1"
            )
            other = Subjects.control(grid.runtime, "cancel", "s-two")
            caller.transport.publish(other, pack(Cancel(invocation_id=key)))
            await caller.until(lambda: grid.server.status().denials.get("foreign_reply"))
            GATES["mine"].set()
            assert (await caller.result(key)).result["content"] == "mine"
            assert caller.got(key, "QueryAnswer") == []

    run(main())


def test_cancelled_is_said_when_the_body_has_stopped():
    stopped = []

    async def slow_to_stop() -> str:
        """Take a moment to clean up."""
        try:
            RAN.append("begun")
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.01)
            stopped.append(True)

    release = threading.Event()

    def deaf() -> str:
        """Do not listen."""
        RAN.append("deaf")
        release.wait(60)
        return "done"

    async def main():
        settings = RuntimeSettings(slots=2, linger_seconds=0.0)
        async with Grid([slow_to_stop, deaf, hold], settings=settings) as grid:
            caller = grid.caller
            key = caller.send(caller.message("slow_to_stop", {}))
            await caller.until(lambda: RAN == ["begun"])
            caller.control(grid.runtime, "cancel", Cancel(invocation_id=key, reason="enough"))
            answer = await caller.result(key)
            assert (answer.result["error"]["type"], answer.executed) == ("CANCELLED", "yes")
            assert stopped == [True]
            key = caller.send(caller.message("deaf", {}))
            caller.send(caller.message("hold", {"name": "h"}))
            await caller.until(lambda: len(RAN) == 3)
            waiting = caller.send(caller.message("hold", {"name": "never"}))
            caller.control(grid.runtime, "cancel", Cancel(invocation_id=waiting))
            never = await caller.result(waiting)
            assert (never.result["error"]["type"], never.executed) == ("CANCELLED", "no")
            caller.control(grid.runtime, "cancel", Cancel(invocation_id=key))
            await asyncio.sleep(0.02)
            assert caller.got(key, "ToolResult") == []
            release.set()
            assert (await caller.result(key)).result["content"] == "done"
            assert "never" not in RAN

    run(main())


@pytest.mark.parametrize("name", ["count", "count_in_thread"])
def test_chunks_come_in_order_and_only_with_credit(name):
    async def main():
        async with Grid(TOOLS) as grid:
            caller = grid.caller
            key = caller.send(caller.message(name, {"upto": 8}, credit=3))
            await caller.until(lambda: len(caller.got(key, "StreamChunk")) == 3)
            await asyncio.sleep(0.02)
            assert len(caller.got(key, "StreamChunk")) == 3
            assert caller.got(key, "ToolResult") == []
            caller.control(grid.runtime, "credit", Credit(invocation_id=key, credit=64))
            answer = await caller.result(key)
            chunks = caller.got(key, "StreamChunk")
            assert [one.seq for one in chunks] == [*range(1, 9)]
            assert [one.chunk for one in chunks] == [*range(8)]
            assert answer.chunks == 8

    run(main())


def test_a_stream_that_is_cancelled_says_so_and_one_that_never_began_leaves_nothing_behind():
    async def main():
        settings = RuntimeSettings(drain_seconds=30.0, linger_seconds=0.0)
        async with Grid(TOOLS, settings=settings) as grid:
            caller = grid.caller
            key = caller.send(caller.message("count", {"upto": 1000}, credit=2))
            await caller.until(lambda: len(caller.got(key, "StreamChunk")) == 2)
            caller.control(grid.runtime, "cancel", Cancel(invocation_id=key))
            answer = await caller.result(key)
            assert (answer.result["error"]["type"], answer.executed) == ("CANCELLED", "yes")
            message = caller.message("hold", {"name": "never"})
            key = message.invocation_id
            reply = f"{caller.requests.inbox}.1"
            caller.listen(key)
            call = Inbound(Subjects.call("hold", 1, "s-one"), pack(message), reply)
            stop = Subjects.control(grid.runtime, "cancel", "s-one")
            grid.server._desk.hear_call(call)
            grid.server._desk.hear_control(Inbound(stop, pack(Cancel(invocation_id=key)), reply))
            answer = await caller.result(key)
            assert (answer.result["error"]["type"], answer.executed) == ("CANCELLED", "no")
            async with asyncio.timeout(30):
                await grid.server.drain()
            assert RAN == []

    run(main())


@pytest.mark.parametrize("name", ["count", "count_in_thread"])
def test_a_stream_that_nobody_reads_is_broken_and_says_so(name):
    async def main():
        settings = RuntimeSettings(credit_seconds=0.03, linger_seconds=0.0)
        async with Grid(TOOLS, settings=settings) as grid:
            answer = await grid.caller.call(name, {"upto": 50}, credit=2)
            if name == "count":
                assert (reason(answer), answer.executed) == ("stream_broken", "yes")
            assert answer.chunks == 2

    run(main())


def test_large_arguments_and_results_travel_in_parts_under_credit():
    import json
    from hashlib import sha256

    from altar_extras.grid.wire import Part

    async def main():
        async with Grid(TOOLS) as grid:
            caller = grid.caller
            data = json.dumps({"text": "y" * 3_000_000}).encode()
            message = caller.message(
                "length", None, size=len(data), sha256=sha256(data).hexdigest()
            )
            del message.call["args"]
            key = caller.send(message, runtime=grid.runtime)
            subject = Subjects.direct(grid.runtime, "length", 1, "s-one")
            at, seq = 0, 0
            while at < len(data):
                await caller.until(
                    lambda: sum(one.credit for one in caller.got(key, "Credit")) > seq
                )
                piece, seq = data[at : at + 65_536], seq + 1
                at += len(piece)
                part = Part(invocation_id=key, of="args", seq=seq, data=piece, last=at >= len(data))
                caller.requests.send(subject, key, pack(part))
            assert (await caller.result(key)).result["content"] == 3_000_000
            size = 1_000_000
            key = caller.send(caller.message("large", {"size": size}, max_result_bytes=8_000_000))
            answer = await caller.result(key)
            assert answer.size == size + 2
            assert caller.got(key, "Part") == []
            caller.control(
                grid.runtime, "credit", Credit(invocation_id=key, of="result", credit=64)
            )
            await caller.until(lambda: any(one.last for one in caller.got(key, "Part")))
            whole = b"".join(one.data for one in caller.got(key, "Part"))
            assert sha256(whole).hexdigest() == answer.sha256

    run(main())


def test_a_part_that_is_missing_or_wrong_ends_the_call_before_it_begins():
    from altar_extras.grid.wire import Part

    async def main():
        async with Grid(TOOLS) as grid:
            caller = grid.caller
            for seq, data in ((2, b"{}"), (1, b"no")):
                message = caller.message("length", {}, size=2, sha256="0" * 64)
                key = caller.send(message, runtime=grid.runtime)
                await caller.until(lambda: caller.got(key, "Credit"))
                subject = Subjects.direct(grid.runtime, "length", 1, "s-one")
                part = Part(invocation_id=key, of="args", seq=seq, data=data, last=True)
                caller.requests.send(subject, key, pack(part))
                answer = await caller.result(key)
                assert (answer.result["error"]["type"], answer.executed) == ("STREAM_BROKEN", "no")

    run(main())


def test_only_what_the_hosts_accepted_is_served_and_a_revoked_session_is_not():
    async def main():
        contract = contracts_of(TOOLS)[0]
        async with Grid(TOOLS, refuse={contract.name: "not_in_manifest"}) as grid:
            assert grid.server.status().tools == ()
            assert grid.server.status().refused[0]["reason"] == "not_in_manifest"
        async with Grid(TOOLS) as grid:
            from altar_extras.grid.wire import Ack

            caller = grid.caller
            key = caller.send(caller.message("hold", {"name": "r"}))
            await caller.until(lambda: RAN == ["r"])
            admin = grid.control.transport
            admin.publish(
                Subjects.admin(grid.runtime, "revoke"),
                pack(Ack(id="1", notes={"session": "s-one"})),
            )
            assert (await caller.result(key)).result["error"]["type"] == "CANCELLED"
            assert reason(await caller.call("add", {"a": 1, "b": 1})) == "session_expired"

    run(main())


def test_a_quarantined_call_is_refused():
    from altar.adm import digest

    async def main():
        async with Grid(TOOLS, settings=RuntimeSettings(heartbeat=0.02)) as grid:
            poison = digest({"a": 1, "b": 2})
            grid.control.notes["quarantined"] = [f"add {poison}"]
            beats = len(grid.control.heard)
            await grid.caller.until(lambda: len(grid.control.heard) > beats + 2)
            answer = await grid.caller.call("add", {"a": 1, "b": 2})
            assert (reason(answer), answer.executed) == ("quarantined", "no")
            assert (await grid.caller.call("add", {"a": 1, "b": 3})).executed == "yes"

    run(main())


def test_a_runtime_that_comes_back_announces_itself_and_still_knows_its_calls():
    from altar_extras.grid.wire import FulfillTools

    async def main():
        async with Grid(TOOLS) as grid:
            caller = grid.caller
            key = caller.send(caller.message("hold", {"name": "cut"}))
            await caller.until(lambda: RAN == ["cut"])
            before = len(grid.control.said(FulfillTools))
            grid.connector.disconnect()
            GATES["cut"].set()
            await asyncio.sleep(0.02)
            grid.connector.reconnect()
            await caller.until(lambda: len(grid.control.said(FulfillTools)) > before)
            answer = await caller.result(key)  # what could not leave leaves now
            assert answer.result["content"] == "cut"
            caller.control(grid.runtime, "query", Query(invocation_id=key))
            assert (await caller.result(key, count=2)).result == answer.result

    run(main())


def test_an_evil_call_names_another_tool_or_session_and_nothing_runs():
    async def main():
        async with Grid(TOOLS) as grid:
            caller = grid.caller
            message = caller.message("hold", {"name": "evil"})
            caller.listen(message.invocation_id)
            inbox = f"{caller.requests.inbox}.1"
            publish = caller.transport.publish
            publish(Subjects.call("add", 1, "s-one"), pack(message), reply=inbox)
            assert reason(await caller.result(message.invocation_id)) == "tool_differs"
            publish(Subjects.call("hold", 1, "s-two"), pack(message), reply=inbox)
            publish(Subjects.call("hold", 1, "s-one"), pack(message))
            await caller.until(lambda: grid.server.status().denials.get("foreign_reply") == 2)
            subject = Subjects.call("hold", 1, "s-one")
            publish(subject, b"\xc1", reply=inbox)
            await caller.until(lambda: grid.server.status().denials.get("malformed") == 1)
            publish(subject, pack(caller.message("hold", {}, invocation_id="")), reply=inbox)
            await caller.until(lambda: grid.server.status().denials.get("malformed") == 2)
            assert RAN == []
            assert (await caller.call("add", {"a": 1, "b": 1})).executed == "yes"

    run(main())


def test_a_call_message_without_arguments_or_with_odd_fields_is_read_or_refused():
    async def main():
        async with Grid(TOOLS) as grid:
            caller = grid.caller
            odd = ToolCall(
                invocation_id=token_hex(8),
                call={"name": "double_inline", "args": {"n": 2}, "x_more": 1, "call_id": 7},
            )
            assert (await caller.result(caller.send(odd))).result["content"] == 4
            bad = ToolCall(invocation_id=token_hex(8), call={"name": "double_inline", "args": [1]})
            assert reason(await caller.result(caller.send(bad))) == "malformed"

    run(main())
