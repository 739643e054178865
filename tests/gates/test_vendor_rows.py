"""The table of docs/vendor-loops.md: each row names who, and tests that exist."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from tests.gates._source import ROOT

PAGE = ROOT / "docs" / "vendor-loops.md"
FAILINGS = "tests/testing/test_vendor_failings.py"
HEAD = "| what goes wrong | seen in | altar | tests |"
NAMED = re.compile(r"`([\w/]+\.py)::(test_\w+)`")
SHOWN = re.compile(r"`(test_\w+)`")


def rows() -> list[list[str]]:
    """The cells of every row, in the order of the page."""
    found = []
    for line in PAGE.read_text("utf-8").splitlines():
        if line.startswith("| ") and line != HEAD:
            cells = re.split(r"(?<!\\)\|", line.strip())
            found.append([cell.strip() for cell in cells[1:-1]])
    return found


@cache
def names_in(path: str) -> frozenset[str]:
    """The names of the tests in a file, in classes too."""
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, functions))


ROWS = rows()


def test_the_page_has_its_tables():
    """Every table has the same head, and there are some sixty rows."""
    text = PAGE.read_text("utf-8")
    assert text.count("\n|---|") == text.count(f"\n{HEAD}\n")
    assert len(ROWS) > 50


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:40])
def test_a_row_says_what_who_and_how_it_is_held(row: list[str]):
    """Four cells, none empty, and tests of altar's own side that exist."""
    assert len(row) == 4
    assert all(row)
    named = NAMED.findall(row[3])
    assert named, "this row names no test"
    assert "::" not in NAMED.sub("", row[3]), "a test that is written in another way"
    missing = [f"{path}::{name}" for path, name in named if name not in names_in(path)]
    assert not missing
    assert not [path for path, _ in named if path == FAILINGS], "that shows the vendor's side"
    assert set(SHOWN.findall(row[1])) <= names_in(FAILINGS)


def test_every_failing_that_is_shown_has_its_row():
    """What tests/testing/test_vendor_failings.py shows is on the page."""
    shown = {name for name in names_in(FAILINGS) if name.startswith("test_")}
    assert shown == {name for row in ROWS for name in SHOWN.findall(row[1])}
