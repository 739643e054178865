"""The reasons that programs read are words of one form, whoever gives them."""

from __future__ import annotations

import ast
import re
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[3] / "src" / "altar_extras" / "grid"
SESSION_ENDED = {"session_expired"}


def reasons() -> set[str]:
    """Every text that stands as ``reason=`` in the source, or first in ``Fault.of``; the wire's
    are for people.
    """
    found = set()
    for path in (one for one in SOURCE.rglob("*.py") if one.parent.name != "wire"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            said = node.value if isinstance(node, ast.keyword) and node.arg == "reason" else None
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "Fault.of":
                said = node.args[0]
            if isinstance(said, ast.Constant) and isinstance(said.value, str):
                found.add(said.value)
    return found


def test_every_reason_is_lower_snake_case():
    assert [one for one in reasons() if not re.fullmatch(r"[a-z]+(_[a-z]+)*", one)] == []


def test_no_reason_is_another_one_without_its_lines():
    """A word that lost its underscores would never match what a program looks for."""
    known = reasons()
    assert SESSION_ENDED <= known
    assert [one for one in known if "_" in one and one.replace("_", "") in known] == []
