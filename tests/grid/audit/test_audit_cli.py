"""``altar grid audit``: verify, tail and export, of a folder, a file and a server."""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import socket
import threading
import time
from base64 import b64encode
from functools import reduce
from pathlib import Path

import pytest

pytest.importorskip("nats")
pytest.importorskip("msgpack")
pytest.importorskip("nkeys")
pytest.importorskip("cryptography")

import msgpack
import nats

from altar.cli._console import Console
from altar.errors import ConfigurationError
from altar_extras.grid.audit import (
    AuditReceiver,
    Batch,
    Entry,
    NatsAuditSink,
    Outcome,
    Shipper,
    SinkRefused,
)
from altar_extras.grid.audit._cli import configure, run
from altar_extras.grid.audit._frames import START, link
from altar_extras.grid.audit._records import FINISHED, NOTE, STARTED
from altar_extras.grid.security import Credentials, SigningKey, key_id
from tests.grid.audit.calls import KEY, MemorySink, make_calls, opened, outcome


def audit(*words: str) -> tuple[int, str]:
    parser = argparse.ArgumentParser()
    configure(parser)
    out = io.StringIO()
    status = run(parser.parse_args([str(word) for word in words]), Console(out, out))
    return status, out.getvalue()


@pytest.fixture
def spool(tmp_path):
    with opened(tmp_path) as journal:
        asyncio.run(make_calls(journal, 0, 3))
    return tmp_path / "spool"


def test_verify_says_what_a_spool_holds_and_that_it_is_whole(spool):
    status, text = audit("verify", spool)
    assert status == 0
    assert "3 started, 3 finished, 0 unknown" in text
    status, text = audit("verify", spool, "--json")
    assert json.loads(text)["ok"] is True


def test_an_export_is_verified_again_and_a_changed_line_is_found(spool, tmp_path):
    out = tmp_path / "records.jsonl"
    assert audit("export", spool, "--out", out)[0] == 0
    assert audit("verify", out)[0] == 0
    lines = out.read_text().splitlines()
    first = json.loads(lines[2])
    assert (first["kind"], first["tool"], first["principal"]) == ("started", "get_weather", "alice")
    out.write_text("\n".join(lines[:3] + lines[4:]) + "\n")
    status, text = audit("verify", out)
    assert status == 1
    assert "w1 record 4: missing" in text
    assert audit("export", spool)[1].splitlines() == lines


ODD = {
    "session": (STARTED, *Entry("call-9", session={})),
    "id": (STARTED, *Entry({})),
    "time": (STARTED, *Entry("call-9", at_ms="x")),
    "seconds": (FINISHED, 1, *Outcome("call-9", "SUCCESS", seconds="x")),
    "kind": ({}, 1),
    "depth": (NOTE, "deep", 7, {"a": reduce(lambda inner, _: [inner], range(400), 1)}),
}
STRANGE = {
    "late": (STARTED, *Entry("call-9", at_ms=2**62)),
    "bytes": (NOTE, "name", 7, {b"a": 1, "b": [b"c", {"d": b"e"}]}),
}


@pytest.mark.parametrize("values", [*ODD.values(), *STRANGE.values()], ids=[*ODD, *STRANGE])
def test_a_writer_of_odd_values_keeps_nobody_from_reading_the_rest(spool, tmp_path, values):
    """A runtime writes its records itself; those that make no sense are shown as they are."""
    raw, _ = link(START, 1, msgpack.packb(values))
    file = tmp_path / "records.jsonl"
    assert audit("export", spool, "--out", file)[0] == 0
    with file.open("a") as more:
        more.write(json.dumps({"writer": "odd", "frame": b64encode(raw).decode()}) + "\n")
    assert audit("verify", file)[0] == 1
    assert "finished  get_weather" in audit("tail", file)[1]
    assert audit("tail", file, "--json")[0] == 0
    status, text = audit("export", file)
    assert status == 0
    assert json.loads(text.splitlines()[-1])["frame"] == b64encode(raw).decode()


@pytest.mark.parametrize("values", ODD.values(), ids=ODD)
def test_a_host_takes_no_record_whose_fields_are_none_of_its_kind(values):
    raw, _ = link(START, 1, msgpack.packb(values))
    receiver = AuditReceiver(MemorySink(), key=KEY)
    with pytest.raises(SinkRefused, match="cannot be read"):
        asyncio.run(receiver.take(Batch("odd", 1, 0, (raw,)), runtime="odd"))


def test_keys_and_hosts_are_asked_for_when_named(spool):
    assert audit("verify", spool, "--key", f"w1={KEY.public}")[0] == 0
    another = SigningKey.generate().public
    assert audit("verify", spool, "--key", f"w1={another}")[0] == 1
    status, text = audit("verify", spool, "--host", another)
    assert status == 1 and "not_countersigned" in text


def test_tail_shows_the_last_records_on_a_line_each(spool):
    status, text = audit("tail", spool, "-n", "3")
    lines = text.splitlines()
    assert status == 0 and len(lines) == 3
    assert "finished  get_weather  SUCCESS" in lines[1]
    assert all(len(line) <= 110 for line in lines)
    told = audit("tail", spool, "-n", "3", "--json")[1].splitlines()
    assert json.loads(told[1])["status"] == "SUCCESS"


@pytest.mark.parametrize("words", [("--host", "UHOST"), ("--key", "w1=UHOST")])
def test_what_is_no_key_is_no_verdict(spool, words):
    with pytest.raises(ConfigurationError, match=f"{words[0]}: 'UHOST' is no public key"):
        audit("verify", spool, *words)


def test_a_server_that_is_not_there_is_said_once_and_at_once(caplog):
    with socket.socket() as taken:  # bound, and nobody listens: a connection is refused
        taken.bind(("127.0.0.1", 0))
        url = f"nats://127.0.0.1:{taken.getsockname()[1]}"
        begun = time.monotonic()
        with pytest.raises(ConfigurationError, match="cannot be reached .ConnectionRefused"):
            audit("verify", url, "--tenant", "acme")
    assert time.monotonic() - begun < 20
    here = threading.get_ident()  # a thread that another test left behind may say something too
    assert not [one for one in caplog.records if one.thread == here]


def test_a_folder_above_spools_is_read_with_all_of_them(spool):
    status, text = audit("verify", spool.parent)
    assert status == 0
    assert "3 started, 3 finished, 0 unknown" in text


def test_a_server_is_read_with_a_tenant(shared_node, tmp_path):
    url = shared_node().url

    async def ship() -> None:
        nc = await nats.connect(url)
        sink = NatsAuditSink(nc.jetstream(timeout=30), tenant="typed", timeout=30)
        await sink.open()
        with opened(tmp_path) as journal:
            await make_calls(journal, 0, 3)
            shipper = Shipper(journal, sink)
            await shipper.start()
            assert await shipper.drain(within=30)
            await shipper.close()
        await nc.close()

    asyncio.run(ship())
    status, text = audit("verify", url, "--tenant", "typed")
    assert status == 0 and "3 finished" in text
    with pytest.raises(ConfigurationError, match="--tenant"):
        audit("verify", url)
    with pytest.raises(ConfigurationError, match="no audit of a tenant 'typo'"):
        audit("verify", url, "--tenant", "typo")


def spools(folder: Path, notes: dict[str, str], host: SigningKey) -> Path:
    """A runtime's spool, whose calls name a session and nobody, and one of a Host that noted
    whose sessions there are; a third writer says of s1 that it is eve's.
    """
    runtime = SigningKey.generate()
    false = {"session": "s1", "principal": "eve"}

    async def write() -> None:
        with opened(folder / "runtime", writer=f"{key_id(runtime.public)}-1", key=runtime) as kept:
            await kept.started(Entry("call-1", tool="get_weather", session="s1"))
            await kept.finished(outcome(1))
            await kept.started(Entry("call-2", tool="get_weather", session="s2"))
            await kept.finished(outcome(2))
        with opened(folder / "host", writer=f"{key_id(host.public)}-1", key=host) as kept:
            for name, principal in notes.items():
                said = {"session": name, "principal": principal}
                await kept.note("session_created", said, at_ms=7)
        with opened(folder / "liar", writer=f"{key_id(runtime.public)}-2", key=runtime) as kept:
            await kept.note("session_created", false, at_ms=8)

    asyncio.run(write())
    return folder


def test_a_call_is_joined_to_the_principal_that_a_host_noted_of_its_session(tmp_path):
    host = SigningKey.generate()
    folder = spools(tmp_path / "audit", {"s1": "ana", "s2": "bob"}, host)
    text = audit("tail", folder)[1]
    assert "get_weather  bob  s2" in text
    assert "ana" not in [line.split("  ")[4] for line in text.splitlines() if "call-1" in line]
    own = Credentials(
        role="host",
        tenant="acme",
        name="h1",
        seed=SigningKey.generate().seed,
        host_seed=host.seed,
        issuer_seed=SigningKey.generate(kind="account").seed,
        tenants={"acme": SigningKey.generate().seed},
    ).write(tmp_path / "host.json")
    assert "get_weather  ana  s1" in audit("tail", folder, "--credentials", own)[1]
    out = tmp_path / "records.jsonl"
    assert audit("export", folder, "--out", out, "--credentials", own)[0] == 0
    calls = [json.loads(line) for line in out.read_text().splitlines()]
    calls = [one for one in calls if one["kind"] == "started"]
    assert [one["session_principal"] for one in calls] == ["ana", "bob"]
    assert {one["session_noted_by"] for one in calls} == {f"{key_id(host.public)}-1"}
    assert [one["principal"] for one in calls] == ["", ""]  # the record itself, as it is signed
    assert audit("verify", out)[0] == 0


@pytest.mark.parametrize("text", ["{}", "no JSON", '{"writer": "w", "frame": "?"}'])
def test_what_is_no_export_is_refused_with_what_to_type(tmp_path, text):
    (tmp_path / "x.jsonl").write_text(text + "\n")
    with pytest.raises(ConfigurationError, match="altar grid audit export"):
        audit("verify", tmp_path / "x.jsonl")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        audit("verify", tmp_path / "missing.jsonl")
    with pytest.raises(ConfigurationError, match="holds no spool"):
        audit("verify", tmp_path)
