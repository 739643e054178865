"""Every broken text of every class reads as its reader would expect."""

from __future__ import annotations

import json

import pytest

from altar import repair
from tests.repair.cases import CASES
from tests.repair.judge import Case, lost_words
from tests.repair.known import KNOWN


def marked(case: Case) -> object:
    """A case as a parameter; a known failure must fail."""
    name = f"{case.class_}: {case.input[:40]!a}"
    known = KNOWN.get(case.input)
    marks = [pytest.mark.xfail(reason=known)] if known else []
    return pytest.param(case, id=name, marks=marks)


@pytest.mark.parametrize("case", [marked(case) for case in CASES])
def test_a_broken_text_reads_as_expected(case: Case):
    """The value is the expected one, or one of those that are as good."""
    got = repair.loads(case.input)
    assert case.accepts(got), f"{got!r} is not {case.expected!r}"


def test_no_expected_word_is_lost_without_a_trace():
    """A word that is expected and not in the value stands in the log, in all but 0.5 % of cases."""
    lost = {}
    for case in CASES:
        result = repair.parse(case.input)
        dropped = (fix.before for fix in result.fixes)
        missing = lost_words(case, result.value, dropped)
        if missing and not case.accepts(result.value):
            lost[case.input] = missing
    assert len(lost) <= len(CASES) * 0.005, lost


@pytest.mark.parametrize("group", sorted({case.class_ for case in CASES}))
def test_the_mended_text_is_json_of_the_same_value(group: str):
    """What ``repair`` writes is valid JSON, and reading it gives what ``loads`` gave."""
    for case in CASES:
        if case.class_ == group:
            result = repair.parse(case.input)
            assert json.loads(result.text, parse_constant=_refuse) == result.value, case.input


def _refuse(word: str) -> object:
    raise AssertionError(f"{word} is no JSON")


def test_the_known_failures_are_cases():
    """The list of known failures names inputs that exist."""
    assert KNOWN.keys() <= {case.input for case in CASES}
