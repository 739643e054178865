"""Broken JSON as models write it, a module for each kind of damage."""

from __future__ import annotations

from importlib import import_module

from tests.repair.judge import Case

MODULES = (
    "around",
    "calls",
    "structure",
    "quotes",
    "inner",
    "unquoted",
    "literals",
    "marks",
    "escapes",
    "truncated",
    "hard",
    "harder",
    "more",
    "reprs",
    "strings_more",
)

CASES: list[Case] = [
    case for name in MODULES for case in import_module(f"tests.repair.cases.{name}").CASES
]
