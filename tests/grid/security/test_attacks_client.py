"""What a Host that lies can make a client do that holds the signed manifest itself."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest

pytest.importorskip("nats")
pytest.importorskip("msgpack")
pytest.importorskip("cryptography")

from altar.errors import ConfigurationError
from altar_extras.grid.client import ClientSettings, GridClient
from altar_extras.grid.security import Credentials, ManifestRefused
from altar_extras.grid.wire import AuthorizeToolCallAnswer, SessionCreated
from tests.grid.client.grids import PATIENCE
from tests.grid.host.scenes import until
from tests.grid.security.attacks import (
    ANA,
    EVIL,
    FAST,
    GOOD,
    ROOT,
    SLOW,
    run,
    serving,
    sign,
    strict,
)


@pytest.fixture(scope="module")
def node(shared_node):
    return shared_node(callout=True)


def client(there, folder, **changes) -> GridClient:
    credentials = Credentials(
        role="client", tenant="acme", name="ana", seed=ANA.seed, root=ROOT.public
    )
    pinned = {"manifest": str(folder / "own.json"), "manifest_state": str(folder / "own.state")}
    settings = ClientSettings(**{**PATIENCE, **pinned, "directory_age": 0.05, **changes})
    return GridClient(connector=there, credentials=credentials, settings=settings)


def test_a_client_with_a_manifest_calls_what_was_signed_and_nothing_else(node, tmp_path):
    sign(tmp_path / "own.json", sequence=5)

    async def scene():
        async with strict(node, tmp_path) as (_, there), serving(there):
            async with client(there, tmp_path) as ana:
                assert (await ana.acall("upper")).content == "TRUE"
                other = replace(SLOW, description="Not what the Hosts say.")
                sign(tmp_path / "own.json", sequence=6, contracts=(FAST, other))

                async def refused():
                    answer = (await ana.acall("upper")).error
                    return answer and answer.details

                await until(refused)
                told = await refused()
                assert (told["reason"], told["executed"]) == ("digest_differs", "no")
                sign(tmp_path / "own.json", sequence=4)  # an older one changes nothing
                await asyncio.sleep(0.05)
                assert (await refused())["reason"] == "digest_differs"
                sign(tmp_path / "own.json", sequence=7)

                async def served():
                    return (await ana.acall("upper")).content == "TRUE"

                await until(served)
                sequence, end = 7, 0.0

                async def ended():
                    nonlocal sequence, end
                    if time.time() > end + 1:  # again: it may have ended before it was read
                        sequence, end = sequence + 1, time.time() + 1.5
                        sign(tmp_path / "own.json", sequence=sequence, expires=end)
                    found = await refused()
                    return found and found["reason"] == "manifest_expired"

                await until(ended)

    run(scene)


def test_a_client_sends_to_the_runtimes_that_the_manifest_names(node, tmp_path):
    sign(tmp_path / "own.json", sequence=5, runtimes={"fast": [GOOD.public], "slow": [EVIL.public]})

    async def scene():
        async with strict(node, tmp_path) as (_, there), serving(there) as good:
            async with client(there, tmp_path) as ana:
                link = ana._looped.link
                await until(lambda: any(one for one in [good.status().tools]))
                await link.refresh(now=True)
                assert link.router.majors("upper") == []

    run(scene)


def test_a_client_refuses_an_older_foreign_or_unkept_manifest_before_it_connects(tmp_path):
    sign(tmp_path / "own.json", sequence=5)
    client(object(), tmp_path)
    sign(tmp_path / "own.json", sequence=4)
    with pytest.raises(ManifestRefused, match="5 has been seen"):
        client(object(), tmp_path)
    sign(tmp_path / "own.json", sequence=6, root=GOOD)
    with pytest.raises(ManifestRefused, match="is trusted"):
        client(object(), tmp_path)
    with pytest.raises(ConfigurationError, match="manifest_state"):
        client(object(), tmp_path, manifest_state=None)


def test_a_manifest_that_the_credentials_name_is_pinned_without_code(tmp_path):
    own = Credentials(
        role="client", tenant="acme", name="ana", seed=ANA.seed, root=ROOT.public,
        manifest=str(tmp_path / "own.json"),
    )  # fmt: skip
    file = own.write(tmp_path / "ana.json")
    sign(tmp_path / "own.json", sequence=5)
    GridClient(connector=object(), credentials=file)
    sign(tmp_path / "own.json", sequence=4)
    with pytest.raises(ManifestRefused, match="5 has been seen"):
        GridClient(connector=object(), credentials=file)
    for wrong in (replace(own, manifest="own.json"), replace(own, root=None)):
        with pytest.raises(ConfigurationError, match="whole path"):
            Credentials.read(wrong.write(file))


def test_no_message_shows_a_token_or_a_grant():
    made = SessionCreated(id="1", session="s", token="SECRET", expires_ms=1, time_ms=1)
    given = AuthorizeToolCallAnswer(id="1", grant="SECRET", expires_ms=1)
    assert "SECRET" not in f"{made!r} {given!r} {made} {given}"
    assert made.to_wire()["token"] == "SECRET"
