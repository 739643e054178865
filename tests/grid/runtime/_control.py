"""A control plane in a few lines: what a runtime hears from a Host, and a client that calls it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Any

from altar_extras.grid.runtime import RuntimeServer, RuntimeSettings
from altar_extras.grid.security import Credentials, SigningKey
from altar_extras.grid.transport import LoopbackBroker, Requests
from altar_extras.grid.wire import (
    Ack,
    AnnounceRuntime,
    FulfillTools,
    FulfillToolsAnswer,
    Hello,
    HelloAnswer,
    ReportLost,
    Subjects,
    ToolCall,
    pack,
    unpack,
)

SESSION = "s-one"


def host_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass
class Control:
    """Answers hello, announce, fulfill and report_lost; keeps what it heard."""

    transport: Any
    refuse: dict[str, str] = field(default_factory=dict)  # contract name -> reason
    notes: dict[str, Any] = field(default_factory=dict)
    heard: list[Any] = field(default_factory=list)

    @classmethod
    async def start(cls, connector: Any, **options: Any) -> Control:
        made = cls(await connector.connect(name="altar-grid/1 host"), **options)
        await made.transport.subscribe("grid.v1.host.>", made._take, queue="host")
        return made

    def _take(self, inbound: Any) -> None:
        for message in unpack(inbound.body):
            self.heard.append(message)
            answer = self._answer(message)
            if answer is not None:
                self.transport.publish(inbound.reply, pack(answer))

    def _answer(self, message: Any) -> Any:
        now = host_ms()
        if isinstance(message, Hello):
            return HelloAnswer(
                id=message.id, level=2, features=message.features, mode="development", time_ms=now
            )
        if isinstance(message, AnnounceRuntime):
            return Ack(id=message.id, time_ms=now, notes=dict(self.notes))
        if isinstance(message, FulfillTools):
            rows = [dict(one) for one in message.contracts]
            return FulfillToolsAnswer(
                id=message.id,
                accepted=tuple(
                    {"name": one["name"], "version": one["version"], "digest": one["digest"]}
                    for one in rows
                    if one["name"] not in self.refuse
                ),
                refused=tuple(
                    {"name": one["name"], "reason": self.refuse[one["name"]], "message": "no"}
                    for one in rows
                    if one["name"] in self.refuse
                ),
            )
        if isinstance(message, ReportLost):
            return Ack(id=message.id, time_ms=now)
        return None

    def said(self, kind: type) -> list[Any]:
        return [one for one in self.heard if isinstance(one, kind)]


class Caller:
    """A client's side of the wire: sends calls, keeps every answer by id."""

    def __init__(self, transport: Any, session: str) -> None:
        self.transport = transport
        self.session = session
        self.requests = Requests(transport, session)
        self.answers: dict[str, list[Any]] = {}
        self.changed = asyncio.Event()

    @classmethod
    async def start(cls, connector: Any, session: str = SESSION) -> Caller:
        made = cls(await connector.connect(name="altar-grid/1 client"), session)
        await made.requests.start()
        return made

    def _came(self, key: str, message: Any) -> None:
        self.answers.setdefault(key, []).append(message)
        self.changed.set()

    def message(self, tool: str, args: Any, **more: Any) -> ToolCall:
        more.setdefault("invocation_id", token_hex(16))
        more.setdefault("expires_ms", host_ms() + 60_000)
        call = {"name": tool, "args": args, "call_id": "c1"}
        return ToolCall(call=call, **more)

    def send(self, message: ToolCall, *, runtime: str = "", major: int = 1) -> str:
        tool, key = message.call["name"], message.invocation_id
        if runtime:
            subject = Subjects.direct(runtime, tool, major, self.session)
        else:
            subject = Subjects.call(tool, major, self.session)
        self.listen(key)
        self.requests.send(subject, key, pack(message))
        return key

    def listen(self, key: str) -> None:
        self.requests.expect(key, lambda found: self._came(key, found))

    def control(self, runtime: str, what: str, message: Any) -> None:
        self.listen(message.invocation_id)
        subject = Subjects.control(runtime, what, self.session)
        self.requests.send(subject, message.invocation_id, pack(message))

    async def until(self, true: Any, seconds: float = 30.0) -> None:
        async with asyncio.timeout(seconds):
            while not true():
                self.changed.clear()
                waiting = asyncio.ensure_future(self.changed.wait())
                await asyncio.wait([waiting], timeout=0.01)
                waiting.cancel()

    def got(self, key: str, kind: str) -> list[Any]:
        return [one for one in self.answers.get(key, ()) if one.TYPE == kind]

    async def result(self, key: str, count: int = 1) -> Any:
        await self.until(lambda: len(self.got(key, "ToolResult")) >= count)
        return self.got(key, "ToolResult")[count - 1]

    async def call(self, tool: str, args: Any, *, runtime: str = "", **more: Any) -> Any:
        return await self.result(self.send(self.message(tool, args, **more), runtime=runtime))


def credentials() -> Credentials:
    seed = SigningKey.generate().seed
    return Credentials(role="runtime", tenant="acme", name="runtime", seed=seed)


class Grid:
    """A broker, a control plane, one runtime and one caller; ``async with``."""

    def __init__(self, tools: Any, *, connector: Any = None, refuse: Any = None, **options: Any):
        self.connector = connector or LoopbackBroker()
        self.tools = tools
        self.refuse = refuse or {}
        options.setdefault("settings", RuntimeSettings(linger_seconds=0.0))
        self.options = options

    async def __aenter__(self) -> Grid:
        self.control = await Control.start(self.connector, refuse=self.refuse)
        self.server = RuntimeServer(
            self.connector, self.tools, credentials=credentials(), **self.options
        )
        await self.server.start()
        self.caller = await Caller.start(self.connector)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.server.close()
        await self.caller.requests.close()
        await self.caller.transport.close()
        await self.control.transport.close()

    @property
    def runtime(self) -> str:
        return self.server.id
