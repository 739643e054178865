"""Servers that break the protocol: typed, named and survived, and nothing is left behind."""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from altar import Session
from altar.adm import FunctionCall
from altar.errors import DeclarationError, ErrorType
from altar.mcp import Client, ClientOptions, McpError, connect
from altar.runtime import CallContext
from tests.waiting import PATIENCE, asoon, gone, is_alive, soon

SERVER = str(Path(__file__).with_name("bad_server.py"))
HANDSHAKE = "2025-11-25"


def bad(mode: str, *words: str, trust: bool = False, **options: object) -> Client:
    options = {"version": HANDSHAKE, "timeout": PATIENCE, **options}
    command = [sys.executable, "-IS", SERVER, mode, *words]
    return connect(command, trust=trust, options=ClientOptions(**options))


@contextmanager
def quick(client: Client) -> Iterator[None]:
    """Inside, a request has a tenth of a second; what came before had its time."""
    engine = client._engine
    kept = engine.options
    engine.options = dataclasses.replace(kept, timeout=0.1)
    try:
        yield
    finally:
        engine.options = kept


def seen(session: Session) -> list:
    return json.loads(session.execute("seen", {}).unwrap())


def times_out_at_the_server(session: Session) -> bool:
    """Whether a call with a deadline reached the server, which never answers it, in time."""
    for seconds in (0.1, 0.5, 2.0, 10.0, 30.0):  # an early one may be over before it is sent
        before = calls_seen(session)
        assert session.execute("work", {}, timeout=seconds).error.type == ErrorType.TIMEOUT
        if calls_seen(session) > before + 1:
            return True
    return False


def calls_seen(session: Session) -> int:
    return seen(session).count(["tools/call", None])


def test_a_server_that_dies_at_start_says_why_by_its_stderr():
    with pytest.raises(McpError, match=r"code 4.*no configuration found") as caught:
        bad("dies").tools()
    assert caught.value.type == ErrorType.SERVICE_UNAVAILABLE


def test_a_server_that_ended_before_it_was_seen_to_start_says_why(monkeypatch: pytest.MonkeyPatch):
    start = asyncio.BaseEventLoop.subprocess_exec

    async def seen_late(*args: Any, **options: Any) -> Any:
        made = await start(*args, **options)
        assert await asoon(lambda: made[0].get_returncode() is not None)
        await asyncio.sleep(0.02)
        return made

    monkeypatch.setattr(asyncio.BaseEventLoop, "subprocess_exec", seen_late)
    with pytest.raises(McpError, match=r"code 4.*no configuration found"):
        bad("dies").tools()


def test_a_command_that_is_not_there_is_told():
    with pytest.raises(McpError, match="cannot be started") as caught:
        connect(["/nowhere/at-all"]).tools()
    assert caught.value.type == ErrorType.SERVICE_UNAVAILABLE


def test_a_server_that_ends_at_a_word_of_the_newer_era_is_started_again_for_the_older():
    with bad("dies-when-asked", version=None) as client:
        assert client.version == HANDSHAKE
        assert Session(tools=client).execute("work", {}).content == "worked"


def test_a_server_that_never_agrees_ends_the_wait_and_is_not_left_behind():
    client = bad("silent", connect_timeout=0.3)
    with pytest.raises(McpError) as caught, client:
        pass
    assert caught.value.type == ErrorType.TIMEOUT


def test_a_slow_server_that_ends_at_a_word_of_the_newer_era_is_started_again_for_the_older(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr("altar.mcp._client_negotiate._PROBE", 0.02)
    code = "import time, runpy, sys; time.sleep(0.3); sys.argv = ['x', 'dies-when-asked']\n"
    code += f"runpy.run_path({SERVER!r}, run_name='__main__')"
    with connect([sys.executable, "-IS", "-c", code]) as client:
        assert client.version == HANDSHAKE
        assert Session(tools=client).execute("work", {}).content == "worked"


def test_a_server_of_an_unknown_version_is_refused():
    with pytest.raises(McpError, match="1999-01-01"), bad("old"):
        pass


def test_a_server_that_dies_in_a_call_fails_that_call_and_the_next():
    with bad("dies-in-call") as client:
        session = Session(tools=[client])
        first, second = (session.execute("work", {}).error for _ in range(2))
        assert first.type == second.type == ErrorType.SERVICE_UNAVAILABLE
        assert "code 3" in first.message
        assert second.details == {"executed": "no"}


def test_every_call_under_way_hears_of_the_death():
    async def main() -> None:
        async with bad("dies-in-call") as client:
            session = Session(tools=[client])
            results = await asyncio.gather(*(session.aexecute("work", {}) for _ in range(20)))
            assert {result.error.type for result in results} == {ErrorType.SERVICE_UNAVAILABLE}

    asyncio.run(main())


def test_a_server_that_died_is_started_by_the_next_call_if_asked(tmp_path: Path):
    with bad("dies-once", str(tmp_path / "died"), restart=True) as client:
        session = Session(tools=[client])
        assert session.execute("work", {}).error.type == ErrorType.SERVICE_UNAVAILABLE
        assert session.execute("work", {}).content == "worked"


def test_a_call_without_an_answer_times_out_and_is_cancelled_at_the_server():
    with bad("never") as client:
        session = Session(tools=[client])
        with quick(client):
            error = session.execute("work", {}).error
        assert error.type == ErrorType.TIMEOUT
        assert error.details == {"timeout_seconds": 0.1}
        assert soon(lambda: ["notifications/cancelled", None] in seen(session))


def test_the_deadline_of_a_call_reaches_the_server_as_a_cancellation():
    with bad("never") as client:
        session = Session(tools=[client])
        assert times_out_at_the_server(session)
        assert soon(lambda: ["notifications/cancelled", None] in seen(session))


def test_a_cancelled_task_reaches_the_server_as_a_cancellation():
    async def main() -> None:
        async with bad("never") as client:
            session = Session(tools=[client])
            task = asyncio.create_task(session.aexecute("work", {}))

            async def count(method: str) -> int:
                return json.loads((await session.aexecute("seen", {})).unwrap()).count(
                    [method, None]
                )

            asked = 1
            while await count("tools/call") == asked:  # that of "seen" alone
                asked += 1
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            until = time.monotonic() + PATIENCE
            while not await count("notifications/cancelled"):
                assert time.monotonic() < until

    asyncio.run(main())


def test_a_flood_of_notifications_neither_stops_nor_confuses_a_call():
    got: list[object] = []
    with bad("flood") as client:
        session = Session(tools=[client])
        call = FunctionCall(call_id="1", name="work", args={})
        assert session.invoke(call, CallContext(emit=got.append)).content == "worked"
    assert len(got) == 10_000
    assert got[0] == {"progress": 1}


@pytest.mark.parametrize("mode", ["garbage", "twice", "long-noise"])
def test_lines_that_are_no_answer_are_passed_over(mode: str):
    with bad(mode, max_message=100_000) as client:
        session = Session(tools=[client])
        assert [session.execute("work", {}).content for _ in range(3)] == ["worked"] * 3


def test_an_answer_that_is_too_long_fails_its_call_alone():
    with bad("long-line", max_message=100_000) as client:
        session = Session(tools=[client])
        error = session.execute("work", {}).error
        assert error.type == ErrorType.RESOURCE_EXHAUSTED
        assert error.details == {"max_message": 100_000}
        assert session.execute("work", {}).content == "worked"


def test_an_answer_under_another_id_is_nobodys():
    with bad("wrong-id") as client:
        session = Session(tools=[client])
        with quick(client):
            assert session.execute("work", {}).error.type == ErrorType.TIMEOUT


def test_requests_a_server_may_not_make_are_refused_and_ping_is_answered():
    with bad("asks") as client:
        session = Session(tools=[client])
        assert session.execute("work", {}).content == "worked"
        answers = [entry for entry in seen(session) if str(entry[0]).startswith("q")]
        assert answers == [
            ["q0", -32601],
            ["q1", -32601],
            ["q2", -32601],
            ["q3", -32601],
            ["q4", None],
        ]


def test_a_server_of_the_newer_era_may_ask_nothing_by_a_request():
    with bad("modern-asks", version=None) as client:
        assert client.version == "2026-07-28"
        session = Session(tools=[client])
        assert session.execute("work", {}).content == "worked"
        answers = [code for name, code in seen(session) if str(name).startswith("q")]
        assert answers == [-32601] * 5


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("modern-endless", "10 times"),
        ("modern-sampling", "sampling/createMessage"),
        ("modern-shape", "asks for None"),
        ("modern-kind", "made-up"),
    ],
)
def test_input_that_no_client_can_give_ends_the_call(mode: str, words: str):
    options = ClientOptions(timeout=PATIENCE)
    command = [sys.executable, "-IS", SERVER, mode]
    with connect(command, elicit=lambda _: {"n": 1}, options=options) as client:
        error = Session(tools=[client]).execute("work", {}).error
        assert error.type == ErrorType.TOOL_EXECUTION_FAILED
        assert words in error.message


def test_a_server_of_other_eras_alone_is_refused():
    with pytest.raises(McpError) as caught, bad("unsupported", version=None):
        pass
    assert caught.value.code == -32022
    with bad("modern-future", version=None) as client:  # but it speaks the handshake as well
        assert client.version == HANDSHAKE


def test_a_result_that_is_not_what_its_schema_promises_is_a_typed_error():
    with bad("lies") as client:
        session = Session(tools=[client])
        assert session.execute("right", {}).content == {"n": 1}
        wrong, none = (session.execute(name, {}).error for name in ("wrong", "none"))
        assert wrong.type == none.type == ErrorType.TOOL_EXECUTION_FAILED
        assert wrong.details["stage"] == "result"
        assert wrong.details["problems"][0]["path"] == "$.n"
        assert "no bytes" in session.execute("bytes", {}).error.message


def test_shapes_that_no_result_has_do_no_harm():
    with bad("shapes") as client:
        assert Session(tools=[client]).execute("work", {}).content is None


def test_illegal_names_are_made_legal_and_double_ones_refused():
    with bad("names", skip_refused=True) as client:
        tools = {tool.declaration.name: tool.declaration for tool in client.tools()}
        assert {"work", "a_b_"} < set(tools)
        foreign = {one.extensions.get("x_foreign_name") for one in tools.values()}
        assert {"a b!", "é" * 90} < foreign
        assert [one.name for one in client.refused] == ["''", "work"] or [
            one.name for one in client.refused
        ] == ["work", "''"]


def test_tools_that_cannot_be_carried_are_told_with_all_reasons():
    with bad("schemas") as client:
        with pytest.raises(DeclarationError) as caught:
            client.tools()
        said = "\n".join(caught.value.problems)
        assert len(caught.value.problems) == 4, said
        assert all(word in said for word in ("bad", "worse", "7", "x-mcp-header"))
    with bad("schemas", skip_refused=True) as client:
        assert [tool.declaration.name for tool in client.tools()] == ["work"]


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("same-cursor", "same cursor twice"),
        ("new-cursors", "more than 50 tools"),
        ("no-list", "without a list"),
    ],
)
def test_a_list_without_an_end_is_noticed(mode: str, words: str):
    with pytest.raises(McpError, match=words), bad(mode, max_tools=50):
        pass


def test_what_the_server_says_of_its_tools_makes_altar_only_more_careful():
    with bad("hints", approve="destructive") as client:
        quiet, loud = (tool.declaration.extensions for tool in client.tools())
        assert not {"x_read_only", "x_idempotent", "x_requires_approval"} & set(quiet)
        assert loud["x_destructive"] is True
        assert loud["x_requires_approval"] is True
        error = Session(tools=[client]).execute("loud", {}).error
        assert error.type == ErrorType.APPROVAL_REQUIRED
    with bad("hints", trust=True, approve="writes", prefix="srv_") as client:
        quiet, loud = (tool.declaration for tool in client.tools())
        assert quiet.name == "srv_quiet"
        assert quiet.extensions["x_read_only"] is True
        assert "x_requires_approval" not in quiet.extensions
        assert "x_read_only" not in loud.extensions
        assert Session(tools=[client]).execute("srv_quiet", {}).content == "worked"


def test_an_error_of_json_rpc_keeps_its_code_and_data():
    with bad("rpc-error") as client:
        error = Session(tools=[client]).execute("work", {}).error
        assert (error.type, error.message) == ("PARAMETER_VALIDATION_FAILED", "no such thing")
        assert error.details == {"data": {"why": "because"}}
        with pytest.raises(McpError) as caught:
            client.request("made/up")
        assert caught.value.code == -32601


def test_an_error_another_altar_wrote_comes_back_as_it_was():
    with bad("altar-error", trust=True) as client:
        error = Session(tools=[client]).execute("work", {}).error
        assert (error.type, error.message) == ("RATE_LIMIT_EXCEEDED", "slow down")
        assert error.retry_after_ms == 1500


def test_what_a_server_wrote_to_stderr_reaches_people_and_never_a_model(tmp_path: Path):
    once = tmp_path / "once"
    code = f"import os,runpy,sys; p={str(once)!r}\nif os.path.exists(p): sys.exit('s3cret')\n"
    code += f"open(p,'w').close(); sys.argv=['x','dies-in-call']; runpy.run_path({SERVER!r})"
    options = ClientOptions(version=HANDSHAKE, restart=True)
    with connect([sys.executable, "-IS", "-c", code], options=options) as client:
        session = Session(tools=[client])
        errors = [session.execute("work", {}).error for _ in range(2)]
        assert {error.type for error in errors} == {ErrorType.SERVICE_UNAVAILABLE}
        assert "s3cret" not in str(errors)
        with pytest.raises(McpError) as caught:
            client.request("ping")
        assert caught.value.notes == "s3cret"


def test_a_server_that_says_its_tools_changed_is_listed_anew_when_asked():
    with bad("changes") as client:
        session = Session(tools=[client])
        assert not client.changed
        session.execute("work", {}).unwrap()
        assert client.changed
        assert client.refresh() is True
        assert not client.changed
        session.add(client)
        assert "new" in session


def test_stderr_is_kept_to_its_end_alone():
    with bad("noisy") as client:
        assert soon(lambda: client.stderr.endswith("the end"))
        assert len(client.stderr) == 65_536


def test_what_a_server_started_is_killed_with_it():
    with bad("leaves-a-child") as client:
        assert soon(lambda: client.stderr.endswith("\n"))
        child = int(client.stderr)
        assert is_alive(child)
    assert gone(child)


def test_a_server_that_will_not_end_is_ended(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("altar.mcp._transport_stdio._GRACE", 0.1)
    with bad("lingers") as client:
        (pid,) = client._engine.peer.transport.pids
    assert gone(pid)


def test_a_client_that_nobody_closed_takes_its_server_along():
    client = bad("work")
    client.tools()
    (pid,) = client._engine.peer.transport.pids
    del client
    gc.collect()
    assert gone(pid)


def test_closing_ends_what_waits_and_later_calls_are_refused():
    client = bad("never")
    session = Session(tools=[client])
    results: list = []
    thread = threading.Thread(target=lambda: results.append(session.execute("work", {})))
    thread.start()
    assert soon(lambda: client._engine._running)
    client.close()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    assert results[0].error.type == ErrorType.SERVICE_UNAVAILABLE
    assert session.execute("work", {}).error.type == ErrorType.INVALID_STATE
    client.close()


def test_a_server_sees_little_of_the_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ALTAR_TEST_SECRET", "s3cret")
    code = "import os,sys; sys.stderr.write(' '.join(sorted(os.environ))); sys.exit(1)"
    command = [sys.executable, "-IS", "-c", code]
    with pytest.raises(McpError) as caught:
        connect(command, options=ClientOptions(version=HANDSHAKE, env={"GIVEN": "1"})).tools()
    assert "GIVEN" in caught.value.notes
    assert "ALTAR_TEST_SECRET" not in caught.value.notes
    assert os.environ["ALTAR_TEST_SECRET"]
