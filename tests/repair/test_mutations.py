"""Valid documents with one structural character deleted, doubled or swapped are given back."""

from __future__ import annotations

from collections import Counter

import pytest

from altar import repair
from tests.repair.judge import same
from tests.strategies.json_damage import mutations

# kinds in which nothing is ambiguous: every one comes back
CERTAIN = {
    "dup_comma",
    "escaped_all",
    "fenced",
    "no_commas_all",
    "raw_newline",
    "trailing_comma",
    "unquoted_keys_all",
}


@pytest.fixture(scope="module")
def outcome() -> tuple[Counter[str], Counter[str], list[tuple[str, str, object]]]:
    """How many there are of each kind, how many came back, and what did not."""
    total: Counter[str] = Counter()
    right: Counter[str] = Counter()
    wrong = []
    for kind, text, value in mutations():
        total[kind] += 1
        got = repair.loads(text)
        if same(got, value):
            right[kind] += 1
        else:
            wrong.append((kind, text, got))
    return total, right, wrong


def test_nine_of_ten_single_edits_come_back(outcome):
    """At least 90 % of all single edits give the original value."""
    total, right, wrong = outcome
    assert right.total() >= 0.9 * total.total(), wrong[:10]


@pytest.mark.parametrize("kind", sorted(CERTAIN))
def test_a_certain_edit_always_comes_back(outcome, kind):
    """Where an edit leaves no doubt, the original value is given every time."""
    total, right, wrong = outcome
    assert right[kind] == total[kind] > 0, [w for w in wrong if w[0] == kind][:3]
