"""Where the official conformance suite is: the npm package ``@modelcontextprotocol/conformance``.

``ALTAR_MCP_CONFORMANCE`` names its folder or the ``node_modules`` it is in; else
``node_modules`` here is looked at.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

__all__ = ["suite"]

_PACKAGE = "@modelcontextprotocol/conformance"


def suite() -> Path:
    """The program to run with node; skips the test, by name, where it is not here."""
    named = os.environ.get("ALTAR_MCP_CONFORMANCE")
    for root in (
        (Path(named), Path(named, _PACKAGE)) if named else (Path("node_modules", _PACKAGE),)
    ):
        if (root / "dist/index.js").is_file() and shutil.which("node"):
            return (root / "dist/index.js").resolve()
    pytest.skip(f"{_PACKAGE} is not here; name it in ALTAR_MCP_CONFORMANCE")
