"""What failed and may be sent again is sent again; nothing else is."""

from __future__ import annotations

import threading
import time

import pytest

from altar import Session, ToolError, tool
from altar.errors import ConfigurationError
from altar.resilience import RetryPolicy
from altar.runtime import Policy, Retry
from tests.runtime._scripted import Hand, Scripted, call, context, error

AGAIN = error(again=True)


def retried(*outcomes, ctx=None, **policy):
    clock = Hand()
    inner = Scripted(*outcomes)
    runtime = Retry(inner, RetryPolicy(clock=clock, **policy))
    return runtime.invoke(call(), ctx or context()), inner, clock


def test_it_tries_until_it_works_and_counts():
    result, inner, clock = retried(AGAIN, AGAIN, "at last")
    assert result.content == "at last"
    assert [ctx.attempt for _, ctx in inner.seen] == [1, 2, 3]
    assert clock.slept == [0.5, 1.0]


def test_the_last_error_says_how_often_it_was_tried():
    result, inner, _ = retried(AGAIN, AGAIN, AGAIN)
    assert inner.ran == 3
    assert result.error.message == "It failed. It was tried 3 times."
    assert result.error.details == {"attempts": 3}
    assert result.error.retry_allowed is True


def test_nothing_was_executed_only_when_no_attempt_was():
    refused = error("RATE_LIMIT_EXCEEDED", again=True, executed="no")
    assert retried(*[refused] * 3)[0].error.details == {"executed": "no", "attempts": 3}
    mixed = retried(AGAIN, refused, refused)[0].error.details
    assert mixed == {"executed": "unknown", "attempts": 3}


@pytest.mark.parametrize("allowed", [None, False])
def test_what_does_not_say_it_may_be_sent_again_is_not(allowed):
    result, inner, _ = retried(error(again=allowed))
    assert (inner.ran, result.error.message) == (1, "It failed.")


def test_wrong_arguments_are_wrong_each_time():
    assert retried(error("PARAMETER_VALIDATION_FAILED", again=True))[1].ran == 1


def test_the_servers_hint_comes_first_and_one_too_long_ends_it():
    assert retried(error(again=True, after=7))[2].slept == [7.0]
    result, inner, clock = retried(error(again=True, after=70))
    assert (inner.ran, clock.slept, result.error.retry_after_ms) == (1, [], 70_000)


def test_no_wait_reaches_the_deadline_or_leaves_the_budget():
    assert retried(AGAIN, AGAIN, ctx=context(deadline=1000.9))[1].ran == 2
    assert retried(*[AGAIN] * 9, attempts=9, budget=2)[2].slept == [0.5, 1.0]


def test_a_cancelled_call_is_not_tried_again():
    ctx = context()

    def cancelling(asked, _):
        ctx.cancelled.cancel("enough")
        return AGAIN

    result, inner, _ = retried(cancelling, ctx=ctx)
    assert (inner.ran, result.error.type) == (1, "CANCELLED")
    assert "enough" in result.error.message


def test_cancelling_ends_a_pause_at_once():
    ctx = context()
    threading.Timer(0.005, ctx.cancelled.cancel, ["enough"]).start()
    result = Retry(Scripted(error(again=True, after=30))).invoke(call(), ctx)
    assert result.error.type == "CANCELLED"
    assert not ctx.cancelled._listeners


def test_a_tool_marked_idempotent_is_tried_again_and_another_is_not():
    ran = []

    @tool(idempotent=True)
    def read() -> str:
        """Read."""
        ran.append("read")
        raise OSError

    @tool
    def write() -> str:
        """Write."""
        ran.append("write")
        raise OSError

    @tool
    def busy() -> str:
        """Say when to come back."""
        ran.append("busy")
        raise ToolError("Busy.", retry_after=0)

    policy = RetryPolicy(attempts=2, clock=Hand())
    with Session([read, write, busy], runtime=lambda local: Retry(local, policy)) as session:
        for name in ("read", "write", "busy"):
            assert not session.execute(name).ok
    assert ran == ["read", "read", "write", "busy", "busy"]


def test_a_number_is_a_policy_and_anything_else_is_refused():
    assert Retry(Scripted(), 5).policy.attempts == 5
    for wrong in (0, "3", None):
        with pytest.raises(ConfigurationError, match=r"policy=|attempts=0"):
            Retry(Scripted(), wrong)


def test_under_a_policy_what_a_limit_refused_is_not_waited_for_again():
    """A call waits up to 10 s for its turn, never for 20, and not once more for each try."""
    with Session({"fine": lambda: "ok"}, runtime=Policy(retry=3, rate="1/20s")) as session:
        assert "Retry(3) -> RateLimit" in repr(session.runtime)
        assert session.execute("fine").ok
        began = time.monotonic()
        error = session.execute("fine").error
    assert (error.type, error.details) == ("RATE_LIMIT_EXCEEDED", {"executed": "no"})
    assert time.monotonic() - began < 9


@pytest.mark.parametrize("kind", ["RATE_LIMIT_EXCEEDED", "RESOURCE_EXHAUSTED"])
def test_under_a_policy_what_a_tool_says_of_its_own_limits_is_tried_again(kind):
    tries = []

    def busy() -> str:
        tries.append(1)
        if len(tries) < 3:
            raise ToolError("busy", type=kind, retry_after=0)
        return "ok"

    with Session({"busy": busy}, runtime=Policy(retry=3, concurrency=2)) as session:
        assert session.execute("busy").ok
