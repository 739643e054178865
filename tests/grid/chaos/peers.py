"""Scenarios in which those who talk to the grid misbehave: readers, runtimes, bytes, crowds."""

from __future__ import annotations

import asyncio
import random
import time
from secrets import token_bytes, token_hex
from typing import Any

import msgpack

from altar_extras.grid.runtime import contracts_of
from altar_extras.grid.security import Credentials, connection_name, key_id
from altar_extras.grid.transport import GridTransportError, NatsConnector, Requests
from altar_extras.grid.wire import (
    RUNTIME_QUEUE,
    AnnounceRuntime,
    FulfillTools,
    Subjects,
    ToolCall,
    ToolResultMessage,
    op_of,
    pack,
    unpack,
)
from tests.grid.chaos import bodies
from tests.grid.chaos.ledger import Ledger, pause
from tests.grid.chaos.world import World
from tests.waiting import PATIENCE


async def slow_reader(world: World, ledger: Ledger, seconds: float) -> None:
    """Streams to a reader that is slow and to one that never reads; others go on."""
    await world.runtime("r0", settings={"credit_seconds": 1.0, "slots": 64})
    client, slow = await world.client(), await world.client()
    ledger.fault()
    never = asyncio.Event()

    def slowly(chunk: Any) -> None:
        if chunk % 100 == 0:
            time.sleep(0.002)

    streams = [ledger.send(slow, "count", to=400, listen=slowly, timeout=20)[0] for _ in range(4)]
    silent = asyncio.create_task(_never_reads(world, never))
    await ledger.load([client], rate=100, seconds=seconds / 2)
    await ledger.settled(25.0)
    for sent in streams:
        ledger.expect(
            sent.ok and sent.chunks == list(range(400)),
            f"a slow reader got {len(sent.chunks)} of 400 chunks: {sent.result!r:.120}",
        )
    executed, reason, chunks = await asyncio.wait_for(silent, 10.0)
    ledger.expect(reason == "stream_broken" and chunks <= 64, f"unread: {reason}, {chunks} chunks")
    ledger.notes.append(f"never read: {reason}/{executed} after {chunks} chunks")


async def _never_reads(world: World, never: asyncio.Event) -> tuple[str, str, int]:
    """A caller that takes 64 chunks and gives no credit; what its call came to."""
    client = await world.client()
    link = client._looped.link  # type: ignore[union-attr]
    wire, key, came = link.wire, token_hex(12), []
    done = asyncio.Event()

    def take(message: Any) -> None:
        came.append(message)
        if isinstance(message, ToolResultMessage):
            done.set()

    wire.requests.expect(key, take)
    runtime = next(iter(link.router.peers))
    call = {"name": "count", "args": {"key": f"unread-{key}", "to": 5000}, "call_id": "c"}
    message = ToolCall(invocation_id=key, call=call, credit=64, budget_ms=20_000)
    wire.requests.send(Subjects.direct(runtime, "count", 1, link.session), key, pack(message))
    await asyncio.wait_for(done.wait(), 15.0)
    answer = came[-1]
    error = answer.result.get("error") or {}
    reason = (error.get("details") or {}).get("reason", "")
    return answer.executed, reason, sum(1 for one in came if one.TYPE == "StreamChunk")


class Hostile:
    """A runtime on the real wire, with real credentials, that answers as it should not."""

    def __init__(self, world: World, name: str) -> None:
        self.credentials = Credentials(
            role="runtime", tenant="acme", name=name, seed=world.runtime_key(name).seed
        )
        self.instance = token_hex(4)
        self.id = f"{key_id(self.credentials.key.public)}-{self.instance}"
        self.url = world.url
        self.calls = 0
        self.earlier: list[tuple[str, ToolCall]] = []

    async def start(self, *, level: int = 2) -> Hostile:
        self.transport = await NatsConnector(self.url).connect(
            seed=self.credentials.seed, name=connection_name("runtime", self.instance)
        )
        self.requests = Requests(self.transport, self.id)
        await self.requests.start()
        features = ("many", "query", "cancel") if level == 2 else ()
        await self._tell(
            AnnounceRuntime(
                id=token_hex(8),
                runtime=self.id,
                epoch=token_hex(4),
                slots=64,  # as many as the honest one, and more: it is asked often, in a burst too
                level=level,
                features=features,
            )
        )
        contracts = contracts_of(bodies.TOOLS)
        rows = tuple({**one.to_dict(), "digest": one.digest} for one in contracts)
        await self._tell(FulfillTools(id=token_hex(8), runtime=self.id, contracts=rows))
        hear = self._hear if level == 2 else self._hear_plainly
        await self.transport.subscribe(Subjects.direct(self.id, "work", 1, "*"), hear)
        anyone = Subjects.call("work", 1, "*")
        await self.transport.subscribe(anyone, hear, queue=RUNTIME_QUEUE)
        return self

    async def _tell(self, message: Any) -> Any:
        subject = Subjects.host(op_of(type(message)), self.id)
        return await self.requests.ask(subject, message, timeout=PATIENCE)

    def _answer(self, call: ToolCall, content: Any, **more: Any) -> bytes:
        result = {"call_id": "c", "name": "work", "status": "SUCCESS", "content": content}
        return pack(
            ToolResultMessage(
                invocation_id=call.invocation_id,
                result=result,
                executed="yes",
                **{"runtime": self.id, **more},
            )
        )

    def _say(self, reply: str, body: bytes) -> None:
        try:
            self.transport.publish(reply, body)
        except GridTransportError:
            pass

    def _hear_plainly(self, inbound: Any) -> None:
        """A peer of Level 1: one call, one answer, nothing else."""
        found = unpack(inbound.body)
        assert len(found) == 1, "a peer of Level 1 was sent several messages"
        self.calls += 1
        key = found[0].call["args"]["key"]
        bodies.mark("B", key)
        bodies.mark("E", key)
        self._say(inbound.reply, self._answer(found[0], key))

    def _hear(self, inbound: Any) -> None:
        for call in unpack(inbound.body):
            if not isinstance(call, ToolCall):
                continue
            self.calls += 1
            self._misbehave(inbound.reply, call)

    def _misbehave(self, reply: str, call: ToolCall) -> None:
        key = call.call["args"]["key"]
        bodies.mark("B", key)
        bodies.mark("E", key)
        right = self._answer(call, key)
        inbox = reply.rpartition(".")[0]
        for _, other in self.earlier[-3:]:  # of another call, under this one's address
            self._say(reply, self._answer(other, "a late answer of another"))
        # guesses of ids that others might have, unnamed and under a false name
        last = int(call.invocation_id[-1], 16)
        near = f"{call.invocation_id[:-1]}{(last + random.randrange(1, 16)) % 16:x}"
        for name in ("", self.id, token_hex(8)):
            guess = ToolCall(invocation_id=near, call=call.call)
            self._say(f"{inbox}.0", self._answer(guess, "forged", runtime=name))
        self._say(f"{inbox}.1", b"")  # "nobody hears this"
        self._say(reply, token_bytes(40))
        self._say(reply, right[: len(right) // 2])
        self._say(reply, right + right)
        self._say(reply, right)
        loop = asyncio.get_running_loop()
        loop.call_later(0.05, self._say, reply, self._answer(call, "a second thought"))
        self.earlier.append((reply, call))

    async def close(self) -> None:
        await self.requests.close()
        await self.transport.close()


async def hostile_runtime(world: World, ledger: Ledger, seconds: float) -> None:
    """A runtime answers twice, late, for calls of others, with noise; another one is honest."""
    await world.runtime("r0")
    bodies.begin(world.marks)
    liar = await Hostile(world, "r1").start()
    try:
        client = await world.client()
        ledger.fault()
        await ledger.load([client], rate=100, seconds=seconds / 2)
        await ledger.settled()
        counts = client.status
        enough = lambda: counts()["counts"]["stray"] > liar.calls  # noqa: E731
        await ledger.until(enough, "the liar's answers, dropped,")
        stray = client.status()["counts"]["stray"]
        ledger.expect(liar.calls > 10, f"the hostile runtime was asked {liar.calls} times")
        ledger.expect(stray > liar.calls, f"{stray} answers were dropped")
        ledger.notes.append(f"{liar.calls} calls at the liar, {stray} answers dropped")
    finally:
        await liar.close()
        bodies.end()


async def level_one(world: World, ledger: Ledger, seconds: float) -> None:
    """A runtime of Level 1, which reads one message of a body, beside one of Level 2."""
    await world.runtime("r0")
    bodies.begin(world.marks)
    old = await Hostile(world, "r1").start(level=1)
    try:
        client = await world.client()
        ledger.fault()
        await ledger.load([client], rate=1000, seconds=seconds / 4)
        await ledger.settled()
        ledger.expect(old.calls > 10, f"the old runtime was asked {old.calls} times")
        failed = [one for one in ledger.calls if not one.ok]
        ledger.expect(not failed, f"{len(failed)} calls failed between the levels")
    finally:
        await old.close()
        bodies.end()


async def frames(world: World, ledger: Ledger, seconds: float) -> None:
    """Noise, truncated, oversized and foreign frames from a session, at everything it may reach."""
    await world.runtime("r0")
    client, noisy = await world.client(), await world.client()
    link = noisy._looped.link  # type: ignore[union-attr]
    wire, session = link.wire, link.session
    runtime = next(iter(link.router.peers))
    chance = random.Random(7)
    key = "never-in-a-frame"
    call = ToolCall(
        invocation_id=token_hex(8), call={"name": "work", "args": {"key": key}, "call_id": "c"}
    )
    good = pack(call)
    deep: Any = 1
    for _ in range(3000):
        deep = [deep]
    odd = [
        b"",
        good[:-3],
        token_bytes(300),
        good * 2000,
        msgpack.packb({"type": "ToolCall", "v": 1}),
        msgpack.packb({"type": "Nonsense", "v": 99}),
        b"\x91" * 100_000,
        b"\xdf\xff\xff\xff\xff",
        msgpack.packb({"type": "ToolCall", "v": 1, "invocation_id": "x" * 5000, "call": {}}),
    ]
    subjects = [
        Subjects.direct(runtime, "work", 1, session),
        Subjects.call("work", 1, session),
        Subjects.control(runtime, "cancel", session),
        Subjects.control(runtime, "query", session),
        Subjects.control(runtime, "credit", session),
        Subjects.host("directory", session),
        Subjects.host("create_session", session),
    ]
    ledger.fault()
    load = asyncio.create_task(ledger.load([client], rate=100, seconds=seconds / 2))
    sent = 0
    for _ in range(60):
        for subject in subjects:
            body = chance.choice(odd)
            if body == good * 2000:
                body = body[: wire.transport.max_payload]
            reply = chance.choice(
                ["", f"{wire.requests.inbox}.zz", "grid.v1.re.another.x", "grid.v1.host.hello.x"]
            )
            body = body if body not in (good[:0],) else b"\x80"
            try:
                wire.transport.publish(subject, body, reply=reply)
                sent += 1
            except GridTransportError:
                await pause(0.05)
        await pause(0.005)
    await load
    await ledger.settled()
    failed = [one for one in ledger.calls if not one.ok]
    ledger.expect(not failed, f"{len(failed)} calls of others failed beside noise")
    ledger.notes.append(f"{sent} frames of noise")


async def storm(world: World, ledger: Ledger, seconds: float) -> None:
    """The server is killed under many sessions, which all come back at once."""
    many = 100 if world.short else 2000
    await world.runtime("r0", settings={"slots": 256, "queue": 20_000})
    clients = await _open(world, many)
    await ledger.load(clients, rate=max(200.0, many / 2), seconds=1.0, timeout=20)
    await ledger.settled(20.0)
    await asyncio.to_thread(world.nodes[0].kill)
    ledger.fault()
    await asyncio.to_thread(world.nodes[0].start)
    waiting = list(clients)
    end = time.monotonic() + 60
    while waiting and time.monotonic() < end:
        waiting = [one for one in waiting if not one.status()["connected"]]
        await pause(0.02)
    back = time.monotonic() - ledger.fault_at
    ledger.expect(not waiting, f"{len(waiting)} of {many} sessions did not come back")
    ledger.notes.append(f"{many} sessions were back after {back:.2f} s")
    await _runtime_is_back(ledger, clients[0])
    await ledger.load(clients, rate=max(200.0, many / 2), seconds=1.0, timeout=20)
    await ledger.settled(30.0)
    await _shut(world)


async def _runtime_is_back(ledger: Ledger, client: Any) -> None:
    for _ in range(200):
        sent, task = ledger.send(client, ms=0)
        await task
        if sent.ok:
            return
        await pause(0.05)


async def _open(world: World, many: int) -> list[Any]:
    found: list[Any] = []
    for _ in range(0, many, 50):
        found += await asyncio.gather(
            *[
                world.client(directory_age=30.0, connect_timeout=30.0, ask_timeout=20.0)
                for _ in range(min(50, many - len(found)))
            ]
        )
    return found


async def _shut(world: World) -> None:
    clients, world.clients = world.clients, []
    for at in range(0, len(clients), 100):
        await asyncio.gather(*[one.aclose() for one in clients[at : at + 100]])


async def abandoned(world: World, ledger: Ledger, seconds: float) -> None:
    """Sessions are opened and left without a word; the Host forgets them, and serves on."""
    many = 200 if world.short else 10_000
    await world.runtime("r0")
    client = await world.client()
    ledger.fault()
    load = asyncio.create_task(_while(ledger, client, stop := asyncio.Event()))
    began = time.monotonic()
    done = 0
    while done < many:
        some = min(50, many - done)
        await asyncio.gather(*[_open_and_leave(world) for _ in range(some)])
        done += some
    took = time.monotonic() - began
    ledger.notes.append(f"{many} sessions opened and left in {took:.1f} s")
    stop.set()
    await load
    await ledger.settled()
    failed = [one for one in ledger.calls if not one.ok]
    ledger.expect(not failed, f"{len(failed)} calls failed beside abandoned sessions")


async def _while(ledger: Ledger, client: Any, stop: asyncio.Event) -> None:
    while not stop.is_set():
        await ledger.load([client], rate=50, seconds=0.2)


async def _open_and_leave(world: World) -> None:
    client = await world.client(
        directory_age=60.0, session_ttl=5.0, connect_timeout=30.0, ask_timeout=20.0
    )
    world.clients.remove(client)
    engine = client._looped
    assert engine is not None
    link = engine.link
    assert link is not None
    if link._timer is not None:
        link._timer.cancel()  # it renews nothing
    link._is_closing = True
    wire = link.wire
    assert wire is not None
    await wire.transport.close()
