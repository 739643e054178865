"""Messages come back from the wire as they went, and nothing else gets in."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

msgpack = pytest.importorskip("msgpack")

from altar_extras.grid import wire  # noqa: E402 - the library above may be missing
from altar_extras.grid.wire import Malformed, StreamChunk, ToolCall, Unknown, pack, unpack  # noqa: E402

trees = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4)
    ),
    max_leaves=12,
)
calls = st.builds(
    ToolCall,
    invocation_id=st.text(st.characters(codec="ascii"), min_size=1, max_size=64),
    call=st.fixed_dictionaries({"name": st.just("add"), "args": trees}),
    expires_ms=st.none() | st.integers(0, 2**53 - 1),
    attempt=st.integers(1, 1000),
    credit=st.integers(0, 1024),
    approved=st.booleans(),
)
chunks = st.builds(StreamChunk, invocation_id=st.just("a"), seq=st.integers(0, 99), chunk=trees)


@given(st.lists(calls | chunks, min_size=1, max_size=5))
def test_messages_come_back_from_one_body_in_order(messages):
    assert unpack(pack(*messages)) == messages


@given(calls | chunks)
def test_json_says_the_same_as_msgpack(message):
    assert unpack(wire.pack_json(message)) == [message]


@given(st.binary(max_size=200))
def test_any_bytes_are_messages_or_a_frame_error(body):
    try:
        found = unpack(body)
    except wire.FrameError:
        return
    assert all(isinstance(one, wire.Message) for one in found)


@given(calls, st.data())
def test_a_truncated_body_is_refused(message, data):
    body = pack(message)
    cut = data.draw(st.integers(0, len(body) - 1))
    with pytest.raises(wire.FrameError):
        unpack(body[:cut])


def raw(**fields):
    return msgpack.packb(fields)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (raw(type="ToolCall", v=1, invocation_id="a"), "call is missing"),
        (raw(type="ToolCall", v=2, invocation_id="a", call={}), "v is not 1"),
        (raw(v=1), "type is missing"),
        (raw(type="ToolCall", v=1, invocation_id=7, call={}), "invocation_id"),
        (raw(type="ToolCall", v=1, invocation_id="a" * 65, call={}), "invocation_id"),
        (raw(type="ToolCall", v=1, invocation_id="a", call={"args": {"x": math.nan}}), "call"),
        (raw(type="ToolCall", v=1, invocation_id="a", call={"args": {"x": 2**63}}), "call"),
        (raw(type="ToolCall", v=1, invocation_id="a", call={"args": {"x": b"1"}}), "call"),
        (raw(type="ToolCall", v=1, invocation_id="a", call={}, expires_ms=-1), "expires_ms"),
        (raw(type="Part", v=1, invocation_id="a", of="args", seq=1, data="text"), "data"),
    ],
)
def test_a_bad_message_says_what_is_wrong_and_leaves_its_neighbours(body, reason):
    good = pack(StreamChunk(invocation_id="b", seq=1))
    first, second = unpack(body + good)
    assert isinstance(first, Malformed)
    assert reason in first.reason
    assert isinstance(second, StreamChunk)


def test_a_message_of_a_later_version_is_unknown_and_keeps_its_id():
    (found,) = unpack(raw(type="Telepathy", v=1, id="x1"))
    assert found == Unknown(type="Telepathy", id="x1")


def test_fields_of_later_versions_are_ignored():
    (found,) = unpack(raw(type="Accepted", v=1, invocation_id="a", runtime="r", aura="blue"))
    assert found == wire.Accepted(invocation_id="a", runtime="r")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x00",
        msgpack.packb([1]),
        msgpack.packb({"type": msgpack.ExtType(5, b"x")}),
        b"\x81" * 2000,
        b"x" * (wire.MAX_BODY + 1),
        b"{",
        b'{"type": "ToolCall", "v": 1, "call": NaN}',
    ],
    ids=["empty", "no map", "list", "extension", "deep", "large", "json", "nan"],
)
def test_what_is_no_frame_is_refused(body):
    with pytest.raises(wire.FrameError):
        unpack(body)


def test_a_timestamp_extension_is_no_json():
    body = raw(type="StreamChunk", v=1, invocation_id="a", seq=1, chunk=msgpack.Timestamp(1))
    (found,) = unpack(body)
    assert isinstance(found, Malformed)


def test_too_many_messages_in_one_body_are_refused():
    with pytest.raises(wire.FrameError, match="1024"):
        unpack(pack(StreamChunk(invocation_id="a", seq=1)) * 1025)


def test_what_msgpack_cannot_write_is_a_frame_error():
    with pytest.raises(wire.FrameError):
        pack(StreamChunk(invocation_id="a", seq=1, chunk=2**70))


def test_the_c_extension_of_msgpack_is_what_runs():
    assert wire.has_fast_codec()
