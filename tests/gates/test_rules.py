"""What the tests themselves must keep to, and that the guards of conftest bite."""

from __future__ import annotations

import ast
import socket
import subprocess
import time

import pytest

from tests.gates._source import ROOT

LONGEST_SLEEP = 0.05
MACHINE = ("/wo" + "rk/", "/ro" + "ot/", "/opt/" + "py" + "pi", "/ho" + "me/", "/tmp/al" + "tar")
TEXT = {".py", ".md", ".toml", ".yml", ".yaml", ".cfg", ".txt", ".json", ""}


def project_files() -> list[str]:
    done = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip("not a git checkout: the files of the project cannot be told from others")
    return [name for name in done.stdout.splitlines() if (ROOT / name).is_file()]


def test_no_test_says_it_sleeps_longer_than_50_ms():
    long = []
    for path in sorted((ROOT / "tests").rglob("*.py")):
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"))
        except SyntaxError:  # written for a newer Python, and read by it
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and node.args and _called(node) == "sleep":
                seconds = node.args[0]
                if isinstance(seconds, ast.Constant) and seconds.value > LONGEST_SLEEP:
                    long.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    excused = [place for place in long if place.startswith("tests/gates/test_rules.py")]
    assert long == excused


def _called(node: ast.Call) -> str:
    return getattr(node.func, "attr", getattr(node.func, "id", ""))


def test_a_long_sleep_is_noticed(house_rules: list[str]):
    time.sleep(0.051)
    assert "time.sleep" in house_rules.pop()


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1", "example.invalid"])
def test_a_connection_beyond_loopback_is_refused(host: str, house_rules: list[str]):
    with pytest.raises(RuntimeError, match="beyond loopback"):
        socket.create_connection((host, 80), timeout=0.01)
    house_rules.clear()


def test_loopback_is_allowed():
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=60).close()


def test_the_project_names_no_machine():
    found = []
    for name in project_files():
        path = ROOT / name
        if path.suffix in TEXT:
            text = path.read_text(encoding="utf-8", errors="replace")
            found += [f"{name}: {word}" for word in MACHINE if word in text]
    assert not found


def test_the_checks_run_the_command_the_readme_gives():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    command = "python3 -m venv .venv && .venv/bin/pip install -q nox && .venv/bin/nox"
    assert f"\n{command}\n" in readme
    assert command in (ROOT / ".ci/run").read_text(encoding="utf-8")
