"""Subjects say who is meant and who asks, whatever the names hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("msgpack")

from altar.errors import InvalidDataError  # noqa: E402 - the library above may be missing
from altar_extras.grid.wire import Subjects, decode_token, encode_token, is_id  # noqa: E402

names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
ids = st.from_regex(r"[a-z0-9_-]{1,64}", fullmatch=True)


@given(names)
def test_a_name_comes_back_and_its_token_holds_nothing_a_subject_means_something_by(name):
    token = encode_token(name)
    assert decode_token(token) == name
    assert not set(token) & set(".*> \t\r\n")
    assert token == token.lower()


@given(names, names)
def test_two_names_never_share_a_token(one, other):
    assert (encode_token(one) == encode_token(other)) == (one == other)


@given(names, st.integers(0, 99), ids, ids)
def test_a_call_is_read_back_from_its_subject(tool, major, session, runtime):
    assert Subjects.read_call(Subjects.call(tool, major, session)) == (tool, major, session, None)
    found = Subjects.read_call(Subjects.direct(runtime, tool, major, session))
    assert found == (tool, major, session, runtime)


@given(st.text(max_size=60))
def test_any_subject_is_read_or_is_none(subject):
    Subjects.read_call(subject), Subjects.read_control(subject), Subjects.read_host(subject)


def test_control_and_host_subjects_are_read_back():
    assert Subjects.read_control(Subjects.control("r1", "cancel", "s1")) == ("cancel", "s1")
    assert Subjects.read_control(Subjects.admin("r1", "drain")) == ("admin", "drain")
    assert Subjects.read_control("grid.v1.rt.r1.steal.s1") is None
    assert Subjects.read_host(Subjects.host("hello", "s1")) == ("hello", "s1")


@pytest.mark.parametrize(
    ("reply", "is_own"),
    [
        ("grid.v1.re.s1.abc", True),
        ("grid.v1.re.s1.abc.7", True),
        ("grid.v1.re.s1.", False),
        ("grid.v1.re.s1", False),
        ("grid.v1.re.s12.abc", False),
        ("grid.v1.re.s1.*", False),
        ("grid.v1.re.s1.>", False),
        ("$JS.API.STREAM.PURGE.x", False),
        ("", False),
    ],
)
def test_only_a_sessions_own_inbox_is_its_reply(reply, is_own):
    assert Subjects.is_reply_of(reply, "s1") is is_own


@pytest.mark.parametrize("bad", ["", "A", "a.b", "*x", "a b", "x" * 65, None, 7])
def test_what_is_no_id_builds_no_subject(bad):
    assert not is_id(bad)
    if isinstance(bad, str):
        with pytest.raises(InvalidDataError):
            Subjects.host("hello", bad)
