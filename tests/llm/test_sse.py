"""Server-sent events: the same events however the bytes are cut, and no line without a bound."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altar.llm.openai_compatible._sse import SseError, SseReader


def read(text: str | bytes, cuts=(), *, limit=10_000) -> list[tuple[str, str]]:
    """The events of ``text``, fed in pieces that end at ``cuts``."""
    data = text.encode() if isinstance(text, str) else text
    reader = SseReader(limit)
    events = []
    ends = sorted({min(cut, len(data)) for cut in cuts} | {len(data)})
    for start, end in zip([0, *ends], ends, strict=False):
        events += reader.feed(data[start:end])
    return events + reader.end()


@pytest.mark.parametrize(
    ("text", "events"),
    [
        ("data: a\n\n", [("message", "a")]),
        ("data:a\r\rdata:  b\r\n\r\n", [("message", "a"), ("message", " b")]),
        ("data: a\r\ndata: b\ndata\n\n", [("message", "a\nb\n")]),
        (": keep-alive\n\n:\n\ndata: a\n\n", [("message", "a")]),
        ("event: error\ndata: {}\n\ndata: a\n\n", [("error", "{}"), ("message", "a")]),
        ("event: lost\n\ndata: a\n\n", [("message", "a")]),
        ("id: 7\nretry: 10\nother: x\ndata: a\n\n", [("message", "a")]),
        ("error: {}\n\n", [("error", "{}")]),
        ("\ufeffdata: a\n\ndata: \ufeffb\n\n", [("message", "a"), ("message", "\ufeffb")]),
        ("data: é\u2028ü\U0001f600\x85\x0b\n\n", [("message", "é\u2028ü\U0001f600\x85\x0b")]),
        (b"data: \xff\n\n", [("message", "\ufffd")]),
        ("data: cut", [("message", "cut")]),
        ("data: cut\n", [("message", "cut")]),
        ("data: [DONE]\r", [("message", "[DONE]")]),
        ("\n\n\n", []),
        ("", []),
    ],
)
def test_an_event_is_what_the_standard_says(text, events):
    assert read(text) == events


LINES = st.lists(
    st.sampled_from(
        ["data: é", "data:\U0001f600", "data", "event: x", ": c", "", "", "id: 1", "error: e"]
    ),
    max_size=8,
)


@given(LINES, st.sampled_from(["\n", "\r", "\r\n"]), st.booleans(), st.sets(st.integers(0, 90)))
def test_where_the_bytes_are_cut_changes_nothing(lines, ending, bom, cuts):
    text = ("\ufeff" if bom else "") + "".join([line + ending for line in lines])
    assert read(text, cuts) == read(text) == read(text, range(len(text.encode())))


@given(LINES, st.lists(st.sampled_from(["\n", "\r", "\r\n"]), min_size=8, max_size=8))
def test_line_ends_may_be_mixed(lines, endings):
    text = "".join([line + ending for line, ending in zip(lines, endings, strict=False)])
    # CR and LF of two lines that meet are one line end, as the standard reads them
    assert read(text) == read(text.replace("\r\n", "\n").replace("\r", "\n"))


@pytest.mark.parametrize("text", ["data: " + "x" * 200, "data: xxxxxxxxxx\n" * 20, "y" * 200])
def test_an_event_past_the_limit_is_refused_before_it_is_held(text):
    reader = SseReader(100)
    with pytest.raises(SseError, match="more than 100 bytes"):
        for letter in text:
            reader.feed(letter.encode())
    assert sum(map(len, reader._pending)) <= 100


def test_the_limit_is_of_one_event_and_comments_do_not_count():
    text = ("data: " + "x" * 50 + "\n\n" + ": c\n" * 40) * 9
    assert len(read(text, limit=100)) == 9


def test_a_long_line_in_many_pieces_is_read_in_one_go():
    """What has come is not looked through again with every piece: nothing of it is copied."""
    reader = SseReader()
    for _ in range(20_000):
        assert reader.feed(b"data:" if not reader._pending else b"x" * 50) == []
    assert len(reader._pending) == 20_000
    assert reader.feed(b"\n\n") == [("message", "x" * 50 * 19_999)]
