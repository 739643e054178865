"""Which runtime a call goes to."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

pytest.importorskip("msgpack")
pytest.importorskip("nkeys")

from altar_extras.grid.client import ClientSettings
from altar_extras.grid.client._router import Route, Router


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def row(name: str, **fields: Any) -> dict[str, Any]:
    told = {"epoch": "e", "tools": [["add", 1]], "slots": 4, "inflight": 0, "queued": 0}
    return {"runtime": name, "age_ms": 0, **told, **fields}


def router(*rows: dict[str, Any], clock: Any = None, **settings: Any) -> Router:
    made = Router("s1", ClientSettings(**settings), clock=clock or Clock())
    made.learn(rows)
    return made


def picks(one: Router, count: int = 200, **how: Any) -> Counter[str]:
    found: Counter[str] = Counter()
    for _ in range(count):
        route = one.pick("add", 1, **how)
        assert isinstance(route, Route)
        found["" if route.peer is None else route.peer.id] += 1
    return found


def test_an_empty_directory_leaves_the_choice_to_the_queue_group():
    route = router().pick("add", 1)
    assert route == Route("grid.v1.call.add.1.s1", None)
    one = router(row("r1"))
    assert one.pick("add", 1).subject == "grid.v1.rt.r1.add.1.s1"
    assert one.pick("add", 2).peer is None


def test_of_two_the_one_with_less_to_do_for_its_slots_is_taken():
    one = router(row("r1", queued=8), row("r2", slots=1))
    assert picks(one) == {"r2": 200}
    one.peers["r2"].own = 3
    assert picks(one) == {"r1": 200}


def test_runtimes_alike_share_the_calls():
    shares = picks(router(row("r1"), row("r2"), row("r3")), 900)
    assert min(shares.values()) > 200


def test_what_was_said_more_than_ten_seconds_ago_counts_no_more():
    clock = Clock()
    one = router(row("r1", queued=50), row("r2"), clock=clock)
    assert picks(one) == {"r2": 200}
    clock.now += 10.1
    one.peers["r2"].own = 1
    assert picks(one) == {"r1": 200}


def test_answers_tell_the_load_without_our_own_calls():
    one = router(row("r1"), row("r2"))
    peer = one.peers["r1"]
    peer.own = 3
    one.heard(peer, {"inflight": 4, "queued": 2, "slots": 8})
    assert (peer.slots, peer.queued) == (8, 3)
    one.heard(peer, {"inflight": "many", "slots": -1})
    assert (peer.slots, peer.queued) == (8, 3)


def test_a_breaker_takes_a_runtime_out_for_one_tool_and_lets_it_back():
    clock = Clock()
    one = router(row("r1"), row("r2"), clock=clock, breaker_failures=2, breaker_wait=5)
    for _ in range(2):
        one.bad(one.peers["r1"], "add")
    assert picks(one) == {"r2": 200}
    for _ in range(2):
        one.bad(one.peers["r2"], "add")
    wait = one.pick("add", 1)
    assert isinstance(wait, float)
    assert 0 < wait <= 5
    clock.now += 5.1
    trial = one.pick("add", 1)
    assert isinstance(trial, Route)
    one.good(trial.peer, "add")
    assert picks(one, 20)[trial.peer.id] >= 19, "the other has its one trial, too"


def test_who_was_tried_comes_last():
    one = router(row("r1"), row("r2"))
    assert picks(one, avoid=("r1",)) == {"r2": 200}
    assert sum(picks(one, avoid=("r1", "r2")).values()) == 200


def test_rows_that_are_none_and_runtimes_that_leave_are_left_out():
    one = router(row("r1"), row("Bad Name"), row("r2", draining=True), "no row")  # type: ignore[arg-type]
    assert picks(one) == {"r1": 200}
    one.gone("r1")
    assert (picks(one), one.is_empty) == ({"": 200}, True)
    one.learn([row("r1")], ["add sha256:x", 3])
    assert one.quarantined == {"add sha256:x"}
