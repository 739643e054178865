"""Whatever bytes come under whatever subject: a runtime says so, runs nothing of it, and goes on."""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("msgpack")
pytest.importorskip("nkeys")

import msgpack
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from altar_extras.grid.runtime import RuntimeSettings
from altar_extras.grid.wire import Subjects
from tests.grid.runtime._control import Grid, host_ms

RAN = []


async def touch(n: int) -> int:
    """Note that it ran."""
    RAN.append(n)
    return n


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=True)
    | st.text(max_size=12)
    | st.binary(max_size=12)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)
TYPES = ("ToolCall", "Part", "Credit", "Cancel", "Query", "Hello", "Error", "Nonsense", 7)
FIELDS = st.fixed_dictionaries(
    {"type": st.sampled_from(TYPES), "v": st.sampled_from([1, 1, 1, 2, "1"])},
    optional={
        "invocation_id": st.sampled_from(["a", "b", "", "x" * 65, 5]),
        "call": VALUES
        | st.fixed_dictionaries(
            {"name": st.sampled_from(["touch", "other", 3])},
            optional={"args": VALUES, "call_id": VALUES},
        ),
        "expires_ms": st.sampled_from([0, 1, -1, 2**53, 2**60, "soon", None, host_ms() + 5000]),
        "budget_ms": st.sampled_from([0, 1, 2**53 - 1, -5]),
        "attempt": st.sampled_from([1, 2, 1000, 0]),
        "credit": st.sampled_from([0, 1, 1024, 1025]),
        "digest": st.sampled_from(["", "sha256:0"]),
        "size": st.sampled_from([0, 1, 3, 2**40]),
        "sha256": st.sampled_from(["", "0" * 64]),
        "of": st.sampled_from(["args", "result", "chunks", 0]),
        "seq": st.integers(-1, 3),
        "data": st.binary(max_size=8) | st.text(max_size=3),
        "last": st.booleans(),
        "approved": VALUES,
        "strict": VALUES,
        "max_result_bytes": st.sampled_from([0, 1, 2**53 - 1]),
        "traceparent": st.text(max_size=60),
        "baggage": VALUES,
    },
)


def packed(doc) -> bytes:
    try:
        return msgpack.packb(doc)
    except (OverflowError, ValueError, UnicodeEncodeError):
        return b"\xc1"


BODIES = (
    st.binary(max_size=80)
    | st.lists(FIELDS, min_size=1, max_size=3).map(lambda docs: b"".join(map(packed, docs)))
    | st.tuples(FIELDS.map(packed), st.integers(1, 40)).map(lambda one: one[0][: -one[1]])
    | st.just(b'{"type": "ToolCall", "v": 1}')
    | st.just(b"\x81" * 2000)
    | st.just(b"\xdf\xff\xff\xff\xff")
    | st.just(msgpack.packb(msgpack.ExtType(4, b"x")))
)
SUBJECTS = ("call", "direct", "cancel", "credit", "query", "admin", "other")
REPLIES = st.sampled_from(["mine", "batch", "foreign", "none", "host", "wild"])


def subject(kind: str, runtime: str) -> str:
    if kind == "call":
        return Subjects.call("touch", 1, "s-one")
    if kind == "direct":
        return Subjects.direct(runtime, "touch", 1, "s-one")
    if kind == "admin":
        return Subjects.admin(runtime, "refresh")
    if kind == "other":
        return f"grid.v1.rt.{runtime}.touch.1.S-ONE"
    return Subjects.control(runtime, kind, "s-one")


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.sampled_from(SUBJECTS), BODIES, REPLIES), min_size=5, max_size=25))
def test_no_input_ends_a_runtime_or_runs_what_is_malformed(inputs):
    async def main():
        RAN.clear()
        limits = RuntimeSettings(credit_seconds=0.02, linger_seconds=0.0)
        async with Grid([touch], settings=limits) as grid:
            inbox = grid.caller.requests.inbox
            replies = {
                "mine": inbox,
                "batch": f"{inbox}.1f",
                "foreign": "grid.v1.re.s-two.abc",
                "none": "",
                "host": "grid.v1.host.hello.s-one",
                "wild": "grid.v1.re.s-one.>",
            }
            for kind, body, reply in inputs:
                where = subject(kind, grid.runtime)
                grid.caller.transport.publish(where, body, reply=replies[reply])
            await grid.caller.transport.flush()
            answer = await grid.caller.call("touch", {"n": -7}, runtime=grid.runtime)
            assert answer.result["content"] == -7
            await grid.caller.until(lambda: grid.server.status().inflight == 0)
            assert all(isinstance(one, int) for one in RAN)
            assert grid.server.status().state == "serving"

    asyncio.run(asyncio.wait_for(main(), 60))
