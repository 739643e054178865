"""Where calls run: execution modes, what falls back and what never does, and mode "grid"."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("msgpack")
pytest.importorskip("nats")

import altar
from altar import config, tool
from altar.errors import ConfigurationError
from altar.later import LocalRuntime
from altar.runtime import CallContext, Policy
from altar.trace import MemorySink, Tracer, span
from altar_extras.grid import GridRuntime
from altar_extras.grid.client import ExecutionMode, from_settings
from altar_extras.grid.transport import NotConnectedError
from altar_extras.grid.wire import AuthorizeToolCall, LogToolResult, executed_of, unpack
from tests.grid.client.grids import Grid, NatsGrid, client_credentials
from tests.waiting import soon

WHERE: list[str] = []


def where() -> str:
    """Say who was asked."""
    WHERE.append("ran")
    return "ran"


def at_home() -> str:
    """Run here alone."""
    return "home"


at_home = tool(execution="local_only")(at_home)


class Cut(Grid):
    """A grid nobody can reach."""

    async def connect(self, **how: Any) -> Any:
        raise NotConnectedError("nobody")


@pytest.fixture(autouse=True)
def _fresh():
    WHERE.clear()
    config.reset()
    yield
    config.reset()


def test_local_first_runs_here_what_the_grid_surely_did_not_run():
    with Cut([where]).client() as client:
        runtime = GridRuntime(client, local=LocalRuntime([where]), mode="local_first")
        found = runtime.invoke(altar.FunctionCall(name="where"), CallContext())
        assert (found.content, runtime.counts) == ("ran", {"fallback": 1})


def test_remote_never_runs_here():
    with Cut([where]).client() as client:
        runtime = GridRuntime(client, local=LocalRuntime([where]))
        found = runtime.invoke(altar.FunctionCall(name="where"), CallContext())
        assert (found.error.type, executed_of(found)) == ("SERVICE_UNAVAILABLE", "no")
        assert WHERE == []


def test_a_principal_or_a_policy_keeps_calls_from_falling_back():
    with Cut([where]).client() as client:
        runtime = GridRuntime(client, local=LocalRuntime([where]), mode="local_first")
        call = altar.FunctionCall(name="where")
        found = runtime.invoke(call, CallContext(principal="ana"))
        assert (executed_of(found), runtime.counts) == ("no", {"fallback_refused": 1})
        altar.configure(policy=Policy(retry=False, timeout=5))
        made = []

        def bound(local: Any) -> GridRuntime:
            made.append(GridRuntime(client, local=local, mode="local_first"))
            return made[0]

        with altar.Session([where], runtime=bound) as session:
            assert executed_of(session.execute("where")) == "no"
    assert WHERE == []


def test_what_the_grid_answered_is_no_reason_to_run_here():
    grid = Grid([where])
    with grid.client() as client:
        runtime = GridRuntime(client, local=LocalRuntime([where, at_home]), mode="local_first")
        assert runtime.invoke(altar.FunctionCall(name="where"), CallContext()).content == "ran"
        bad = altar.FunctionCall(name="where", args={"x": 1})
        found = runtime.invoke(bad, CallContext())
        assert found.error.type == "PARAMETER_VALIDATION_FAILED"
        assert (WHERE, runtime.counts) == (["ran"], {})


def test_the_tool_comes_before_the_session_and_that_before_the_settings():
    grid = Grid([where])
    with grid.client(execution=ExecutionMode.LOCAL_ONLY) as client:
        local = LocalRuntime([where, at_home])
        assert GridRuntime(client, local=local, default="remote").mode == "local_only"
        runtime = GridRuntime(client, local=local, mode="remote", default="local_first")
        assert runtime.mode == ExecutionMode.REMOTE
        home = runtime.invoke(altar.FunctionCall(name="at_home"), CallContext())
        assert home.content == "home", "the grid has no such tool"
        with pytest.raises(ConfigurationError, match="one of 'remote'"):
            GridRuntime(client, local=local, mode="sideways")
        with pytest.raises(ConfigurationError, match="needs the tools here"):
            GridRuntime(client, mode="local_only")


def test_governed_calls_are_told_to_the_hosts_before_and_after():
    grid = Grid([where])
    deliver, said = grid.broker.deliver, []

    def listening(subject: str, body: bytes, reply: str) -> bool:
        if subject.startswith("grid.v1.host."):
            said.extend((*unpack(body), len(WHERE)))
        return deliver(subject, body, reply)

    grid.broker.deliver = listening  # type: ignore[method-assign]
    with grid.client(grant_uses=2) as client:
        runtime = GridRuntime(client, local=LocalRuntime([where]), mode="governed_local")
        for _ in range(5):
            assert runtime.invoke(altar.FunctionCall(name="where"), CallContext()).content == "ran"
    assert len(WHERE) == 5
    told = [(one.phase, said[at + 1]) for at, one in enumerate(said) if _is(one, LogToolResult)]
    assert told == [(phase, n + after) for n in range(5) for phase, after in PHASES]
    asked = [one for one in said if _is(one, AuthorizeToolCall)]
    assert len(asked) == 3, "two uses each"


PHASES = (("started", 0), ("finished", 1))


def _is(one: Any, kind: type) -> bool:
    return isinstance(one, kind)


def test_a_governed_call_that_nobody_can_grant_does_not_run():
    with Cut([where]).client() as client:
        runtime = GridRuntime(client, local=LocalRuntime([where]), mode="governed_local")
        found = runtime.invoke(altar.FunctionCall(name="where"), CallContext())
        assert (executed_of(found), WHERE) == ("no", [])
    grid = Grid([where])
    client = grid.client()
    client._credentials = client_credentials(host_keys=())
    with client:
        runtime = GridRuntime(client, local=LocalRuntime([where]), mode="governed_local")
        found = runtime.invoke(altar.FunctionCall(name="where"), CallContext())
        assert (found.error.type, WHERE) == ("PERMISSION_DENIED", [])


def test_mode_grid_says_what_is_missing():
    altar.configure(mode="grid")
    with pytest.raises(ConfigurationError, match="ALTAR_GRID_CREDENTIALS"):
        altar.Session([where])


def test_one_program_runs_here_and_on_a_grid_by_its_environment(shared_node, tmp_path, monkeypatch):
    grid = NatsGrid(shared_node(callout=True), [where])
    path = client_credentials(url=grid.node.url).write(tmp_path / "client.json")

    def program() -> Any:
        with altar.Session([where]) as session:
            found = []

            def answered() -> bool:  # on a busy machine the first may be told that nobody is there
                found.append(session.execute("where"))
                return found[-1].ok or executed_of(found[-1]) != "no"

            assert soon(answered), found[-1]
            return found[-1].unwrap(), repr(session.runtime)

    assert program()[0] == "ran"
    with grid.client() as keeper:  # whose thread the grid's own parts run on
        assert keeper.call("where").ok
        monkeypatch.setenv("ALTAR_MODE", "grid")
        monkeypatch.setenv("ALTAR_GRID_URL", grid.node.url)
        monkeypatch.setenv("ALTAR_GRID_CREDENTIALS", str(path))
        config.reset()
        content, shown = program()
        assert (content, shown[:12]) == ("ran", "GridRuntime(")
        assert len(WHERE) == 3
        made = from_settings(config.settings())(LocalRuntime([where]))
        assert made._client is from_settings(config.settings())(LocalRuntime([where]))._client
        before = made._client._portal
        made._client._pid -= 1  # as the child of a fork finds it: no thread came along
        assert program()[0] == "ran"
        assert made._client._portal is not before
        before.close()
        made._client.close()


def test_a_remote_call_is_one_trace_and_a_fallback_an_event_of_it():
    sink = MemorySink()
    with Tracer(sink), Grid([where]).client() as client:
        remote = GridRuntime(client)
        with span("program"):
            assert remote.invoke(altar.FunctionCall(name="where"), CallContext()).ok
    spans = {one.name: one for one in sink.spans}
    assert len({one.trace_id for one in spans.values()}) == 1, spans
    sink = MemorySink()
    with Tracer(sink), Cut([where]).client() as client:
        first = GridRuntime(client, local=LocalRuntime([where]), mode="local_first")
        with span("program"):
            assert first.invoke(altar.FunctionCall(name="where"), CallContext()).ok
    (program,) = [one for one in sink.spans if one.name == "program"]
    assert [one[0] for one in program.events] == ["altar.grid.fallback"]
