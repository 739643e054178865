"""A JSON path is read back as it was written."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from altar.adm import json_path, json_steps

names = st.text(max_size=6).filter(str.isprintable)
steps = st.lists(st.one_of(st.integers(0, 999), names, st.sampled_from("'\\.[]$")), max_size=5)


@given(steps)
def test_steps_that_can_be_shown_come_back(given_steps):
    assert json_steps(json_path(given_steps)) == tuple(given_steps)


def test_the_root_has_no_steps():
    assert json_steps("$") == ()
