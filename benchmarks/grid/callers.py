"""This side of each peer: one function that asks once, and what ends it."""

from __future__ import annotations

import asyncio
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import msgpack

from altar_extras.grid.server import development_certificates

TEXT = "x" * 900
Call = Callable[[], Awaitable[object]]


def packed(number: int) -> bytes:
    """A request of about 1 KB."""
    return bytes(msgpack.packb({"id": number, "tool": "echo", "args": {"text": TEXT}}))


class Frames(asyncio.Protocol):
    """Length-prefixed frames over one socket; answers are told apart by their id."""

    def __init__(self) -> None:
        self.waiting: dict[int, asyncio.Future[Any]] = {}
        self.rest = b""
        self.numbers = count()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.loop = asyncio.get_running_loop()

    def data_received(self, data: bytes) -> None:
        data = self.rest + data
        at = 0
        while len(data) - at >= 4:
            (size,) = struct.unpack_from(">I", data, at)
            if len(data) - at - 4 < size:
                break
            doc = msgpack.unpackb(data[at + 4 : at + 4 + size])
            self.waiting.pop(doc["id"]).set_result(doc)
            at += 4 + size
        self.rest = data[at:]

    def call(self) -> asyncio.Future[Any]:
        number = next(self.numbers)
        body = packed(number)
        future = self.waiting[number] = self.loop.create_future()
        self.transport.write(struct.pack(">I", len(body)) + body)
        return future


@asynccontextmanager
async def raw(address: str) -> AsyncIterator[Call]:
    host, _, port = address.partition(":")
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_connection(Frames, host, int(port))
    yield protocol.call
    transport.close()


def nats_options(address: str) -> dict[str, Any]:
    """What nats-py needs: a URL, and behind a bar the folder of certificates for mTLS."""
    url, _, folder = address.partition("|")
    if not folder:
        return {"servers": url}
    made = development_certificates(Path(folder))
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=str(made.ca))
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(made.client_cert, made.client_key)
    return {
        "servers": url,
        "tls": context,
        "tls_hostname": "localhost",
        "tls_handshake_first": True,
    }


@asynccontextmanager
async def nats(address: str) -> AsyncIterator[Call]:
    import nats as library  # noqa: PLC0415 - one of several peers

    connection = await library.connect(**nats_options(address))
    numbers = count()

    async def call() -> object:
        answer = await connection.request("bench.echo", packed(next(numbers)), timeout=10)
        return msgpack.unpackb(answer.data)

    yield call
    await connection.close()


@asynccontextmanager
async def http(address: str) -> AsyncIterator[Call]:
    import aiohttp  # noqa: PLC0415 - one of several peers

    numbers = count()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def call() -> object:
            async with session.post(f"http://{address}/", data=packed(next(numbers))) as answer:
                return msgpack.unpackb(await answer.read())

        yield call


@asynccontextmanager
async def grpc(address: str) -> AsyncIterator[Call]:
    from grpc import aio  # noqa: PLC0415 - one of several peers

    numbers = count()
    async with aio.insecure_channel(address) as channel:
        echo = channel.unary_unary("/bench/Echo")

        async def call() -> object:
            return msgpack.unpackb(await echo(packed(next(numbers))))

        yield call


@asynccontextmanager
async def redis(address: str) -> AsyncIterator[Call]:
    from redis.asyncio import Redis  # noqa: PLC0415 - one of several peers

    store = Redis.from_url(address)
    waiting: dict[int, asyncio.Future[Any]] = {}
    numbers = count()
    loop = asyncio.get_running_loop()

    async def read() -> None:
        last = "0"
        reader = Redis.from_url(address)
        while True:
            found = await reader.xread({"answers": last}, count=128, block=1000)
            for _stream, entries in found or ():
                for key, fields in entries:
                    last = key
                    doc = msgpack.unpackb(fields[b"b"])
                    future = waiting.pop(doc["id"], None)
                    if future is not None:
                        future.set_result(doc)

    task = asyncio.ensure_future(read())

    async def call() -> object:
        number = next(numbers)
        waiting[number] = loop.create_future()
        await store.xadd("requests", {"b": packed(number)}, maxlen=2000)
        return await waiting[number]

    yield call
    task.cancel()
    await store.aclose()


PEERS = {"raw": raw, "nats": nats, "http": http, "grpc": grpc, "redis": redis}
