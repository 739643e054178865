"""The state of invocations, as properties: whatever comes in whatever order, there are no ghosts."""

from __future__ import annotations

import pytest

pytest.importorskip("msgpack")

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from altar_extras.grid.runtime import Arrival, Book, Phase
from altar_extras.grid.wire import Fault

IDS = st.sampled_from(["one", "two", "three"])
SESSIONS = st.sampled_from(["s", "t"])
PRINTS = st.sampled_from(["a", "b"])
ATTEMPTS = st.integers(1, 4)
KEEP = 1000.0
NO = Fault(type="RESOURCE_EXHAUSTED", reason="overloaded", message="no")


class Runtime(RuleBasedStateMachine):
    """A Book as the runtime uses it, beside a plain record of what was run and what was said."""

    @initialize(limit=st.sampled_from([2_500, 1 << 20]))
    def start(self, limit):
        self.now = 1_000_000.0
        self.limit = limit
        self.book = Book(keep_ms=KEEP, limit=limit, lost=("lost",))
        self.open = []  # invocations that are fresh and may begin, or run
        self.let_in = []  # invocations whose body was allowed to begin
        self.begun = {}  # (key, attempt) -> how often its body began
        self.denied = set()  # (key, attempt) that were answered "no"
        self.buried = {}  # key -> the highest attempt that was said to have never come, and until when

    @rule(
        session=SESSIONS, name=IDS, fingerprint=PRINTS, attempt=ATTEMPTS, left=st.integers(-50, 300)
    )
    def arrive(self, session, name, fingerprint, attempt, left):
        key = (session, name)
        if self.book.is_full:
            return
        arrival, found = self.book.arrive(
            key, fingerprint, expires_ms=self.now + left, attempt=attempt
        )
        if arrival is Arrival.FRESH:
            self.open.append(found)
        elif arrival is Arrival.JOINED:
            assert found.fingerprint == fingerprint
        elif arrival is Arrival.DIFFERS:
            assert found.fingerprint != fingerprint
        if arrival is Arrival.BURIED:
            assert attempt <= self.buried[key][0]

    @rule(which=st.integers(0, 5), uncertainty=st.sampled_from([0.0, 5.0, float("inf")]))
    def begin(self, which, uncertainty):
        if not self.open:
            return
        one = self.open[which % len(self.open)]
        if one.phase is Phase.RUNNING:
            with pytest.raises(RuntimeError):
                one.begin(self.now, uncertainty)
            return
        fault = one.begin(self.now, uncertainty)
        key = ((one.session, one.id), one.attempt)
        if fault is not None:
            assert fault.executed == "no"
            if one.executed == "no":  # else its body had run, and was not let begin once more
                self.denied.add(key)
            return
        assert self.now + uncertainty < one.expires_ms
        assert key not in self.denied
        floor, until = self.buried.get(key[0], (0, 0.0))
        assert one.attempt > floor or self.now > until
        self.let_in.append(one)
        self.begun[key] = self.begun.get(key, 0) + 1

    @rule(which=st.integers(0, 5))
    def refuse(self, which):
        if not self.open:
            return
        one = self.open[which % len(self.open)]
        fault = one.refuse(NO)
        assert (fault is None) == any(one is other for other in self.let_in)
        if fault is not None:
            self.denied.add(((one.session, one.id), one.attempt))

    @rule(which=st.integers(0, 5), executed=st.sampled_from(["yes", "unknown", "no"]))
    def end(self, which, executed):
        if not self.open:
            return
        one = self.open[which % len(self.open)]
        if one.phase is Phase.RUNNING:
            one.end(executed)
            one.body = b"x" * 400
            self.book.kept(one)

    @rule(session=SESSIONS, name=IDS, attempt=st.integers(0, 4))
    def query(self, session, name, attempt):
        key = (session, name)
        known = {(one.session, one.id): one for one in self.open}
        horizon = self.now + 500
        state, found = self.book.query(key, attempt=attempt, now_ms=self.now, horizon_ms=horizon)
        if state == "running":
            assert found.phase is not Phase.ENDED
        elif state == "result":
            assert found.phase is Phase.ENDED
        elif state == "never_seen":
            one = known.get(key)
            asked = attempt or 10_000
            assert one is None or (
                one.phase is Phase.ENDED and one.keep_until < self.now + KEEP + 501
            )
            floor, until = self.buried.get(key, (0, 0.0))
            if (until // 1000 + 1) * 1000 <= self.now:  # forgotten, by the next full second
                floor = 0
            self.buried[key] = (max(floor, asked), horizon + KEEP)

    @rule(step=st.sampled_from([1.0, 60.0, 2000.0]))
    def wait(self, step):
        self.now += step
        self.book.sweep(self.now)
        for one in self.open:
            if one.executed == "no" or (one.keep_until > self.now and self.limit > 10_000):
                found = self.book.find((one.session, one.id))
                replaced = found is not None and found.attempt > one.attempt
                assert found is one or replaced or one.keep_until <= self.now
        # what is forgotten after its time may come again: so is what was said of it
        self.open = [
            one
            for one in self.open
            if one.phase is not Phase.ENDED or self.book.find((one.session, one.id)) is one
        ]
        known = {(one.session, one.id) for one in self.open}
        self.denied = {key for key in self.denied if key[0] in known}
        self.begun = {key: count for key, count in self.begun.items() if key[0] in known}

    @invariant()
    def none_runs_twice_or_after_no(self):
        if not hasattr(self, "book"):
            return
        assert self.book.bytes >= 0
        if self.limit > 10_000:  # nothing was let go early
            assert all(count == 1 for count in self.begun.values())

    @invariant()
    def unknown_is_unknown(self):
        if hasattr(self, "book"):
            state, _ = self.book.query(
                ("s", "lost"), attempt=0, now_ms=self.now, horizon_ms=self.now
            )
            assert state == "unknown"


Runtime.TestCase.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
TestNoGhosts = Runtime.TestCase


def test_what_went_to_make_room_is_unknown_and_never_said_to_be_unseen():
    book = Book(keep_ms=KEEP, limit=10_000)
    for n in range(200):
        arrival, one = book.arrive(("s", f"id{n}"), "f", expires_ms=1e6, attempt=1)
        assert arrival is Arrival.FRESH
        assert one.begin(0.0, 0.0) is None
        one.end("yes")
        one.body = b"x" * 100
        book.kept(one)
    assert book.bytes <= 10_000
    state, _ = book.query(("s", "id0"), attempt=1, now_ms=1e6, horizon_ms=2e6)
    assert state == "unknown"
    state, _ = book.query(("s", "id199"), attempt=1, now_ms=1e6, horizon_ms=2e6)
    assert state == "result"
    book.sweep(1e6 + 2 * KEEP + 1000)
    assert len(book) == 0
    assert book.bytes == 0
    state, _ = book.query(("s", "id0"), attempt=1, now_ms=1e6 + 3 * KEEP, horizon_ms=2e6)
    assert state == "never_seen"


def test_what_was_answered_no_is_not_let_go_and_a_full_book_says_so():
    book = Book(keep_ms=KEEP, limit=10_000)
    count = 0
    while not book.is_full:
        _, one = book.arrive(("s", f"id{count}"), "f", expires_ms=1e6, attempt=1)
        one.refuse(NO)
        book.kept(one)
        count += 1
    assert count == 15
    arrival, _ = book.arrive(("s", "id0"), "f", expires_ms=1e6, attempt=1)
    assert arrival is Arrival.JOINED
