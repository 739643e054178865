"""What the tests themselves must keep to, and that the guards of conftest bite."""

from __future__ import annotations

import ast
import socket
import subprocess
import time
from collections import defaultdict

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


@pytest.fixture(scope="module")
def calls() -> dict[str, list[tuple[str, ast.Call]]]:
    """The calls in the tests that rules are about, and where they stand, by what is called."""
    found: dict[str, list[tuple[str, ast.Call]]] = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("*.py")):
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"))
        except SyntaxError:  # written for a newer Python, and read by it
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _called(node) in ("sleep", "addaudithook"):
                found[_called(node)].append((f"{path.relative_to(ROOT)}:{node.lineno}", node))
    return found


def test_no_test_says_it_sleeps_longer_than_50_ms(calls):
    long = []
    for place, call in calls["sleep"]:
        seconds = call.args[0] if call.args else None
        if isinstance(seconds, ast.Constant) and seconds.value > LONGEST_SLEEP:
            long.append(place)
    excused = [place for place in long if place.startswith("tests/gates/test_rules.py")]
    assert long == excused


def test_no_audit_hook_runs_where_threads_are_traced(calls):
    """On Python 3.11 a thread that begins while one runs may die unheard: see conftest."""
    assert [place for place, _ in calls["addaudithook"]] == []


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


@pytest.mark.parametrize("host", ["192.0.2.1", "0.0.0.0", "example.invalid"])  # noqa: S104 - refused
@pytest.mark.parametrize(
    "call",
    [
        lambda sock, address: sock.bind(address),
        lambda sock, address: sock.connect(address),
        lambda sock, address: sock.connect_ex(address),
        lambda sock, address: sock.sendto(b"", address),
        lambda sock, address: sock.sendto(b"", 0, address),
        lambda sock, address: sock.sendmsg([b""], [], 0, address),
    ],
    ids=["bind", "connect", "connect_ex", "sendto", "sendto with flags", "sendmsg"],
)
def test_an_address_beyond_loopback_is_refused(call, host: str, house_rules: list[str]):
    with (
        socket.socket(type=socket.SOCK_DGRAM) as sock,
        pytest.raises(RuntimeError, match="beyond loopback"),
    ):
        call(sock, (host, 9))
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
