"""Strings and numbers once more: names cut off, one quote of the wrong kind, raw backslashes."""

from __future__ import annotations

from functools import partial

from tests.repair.judge import Case

digits = partial(Case, "foreign_digits")

CASES = [
    digits('{"n": １２}', {"n": 12}),
    digits("[１, 2]", [1, 2]),
    digits('{"a": ٣}', {"a": 3}),
    digits('{"a": -１, "b": 1２}', {"a": -1, "b": 12}),
    digits("１２", 12),
    digits('{"a": １．５, "b": 1.٣, "c": 1e２}', {"a": 1.5, "b": 1.3, "c": 100.0}),
    digits('{"a": ²}', {"a": "²"}),
]
