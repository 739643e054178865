"""The official conformance suite against altar's client.

It runs where the npm package ``@modelcontextprotocol/conformance`` is found:
``ALTAR_MCP_CONFORMANCE`` names its folder, or it is in ``node_modules`` here.
The scenarios of OAuth (auth/...) are not claimed: a token is given as
``connect(bearer=...)``, which may be a function that fetches one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CLIENT = Path(__file__).with_name("conformance_client.py")
PACKAGE = "@modelcontextprotocol/conformance"
CLAIMED = ("initialize", "tools_call", "elicitation-sep1034-client-defaults", "sse-retry")


def suite() -> Path:
    named = os.environ.get("ALTAR_MCP_CONFORMANCE")
    roots = [Path("node_modules", PACKAGE)]
    if named:
        roots = [Path(named), Path(named, PACKAGE)]
    for root in roots:
        if (root / "dist/index.js").is_file() and shutil.which("node"):
            return (root / "dist/index.js").resolve()
    pytest.skip(f"{PACKAGE} is not here; name it in ALTAR_MCP_CONFORMANCE")


@pytest.mark.slow
@pytest.mark.parametrize("scenario", CLAIMED)
def test_every_scenario_that_is_claimed_passes(scenario: str, tmp_path: Path):
    words = ["client", "--command", f"{sys.executable} {CLIENT}", "--scenario", scenario]
    done = subprocess.run(
        ["node", str(suite()), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        cwd=tmp_path,
        check=False,
    )
    assert "OVERALL: PASSED" in done.stdout, done.stdout[-3000:]
    assert done.returncode == 0
