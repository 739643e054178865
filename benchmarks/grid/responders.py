"""The other side of each peer: ``python -m benchmarks.grid.responders NAME [ADDRESS]``.

Prints one line when it is ready: where it is to be found.
"""

from __future__ import annotations

import asyncio
import struct
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import msgpack


def answered(body: bytes) -> bytes:
    """Decode, do what the tool does, encode: what every peer does with a request."""
    asked = msgpack.unpackb(body)
    return bytes(msgpack.packb({"id": asked["id"], "content": asked["args"]["text"]}))


def ready(address: str) -> None:
    """Tell the other side."""
    print(address, flush=True)


class Frames(asyncio.Protocol):
    """Length-prefixed frames, answered as they come."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.waiting = b""

    def data_received(self, data: bytes) -> None:
        data = self.waiting + data
        at, out = 0, []
        while len(data) - at >= 4:
            (size,) = struct.unpack_from(">I", data, at)
            if len(data) - at - 4 < size:
                break
            body = answered(data[at + 4 : at + 4 + size])
            out.append(struct.pack(">I", len(body)) + body)
            at += 4 + size
        self.waiting = data[at:]
        if out:
            self.transport.write(b"".join(out))


async def raw(_: str) -> None:
    """A bare asyncio socket: as fast as Python's event loop goes."""
    server = await asyncio.get_running_loop().create_server(Frames, "127.0.0.1", 0)
    ready(f"127.0.0.1:{server.sockets[0].getsockname()[1]}")
    await server.serve_forever()


async def nats(address: str) -> None:
    """nats-py as its own documentation shows it."""
    import nats as library  # noqa: PLC0415 - one of several peers

    from benchmarks.grid.callers import nats_options  # noqa: PLC0415 - as above

    connection = await library.connect(**nats_options(address))

    async def answer(message: Any) -> None:
        await message.respond(answered(message.data))

    await connection.subscribe("bench.echo", cb=answer)
    await connection.flush()
    ready(address)
    await asyncio.Event().wait()


async def http(_: str) -> None:
    """An ASGI application under uvicorn."""
    import uvicorn  # noqa: PLC0415 - one of several peers

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body = b""
        while True:
            event = await receive()
            body += event.get("body", b"")
            if not event.get("more_body"):
                break
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": answered(body)})

    settings = uvicorn.Config(app, port=0, log_level="error", lifespan="off", access_log=False)
    server = uvicorn.Server(settings)
    task = asyncio.ensure_future(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    ready(f"127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}")
    await task


async def grpc(_: str) -> None:
    """gRPC's asyncio server, one unary method."""
    from grpc import aio, method_handlers_generic_handler  # noqa: PLC0415 - one of several peers
    from grpc import unary_unary_rpc_method_handler as unary  # noqa: PLC0415

    async def echo(request: bytes, _: Any) -> bytes:
        return answered(request)

    server = aio.server()
    handlers = method_handlers_generic_handler("bench", {"Echo": unary(echo)})
    server.add_generic_rpc_handlers((handlers,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    ready(f"127.0.0.1:{port}")
    await server.wait_for_termination()


async def redis(address: str) -> None:
    """Redis streams: requests in one, answers in another."""
    from redis.asyncio import Redis  # noqa: PLC0415 - one of several peers

    store = Redis.from_url(address)
    ready(address)
    last = "0"
    while True:
        found = await store.xread({"requests": last}, count=128, block=1000)
        async with store.pipeline(transaction=False) as pipe:
            for _stream, entries in found or ():
                for key, fields in entries:
                    last = key
                    pipe.xadd("answers", {"b": answered(fields[b"b"])}, maxlen=2000)
            if found:
                await pipe.execute()


PEERS: dict[str, Callable[[str], Awaitable[None]]] = {
    "raw": raw,
    "nats": nats,
    "http": http,
    "grpc": grpc,
    "redis": redis,
}

if __name__ == "__main__":
    asyncio.run(PEERS[sys.argv[1]](sys.argv[2] if len(sys.argv) > 2 else ""))  # type: ignore[arg-type]
