"""Sessions in a mode that is not local: whose runtime carries out their calls."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

import altar
from altar import config, plugins, tool
from altar.adm import FunctionCall, ToolResult
from altar.errors import ConfigurationError, DeclarationError, ErrorType
from altar.later import LocalRuntime, SchemaTool, declare
from altar.runtime import CallContext, Policy, stays_local

ASKED: list[str] = []


class Elsewhere:
    """A runtime that answers every call itself, and knows the local one."""

    def __init__(self, local: LocalRuntime | None = None) -> None:
        self.local = local

    def invoke(self, call: FunctionCall, ctx: CallContext) -> ToolResult:
        ASKED.append(call.name)
        return ToolResult(name=call.name, call_id=call.call_id, content="elsewhere")

    async def ainvoke(self, call: FunctionCall, ctx: CallContext) -> ToolResult:
        return self.invoke(call, ctx)


def bound(settings: config.Settings):
    assert settings.mode == "far"
    return Elsewhere


def ready(settings: config.Settings):
    return Elsewhere()


def broken(settings: config.Settings):
    return 3


def add(a: int, b: int = 1) -> int:
    """Add."""
    return a + b


@pytest.fixture(autouse=True)
def far(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    found = {
        name: EntryPoint(name, f"{__name__}:{factory}", "altar.runtimes")
        for name, factory in (("far", "bound"), ("near", "ready"), ("bad", "broken"))
    }
    monkeypatch.setattr(
        plugins, "_entries", lambda group: found if group == "altar.runtimes" else {}
    )
    ASKED.clear()
    config.reset()
    altar.configure(mode="far")
    yield
    config.reset()


def test_the_modes_runtime_carries_out_a_sessions_calls():
    with altar.Session([add]) as session:
        assert [session.execute("add", {"a": 1}).content for _ in range(40)] == ["elsewhere"] * 40
        assert isinstance(session.runtime, Elsewhere)
        assert isinstance(session.runtime.local, LocalRuntime)
        assert session.execute("add", {"a": 1}, call_id="c").content == "elsewhere"


def test_a_factory_may_return_a_runtime_itself():
    altar.configure(mode="near")
    assert altar.Session([add]).execute("add", {"a": 1}).content == "elsewhere"


def test_a_factory_that_makes_no_runtime_is_told():
    altar.configure(mode="bad")
    with pytest.raises(ConfigurationError, match="mode 'bad' made 3"):
        altar.Session([add])


def test_policies_stand_before_the_modes_runtime():
    with altar.Session([add], runtime=Policy(cache=60)) as session:
        assert session.execute("add", {"a": 1}).content == "elsewhere"
    altar.configure(policy=Policy(rate="1/h"))
    with altar.Session([add]) as session:
        kinds = [session.execute("add", {"a": 1}) for _ in range(3)]
        assert kinds[-1].error is not None
        assert kinds[-1].error.type == ErrorType.RATE_LIMIT_EXCEEDED


def test_a_session_that_says_local_stays_local():
    with altar.Session([add], runtime=lambda local: local) as session:
        assert [session.execute("add", {"a": 1}).content for _ in range(40)] == [2] * 40
    assert ASKED == []


def test_what_serves_a_grid_keeps_its_sessions_local():
    token = stays_local.set(True)
    try:
        assert altar.Session([add]).execute("add", {"a": 1}).content == 2
    finally:
        stays_local.reset(token)


def test_typed_answers_are_read_here_in_any_mode():
    reply = altar.generate("3", model=_answers(), output=int)
    assert (reply.output, ASKED) == (3, [])


def _answers():
    from altar.testing import ScriptedProvider

    return ScriptedProvider(['{"value": 3}', "3", "3"])


def test_later_is_another_word_for_local():
    assert altar.configure(mode="later").mode == "local"
    assert altar.Session([add]).execute("add", {"a": 1}).content == 2


def test_execution_modes_are_read_and_others_refused(monkeypatch):
    config.reset()
    monkeypatch.setenv("ALTAR_EXECUTION_MODE", "local_first")
    monkeypatch.setenv("ALTAR_GRID_CREDENTIALS", "who.json")
    found = config.settings()
    assert (found.execution_mode, found.grid_credentials) == ("local_first", "who.json")
    with pytest.raises(ConfigurationError, match="one of remote, local_first"):
        altar.configure(execution_mode="sideways")


def test_a_tools_execution_stands_in_its_declaration():
    def here() -> str:
        """Where."""
        return "here"

    here = tool(execution="local_only")(here)
    assert declare(here).extensions["x_execution_mode"] == "local_only"
    made = SchemaTool(declare(add), lambda args: 1, options=altar.later.mark_of(here).options)
    assert made.declaration.extensions["x_execution_mode"] == "local_only"
    with pytest.raises(DeclarationError, match="one of remote"):
        tool(execution="nowhere")(add)


def test_a_local_runtime_says_what_it_serves_and_refuses():
    local = LocalRuntime([add], strict=True)
    assert local.strict
    assert local.limits.max_result_bytes == 65_536
    declared = local.declaration("add")
    assert declared is not None
    assert declared.name == "add"
    assert (local.declaration("sub"), local.options("sub")) == (None, None)
    assert local.options("add").idempotent is False
    for call, kind in (
        (FunctionCall(name="sub"), ErrorType.TOOL_NOT_FOUND),
        (FunctionCall(name="add", args={"a": "x"}), ErrorType.PARAMETER_VALIDATION_FAILED),
    ):
        refused = local.refusal(call)
        assert refused is not None
        assert refused.error == local.invoke(call, CallContext()).error
    assert local.refusal(FunctionCall(name="add", args={"a": 1})) is None
