"""The laws and cases are collected once the engine is there."""

from __future__ import annotations

from altar.repair import _parse

collect_ignore = (
    []
    if hasattr(_parse, "parse_damaged")
    else ["test_cases.py", "test_corpus.py", "test_laws.py", "test_mutations.py"]
)
