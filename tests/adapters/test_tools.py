"""The thirty tools themselves: what every adapter is measured against."""

from __future__ import annotations

import pytest

from altar.bridge import CallCheck
from tests.adapters.cases import CASES, INVALID, Case
from tests.adapters.tools import TOOLS, make_session


@pytest.fixture(scope="module")
def session():
    with make_session() as session:
        yield session


def test_there_are_thirty_tools_and_each_has_cases(session):
    assert len(session) == len(TOOLS) >= 29
    assert {case.tool for case in CASES} == {fn.__name__ for fn in TOOLS}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_altar_answers_each_case_as_it_says(session, case: Case):
    result = session.execute(case.tool, case.args)
    assert (None if result.ok else str(result.error.type)) == case.error, result
    assert bool((result.metadata or {}).get("coercions")) == case.coerces
    if case.at:
        problems = result.error.details["problems"]
        assert {problem["path"] for problem in problems} >= set(case.at), problems


def test_a_look_at_a_call_finds_what_the_call_itself_would_be_refused_for(session):
    check = CallCheck(session)
    for case in CASES * 5:  # from the fourth look on, a compiled one
        looked, made = check(case.tool, case.args), session.execute(case.tool, case.args)
        if looked.refused is not None:
            assert looked.refused.error.to_dict() == made.error.to_dict(), case
        else:
            assert case.error != INVALID, case
            assert (looked.args != case.args) == case.coerces
            assert not case.coerces or session.execute(case.tool, looked.args).metadata is None
    assert str(check("ad", {}).refused.error.type) == "TOOL_NOT_FOUND"
