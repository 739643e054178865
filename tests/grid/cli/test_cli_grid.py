"""altar grid, as a person types it: real processes, real servers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from contextlib import contextmanager, suppress
from io import StringIO
from pathlib import Path
from queue import Queue
from threading import Event, Thread
from urllib.error import HTTPError

import pytest

pytest.importorskip("nats")
pytest.importorskip("msgpack")

from altar.adm import FunctionCall  # noqa: E402 - as above
from altar.runtime import CallContext  # noqa: E402
from altar_extras.grid.client import GridClient  # noqa: E402 - as above
from altar_extras.grid.node import DevelopmentGrid, GridShape  # noqa: E402 - as above
from tests.gates._source import ROOT  # noqa: E402
from tests.grid.cli import needy  # noqa: E402
from tests.grid.silent import SilentAtFirst  # noqa: E402
from tests.waiting import gone, soon  # noqa: E402

ALTAR = [sys.executable, "-m", "altar"]
TOOLS = str(ROOT / "examples" / "quickstart.py")
PATIENCE = 60
NEEDY = Path(__file__).with_name("needy.py")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a grid in its .altar-grid, as `altar grid up` leaves it while it runs."""
    folder = tmp_path_factory.mktemp("place")
    with tools_of(TOOLS) as tools, DevelopmentGrid(tools, folder=folder / ".altar-grid"):
        yield folder


@contextmanager
def tools_of(path: str):
    sys.path.insert(0, str(Path(path).parent))
    try:
        import quickstart  # noqa: PLC0415 - from the examples

        yield [quickstart.get_weather, quickstart.add_numbers]
    finally:
        sys.path.remove(str(Path(path).parent))


def altar(*words: str, cwd: Path):
    return subprocess.run(
        [*ALTAR, *words],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        env=environment(),
    )


def environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith("ALTAR_")}


@contextmanager
def running(*words: str, cwd: Path, until: str):
    """A long-running command: (process, its lines so far) once a line begins with ``until``."""
    process = subprocess.Popen(
        [*ALTAR, *words],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    lines: Queue[str | None] = Queue()

    def read() -> None:
        for line in process.stdout:
            lines.put(line.rstrip("\n"))
        lines.put(None)

    reader = Thread(target=read)
    reader.start()
    seen: list[str] = []
    try:
        while not seen or not seen[-1].startswith(until):
            line = lines.get(timeout=PATIENCE)
            assert line is not None, process.stderr.read()
            seen.append(line)
        yield process, seen
    finally:
        process.kill()
        process.wait()
        reader.join()
        process.stdout.close()
        process.stderr.close()


@pytest.fixture
def typed(place, capsys, monkeypatch):
    """``typed("call", ...)``: (exit code, standard output, standard error), in this process."""
    from altar.cli import main  # noqa: PLC0415 - not for the tests with processes

    monkeypatch.chdir(place)

    def run(*words: str, stdin: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", StringIO(stdin))
        code = main(["grid", *words])
        return code, *capsys.readouterr()

    return run


def test_a_call_prints_what_the_tool_answers(typed):
    code, out, err = typed("call", "get_weather", '{"city": "Oslo"}')
    assert (code, json.loads(out)["sky"], err) == (0, "snow", "")
    assert typed("call", "add_numbers", "-", stdin='{"numbers": [1, 2.5]}') == (0, "3.5\n", "")


def test_an_error_says_whether_the_tool_ran_and_what_to_type(typed):
    code, _, err = typed("call", "get_wether")
    assert code == 1
    assert "TOOL_NOT_FOUND" in err
    assert "it did not run" in err
    assert "did you mean 'get_weather'?" in err
    lines = typed("call", "get_weather", '{"city": 1, "unit": 2}')[2].splitlines()
    assert [line.split()[0] for line in lines[1:3]] == ["$.city:", "$.unit:"]
    code, out, _ = typed("call", "get_weather", '{"city": 1}', "--json")
    assert code == 1
    assert json.loads(out)["error"]["details"]["executed"] == "no"


@pytest.mark.parametrize(
    "words", [("call", "add_numbers", '{"numbers": [1]}'), ("status",)], ids=["call", "status"]
)
def test_a_server_that_hangs_up_on_the_first_connection_is_tried_again(place, typed, words):
    url = json.loads((place / ".altar-grid" / "client.json").read_text())["url"]
    with SilentAtFirst(url, hangs_up=True) as way:
        code, out, err = typed(*words, "--url", way.url)
    assert (code, err) == (0, ""), (out, err)
    assert way.seen > 1


def test_status_shows_runtimes_tools_and_the_audit(typed):
    typed("call", "add_numbers", '{"numbers": [1]}')
    said: list[tuple[int, str, str]] = []

    def is_idle() -> bool:
        """Hosts hear of a call's end with the next heartbeat."""
        said.append(typed("status"))
        return "0 of 32" in said[-1][1]

    assert soon(is_idle), said[-1]
    code, out, err = said[-1]
    assert (code, err) == (0, "")
    for word in ("development", "ready", "0 of 32", "get_weather", "quickstart 1.0.0", "good"):
        assert word in out
    found = json.loads(typed("status", "--json")[1])
    assert [tool["name"] for tool in found["tools"]] == ["add_numbers", "get_weather"]
    assert found["audit"][0]["calls"] >= 1
    assert found["audit"][0]["open"] == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["call", "get_weather", "{city}"], "the arguments are not JSON"),
        (["call", "get_weather", "[1]"], "must be a JSON object"),
        (["call", "get_weather", "--credentials", ".altar-grid/runtime.json"], "a client's are"),
        (["call", "get_weather", "--credentials", "nowhere.json"], "cannot be read"),
        (["call", "get_weather", "--credentials", "nowhere.json"], "grid up makes .altar-grid/cl"),
        (["call", "get_weather", "--timeout", "0"], "give seconds above 0"),
        (["call", "get_weather", "--url", "nats://10.0.0.1:4222"], "plaintext"),
        (["status", "--dir", "elsewhere"], "altar grid up FILE_OR_MODULE"),
        (["up", TOOLS], "a grid runs in .altar-grid already"),
        (["up", TOOLS, "--dir", "new", "--nodes", "2"], "1, 3 or 5 servers"),
        (["up", "nothing.py"], "there is no file nothing.py"),
        (["up", TOOLS, "--dir", "new", "--runtimes", "0"], "--runtimes 0: give 1 or more"),
        (["up", f"{NEEDY}:screen", "--dir", "new"], "each runs with its caller only"),
        (["runtime", TOOLS, "--dir", ".altar-grid", "--http", "x"], "HOST:PORT"),
        (["host", "--credentials", ".altar-grid/client.json"], "a host's are needed"),
        (["host", "--credentials", "strict/host.json"], "add --manifest main=FILE --state FOLDER"),
        (["sing"], "invalid choice: 'sing'"),
        (["stats"], "did you mean 'status'?"),
        (["status", "--credentials", ".altar-grid/client.json"], "take .altar-grid/operator.json"),
        (["config", "check", "nowhere.conf"], "cannot be read"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else "",
)
def test_a_wrong_word_is_answered_with_what_to_type(typed, words, said):
    if "strict/host.json" in words:
        typed("keys", "make", "strict", "--url", "nats://127.0.0.1:4222")
    code, _, err = typed(*words)
    assert code == 2
    assert said in err


def test_a_server_asks_for_a_hosts_key_and_says_how_to_give_it(place, typed):
    url = json.loads((place / ".altar-grid" / "grid.json").read_text("utf-8"))["url"]
    code, out, err = typed("audit", "tail", url, "--tenant", "dev")
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert "add --credentials FILE, such as host.json" in err


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            'grid_url = "nats://127.0.0.1:1"\ngrid_credentials = "client.json"\n',
            "grid_url is nats://127.0.0.1:1: programs call that one until grid_url is {url}\n",
        ),
        ("", "note: mode is 'grid' in this folder already\n"),
    ],
    ids=["another grid", "not whole yet"],
)
def test_up_says_where_the_programs_of_this_folder_do_not_come_here(tmp_path, more, said):
    (tmp_path / "altar.toml").write_text(f'mode = "grid"\n{more}', "utf-8")
    with running("grid", "up", TOOLS, cwd=tmp_path, until="Ctrl-C") as (process, lines):
        url = lines[0].split()[5].rstrip(":")
        process.terminate()
        assert process.wait(timeout=PATIENCE) == 0
        assert said.format(url=url) in process.stderr.read()


NESTED = """
import altar

@altar.tool
def inner() -> str:
    return "inner"

@altar.tool
def outer() -> str:
    with altar.Session([inner]) as session:
        return session.execute("inner").content

@altar.tool
async def outer_async() -> str:
    with altar.Session([inner]) as session:
        return (await session.aexecute("inner")).content
"""


def test_a_served_tool_that_makes_a_session_runs_its_calls_there(tmp_path):
    """Whatever altar.toml says where the runtime is: the grid named in it is none."""
    (tmp_path / "nested.py").write_text(NESTED, "utf-8")
    lines = 'mode = "grid"\ngrid_url = "nats://127.0.0.1:1"\n'
    lines += 'grid_credentials = ".altar-grid/client.json"\n'
    (tmp_path / "altar.toml").write_text(lines, "utf-8")
    with running("grid", "up", "nested.py", cwd=tmp_path, until="Ctrl-C") as (process, seen):
        url = seen[0].split()[5].rstrip(":")
        for name in ("outer", "outer_async"):
            done = altar("grid", "call", name, "--url", url, cwd=tmp_path)
            assert (done.returncode, done.stdout) == (0, '"inner"\n'), done.stderr
        process.terminate()
        assert process.wait(timeout=PATIENCE) == 0


def test_a_port_that_is_taken_is_named(place, typed):
    state = json.loads((place / ".altar-grid" / "grid.json").read_text("utf-8"))
    port = state["url"].rpartition(":")[2]
    code, _, err = typed("up", TOOLS, "--dir", "new", "--port", port)
    assert code == 2
    assert f"port {port} is in use" in err


def test_a_library_that_is_missing_is_named_with_what_to_type(typed, monkeypatch):
    monkeypatch.setitem(sys.modules, "nats", None)
    code, _, err = typed("status")
    assert code == 2
    assert 'needs nats-py, which is not installed; type pip install ".[grid,grid-server]"' in err


def test_up_serves_until_it_is_told_to_stop_and_leaves_nothing_behind(tmp_path):
    with running("grid", "up", TOOLS, cwd=tmp_path, until="Ctrl-C") as (process, lines):
        typed = next(line.strip() for line in lines if "altar grid call" in line)
        assert typed == """altar grid call get_weather '{"city": "Tokyo"}'"""
        done = altar("grid", "call", "get_weather", '{"city": "Tokyo"}', cwd=tmp_path)
        assert json.loads(done.stdout)["degrees"] == 22
        folder = tmp_path / ".altar-grid"
        for name in ("client", "runtime", "operator", "host"):
            assert (folder / f"{name}.json").stat().st_mode & 0o777 == 0o600
        servers = children(process.pid)
        assert len(servers) >= 1
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=PATIENCE) == 0
    assert all(map(gone, servers))
    assert not (folder / "grid.json").exists()
    done = altar("grid", "status", cwd=tmp_path)
    assert "is stopped" in done.stderr


@pytest.mark.slow
def test_a_killed_up_leaves_no_server_and_the_next_one_starts(tmp_path):
    with running("grid", "up", TOOLS, cwd=tmp_path, until="Ctrl-C") as (process, _):
        servers = children(process.pid)
        assert servers
        # a stream that is being made may be torn, which the next one says: another promise
        assert soon(lambda: is_made(tmp_path / ".altar-grid"))
        process.kill()
        process.wait(timeout=PATIENCE)
        assert all(map(gone, servers))
    before = (tmp_path / ".altar-grid" / "client.json").read_text("utf-8")
    with running("grid", "up", TOOLS, cwd=tmp_path, until="Ctrl-C"):
        after = (tmp_path / ".altar-grid" / "client.json").read_text("utf-8")
        assert json.loads(before)["seed"] == json.loads(after)["seed"]


@pytest.mark.slow
def test_host_and_runtime_are_processes_that_say_ready_and_drain_on_sigterm(tmp_path):
    """The Host of an `up` grid is joined by one more Host and one more runtime."""
    shape = GridShape(runtimes=0, audit=False)
    with DevelopmentGrid(folder=tmp_path / ".altar-grid", shape=shape) as grid:
        credentials = str(tmp_path / ".altar-grid" / "runtime.json")
        host = ["grid", "host", "--credentials", str(tmp_path / ".altar-grid" / "host.json")]
        host += ["--mode", "development", "--http", "0", "--log", "json", "--name", "second"]
        runtime = ["grid", "runtime", TOOLS, "--credentials", credentials, "--http", "0"]
        runtime += ["--audit", "spool", "--linger", "0"]
        with (
            running(*host, cwd=tmp_path, until="ready: host second") as (hosting, told),
            running(*runtime, cwd=tmp_path, until="ready: runtime") as (serving, said),
        ):
            assert "add_numbers, get_weather" in said[-1]
            done = altar("grid", "call", "add_numbers", '{"numbers": [2, 3]}', cwd=tmp_path)
            assert (done.returncode, done.stdout) == (0, "5.0\n"), done.stderr
            assert soon(lambda: is_ready(told[-1]))
            figures = page(said[-1], "metrics")
            assert (
                'altar_grid_calls_total{tool="add_numbers",status="SUCCESS",executed="yes"} 1'
                in figures
            )
            assert "altar_grid_audit_spool_bytes" in figures
            hosting.terminate()
            assert hosting.wait(timeout=PATIENCE) == 0
            for line in hosting.stderr.read().splitlines():
                assert {"time", "level", "logger", "message"} <= json.loads(line).keys()
            serving.terminate()
            assert serving.wait(timeout=PATIENCE) == 0
        assert soon(lambda: grid.hosts[0].health().ready)
    verified = altar("grid", "audit", "verify", "spool", cwd=tmp_path)
    assert verified.returncode == 0, verified.stderr


def test_up_takes_new_keys_on_sighup_and_the_next_up_still_knows_them(tmp_path):
    folder = tmp_path / ".altar-grid"
    bob = ["grid", "call", "needy_ask", '{"key": "a"}', "--credentials", str(folder / "bob.json")]
    up = ["grid", "up", str(NEEDY), "--deps", f"{NEEDY}:made"]
    with running(*up, cwd=tmp_path, until="Ctrl-C") as (process, lines):
        assert not [line for line in lines if "screen" in line]
        done = altar("grid", "keys", "add", ".altar-grid", "--client", "bob", cwd=tmp_path)
        assert done.stderr == f"for the grid that runs here type: kill -HUP {process.pid}\n"
        process.send_signal(signal.SIGHUP)
        while "bob may come" not in (said := process.stderr.readline()):
            assert said, "it ended"
        assert altar(*bob, cwd=tmp_path).stdout == '"a of the store"\n'
        listed = altar("grid", "keys", "list", ".altar-grid", cwd=tmp_path)
        assert listed.returncode == 0, listed.stderr
        assert "bob.json" in listed.stdout
        refused = altar("grid", "call", "needy_screen", cwd=tmp_path)
        assert "TOOL_NOT_FOUND" in refused.stderr
        process.terminate()
        assert process.wait(timeout=PATIENCE) == 0
    assert (folder / ".gitignore").read_text("ascii") == "*\n"
    with (
        DevelopmentGrid([needy.ask, needy.wait], folder=folder),
        GridClient(credentials=folder / "bob.json") as client,
    ):
        assert [tool.name for tool in client.tools()] == ["needy_ask", "needy_wait"]


def test_a_second_ctrl_c_ends_up_at_once_and_says_little(tmp_path):
    with running("grid", "up", str(NEEDY), cwd=tmp_path, until="Ctrl-C") as (process, _):
        client = GridClient(credentials=tmp_path / ".altar-grid" / "client.json")
        began = Event()
        context = CallContext(emit=lambda _: began.set())
        calling = Thread(target=client.invoke, args=(FunctionCall(name="needy_wait"), context))
        calling.start()
        assert began.wait(PATIENCE)
        process.send_signal(signal.SIGINT)
        while "stopping" not in (said := process.stderr.readline()):
            assert said, "it ended"
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=PATIENCE) == 130
        assert "Traceback" not in process.stderr.read()
        calling.join(PATIENCE)
        client.close()
    assert not (tmp_path / ".altar-grid" / "grid.json").exists()


def test_up_says_that_its_server_ended_and_ends_too(tmp_path):
    with running("grid", "up", TOOLS, cwd=tmp_path, until="Ctrl-C") as (process, _):
        before = children(process.pid)
        (server,) = [pid for pid in before if not children(pid)]
        os.kill(server, signal.SIGKILL)
        assert process.wait(timeout=PATIENCE) == 1
        said = process.stderr.read()
        log = Path(".altar-grid", "servers", "n1", "server.log")
        assert f"(exit code 137, log {log}): stopping; type the same line" in said
        assert (tmp_path / log).is_file()
        assert "Traceback" not in said
    assert all(map(gone, before))
    assert not (tmp_path / ".altar-grid" / "grid.json").exists()


@pytest.mark.slow
def test_up_goes_on_while_most_of_its_servers_are_there(tmp_path):
    words = ["grid", "up", TOOLS, "--nodes", "3"]
    with running(*words, cwd=tmp_path, until="Ctrl-C") as (process, _):
        first, second, _ = [pid for pid in children(process.pid) if not children(pid)]
        for pid, what in ((first, "the others go on"), (second, "stopping")):
            os.kill(pid, signal.SIGKILL)
            while what not in (said := process.stderr.readline()):
                assert said, "it ended"
        assert process.wait(timeout=PATIENCE) == 1


def test_a_configuration_that_is_unsafe_is_refused_with_every_problem(tmp_path):
    (tmp_path / "bad.conf").write_text("listen: 0.0.0.0:4222\n", "utf-8")
    done = altar("grid", "config", "check", "bad.conf", cwd=tmp_path)
    assert done.returncode == 1
    assert "not safe for a grid" in done.stderr
    assert "tls" in done.stdout.lower()


def page(line: str, name: str) -> str:
    url = line.rpartition(" ")[2]
    with urllib.request.urlopen(f"{url}/{name}", timeout=PATIENCE) as answer:
        return answer.read().decode()


def is_ready(line: str) -> bool:
    with suppress(HTTPError):  # it says why not
        return page(line, "ready") == "ready\n"
    return False


def is_made(folder: Path) -> bool:
    """Whether the first records have reached the audit's stream: nothing is being made any more."""
    monitor = json.loads((folder / "grid.json").read_text("utf-8"))["monitors"][0]
    with urllib.request.urlopen(f"{monitor}/jsz?streams=1", timeout=PATIENCE) as answer:
        accounts = json.load(answer).get("account_details", ())
    streams = [one for account in accounts for one in account.get("stream_detail", ())]
    return any(one["name"] == "GRID_AUDIT_dev" and one["state"]["messages"] for one in streams)


def children(pid: int) -> list[int]:
    """Every process below this one."""
    if sys.platform != "linux":
        pytest.skip("which processes there are is read from /proc")
    found = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):  # a thread that has just ended
            for child in map(int, path.read_text("ascii").split()):
                found += [child, *children(child)]
    return found
