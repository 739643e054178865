"""Frames: what is written is read, however it is cut; what is no frame is refused by one error."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altar.errors import ConfigurationError
from altar.isolate import Target
from altar.isolate import _wire as wire
from altar.isolate._inbox import Inbox, OverLimitError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
OBJECTS = st.dictionaries(st.text(), JSON, max_size=5)
KINDS = st.sampled_from([wire.READY, wire.CHUNK, wire.RESULT, wire.REFUSED])


def read(inbox: Inbox, data: bytes) -> list[tuple[int, dict]]:
    found = []
    while data:
        space = inbox.space()
        count = min(len(space), len(data))
        space[:count] = data[:count]
        data = data[count:]
        inbox.took(count)
        while (frame := inbox.next()) is not None:
            found.append((frame[0], wire.decode(frame[1])))
    return found


@given(OBJECTS)
def test_a_body_crosses_as_it_is(body: dict):
    kind, length = wire.CALL, len(wire.encode(wire.CALL, body)) - wire.HEADER.size
    data = wire.encode(kind, body)
    assert wire.HEADER.unpack_from(data) == (length, kind)
    assert wire.decode(data[wire.HEADER.size :]) == body


@given(OBJECTS)
def test_json_is_written_as_the_standard_library_writes_it(body: dict):
    assert wire.to_json(body) == json.dumps(body, separators=(",", ":"))


def test_a_lone_surrogate_crosses():
    assert wire.decode(wire.encode(wire.CHUNK, {"chunk": "\ud800"})[5:]) == {"chunk": "\ud800"}


@given(st.lists(st.tuples(KINDS, OBJECTS), max_size=6), st.lists(st.integers(1, 50)))
def test_frames_come_out_whole_however_they_are_cut(frames: list, cuts: list[int]):
    data = b"".join(wire.encode(kind, body) for kind, body in frames)
    inbox, found = Inbox(), []
    for cut in [*cuts, len(data)]:
        found += read(inbox, data[:cut])
        data = data[cut:]
    assert found == frames
    assert inbox.empty


def test_a_frame_larger_than_the_buffer_comes_out_whole_and_the_room_is_given_back():
    inbox = Inbox()
    body = {"text": "x" * 1_000_000}
    assert read(inbox, wire.encode(wire.RESULT, body)) == [(wire.RESULT, body)]
    inbox.shrink()
    assert len(inbox.space()) <= 65_536


@given(st.binary(max_size=200))
def test_bytes_that_are_no_frames_raise_one_error_alone(data: bytes):
    try:
        read(Inbox(), data)
    except wire.WireError:
        pass


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"1", b"{", b'{"a":1}x', b'{"a":\xff}', b'{"a":' + b"[" * 100_000]
)
def test_a_body_that_is_no_object_is_refused(body: bytes):
    with pytest.raises(wire.WireError):
        wire.decode(body)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, object()])
def test_what_is_no_json_is_not_written(value: object):
    with pytest.raises((ValueError, TypeError)):
        wire.to_json(value)


def test_a_frame_that_announces_too_much_is_refused_before_it_comes():
    inbox = Inbox()
    inbox.bound(1000)
    with pytest.raises(OverLimitError) as refused:
        read(inbox, wire.HEADER.pack(1_000_000, wire.RESULT))
    assert refused.value.size == 1_000_000
    with pytest.raises(wire.WireError):
        wire.frame(wire.CALL, bytes(wire.HARD_LIMIT + 1))


@pytest.mark.parametrize("path", ["", "module", "module:", ":name"])
def test_a_target_names_a_module_and_a_function(path: str):
    with pytest.raises(ConfigurationError, match="module:qualname"):
        Target(path)


def test_a_target_refuses_a_bound_that_no_frame_can_have():
    with pytest.raises(ConfigurationError, match="max_bytes"):
        Target("a:b", max_bytes=wire.HARD_LIMIT + 1)
