"""Every example runs as a program of its own and prints what it promises."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.gates._source import ROOT

# what each example must print, line by line, in order; other lines may stand between
PROMISES = {
    "agent_chat.py": ["Noted.", "Tea, without sugar.", "['tea, no sugar'] 3"],
    "async_tools.py": ["page 1", "'page 9']", "page 7", "page 2"],
    "broken_json.py": [
        "'note': 'write \"fragile\" on it'",
        "inner_quote at",
        "confidence",
        "{'customer': 'Ada', 'pieces': 1200, 'gift': True}",
        "refused: ",
        "{'customer': 'A'}",
        "{'customer': 'Ada', 'pieces': 12, 'gift': True}",
    ],
    "context_and_deps.py": ["['article', 'pieces']", "7", "['took 3 pear']"],
    "manifest.py": ["True", "express: removed (breaking)", "('shop',)"],
    "quickstart.py": ["get_weather {'city': 'Tokyo'", "get_weather {'city': 'Oslo'", "snow"],
    "scripted_provider.py": ["['ERROR', 'SUCCESS'] It is green.", "repeated_call"],
    "session.py": [
        "['divide', 'stock', 'half']",
        "True 0.25 0.25",
        "b must not be zero",
        "[0.0, 0.5, 1.0, 1.5]",
        "Did you mean 'divide'",
        "['divide', 'stock']",
    ],
    "streaming_tool.py": ["... 1: tools", "result 4", "stop", "ALTAR"],
    "typed_output.py": [
        "$.mood",
        "$.stars",
        "Review(mood='glad', stars=5, points=['warm', 'no noise'])",
        "stop after 2 requests",
        "None malformed after 3 requests",
        "the answer does not fit",
    ],
    "typed_tools.py": ["2026-12-27", "coercions", "$.arrival", "$.nights", "$.guests[0]"],
}


def test_every_example_has_its_promise():
    assert {path.name for path in (ROOT / "examples").glob("*.py")} == set(PROMISES)


@pytest.mark.parametrize("name", sorted(PROMISES))
def test_an_example_prints_what_it_promises(name: str):
    done = subprocess.run(
        [sys.executable, "-W", "error", str(ROOT / "examples" / name)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rest = done.stdout
    for promise in PROMISES[name]:
        assert promise in rest, f"{promise!r} is not in the rest of:\n{done.stdout}"
        rest = rest.partition(promise)[2]
