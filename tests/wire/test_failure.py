"""Every failure on the way says whether the tool's body ran."""

from __future__ import annotations

import pytest

pytest.importorskip("msgpack")

from altar.adm import ErrorObject, FunctionCall, ToolResult  # noqa: E402 - a library may be missing
from altar_extras.grid.wire import Fault, executed_of, failed, with_executed  # noqa: E402

CALL = FunctionCall(name="add", args={}, call_id="c1")
FAULT = Fault(type="SERVICE_UNAVAILABLE", reason="no_runtime", message="Nobody serves add.")


@pytest.mark.parametrize("executed", ["no", "yes", "unknown"])
def test_a_fault_becomes_the_answer_of_its_call(executed):
    result = failed(CALL, FAULT.saying(executed), "k1")
    assert (result.call_id, result.name) == ("c1", "add")
    assert result.error.details == {"executed": executed, "reason": "no_runtime"}
    assert result.error.correlation_id == "k1"
    assert executed_of(result) == executed
    assert executed_of(ToolResult.from_dict(result.to_dict())) == executed


def test_only_what_did_not_run_may_be_sent_again():
    assert FAULT.retry_allowed
    assert not FAULT.saying("unknown").retry_allowed
    assert not Fault(type="PERMISSION_DENIED", reason="x", message="No.").retry_allowed


def test_a_success_was_executed_and_an_error_that_says_nothing_is_unknown():
    assert executed_of(ToolResult(name="add", content=3)) == "yes"
    bare = ToolResult(name="add", error=ErrorObject(message="no", type="TIMEOUT"))
    assert executed_of(bare) == "unknown"


def test_a_tools_own_error_keeps_all_it_says_beside_executed():
    error = ErrorObject(
        message="Full.",
        type="BUSINESS_RULE_VIOLATION",
        details={"seats": 0},
        retry_after_ms=5,
        remediation_steps=("Wait.",),
    )
    told = with_executed(error, "yes")
    assert told.details == {"seats": 0, "executed": "yes"}
    assert (told.message, told.retry_after_ms, told.remediation_steps) == ("Full.", 5, ("Wait.",))
    assert with_executed(told, "no") is told
