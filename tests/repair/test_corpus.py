"""The shared corpus: broken texts of the field's own suites, where it is present."""

from __future__ import annotations

import json

import pytest

from altar import repair
from tests.corpus import corpus
from tests.repair.judge import same


def rows(disputed: bool) -> list[dict[str, object]]:
    """The cases that the suites agree on, or those that they do not."""
    lines = corpus("repair_cases.jsonl").read_text(encoding="utf-8").splitlines()
    return [row for row in map(json.loads, lines) if (row["class"] == "disputed") is disputed]


def read(text: str) -> object:
    """The value, or the error, which is never right."""
    try:
        return repair.loads(text)
    except repair.RepairError as error:
        return error


def right(row: dict[str, object]) -> bool:
    """True when the value is the expected one, or another that is accepted."""
    got = read(row["input"])
    trim = bool(row.get("trailing_space_in_strings_ignored"))
    return any(same(got, good, trim=trim) for good in (row["expected"], *row.get("accept", ())))


@pytest.mark.parametrize(("disputed", "share"), [(False, 0.98), (True, 0.8)])
def test_the_corpus_reads_as_expected(disputed, share):
    """At least 98 % of what is agreed on, and 80 % of the rest by any accepted value."""
    cases = rows(disputed)
    wrong = [row["input"] for row in cases if not right(row)]
    assert len(wrong) <= (1 - share) * len(cases), wrong[:10]


def test_valid_texts_of_the_corpus_are_exact():
    """Valid JSON gives what the standard library gives; only a name that came twice is noted."""
    for row in rows(False):
        if row["class"] == "valid":
            result = repair.parse(row["input"])
            assert result.value == json.loads(row["input"])
            assert {fix.code for fix in result.fixes} <= {"duplicate_key"}
