"""Every example runs as a program of its own and prints what it promises."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.gates._source import ROOT
from tests.vendors_here import installed, vendors_here

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
    "budgeted_agent.py": [
        "five rounds: max_rounds after 5 requests",
        "three calls: max_calls",
        "4,000 tokens: budget after 4 requests",
        "two cents: budget",
        "Limits(cost=",
    ],
    "context_and_deps.py": ["['article', 'pieces']", "7", "['took 3 pear']"],
    "dspy_program_as_tool.py": [
        "{'type': 'string', 'enum': ['billing', 'technics']}",
        "triage {'reasoning': 'Money is gone.', 'team': 'billing', 'urgency': 5}",
        "6",
        "It goes to billing, at once.",
    ],
    "isolated_tools.py": [
        "mean: 3.0",
        "crash: TOOL_EXECUTION_FAILED",
        "search: TIMEOUT",
        "collect: RESOURCE_EXHAUSTED",
        "mean: 4.0",
        "another process: True",
    ],
    "local_model.py": [
        "get_weather {'city': 'Tokyo'",
        "get_weather {'city': 'Oslo'",
        "snow",
        "answered by Origin(provider='local'",
    ],
    "human_approval.py": [
        "pending_approval after 1 call; 2 files",
        "may it run? delete_file {'path': 'old.txt'}",
        "stop ['SUCCESS', 'SUCCESS', 'ERROR'] ['report.txt']",
        "Done: ['deleted old.txt']",
        "stop ['report.txt'] 3 requests",
    ],
    "manifest.py": ["True", "express: removed (breaking)", "('shop',)"],
    "provider_fallback.py": ["Snow.", "answered by scripted:second", "first"],
    "quickstart.py": ["get_weather {'city': 'Tokyo'", "get_weather {'city': 'Oslo'", "snow"],
    "record_replay.py": ["snow", "recorded 3 lines", "the same: True", "not in it:"],
    "scripted_provider.py": ["['ERROR', 'SUCCESS'] It is green.", "repeated_call"],
    "session.py": [
        "['divide', 'stock', 'half']",
        "True 0.25 0.25",
        "b must not be zero",
        "[0.0, 0.5, 1.0, 1.5]",
        "Did you mean 'divide'",
        "['divide', 'stock']",
    ],
    "streaming_chat.py": ["[get_weather {'city': 'Oslo'", "(stop, ", "42", "12 messages"],
    "streaming_tool.py": ["... 1: tools", "result 4", "stop", "ALTAR"],
    "structured_extraction.py": [
        "Order(customer='Ada Lovelace', deliver_by=datetime.date(2027, 3, 4)",
        "so far: {'customer': 'Ada",
        "True after",
    ],
    "tracing.py": [
        "request",
        "invoke_agent",
        "execute_tool orders  failed: TOOL_EXECUTION_FAILED",
        "recorded=21, drained=7, sampled_out=14, dropped=0",
        'status="ok"} 2',
        "False",
    ],
    "typed_output.py": [
        "$.mood",
        "$.stars",
        "Review(mood='glad', stars=5, points=['warm', 'no noise'])",
        "stop after 2 requests",
        "None malformed after 3 requests",
        "the answer does not fit",
    ],
    "typed_tools.py": ["2026-12-27", "coercions", "$.arrival", "$.nights", "$.guests[0]"],
    "one_tools_file/with_altar.py": ["find_books -> {'Emma': '7.50'}", "04 March", "on their way"],
    "one_tools_file/with_dspy.py": ["{'Emma': '7.50'}", "04 March", "on their way"],
    "one_tools_file/with_langchain.py": [
        '1 success {"Emma": "7.50"}',
        "2 error",
        "$.deliver",
        "3 success Ada pays 15.00",
    ],
    "one_tools_file/with_mcp.py": ["place_order - Order", "{'Emma'", "04 March", "$.deliver"],
    "one_tools_file/with_pydantic_ai.py": ["retried", "$.deliver", "success Ada", "04 March"],
    "web_server.py": ["event: tool_progress", "event: end", "the count to 1000 was stopped"],
}

# the libraries that an example cannot do without
NEEDS = {
    "dspy_program_as_tool.py": ("dspy", "google.genai"),
    "one_tools_file/with_dspy.py": ("dspy",),
    "one_tools_file/with_langchain.py": ("langchain_core",),
    "one_tools_file/with_pydantic_ai.py": ("pydantic_ai",),
}


def test_every_example_has_its_promise():
    home = ROOT / "examples"
    found = [*home.glob("*.py"), *home.glob("one_tools_file/with_*.py")]
    assert {path.relative_to(home).as_posix() for path in found} == set(PROMISES)


@pytest.mark.parametrize("name", sorted(PROMISES))
def test_an_example_prints_what_it_promises(name: str):
    missing = [library for library in NEEDS.get(name, ()) if not installed(library)]
    if missing:
        pytest.skip(f"examples/{name} needs {' and '.join(missing)}")
    with vendors_here() as found:
        done = subprocess.run(
            [sys.executable, "-W", "error", str(ROOT / "examples" / name)],
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
            env={**os.environ, **found},
        )
    assert done.returncode == 0, done.stderr
    rest = done.stdout
    for promise in PROMISES[name]:
        assert promise in rest, f"{promise!r} is not in the rest of:\n{done.stdout}"
        rest = rest.partition(promise)[2]


def test_a_package_of_ones_own_brings_a_prefix_by_an_entry_point(tmp_path: Path):
    """examples/provider_plugin, installed as pip does it: its module, and its entry points."""
    home = ROOT / "examples" / "provider_plugin"
    project = tomllib.loads((home / "pyproject.toml").read_text("utf-8"))["project"]
    info = tmp_path / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Name: {project['name']}\nVersion: {project['version']}\n")
    lines = ["[altar.providers]"]
    entries = project["entry-points"]["altar.providers"]
    lines += [f"{name} = {target}" for name, target in entries.items()]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    shutil.copy(home / "altar_parrot.py", tmp_path)
    path = os.pathsep.join([str(tmp_path), str(ROOT / "src")])
    program = (
        "import altar\n"
        "def shout(text: str) -> str:\n"
        "    return text.upper()\n"
        "reply = altar.generate('hello', model='parrot:grey', tools=[shout])\n"
        "print(reply.text, reply.usage.requests)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert done.stdout.strip() == "Awk! HELLO 2", done.stderr
