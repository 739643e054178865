"""An approval asks before a call runs, and anything but True is no yes."""

from __future__ import annotations

import asyncio
import threading

import pytest

from altar import Session, tool
from altar.errors import ConfigurationError
from altar.runtime import Approval
from tests.runtime._scripted import Scripted, call, context, error


def test_a_call_that_needs_a_person_is_asked_about_and_runs_with_their_yes():
    asked = []

    @tool(approval=True)
    def send(to: str) -> str:
        """Send."""
        return f"sent to {to}"

    @tool
    def read() -> str:
        """Read."""
        return "read"

    def ask(one):
        asked.append((one.name, one.args))
        return one.args["to"] == "Ann"

    with Session([send, read], runtime=lambda local: Approval(local, ask)) as session:
        assert session.execute("read").ok
        assert session.execute("send", {"to": "Ann"}).content == "sent to Ann"
        refused = session.execute("send", {"to": "Bob"}).error
        assert session.execute("send", {"to": "Bob"}, approved=True).ok
    assert asked == [("send", {"to": "Ann"}), ("send", {"to": "Bob"})]
    assert (refused.type, refused.message) == (
        "PERMISSION_DENIED",
        "A person did not allow this call.",
    )
    assert (refused.retry_allowed, refused.details) == (False, {"executed": "no"})


def test_calls_that_are_named_are_asked_about_before_they_run():
    inner = Scripted()
    runtime = Approval(inner, lambda one: "not on Fridays", only=["write"])
    assert runtime.invoke(call("read"), context()).ok
    refused = runtime.invoke(call("write"), context()).error
    assert refused.message == "A person did not allow this call: not on Fridays"
    assert inner.ran == 1
    runtime.ask = lambda one: True
    assert runtime.invoke(call("write"), context()).ok
    assert inner.seen[-1][1].approved is True


@pytest.mark.parametrize("said", [None, 1, "", object()])
def test_anything_but_true_is_no_yes(said):
    inner = Scripted()
    result = Approval(inner, lambda one: said, only=["read"]).invoke(call(), context())
    assert (result.error.type, inner.ran) == ("PERMISSION_DENIED", 0)


def test_asking_that_fails_is_no_yes_and_its_reason_stays_inside():
    def ask(one):
        raise ValueError("secret")

    runtime = Approval(Scripted(), ask, only=["read"])
    for result in (
        runtime.invoke(call(), context()),
        asyncio.run(runtime.ainvoke(call(), context())),
    ):
        assert "secret" not in result.error.message
        assert result.error.message.endswith("asking a person failed (ValueError).")
        assert isinstance(result.cause, ValueError)


def test_an_async_function_is_awaited_in_sync_calls_too(caplog):
    async def ask(one):
        await asyncio.sleep(0)
        return True

    class Asker:
        async def __call__(self, one):
            return True

    for asking in (ask, Asker()):
        runtime = Approval(Scripted(), asking, only=["read"])
        assert asyncio.run(runtime.ainvoke(call(), context())).ok
        assert runtime.invoke(call(), context()).ok

        async def within_a_loop(runtime=runtime):
            return runtime.invoke(call(), context())

        assert asyncio.run(within_a_loop()).ok
    assert caplog.text == ""


def test_an_async_function_that_fails_or_ends_itself_is_no_yes():
    async def fails(one):
        raise ValueError("secret")

    async def ends(one):
        raise asyncio.CancelledError

    for asking in (fails, ends):
        result = Approval(Scripted(), asking, only=["read"]).invoke(call(), context())
        assert result.error.type == "PERMISSION_DENIED"
        assert "secret" not in result.error.message


def test_who_says_neither_yes_nor_no_is_told_in_the_log(caplog):
    runtime = Approval(Scripted(), lambda one: None, only=["read"])
    assert runtime.invoke(call(), context()).error.type == "PERMISSION_DENIED"
    assert "ask= answered None; return True, False, or a text" in caplog.text

    def fails(one):
        raise ValueError("secret")

    Approval(Scripted(), fails, only=["read"]).invoke(call(), context())
    assert "ask= raised ValueError" in caplog.text
    assert not any("secret" in line.getMessage() for line in caplog.records)


def test_a_call_that_was_cancelled_while_a_person_thought_is_not_run():
    inner, ctx = Scripted(), context()

    def ask(one):
        ctx.cancelled.cancel("closed")
        return True

    result = Approval(inner, ask, only=["read"]).invoke(call(), ctx)
    assert (result.error.type, inner.ran) == ("CANCELLED", 0)


def test_a_plain_function_may_wait_without_stopping_the_event_loop():
    told = threading.Event()

    def ask(one):
        return told.wait(60)

    async def main():
        runtime = Approval(Scripted(), ask, only=["read"])
        waiting = asyncio.create_task(runtime.ainvoke(call(), context()))
        await asyncio.sleep(0.001)
        told.set()
        return await waiting

    assert asyncio.run(main()).ok


def test_an_error_of_another_type_is_left_alone():
    inner = Scripted(error("PERMISSION_DENIED"))
    assert Approval(inner, lambda one: True).invoke(call(), context()).error.message == "It failed."


@pytest.mark.parametrize(("ask", "only"), [(None, None), (print, "read"), (print, [1])])
def test_a_bad_option_is_refused(ask, only):
    with pytest.raises(ConfigurationError, match=r"Approval\("):
        Approval(Scripted(), ask, only=only)


def test_a_raised_flag_ends_the_wait_for_a_person_on_an_event_loop():
    gate = threading.Event()

    async def never(one):
        await asyncio.Event().wait()

    def slow(one):
        return gate.wait(60)

    for asking in (never, slow):
        ctx, inner = context(), Scripted()
        threading.Timer(0.005, ctx.cancelled.cancel, ["closed"]).start()
        result = asyncio.run(Approval(inner, asking, only=["read"]).ainvoke(call(), ctx))
        assert (result.error.type, inner.ran) == ("CANCELLED", 0)
        assert "closed" in result.error.message
        assert not ctx.cancelled._listeners
    gate.set()


def test_cancelling_the_task_ends_the_wait_for_a_person_too():
    async def never(one):
        await asyncio.Event().wait()

    async def main():
        runtime = Approval(Scripted(), never, only=["read"])
        task = asyncio.create_task(runtime.ainvoke(call(), context()))
        await asyncio.sleep(0.005)
        task.cancel()
        return await asyncio.gather(task, return_exceptions=True)

    assert isinstance(asyncio.run(main())[0], asyncio.CancelledError)
