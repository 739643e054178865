"""Whatever is sent to a Host, it answers with an Error or not at all, and goes on."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

pytest.importorskip("msgpack")

import msgpack
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from altar_extras.grid.host._desk import OPS
from altar_extras.grid.security import key_id
from altar_extras.grid.transport import GridTransportError
from altar_extras.grid.wire import Error, FrameError, Hello, Subjects, unpack
from tests.grid.host.scenes import CLIENT, RUNTIME, hosting, party

NAMES = st.sampled_from(
    [
        key_id(CLIENT.public),
        f"{key_id(RUNTIME.public)}-{'0' * 8}",
        f"{key_id(CLIENT.public)}-s{'0' * 24}",
        "f" * 16,
        "x",
    ]
)
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**63), st.floats(), st.text(max_size=20),
    st.binary(max_size=20),
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=10,
)
FIELDS = ["id", "runtime", "session", "epoch", "slots", "tools", "contracts", "tool", "digest",
          "ttl", "cursor", "writer", "records", "first", "phase", "grant_id", "invocation_id",
          "args_digest", "uses", "role", "features"]  # fmt: skip
MESSAGES = st.builds(
    lambda name, fields: msgpack.packb({"v": 1, "type": name, **fields}),
    st.sampled_from(sorted({op.message.TYPE for op in OPS.values()} | {"Nothing"})),
    st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=8),
)
BODIES = st.one_of(
    st.binary(max_size=64),
    MESSAGES,
    st.lists(MESSAGES, max_size=3).map(b"".join),
    st.builds(lambda body, at: body[:at], MESSAGES, st.integers(0, 60)),
)
SENDS = st.tuples(st.sampled_from([*sorted(OPS), "none"]), NAMES, BODIES, st.booleans())


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(SENDS, max_size=25))
def test_a_host_outlives_whatever_is_sent(sends):
    async def scene():
        async with hosting() as (broker, (host,)):
            broker.admit = None
            watcher = await broker.connect()
            heard: list = []
            await watcher.subscribe("grid.v1.re.>", heard.append)
            for op, name, body, own in sends:
                reply = Subjects.reply(name, "abc") if own else "grid.v1.re.other.abc"
                with suppress(GridTransportError):
                    watcher.publish(Subjects.host(op, name), body, reply=reply)
            await watcher.flush()
            while host._desks["acme"]._pending:
                await asyncio.sleep(0)
            assert not [one for one in heard if one.subject == "grid.v1.re.other.abc"]
            for one in heard:
                for message in unpack(one.body):
                    if isinstance(message, Error):
                        assert message.error["details"]["executed"] == "no"
                        assert message.error["details"]["reason"] != "internal"
            door = await party(broker, CLIENT)
            assert (await door.ask("hello", Hello(id="1", role="client"))).time_ms
            assert host.health().ready

    asyncio.run(asyncio.wait_for(scene(), 60))


@pytest.mark.parametrize("body", [b"", b"\xc1", b"{", b"\x81", b"\x00" * 10])
def test_what_is_no_frame_is_no_request(body):
    with pytest.raises(FrameError):
        unpack(body)
