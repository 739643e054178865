"""``altar mcp``: what may be typed, and what is said when it cannot be done."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys

import pytest

from altar.cli._main import main
from tests.mcp.serving import Pipe, Web, modern

TOOLS = '''
import altar

@altar.tool
def plus(a: int, b: int, context: altar.Context) -> int:
    """Add."""
    return a + b + (context.deps or 0)

def offset() -> int:
    return 100
'''


@pytest.fixture
def tools(tmp_path):
    path = tmp_path / "tools.py"
    path.write_text(TOOLS)
    return str(path)


def test_the_tools_of_a_file_are_served_on_stdio_with_their_deps(tools: str):
    with Pipe("-m", "altar", "mcp", tools, "--deps", f"{tools}:offset") as pipe:
        said = pipe.ask(modern("tools/call", {"name": "plus", "arguments": {"a": 1, "b": 2}}))
        assert said["result"]["structuredContent"] == 103
        assert pipe.end()[1] == 0


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_http_says_where_it_is_asks_for_the_token_and_stops_when_told(tools: str):
    command = [sys.executable, "-m", "altar", "mcp", tools, "--http", "0", "--token-env", "TOKEN"]
    environment = {**os.environ, "TOKEN": "secret-token"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=environment) as process:
        try:
            assert process.stderr is not None
            line = process.stderr.readline().decode()
            found = re.search(r"http://\S+/mcp", line)
            assert found is not None, line
            web = Web(found[0])
            asked = {"name": "plus", "arguments": {"a": 1, "b": 2}}
            assert web.modern("tools/call", asked)[0] == 401
            status, said = web.modern("tools/call", asked, Authorization="Bearer secret-token")
            assert (status, said["result"]["structuredContent"]) == (200, 3)
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--host", "0.0.0.0"], "add --http PORT"),
        (["--http", "0", "--host", "0.0.0.0"], "tokens"),
        (["--http", "0", "--token-env", "NOT_SET"], "NOT_SET"),
        (["--deps", "nowhere.py:x"], "nowhere.py"),
    ],
)
def test_what_cannot_be_done_as_typed_is_said_in_a_line(
    tools: str, words: list[str], said: str, capsys
):
    assert main(["mcp", tools, *words]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert len(error.splitlines()) == 1


def test_a_server_in_the_file_is_served_with_its_prompts_and_resources():
    with Pipe("-m", "altar", "mcp", "tests/mcp/small.py:server") as pipe:
        said = pipe.ask(modern("prompts/list"))["result"]["prompts"]
        assert json.loads(json.dumps(said)) == [
            {
                "name": "greet",
                "description": "Greets.",
                "arguments": [
                    {"name": "name", "description": "whom", "required": True},
                    {"name": "times", "required": False},
                ],
            }
        ]
