"""Every probe of the type table, gathered from the rows beside this module."""

from __future__ import annotations

import importlib
import sys

from tests.probes._row import Row

__all__ = ["ROWS", "TABLE_HARD", "TABLE_SIZE"]

TABLE_SIZE = 139
TABLE_HARD = 75

_MODULES = [
    "rows_values",
    "rows_records",
    "rows_vendors",
    "rows_scalars",
    "rows_forward",
    "probes_future",
    "rows_callables",
    "rows_texts",
    "rows_more",
]
if sys.version_info >= (3, 12):
    _MODULES.append("probes_312")

ROWS: list[Row] = [
    row for name in _MODULES for row in importlib.import_module(f"tests.probes.{name}").ROWS
]
