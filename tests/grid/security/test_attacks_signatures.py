"""One kind of signature in the place of another, and what Hosts have signed of an audit."""

from __future__ import annotations

import asyncio
import json
from base64 import b64decode

import pytest

pytest.importorskip("nats")
pytest.importorskip("msgpack")
pytest.importorskip("cryptography")

import nats  # noqa: E402

from altar_extras.grid.audit import (  # noqa: E402
    AuditReceiver,
    Batch,
    Entry,
    Journal,
    SinkRefused,
    verify,
)
from altar_extras.grid.audit._frames import frame_at  # noqa: E402
from altar_extras.grid.audit._heads import Head, countersign, head_bytes  # noqa: E402
from altar_extras.grid.audit._spool import read_folder  # noqa: E402
from altar_extras.grid.security import (  # noqa: E402
    SessionToken,
    SigningKey,
    TokenRefused,
    VerifyKey,
    document,
    key_id,
)
from altar_extras.grid.security._sealed import b64  # noqa: E402
from tests.grid.audit.calls import MemorySink  # noqa: E402
from tests.grid.security.makes import HOST, NOW, token  # noqa: E402

WRITER, HOST_KEY = SigningKey.generate(), SigningKey.generate()


@pytest.mark.parametrize("kind", ["session", "grant", "manifest", "head", "countersignature"])
def test_no_text_is_a_document_and_no_document_is_one_of_another_kind(kind):
    made = document(kind, b"body")
    with pytest.raises(UnicodeDecodeError):
        made.decode()  # a nonce is the UTF-8 of a text
    others = {document(one, b"body") for one in ("session", "grant", "manifest", "head")}
    assert len({made} | others) == len(others) + (made not in others)


def test_a_hostile_server_gets_no_head_or_token_signed_in_the_place_of_a_nonce():
    """nats-py signs whatever nonce it is sent: the signature is good for nothing else."""
    key = SigningKey.generate()
    body = token().signed(HOST).rpartition(".")[0]
    head = head_bytes(Head("w", 1, 1, b"0" * 32))
    wanted = [body, head.decode("latin-1"), head.decode("utf-8", "surrogateescape")]

    async def asked(nonce: str) -> bytes:
        got: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        async def serve(reader, writer):
            info = {"server_id": "N", "version": "2.15.1", "nonce": nonce, "max_payload": 1024,
                    "headers": True, "auth_required": True}  # fmt: skip
            writer.write(b"INFO " + json.dumps(info).encode() + b"\r\n")
            line = await reader.readline()
            if not got.done():
                got.set_result(line)
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1 << 20)
        port = server.sockets[0].getsockname()[1]
        try:
            await nats.connect(
                f"nats://127.0.0.1:{port}", nkeys_seed_str=key.seed, allow_reconnect=False,
                max_reconnect_attempts=1, connect_timeout=30,
            )  # fmt: skip
        except Exception:  # noqa: BLE001 - the server is none
            pass
        finally:
            server.close()
        return await got if got.done() else b""

    for nonce in wanted:
        line = asyncio.run(asked(nonce))
        if not line:
            continue  # nothing was signed
        signature = b64decode(json.loads(line.partition(b" ")[2])["sig"])
        assert not VerifyKey(key.public).verify(head, signature)
        assert not VerifyKey(key.public).verify(document("session", body.encode()), signature)
    forged = f"{body}.{b64(HOST.sign(body.encode()))}"  # as a nonce would have been signed
    with pytest.raises(TokenRefused) as caught:
        SessionToken.verified(forged, {HOST.public}, now=NOW)
    assert caught.value.reason == "bad_signature"


@pytest.fixture
def every(tmp_path):
    """A writer's records and the Host's, which has countersigned them."""
    with Journal.open(tmp_path / "w", writer="w1", key=WRITER) as journal:
        journal.started_sync(Entry("call-1", tool="add"))
    records = read_folder(tmp_path / "w")

    async def run():
        with Journal.open(tmp_path / "h", writer="host-1", key=HOST_KEY) as journal:
            receiver = AuditReceiver(MemorySink(), key=HOST_KEY, journal=journal)
            await receiver.take(Batch("w1", 1, 0, tuple(records)), runtime="w1")

    asyncio.run(run())
    return {"w1": records, "host-1": read_folder(tmp_path / "h")}


def test_a_writer_that_is_gone_altogether_is_missed(every):
    assert verify(every, hosts=[HOST_KEY.public]).ok
    (found,) = verify({"host-1": every["host-1"]}, hosts=[HOST_KEY.public]).broken
    assert (found.kind, found.writer) == ("missing", "w1")


def test_a_second_countersignature_of_another_head_does_not_hide_the_first(every, tmp_path):
    head = next(_heads(every["w1"]))
    other = Head("w1", head.epoch, head.sequence, b"\1" * 32)

    async def run():
        with Journal.open(tmp_path / "h", writer="host-1", key=HOST_KEY) as journal:
            await journal.countersigned(countersign(other, HOST_KEY))

    asyncio.run(run())
    both = {**every, "host-1": read_folder(tmp_path / "h")}
    (found,) = verify(both, hosts=[HOST_KEY.public]).broken
    assert (found.kind, found.writer) == ("altered", "w1")


def test_a_batch_for_another_writer_is_refused():
    mine, theirs = (key_id(one.public) for one in (WRITER, HOST_KEY))

    async def run():
        receiver = AuditReceiver(MemorySink(), key=HOST_KEY)
        for writer in (f"{theirs}-00000000", theirs, "host-1", f"{mine}x-1", mine[:15]):
            with pytest.raises(SinkRefused, match="does not write"):
                batch = Batch(writer, 1, 0, (b"x",))
                await receiver.take(batch, runtime=f"{mine}-0a1b2c3d")

    asyncio.run(run())


def _heads(records):
    for raw in records:
        record = frame_at(raw).record()
        if record.name == "head":
            yield Head("w1", *record.values[:3])
