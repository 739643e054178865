"""The official conformance suite against altar's server.

It runs where the npm package ``@modelcontextprotocol/conformance`` is found:
``ALTAR_MCP_CONFORMANCE`` names its folder, or it is in ``node_modules`` here.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.mcp.everything import server
from tests.mcp.serving import listening

NOT_CLAIMED = {
    "logging-set-level": "altar sends no log messages (deprecated in 2026-07-28)",
    "tools-call-with-logging": "the same",
    "tools-call-sampling": "altar's tools ask their own models (deprecated in 2026-07-28)",
}


def suite() -> Path:
    places = [
        os.environ.get("ALTAR_MCP_CONFORMANCE"),
        "node_modules/@modelcontextprotocol/conformance",
    ]
    for place in places:
        if place and (Path(place) / "dist/index.js").is_file() and shutil.which("node"):
            return Path(place) / "dist/index.js"
    pytest.skip("@modelcontextprotocol/conformance is not here; name it in ALTAR_MCP_CONFORMANCE")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["active", "pending"])
def test_every_scenario_that_is_claimed_passes(kind: str, tmp_path: Path):
    program = suite()
    with listening(server) as url:
        command = ["node", str(program), "server", "--url", url, "--suite", kind]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=120, cwd=tmp_path, check=False
        )
    found = re.findall(r"^[✓✗] ([\w-]+): (\d+) passed, (\d+) failed", _plain(done.stdout), re.M)
    assert len(found) > (25 if kind == "active" else 0), done.stdout[-2000:]
    assert {name for name, _, failed in found if failed != "0"} <= set(NOT_CLAIMED)


def _plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)
