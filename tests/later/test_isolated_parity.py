"""A tool answers the same in a worker process as in this one."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, strategies

from altar.adm import FunctionCall
from altar.later import LocalRuntime, ProcessRuntime, SessionLimits
from altar.runtime import CallContext
from altar.testing import RuntimeContract
from tests.later import crossing_tools

CALLS: list[tuple[str, dict[str, Any]]] = [
    ("scalar", {"a": 1}),
    ("scalar", {"a": "7", "b": 1, "c": "true", "d": 5}),
    ("scalar", {"a": "many", "e": 1}),
    ("scalar", {}),
    ("renamed", {"a": "7"}),
    ("renamed", {}),
    ("point", {"p": {"x": 1}}),
    ("point", {"p": {"x": "1.5", "label": "ä"}, "others": [{"x": 1, "y": 2}]}),
    ("point", {"p": {"y": 1}, "others": [{}]}),
    ("moment", {"at": "2026-01-02T03:04:05+02:00", "on": "2026-01-02", "how": "ft"}),
    ("moment", {"at": "yesterday", "on": 5}),
    ("odd", {"amount": "1.10", "id": "12345678123456781234567812345678", "where": "a/b"}),
    ("row", {"rows": [{"name": "n", "tags": ["a", "b"]}], "mode": "b"}),
    ("row", {"rows": {"name": "n"}, "mode": "c"}),
    ("anything", {"values": [1, "2"], "z": [None], "y": {"a": 1.5}}),
    ("strange", {}),
    ("huge_int", {}),
    ("wide", {"size": 10}),
    ("wide", {"size": 100_000}),
    ("nothing", {}),
    ("nothing", {"surplus": 1}),
    ("cyclic", {}),
    ("nested", {"depth": 100}),
    ("nested", {"depth": 250}),
    ("raises", {}),
    ("raises", {"kind": "SystemExit"}),
    ("raises", {"kind": "Exit"}),
    ("groups", {}),
    ("told", {}),
    ("shown", {}),
    ("strict", {"a": "1"}),
    ("strict", {"a": 1}),
    ("repeatable", {}),
    ("texts", {"to": 5}),
    ("texts", {"to": 200}),
    ("objects", {"to": 3}),
    ("breaks_off", {"to": 2}),
    ("later", {"a": "1"}),
    ("later_chunks", {"to": 3}),
    ("later_raises", {}),
    ("sometimes", {"a": 1}),
    ("cached", {"a": 3}),
    ("decorated", {"a": 3}),
    ("inside", {"a": 3}),
    ("made", {"a": 3}),
    ("bridge", {"n": 3, "more": [1]}),
    ("bridge", {"n": "x"}),
    ("no_such_tool", {}),
]
LIMITS = SessionLimits(max_result_bytes=20_000, max_chunks=100)


@pytest.fixture(scope="module")
def runtimes():
    local = LocalRuntime(crossing_tools.TOOLS, limits=LIMITS)
    with ProcessRuntime(crossing_tools.TOOLS, workers=1, limits=LIMITS) as remote:
        yield local, remote


def asked(runtime: Any, name: str, args: dict[str, Any], *, is_async: bool) -> Any:
    chunks: list[Any] = []
    call = FunctionCall(name=name, args=args, call_id="c-1")
    ctx = CallContext(emit=chunks.append, correlation_id="k-1")
    if is_async:
        return asyncio.run(runtime.ainvoke(call, ctx)).to_dict(), chunks
    return runtime.invoke(call, ctx).to_dict(), chunks


@pytest.mark.parametrize(("name", "args"), CALLS, ids=lambda part: str(part)[:40])
def test_a_worker_answers_as_this_process_does(runtimes: Any, name: str, args: dict[str, Any]):
    local, remote = runtimes
    here = asked(local, name, args, is_async=False)
    assert asked(remote, name, args, is_async=False) == here
    assert asked(remote, name, args, is_async=True) == here


JSON = strategies.recursive(
    strategies.none()
    | strategies.booleans()
    | strategies.integers()
    | strategies.floats(allow_nan=False, allow_infinity=False)
    | strategies.text(),
    lambda inner: strategies.lists(inner) | strategies.dictionaries(strategies.text(), inner),
    max_leaves=20,
)


@given(JSON)
def test_any_json_crosses_both_ways(runtimes: Any, value: Any):
    local, remote = runtimes
    args = {"value": value}
    here = asked(local, "echo", args, is_async=False)
    assert asked(remote, "echo", args, is_async=False) == here


def test_arguments_in_a_text_are_told_once(runtimes: Any):
    from altar.later import Session

    local, remote = runtimes
    text = '{"a": "7"}'
    results = []
    for runtime in (local, remote):
        with Session(crossing_tools.TOOLS, limits=LIMITS, runtime=runtime) as session:
            results.append(session.execute("scalar", text, call_id="c-2").to_dict())
    assert results[0] == results[1]
    assert len(results[0]["x_metadata"]["coercions"]) == 2


def test_what_nests_deeper_than_a_document_may_is_told(runtimes: Any):
    _, remote = runtimes
    result, _ = asked(remote, "nested", {"depth": 190}, is_async=False)
    assert "nests too deeply" in result["error"]["message"]
    result, _ = asked(remote, "nested", {"depth": 3}, is_async=False)
    assert result["content"] == [[[1]]]


def test_it_prints_what_it_is(runtimes: Any):
    local, remote = runtimes
    count = len(CALLS) and len(local._toolset.marks)
    assert repr(remote) == f"ProcessRuntime({count} tools)"
    assert repr(local) == f"LocalRuntime({count} tools)"


@pytest.fixture(autouse=True, scope="module")
def _closed() -> Any:
    yield
    if TestContract.runtime is not None:
        TestContract.runtime.close()


class TestContract(RuntimeContract):
    """Every promise of the contract, by one set of workers."""

    runtime: ProcessRuntime | None = None

    def make_runtime(self, tools: Any) -> ProcessRuntime:
        if TestContract.runtime is None:
            TestContract.runtime = ProcessRuntime(tools, workers=2)
        return TestContract.runtime
