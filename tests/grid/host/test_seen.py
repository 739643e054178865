"""Which sessions there are: what a Host has let in, told to operators and to nobody else."""

from __future__ import annotations

import asyncio
import time
from secrets import token_hex

import pytest

pytest.importorskip("msgpack")

from altar_extras.grid.host._seen import SeenSessions
from altar_extras.grid.security import Admission, Permissions
from altar_extras.grid.wire import DestroySession, Directory
from tests.grid.host.scenes import CLIENT, NARROW, OPERATOR, hosting, party, session, until

NOW = 1_800_000_000.0


def let_in(name: str, *, principal: str = "ana", ends: float = 60.0, **fields) -> Admission:
    return Admission(
        **{
            "account": "acme",
            "tenant": "acme",
            "permissions": Permissions(
                publish=("grid.v1.host.hello.s",), subscribe=("grid.v1.re.s.>",)
            ),
            "expires": int(NOW + ends),
            "role": "client",
            "session": name,
            "principal": principal,
            "key": CLIENT.public,
            **fields,
        }
    )


def test_an_operator_hears_of_the_sessions_of_each_principal_and_a_client_of_none():
    async def scene() -> None:
        async with hosting() as (broker, _):
            first, second = await session(broker), await session(broker)
            await session(broker, NARROW, ttl=600.0, tools=("add",))
            operator = await party(broker, OPERATOR)

            async def told() -> dict[str, dict[str, object]]:
                answer = await operator.ask("directory", Directory(id=token_hex(4)))
                return {row["principal"]: row for row in answer.sessions}

            rows = await told()
            assert {name: row["sessions"] for name, row in rows.items()} == {"ana": 2, "nia": 1}
            now = time.time() * 1000
            assert rows["ana"]["since_ms"] <= rows["nia"]["since_ms"] <= now
            assert now < rows["nia"]["expires_ms"] <= now + 600_000 < rows["ana"]["expires_ms"]
            assert (await first.ask("directory", Directory(id="d"))).sessions == ()
            await second.ask("destroy_session", DestroySession(id="e"))

            async def one_is_left() -> bool:
                return (await told())["ana"]["sessions"] == 1

            await until(one_is_left)

    asyncio.run(asyncio.wait_for(scene(), 60))


def test_a_session_counts_until_its_token_ends_and_is_as_old_as_its_first_connection():
    seen = SeenSessions()
    seen.saw(let_in("s1", ends=60), NOW)
    seen.saw(let_in("s2", ends=30), NOW + 5)
    seen.saw(let_in("s1", ends=90), NOW + 40)  # renewed
    seen.saw(let_in("r1", role="runtime"), NOW)
    seen.saw(let_in("s3", principal="bob", tenant="beta"), NOW)
    row = {
        "principal": "ana",
        "sessions": 1,
        "since_ms": NOW * 1000,
        "expires_ms": 1_800_000_090_000,
    }
    assert seen.of("acme", NOW + 40) == [row]
    assert [one["principal"] for one in seen.of("beta", NOW + 40)] == ["bob"]
    assert seen.of("acme", NOW + 90) == []


def test_a_revoked_key_takes_all_of_its_sessions_with_it():
    seen = SeenSessions()
    for name in ("s1", "s2"):
        seen.saw(let_in(name), NOW)
    seen.saw(let_in("s3", key=NARROW.public, principal="nia"), NOW)
    seen.forget({CLIENT.public})
    assert [one["principal"] for one in seen.of("acme", NOW)] == ["nia"]
    seen.forget({"s3"})
    assert seen.of("acme", NOW) == []
