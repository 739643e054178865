"""Policies on tools, sessions and the process: which holds, where it stands, what it keeps."""

from __future__ import annotations

import asyncio
import gc
import weakref
from threading import Barrier, Event, Thread

import pytest

import altar
from altar import Context, FunctionCall, FunctionDeclaration, Session, ToolError, config, tool
from altar.errors import ConfigurationError, DeclarationError, ErrorType
from altar.later import LocalRuntime, SchemaTool, ToolOptions, mark_of
from altar.later._kept import kept_of
from altar.llm import ToolCall
from altar.resilience import Backoff, CircuitBreaker, RetryPolicy
from altar.runtime import BreakerSettings, CallContext, Policy, Retry, Timeout, Wrapper
from altar.testing import ScriptedProvider

AT_ONCE = RetryPolicy(attempts=3, backoff=Backoff(base=0.0))
ONCE_AN_HOUR = Policy(rate="1/h")


@pytest.fixture(autouse=True)
def _fresh(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    config.reset()
    yield
    config.reset()


def plain(x: int = 0) -> int:
    return x


def limited(policy: Policy = ONCE_AN_HOUR):
    """A new tool under a policy of its own."""

    @tool(policy=policy)
    def once(x: int = 0) -> int:
        return x

    return once


def outcomes(session: Session, name: str, count: int = 2) -> list[str]:
    results = [session.execute(name, {"x": number}) for number in range(count)]
    return ["ok" if result.ok else result.error.type for result in results]


LIMITED = ["ok", ErrorType.RATE_LIMIT_EXCEEDED]


def test_the_tool_decides_before_the_session_and_that_before_the_process():
    altar.configure(policy=Policy(timeout=1, retry=2, concurrency=3))

    @tool(policy=Policy(retry=AT_ONCE, concurrency=False))
    def fetch() -> int:
        return 1

    session = Session([fetch, plain], runtime=Policy(timeout=5))
    assert str(session.runtime).splitlines() == [
        "fetch: Retry(3) -> Timeout(5 s) -> LocalRuntime(2 tools)",
        "plain: Retry(2) -> ConcurrencyLimit(3) -> Timeout(5 s) -> LocalRuntime(2 tools)",
    ]
    assert repr(session.runtime).count("; ") == 1


def test_the_wrappers_stand_in_one_order():
    policy = Policy(timeout=1, retry=2, rate=10, concurrency=4, breaker=5, cache=60)
    session = Session([limited(policy)])
    assert repr(session.runtime) == (
        "Cache(60 s) -> Breaker -> Retry(2) -> RateLimit(10/s) -> ConcurrencyLimit(4) "
        "-> Timeout(1 s) -> LocalRuntime(1 tool)"
    )


def test_without_a_policy_a_session_runs_on_the_bare_local_runtime():
    session = Session([plain])
    assert repr(session.runtime) == "LocalRuntime(1 tool)"
    assert session.runtime is session._local
    assert Session([plain], runtime=lambda local: local)._fast is not None
    assert repr(Session([], runtime=Policy(timeout=1)).runtime) == "LocalRuntime(0 tools)"


def test_a_decorators_timeout_beats_the_sessions_and_the_processes():
    altar.configure(policy=Policy(timeout=1))

    @tool(timeout=9)
    def slow() -> int:
        return 1

    assert repr(Session([slow]).runtime) == "LocalRuntime(1 tool)"
    assert repr(Session([slow], runtime=Policy(timeout=2)).runtime) == "LocalRuntime(1 tool)"


def test_a_cache_of_the_session_is_for_idempotent_tools_and_one_of_the_tool_for_itself():
    counts = {"read": 0, "write": 0, "own": 0}

    @tool(idempotent=True)
    def read() -> int:
        counts["read"] += 1
        return counts["read"]

    @tool
    def write() -> int:
        counts["write"] += 1
        return counts["write"]

    @tool(policy=Policy(cache=60))
    def own() -> int:
        counts["own"] += 1
        return counts["own"]

    session = Session([read, write, own], runtime=Policy(cache=60))
    for name in counts:
        session.execute(name)
        session.execute(name)
    assert counts == {"read": 1, "write": 2, "own": 1}


def test_a_tools_limit_holds_across_sessions_and_a_sessions_within_it():
    once = limited()
    assert outcomes(Session([once]), "once") == LIMITED
    assert outcomes(Session([once]), "once", 1) == [ErrorType.RATE_LIMIT_EXCEEDED]
    assert outcomes(Session({"other": once}), "other", 1) == [ErrorType.RATE_LIMIT_EXCEEDED]

    first, second = (Session([plain], runtime=ONCE_AN_HOUR) for _ in range(2))
    assert outcomes(first, "plain") == outcomes(second, "plain") == LIMITED


def test_the_processes_limit_holds_across_sessions_until_the_settings_go():
    altar.configure(policy=ONCE_AN_HOUR)
    assert outcomes(Session([plain]), "plain") == LIMITED
    altar.configure(model="offline:")
    assert outcomes(Session([plain]), "plain", 1) == [ErrorType.RATE_LIMIT_EXCEEDED]
    config.reset()
    altar.configure(policy=ONCE_AN_HOUR)
    assert outcomes(Session([plain]), "plain") == LIMITED


def test_two_tools_under_one_policy_do_not_share_its_limit():
    other = limited()
    session = Session({"a": limited(), "b": other})
    assert outcomes(session, "a") == outcomes(session, "b") == LIMITED


class Client:
    @tool(policy=Policy(cache=60))
    def who(self) -> int:
        return id(self)


def test_the_methods_of_two_objects_keep_nothing_in_common():
    one, two = Client(), Client()
    assert Session(one).execute("who").value == id(one)
    assert Session(two).execute("who").value == id(two)
    assert Session(one).execute("who").content == id(one)


def test_what_is_kept_of_an_object_goes_with_it():
    client = Client()
    Session(client).execute("who")
    kept = kept_of(mark_of(Client.who))
    assert len(kept._owners) >= 1
    gone = weakref.ref(client)
    before = len(kept._owners)
    del client
    gc.collect()
    assert gone() is None
    assert len(kept._owners) < before


def test_an_object_that_cannot_be_watched_keeps_its_own():
    class Bare:
        __slots__ = ()

        @tool(policy=ONCE_AN_HOUR)
        def once(self, x: int = 0) -> int:
            return x

    bare = Bare()
    assert outcomes(Session(bare), "once") == LIMITED


def test_a_schema_tool_keeps_one_limit_for_all_its_sessions():
    declaration = FunctionDeclaration(name="asked", description="Ask.", parameters={})
    asked = SchemaTool(declaration, lambda args: 1, options=ToolOptions(policy=ONCE_AN_HOUR))
    assert Session([asked]).execute("asked").ok
    assert not Session([asked]).execute("asked").ok
    needing = SchemaTool(
        FunctionDeclaration(
            name="asked",
            description="Ask.",
            parameters={},
            extensions={"x_requires_approval": True},
        ),
        lambda args: 1,
        options=ToolOptions(policy=ONCE_AN_HOUR, isolate=True, memory_mb=64),
    )
    assert needing.options.approval
    assert needing.options.policy is ONCE_AN_HOUR
    assert needing.options.memory_mb == 64


def test_two_sessions_that_begin_at_once_share_a_tools_limit():
    for _ in range(20):
        once, gate, seen = limited(), Barrier(2), []

        def work(once=once, gate=gate, seen=seen):
            session = Session([once])
            gate.wait()
            seen.append(session.execute("once").ok)

        threads = [Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert sorted(seen) == [False, True]


def test_a_lane_never_walks_past_a_policy():
    session = Session([plain], runtime=Policy(concurrency=1))
    for _ in range(10):
        session.execute("plain")
    assert session._local.lanes == {}

    mixed = Session({"plain": plain, "once": limited()})
    for _ in range(10):
        mixed.execute("plain")
        mixed.execute("once")
    assert list(mixed._local.lanes) == ["plain"]
    assert not mixed.execute("once").ok


def test_a_tool_with_a_policy_may_come_to_a_running_session():
    session = Session([plain])
    outcomes(session, "plain", 10)
    assert "plain" in session._local.lanes
    session.add({"once": limited()})
    assert outcomes(session, "once") == LIMITED
    outcomes(session, "plain", 10)
    assert "plain" in session._local.lanes


def test_a_tool_that_replaces_another_brings_its_own_policy_and_nothing_of_the_old():
    session = Session({"t": plain})
    outcomes(session, "t", 10)
    session.remove("t")
    session.add({"t": limited()})
    assert outcomes(session, "t", 4) == [*LIMITED, *LIMITED[1:] * 2]
    session.remove("t")
    session.add({"t": limited()})
    assert outcomes(session, "t") == LIMITED
    session.remove("t")
    session.add({"t": plain})
    assert outcomes(session, "t", 4) == ["ok"] * 4


def test_names_that_are_no_tools_leave_nothing_behind():
    session = Session([plain], runtime=Policy(rate=1000, breaker=3))
    for number in range(50):
        result = session.execute(f"made_up_{number}")
        assert result.error.type == ErrorType.TOOL_NOT_FOUND
    session.execute("plain", {"x": "no number"})
    assert list(session._assembly._stacks) == list(session._assembly._parts) == ["plain"]


def test_a_call_within_a_call_passes_its_policy_too():
    @tool
    def outer(context: Context) -> list[str]:
        return [str(context.session.execute("once", {"x": x}).ok) for x in range(2)]

    @tool
    async def aouter(context: Context) -> list[str]:
        return [str((await context.session.aexecute("once", {"x": x})).ok) for x in range(2)]

    assert Session({"outer": outer, "once": limited()}).execute("outer").value == ["True", "False"]
    session = Session({"aouter": aouter, "once": limited()})
    assert asyncio.run(session.aexecute("aouter")).value == ["True", "False"]


def test_a_tool_is_tried_again_where_its_errors_allow_it():
    tries = []

    @tool(policy=Policy(retry=AT_ONCE))
    def shaky() -> str:
        tries.append(1)
        if len(tries) < 3:
            raise ToolError("busy", retry_after=0.0)
        return "done"

    assert Session([shaky]).execute("shaky").unwrap() == "done"
    assert len(tries) == 3
    tries.clear()
    assert asyncio.run(Session([shaky]).aexecute("shaky")).unwrap() == "done"


def test_a_breaker_opens_for_all_sessions_of_a_tool_and_one_object_for_all_its_tools():
    @tool(policy=Policy(breaker=BreakerSettings(failures=2, wait=60)))
    def broken() -> str:
        raise ValueError("secret")

    kinds = [Session([broken]).execute("broken").error.type for _ in range(3)]
    assert kinds == [ErrorType.TOOL_EXECUTION_FAILED] * 2 + [ErrorType.CIRCUIT_OPEN]

    shared = Policy(breaker=CircuitBreaker(failures=1))

    @tool(policy=shared)
    def first() -> str:
        raise ValueError("secret")

    @tool(policy=shared)
    def second() -> str:
        return "well"

    session = Session([first, second])
    session.execute("first")
    assert session.execute("second").error.type == ErrorType.CIRCUIT_OPEN


def test_a_policys_timeout_ends_a_body_that_hangs():
    gate = Event()

    @tool(policy=Policy(timeout=0.02))
    def hang() -> None:
        gate.wait(60)

    @tool(policy=Policy(timeout=0.02))
    async def ahang() -> None:
        await asyncio.Event().wait()

    session = Session([hang, ahang])
    assert session.execute("hang").error.type == ErrorType.TIMEOUT
    assert session.execute("ahang").error.type == ErrorType.TIMEOUT
    assert asyncio.run(session.aexecute("hang")).error.type == ErrorType.TIMEOUT
    assert asyncio.run(session.aexecute("ahang")).error.type == ErrorType.TIMEOUT
    gate.set()


class Audit(Wrapper):
    __slots__ = ("log",)

    def __init__(self, inner, log):
        super().__init__(inner)
        self.log = log

    def steps(self, call, ctx):
        self.log.append(call.name)
        return (yield ctx)


def test_a_function_of_ones_own_stands_outside_the_tools_policies():
    log = []
    session = Session([plain, limited()], runtime=lambda local: Audit(local, log))
    assert str(session.runtime) == (
        "Audit -> plain: LocalRuntime(2 tools); once: RateLimit(0.000277778/s) -> "
        "LocalRuntime(2 tools)"
    )
    assert outcomes(session, "once") == LIMITED
    session.add({"late": limited()})
    assert outcomes(session, "late") == LIMITED
    assert log == ["once"] * 2 + ["late"] * 2


def test_a_runtime_of_ones_own_stands_inside_the_tools_policies():
    elsewhere = Session([plain, limited(Policy())])
    session = Session({"once": limited()}, runtime=elsewhere)
    assert outcomes(session, "once") == LIMITED
    bare = Session([plain], runtime=elsewhere)
    assert bare.runtime is elsewhere
    bare.add({"once": limited()})
    assert outcomes(bare, "once") == LIMITED


def test_the_local_runtime_still_keeps_to_deadlines_through_the_assembly():
    seen = []
    Session([limited()], runtime=lambda local: seen.append(local) or Timeout(local, 1.0))
    assert seen[0].honours_deadline


@pytest.mark.parametrize("bad", [3, "local", Session, LocalRuntime, lambda local: 3])
def test_what_is_no_runtime_is_answered_with_what_to_give(bad):
    with pytest.raises(ConfigurationError):
        Session([plain], runtime=bad)


def test_options_that_are_no_policy_are_refused_where_they_are_written():
    with pytest.raises(DeclarationError, match=r"type @tool\(policy=Policy\(retry=3\)\)"):
        tool(policy={"retry": 3})
    with pytest.raises(DeclarationError, match="say the same thing: leave one out"):
        tool(timeout=3, policy=Policy(timeout=5))


RUNTIMES = {
    "policy": Policy(retry=AT_ONCE, timeout=5),
    "function": lambda local: Retry(local, AT_ONCE),
    "class": Retry,
    "runtime": None,
}


@pytest.mark.parametrize("kind", RUNTIMES)
def test_the_loop_runs_on_every_kind_of_runtime(kind):
    tries = []

    def shaky(x: int) -> int:
        tries.append(x)
        if len(tries) % 2:
            raise ToolError("busy", retry_after=0.0)
        return x

    runtime = RUNTIMES[kind] or Session([shaky], runtime=RUNTIMES["policy"])

    def script():
        return ScriptedProvider([ToolCall("shaky", {"x": 3}), "done"])

    def check(reply):
        assert reply.text == "done"
        assert [record.result.unwrap() for record in reply.calls] == [3]

    with Session([shaky], runtime=runtime) as session:
        check(altar.generate("go", model=script(), session=session))
        check(list(altar.stream("go", model=script(), session=session))[-1].reply)
        check(asyncio.run(altar.agenerate("go", model=script(), session=session)))
        check(asyncio.run(_last(altar.astream("go", model=script(), session=session))).reply)
    assert len(tries) == 8


async def _last(events):
    last = None
    async for last in events:
        pass
    return last


def test_an_agent_keeps_to_the_processes_policy_and_to_its_tools():
    altar.configure(policy=Policy(retry=AT_ONCE))
    tries = []

    def shaky() -> int:
        tries.append(1)
        raise ToolError("busy", retry_after=0.0)

    agent = altar.Agent(model=ScriptedProvider([ToolCall("shaky", {}), "done"]), tools=[shaky])
    assert agent.run("go").text == "done"
    assert len(tries) == 3


def test_a_call_sent_twice_under_one_id_takes_one_turn():
    session = Session({"once": limited()})
    call = FunctionCall(name="once", args={"x": 1}, call_id="a")
    assert session.execute(call) is session.execute(call)
    assert session.invoke(call, CallContext()).ok
