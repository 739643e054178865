"""What a session's runtime adds is not lost when its tools are handed on, nor shared too widely."""

from __future__ import annotations

import pytest

import altar
from altar import Session
from altar.errors import ConfigurationError, ToolError
from altar.later import Context, SessionLimits
from altar.later._mark import MARK_ATTRIBUTE, ToolOptions, mark_for
from altar.runtime import Approval, Policy, Timeout
from altar.testing import ScriptedProvider


def marked(fn, **options):
    """``@tool(...)`` without a note in the registry."""
    setattr(fn, MARK_ATTRIBUTE, mark_for(fn, options=ToolOptions(**options)))
    return fn


def delete(x: int) -> str:
    """Delete."""
    return "gone"


@pytest.mark.parametrize(
    "runtime", [lambda local: Approval(local, lambda call: False), Policy(retry=2)]
)
def test_a_session_with_a_runtime_is_no_list_of_tools(runtime):
    guarded = Session([delete], runtime=runtime)
    for use in (
        lambda: Session(guarded),
        lambda: Session([guarded, len]),
        lambda: altar.generate("x", model=ScriptedProvider(["done"]), tools=guarded),
    ):
        with pytest.raises(ConfigurationError, match="session=session"):
            use()


def test_a_plain_session_hands_its_tools_on():
    assert Session(Session([delete])).execute("delete", {"x": 1}).ok


def test_a_tools_cache_holds_for_sessions_that_answer_alike_and_for_no_others():
    runs = []

    def read(n: int) -> str:
        runs.append(n)
        return "x" * 1000

    marked(read, policy=Policy(cache=60))
    for _ in range(2):
        assert Session([read]).execute("read", {"n": 1}).content == "x" * 1000
    assert len(runs) == 1
    short = Session([read], limits=SessionLimits(max_result_bytes=100))
    assert len(short.execute("read", {"n": 1}).content) < 1000
    assert Session([read], strict=True).execute("read", {"n": "1"}).error is not None
    assert Session([read], strict=True).execute("read", {"n": 1}).ok
    assert len(runs) == 3
    short.execute("read", {"n": 1})
    assert len(runs) == 3, "within a session it is kept"


def test_a_tool_that_is_told_its_session_is_answered_from_no_other():
    def who(context: Context) -> str:
        return context.session.id

    marked(who, policy=Policy(cache=60))
    for name in ("one", "two"):
        with Session([who], id=name) as session:
            assert [session.execute("who").content for _ in range(2)] == [name, name]


@pytest.mark.parametrize("given", ["2", " 2.0 ", 2, 2.0])
def test_a_tool_errors_wait_may_be_the_text_of_a_number(given):
    def busy() -> None:
        raise ToolError("busy", retry_after=given)

    error = Session({"busy": busy}).execute("busy").error
    assert (error.message, error.retry_after_ms, error.retry_allowed) == ("busy", 2000, True)


@pytest.mark.parametrize("given", ["2s", "soon", "nan", "-1", "inf", True, [2]])
def test_a_tool_errors_wait_that_is_no_number_is_told_with_what_to_type(given):
    with pytest.raises(ConfigurationError, match=r"type ToolError\(\.\.\., retry_after=2\.5\)"):
        ToolError("busy", retry_after=given)


def test_a_wait_beyond_all_numbers_is_still_an_answer():
    def busy() -> None:
        raise ToolError("busy", retry_after=10**400)

    error = Session({"busy": busy}).execute("busy").error
    assert error.message == "busy"
    assert error.retry_allowed is True


def test_what_is_looked_for_in_the_wrong_package_is_pointed_to():
    import altar.runtime

    for name, home in (("LocalRuntime", "altar.later"), ("CircuitBreaker", "altar.resilience")):
        with pytest.raises(AttributeError, match=f"it is {home}.{name}"):
            getattr(altar.runtime, name)
        with pytest.raises(ImportError, match=f"type from {home} import {name}"):
            exec(f"from altar.runtime import {name}")
        assert not hasattr(altar.runtime, name)


def test_every_pointed_to_name_is_there():
    from importlib import import_module

    from altar.runtime import _BELOW

    assert all(hasattr(import_module(home), name) for name, home in _BELOW.items())


@pytest.mark.parametrize(
    ("cls", "said"),
    [
        (Policy, r"type runtime=Policy\(timeout=30\)"),
        (Timeout, r"type runtime=lambda local: Timeout\(local, \.\.\.\)"),
    ],
)
def test_a_class_that_wants_more_than_a_runtime_is_told_with_what_to_type(cls, said):
    with pytest.raises(ConfigurationError, match=said):
        Session([delete], runtime=cls)
