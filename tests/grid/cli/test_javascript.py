"""The runtime in JavaScript: the official client, real node, a real server, a real Host."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from threading import Thread

import pytest

pytest.importorskip("nats")
pytest.importorskip("msgpack")

from altar.adm import ToolContract  # noqa: E402 - the libraries above may be missing
from altar_extras.grid.client import GridClient  # noqa: E402
from altar_extras.grid.node import DevelopmentGrid, GridShape, connector_of  # noqa: E402
from altar_extras.grid.security import contract_digest  # noqa: E402
from altar_extras.grid.wire import (  # noqa: E402
    Cancel,
    Error,
    Subjects,
    ToolCall,
    ToolResultMessage,
    pack,
    unpack,
)
from tests.gates._source import ROOT  # noqa: E402
from tests.waiting import asoon  # noqa: E402
from tests.wire.golden import BAD, FRAMES  # noqa: E402

EXAMPLE = ROOT / "examples" / "grid_javascript"
PACKAGES = ROOT / ".nox" / "javascript"
SESSION = "5e55"
LATER = 60_000
PATIENCE = 60

FRAMES_IN_JAVASCRIPT = """
import { deepStrictEqual } from "node:assert";
import { readFileSync } from "node:fs";
import { decodeMulti } from "@msgpack/msgpack";
const shown = (v) => ArrayBuffer.isView(v) ? Buffer.from(v).toString("base64") : Array.isArray(v) ? v.map(shown)
  : v?.constructor === Object ? Object.fromEntries(Object.entries(v).map(([key, one]) => [key, shown(one)])) : v;
let count = 0;
for (const { message, hex } of JSON.parse(readFileSync(process.argv[2]))) {
  deepStrictEqual(shown([...decodeMulti(Buffer.from(hex, "hex"))]), [message]);
  count += 1;
}
console.log(count);
"""


@pytest.fixture(scope="session")
def packages():
    """node_modules with what the example's package.json names; installed once on this machine."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not here")
    wanted = (EXAMPLE / "package.json").read_text("utf-8")
    stamp = PACKAGES / "installed.json"
    PACKAGES.mkdir(parents=True, exist_ok=True)
    with only_one(PACKAGES / "lock"):
        if not stamp.is_file() or stamp.read_text("utf-8") != wanted:
            (PACKAGES / "package.json").write_text(wanted, "utf-8")
            command = ["npm", "install", "--no-audit", "--no-fund", "--prefer-offline"]
            try:
                done = subprocess.run(
                    command, cwd=PACKAGES, capture_output=True, text=True, timeout=240, check=False
                )
            except subprocess.TimeoutExpired:
                pytest.skip("@nats-io/transport-node cannot be installed: no end within 240 s")
            if done.returncode:
                said = done.stderr.strip().splitlines() or ["nothing"]
                pytest.skip(f"@nats-io/transport-node cannot be installed: {said[-1]}")
            stamp.write_text(wanted, "utf-8")
    return PACKAGES / "node_modules"


@contextmanager
def only_one(path: Path):
    """Other processes of a parallel run wait here."""
    if os.name != "posix":
        yield
        return
    import fcntl  # noqa: PLC0415 - Windows has none

    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="module")
def grid():
    with DevelopmentGrid(shape=GridShape(runtimes=0, audit=False)) as made:
        yield made


@pytest.fixture
def place(packages, tmp_path):
    """A folder with the example as a user has it after npm install."""
    for name in ("runtime.mjs", "tools.mjs", "contracts.json"):
        shutil.copy(EXAMPLE / name, tmp_path)
    (tmp_path / "node_modules").symlink_to(packages)
    return tmp_path


@contextmanager
def runtime(place: Path, grid: DevelopmentGrid):
    """A running runtime: its process, its id, and the lines it prints after the first."""
    process = subprocess.Popen(
        ["node", str(place / "runtime.mjs"), str(grid.runtime_credentials)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    lines: Queue[str] = Queue()
    reader = Thread(target=lambda: [lines.put(line) for line in process.stdout])
    reader.start()
    try:
        first = lines.get(timeout=PATIENCE).split()
        assert first[0] == "ready", first
        yield process, first[1], lines
        process.terminate()  # it says that it leaves: the next test's client is not sent here
        assert process.wait(timeout=PATIENCE) == 0
    finally:
        process.kill()
        process.wait()
        reader.join()
        process.stdout.close()


def call_message(number: int, **fields) -> ToolCall:
    call = {"name": "word_count", "args": {"text": "one two three"}, "call_id": f"c{number}"}
    return ToolCall(**{"invocation_id": f"i{number}", "call": call, **fields})


async def sent(grid: DevelopmentGrid, to: str, bodies: list[tuple[bytes, str]], answers: int):
    """Send bodies (each with its reply) to a runtime's word_count, as one session.

    Returns what came under that session's replies, and under another's.
    """
    tenant, seed = next(iter(grid.parties.host.tenants.items()))
    assert tenant == "dev"
    transport = await connector_of(grid.parties.host).connect(seed=seed, name="altar-grid/1 host")
    mine: list[object] = []
    others: list[object] = []
    try:
        await transport.subscribe(
            Subjects.reply(SESSION, ">"), lambda found: mine.extend(unpack(found.body))
        )
        await transport.subscribe("grid.v1.re.0ther.>", others.append)
        for body, reply in bodies:
            transport.publish(Subjects.direct(to, "word_count", 1, SESSION), body, reply=reply)
        await asoon(lambda: len(mine) >= answers)
    finally:
        await transport.close()
    return mine, others


def own(rest: str = "in.1") -> str:
    return Subjects.reply(SESSION, rest)


def test_it_is_a_page_that_one_can_read():
    lines = [line for line in (EXAMPLE / "runtime.mjs").read_text("utf-8").splitlines() if line]
    assert len(lines) <= 50
    assert max(map(len, lines)) <= 150


def test_its_contracts_have_the_digests_that_altar_computes():
    for entry in json.loads((EXAMPLE / "contracts.json").read_text("utf-8")):
        contract = ToolContract.from_dict(entry["contract"])
        assert contract.to_dict() == entry["contract"]
        assert entry["digest"] == contract_digest(contract)
        assert (entry["name"], entry["version"]) == (contract.name, contract.version)


def test_the_golden_frames_say_the_same_in_javascript(place):
    messages = json.loads((FRAMES / "messages.json").read_text("utf-8"))
    exact = [one for one in messages if one["name"] != "tool_call_numbers"]  # 64-bit integers
    (place / "messages.json").write_text(json.dumps(exact), "utf-8")
    (place / "frames.mjs").write_text(FRAMES_IN_JAVASCRIPT, "utf-8")
    done = subprocess.run(
        ["node", "frames.mjs", "messages.json"],
        cwd=place,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == [str(len(exact))], done.stderr


def test_calls_are_answered_and_what_a_tool_throws_is_an_error_that_ran(grid, place):
    with runtime(place, grid), GridClient(credentials=grid.client_credentials) as client:
        found = client.call("get_rate", {"from": "EUR", "to": "USD"})
        assert found.content == {"from": "EUR", "to": "USD", "rate": 1.1}
        assert client.call("word_count", {"text": "größe 漢字 😀"}).content == 3
        broken = client.call("word_count", {"text": 7})
        assert broken.error.type == "TOOL_EXECUTION_FAILED"
        assert broken.error.details == {"executed": "yes"}


def test_expired_foreign_and_broken_calls_run_nothing(grid, place):
    now = int(time.time() * 1000)
    bodies = [
        (pack(call_message(1, expires_ms=now - 1)), own()),
        (pack(call_message(2, digest="sha256:other")), own()),
        (pack(call_message(3)), "grid.v1.re.0ther.in.1"),
        (pack(call_message(4)), ""),
        *[(body, own()) for fate, _, body in BAD.values() if fate == "frame"],
        (pack(call_message(5, expires_ms=now + LATER)), own()),
    ]
    with runtime(place, grid) as (_, name, _):
        mine, others = asyncio.run(sent(grid, name, bodies, answers=3))
    answers = {one.invocation_id: one for one in mine}
    assert others == []
    assert answers.keys() == {"i1", "i2", "i5"}
    assert [answers[one].executed for one in ("i1", "i2", "i5")] == ["no", "no", "yes"]
    reasons = [answers[one].result["error"]["details"]["reason"] for one in ("i1", "i2")]
    assert reasons == ["deadline_passed", "digest_differs"]
    assert answers["i5"].result["content"] == 3


def test_what_is_no_call_for_here_is_refused_as_the_page_says(grid, place):
    other = {"name": "wait", "args": {"seconds": 0}}
    no_object = {"name": "word_count", "args": [1]}
    far = {"name": "word_count", "args": {"text": 2**60}}
    wanted = {
        "i1": (ToolResultMessage, "PARAMETER_VALIDATION_FAILED", "malformed"),
        "i2": (ToolResultMessage, "PERMISSION_DENIED", "tool_differs"),
        "i3": (ToolResultMessage, "RESOURCE_EXHAUSTED", "too_large"),
        "i4": (Error, "PARAMETER_VALIDATION_FAILED", "malformed"),
        "i5": (Error, "PARAMETER_VALIDATION_FAILED", "malformed"),
        "i6": (Error, "PARAMETER_VALIDATION_FAILED", "malformed"),
    }
    bodies = [
        pack(call_message(1, call=no_object)),
        pack(call_message(2, call=other)),
        pack(call_message(3, size=9, sha256="00")),
        pack(call_message(4)).replace(b"ToolCall", b"NoneSuch"),
        pack(Cancel(invocation_id="i5")),
        pack(call_message(6, call=far)),
    ]
    with runtime(place, grid) as (_, name, _):
        mine, _ = asyncio.run(sent(grid, name, [(body, own()) for body in bodies], answers=6))
    found = {}
    for one in mine:
        error = one.error if isinstance(one, Error) else one.result["error"]
        key = one.id if isinstance(one, Error) else one.invocation_id
        assert (one.executed, error["details"]["executed"]) == ("no", "no")
        found[key] = (type(one), error["type"], error["details"]["reason"])
    assert found == wanted


def test_a_call_that_runs_when_it_is_told_to_stop_is_answered(grid, place):
    tools = place / "tools.mjs"
    head = "wait: async ({ seconds }) => {\n"
    told = tools.read_text("utf-8").replace(head, f'{head}    console.log("begun");\n')
    assert "begun" in told
    tools.write_text(told, "utf-8")
    with (
        runtime(place, grid) as (process, _, lines),
        GridClient(credentials=grid.client_credentials) as client,
    ):
        assert client.call("wait", {"seconds": 0}).content == 0
        assert lines.get(timeout=PATIENCE) == "begun\n"
        found: Queue[object] = Queue()
        caller = Thread(target=lambda: found.put(client.call("wait", {"seconds": 0.4})))
        caller.start()
        assert lines.get(timeout=PATIENCE) == "begun\n"
        process.terminate()
        assert found.get(timeout=PATIENCE).content == 0.4
        caller.join()
        assert process.wait(timeout=PATIENCE) == 0


@pytest.mark.slow
def test_it_speaks_tls_with_its_own_certificate(place):
    shape = GridShape(runtimes=0, audit=False, tls=True)
    with (
        DevelopmentGrid(shape=shape) as grid,
        runtime(place, grid),
        GridClient(credentials=grid.client_credentials) as client,
    ):
        assert client.call("word_count", {"text": "one two"}).content == 2
