"""Nothing a worker says is believed: whatever breaks the wire costs its life and one typed error."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from altar.adm import FunctionCall
from altar.isolate import ProcessPool, Target
from altar.runtime import CallContext
from tests.isolate.conftest import RudePool
from tests.isolate.rude_worker import WAYS
from tests.waiting import soon

RETIRING = {"retires", "retires_slowly"}
CIVIL = {"polite", "other_name", "chunks", "odd_spans", "retired_before", "late_word"} | RETIRING
LARGE = {"endless"}


@pytest.fixture(scope="module")
def rude() -> Iterator[ProcessPool]:
    with RudePool(size=1) as made:
        yield made


def both(pool: ProcessPool, name: str, args: dict | None = None, **context) -> list:
    def call() -> FunctionCall:
        return FunctionCall(name=name, args=args, call_id="given")

    to = Target("any:thing")
    return [
        pool.invoke(call(), CallContext(**context), target=to),
        asyncio.run(pool.ainvoke(call(), CallContext(**context), target=to)),
    ]


@pytest.mark.parametrize("way", sorted(WAYS.keys() - CIVIL))
def test_a_broken_rule_costs_the_worker_and_one_typed_error(rude: ProcessPool, way: str):
    killed = rude.stats()["killed"]
    for result in both(rude, way, emit=[].append):
        type_ = "RESOURCE_EXHAUSTED" if way in LARGE else "TOOL_EXECUTION_FAILED"
        assert (result.error.type, result.name, result.call_id) == (type_, way, "given")
        assert result.error.message.startswith("The tool")
    assert soon(lambda: rude.stats()["killed"] >= killed + 2)
    assert both(rude, "polite", {"a": [1, "ä"]})[0].content == {"a": [1, "ä"]}


def test_a_result_keeps_the_name_and_id_of_its_call(rude: ProcessPool):
    for result in both(rude, "other_name"):
        assert (result.name, result.call_id, result.content) == ("other_name", "given", 1)


def test_many_frames_at_once_are_all_read(rude: ProcessPool):
    heard: list = []
    for result in both(rude, "chunks", {"a": 1}, emit=heard.append):
        assert result.content == {"a": 1}
    assert heard == [*range(100)] * 2


def test_what_is_odd_beside_a_result_does_no_harm(rude: ProcessPool):
    for result in both(rude, "odd_spans", {"a": 1}):
        assert result.content == {"a": 1}


@pytest.mark.parametrize("way", sorted(RETIRING))
def test_a_worker_that_retires_with_its_answer_is_replaced(rude: ProcessPool, way: str):
    recycled = rude.stats()["recycled"]
    for result in both(rude, way, {"a": 1}):
        assert result.content == {"a": 1}
    assert soon(lambda: rude.stats()["recycled"] == recycled + 2)


def test_a_call_that_meets_a_retired_worker_is_anothers(rude: ProcessPool):
    # the first worker has answered before, so it may retire; the next has not: its life
    assert [result.content for result in both(rude, "polite", {"a": 1})] == [{"a": 1}] * 2
    before = rude.stats()
    result = both(rude, "retired_before")[0]
    assert result.error.type == "TOOL_EXECUTION_FAILED"
    after = rude.stats()
    assert soon(lambda: rude.stats()["recycled"] == before["recycled"] + 1)
    assert after["calls"] == before["calls"]


def test_a_late_answer_to_the_call_before_is_not_charged_to_the_next(rude: ProcessPool):
    assert both(rude, "polite", {"a": 1})[0].content == {"a": 1}
    recycled = rude.stats()["recycled"]
    call = FunctionCall(name="late_word", args={"a": 2})
    assert rude.invoke(call, CallContext(), target=Target("any:thing")).content == {"a": 2}
    assert soon(lambda: rude.stats()["recycled"] == recycled + 1)


def test_workers_that_do_not_start_are_told_with_what_they_printed(monkeypatch):
    monkeypatch.setenv("RUDE_WORKER", "stillborn")
    with RudePool(size=1) as pool:
        for result in both(pool, "polite"):
            assert result.error.type == "CONFIGURATION_ERROR"
            assert "no licence" in result.cause.output
            assert "no licence" not in str(result.to_dict())
        assert pool.stats()["started"] == 3  # and then it is left alone for a while


def test_a_worker_that_says_nothing_is_given_up(monkeypatch):
    monkeypatch.setenv("RUDE_WORKER", "silent")
    with RudePool(size=1, start_timeout=0.1, spares=0) as pool:
        assert both(pool, "polite")[0].error.type == "CONFIGURATION_ERROR"
        assert soon(lambda: pool.stats()["workers"] == 0)
