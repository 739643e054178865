"""The official conformance suite against altar's client.

The scenarios of OAuth (auth/...) are not claimed: a token is given as
``connect(bearer=...)``, which may be a function that fetches one.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.mcp.conformance import suite

CLIENT = Path(__file__).with_name("conformance_client.py")
CLAIMED = ("initialize", "tools_call", "elicitation-sep1034-client-defaults", "sse-retry")


@pytest.mark.slow
@pytest.mark.parametrize("scenario", CLAIMED)
def test_every_scenario_that_is_claimed_passes(scenario: str, tmp_path: Path):
    words = ["client", "--command", f"{sys.executable} {CLIENT}", "--scenario", scenario]
    done = subprocess.run(
        ["node", str(suite()), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        cwd=tmp_path,
        check=False,
    )
    assert "OVERALL: PASSED" in done.stdout, done.stdout[-3000:]
    assert done.returncode == 0
