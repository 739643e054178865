"""FakeServer: a vendor's API on the loopback interface, played from a script.

A subclass speaks one vendor's wire by seven hooks: ``route`` says which API
a path is, ``read`` turns a body into a neutral Request and refuses what the
vendor refuses, ``write`` and ``write_events`` spell a Response, and ``error``,
``write_fault`` and ``write_stream_fault`` spell what goes wrong.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from typing import TYPE_CHECKING, Any, ClassVar, Self
from urllib.parse import parse_qsl, urlencode

from altar.testing._fake_http import Answer, Answered, Exchange, Listener, ServerEvent
from altar.testing._fake_script import FakeReplies, Script, fault_of, response_of
from altar.testing._fault import Fault, Gate

if TYPE_CHECKING:
    from altar.llm import Request, Response

__all__ = ["FakeCall", "FakeServer", "Received"]

_HUGE = 32 * 1024 * 1024
_KEYS = frozenset({"authorization", "x-api-key", "x-goog-api-key", "api-key", "cookie"})
_HTML = "<!DOCTYPE html>\n<html><body><h1>502 Bad Gateway</h1></body></html>\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One request as it came; ``headers`` have lower-case names, and keys are taken out.

    ``body`` is the JSON, or the text where it is none; ``raw`` its bytes.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any
    raw: bytes = field(repr=False, default=b"")


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeCall:
    """One request as the hooks see it: for which ``api`` and ``model``, and whether streamed.

    ``headers`` and ``query`` are complete, keys included; ``place`` is
    whatever ``route`` wants ``read`` to know of the path. ``request`` is what
    ``read`` made of it, for the hooks that write.
    """

    api: str
    model: str = ""
    streamed: bool = False
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    place: str = ""
    request: Request | None = None


class FakeServer:
    """A vendor's API on the loopback interface, played from a script.

    ``replies`` are the entries of :class:`altar.testing.ScriptedProvider`,
    beside :class:`Fault` and :class:`Gate`; or a Provider, or a function of a
    Request, that is asked each time. A request that breaks one of the
    vendor's rules is refused as the vendor does, and uses up no entry.

    ``requests`` holds what came, ``asked`` the same as neutral Requests, and
    ``env`` the variables that lead the vendor's own client here, with the
    only ``key`` the server takes. It runs from its construction until
    ``close``; as a context manager it closes, and raises AssertionError when
    the script was not played to its end, as ``finished()`` does.
    """

    vendor: ClassVar[str] = "fake"
    line_end: ClassVar[str] = "\n"  # of an event stream

    def __init__(self, replies: FakeReplies = (), *, key: str = "") -> None:
        self.key = key or f"fake-{self.vendor}-key-000000000000"
        self.requests: list[Received] = []
        self.asked: list[Request] = []
        self.lock = threading.RLock()  # for the state that hooks keep
        self._script = Script(replies)
        self._numbers = count(1)
        self._broken: list[BaseException] = []
        self._gates: set[Gate] = set()
        self._closed = False
        self._listener = Listener(self._answer)

    # --- what a test uses

    @property
    def url(self) -> str:
        """Where it listens: ``http://127.0.0.1:<port>``."""
        return f"http://127.0.0.1:{self._listener.port}"

    @property
    def env(self) -> dict[str, str]:
        """Environment variables that point the vendor's client here."""
        return {}

    def finished(self) -> None:
        """Raise AssertionError when entries are left, were missing, or could not be written."""
        for error in self._broken:
            raise AssertionError(f"the fake could not answer: {error!r}") from error
        for problem in self._script.problems():
            raise AssertionError(problem)

    def close(self) -> None:
        """Stop: drop every connection and release what hangs. Safe to call twice."""
        with self.lock:
            self._closed = True
            held = list(self._gates)
        for gate in held:
            gate.open()
        self._listener.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, value: object, trace: object) -> None:
        self.close()
        if kind is None:
            self.finished()

    # --- what a vendor's fake writes

    def route(self, received: Received) -> FakeCall | None:
        """The call a request is; None when the vendor has no such path.

        The fields ``body``, ``headers`` and ``query`` of the call are filled
        in afterwards. May raise :class:`Answered` to answer by itself.
        """
        raise NotImplementedError

    def complete(self, call: FakeCall) -> FakeCall:
        """The call with what the server stored of its conversation; as it is, unless overridden."""
        return call

    def read(self, call: FakeCall) -> Request:
        """The neutral Request; raises ``self.refused(...)`` where a rule is broken."""
        raise NotImplementedError

    def write(self, call: FakeCall, response: Response) -> Any:
        """The body of an answer in one piece, as JSON."""
        raise NotImplementedError

    def write_events(self, call: FakeCall, response: Response) -> list[ServerEvent]:
        """The events of a streamed answer, texts and arguments cut into several."""
        raise NotImplementedError

    def error(self, status: int, message: str, *, code: str = "", api: str = "") -> Answer:
        """An error as the vendor writes it; ``code`` is the vendor's own word, if not the usual."""
        raise NotImplementedError

    def write_fault(self, call: FakeCall, fault: Fault) -> Answer:
        """The answer to one of the first eight kinds of fault."""
        raise NotImplementedError

    def write_stream_fault(self, call: FakeCall, fault: Fault) -> list[ServerEvent]:
        """The same in the middle of a stream."""
        raise NotImplementedError

    def headers(self, call: FakeCall) -> dict[str, str]:
        """The headers of an answer that is no error."""
        return {}

    # --- what hooks use

    def refused(self, status: int, message: str, *, code: str = "", api: str = "") -> Answered:
        """The exception that answers with ``error(...)``; raise it."""
        return Answered(self.error(status, message, code=code, api=api))

    def number(self) -> int:
        """The next number of this server, for ids that differ."""
        return next(self._numbers)

    # --- one request

    def _answer(self, exchange: Exchange) -> None:
        received, headers, query = _received(exchange)
        with self.lock:
            self.requests.append(received)
        try:
            call = self._call(received, headers, query)
            request = self.read(call)
            with self.lock:
                self.asked.append(request)
            self._play(exchange, replace(call, request=request), request)
        except Answered as early:
            exchange.send_answer(early.answer)
        except OSError:
            raise
        except Exception as error:  # noqa: BLE001 - a test must hear of it: see finished()
            self._broken.append(error)
            if not exchange.begun:
                exchange.send_answer(self.error(500, f"the fake broke: {error!r}"))
            exchange.close_connection = True

    def _call(
        self, received: Received, headers: Mapping[str, str], query: Mapping[str, str]
    ) -> FakeCall:
        call = self.route(received)
        if call is None:
            raise self.refused(404, f"Not found: {received.method} {received.path}")
        if received.method == "POST" and not isinstance(received.body, dict):
            raise self.refused(400, "The request body is not valid JSON.", api=call.api)
        return self.complete(replace(call, body=received.body, headers=headers, query=query))

    def _play(self, exchange: Exchange, call: FakeCall, request: Request) -> None:
        try:
            entry = self._script.next(request)
        except IndexError as error:
            raise self.refused(400, str(error), api=call.api) from None
        special = fault_of(entry)
        if special is None:
            self._send(exchange, call, self._spelled(call, request, entry))
        elif isinstance(special, Gate):
            self._send(exchange, call, self._spelled(call, request, special.reply), stop=special)
        elif special.kind == "huge":
            self._send(exchange, call, _padded(self._spelled(call, request, special.reply)))
        elif special.after is None or (not call.streamed and special.kind != "close"):
            self._fail(exchange, call, special)
        else:
            spelled = self._spelled(call, request, special.reply)
            self._send(exchange, call, spelled, stop=special)

    def _spelled(self, call: FakeCall, request: Request, entry: Any) -> Answer | list[ServerEvent]:
        response = response_of(entry, request)
        if call.streamed:
            return self.write_events(call, response)
        return Answer(200, self.write(call, response), self.headers(call))

    def _send(
        self,
        exchange: Exchange,
        call: FakeCall,
        spelled: Answer | list[ServerEvent],
        stop: Fault | Gate | None = None,
    ) -> None:
        if isinstance(spelled, Answer):
            if isinstance(stop, Gate):
                self._hold(stop)
            exchange.send_answer(spelled, share=0.5 if isinstance(stop, Fault) else 1.0)
            return
        exchange.begin_events(self.headers(call))
        at = None if stop is None else min(stop.after or 0, len(spelled))
        for index, event in enumerate([*spelled, None]):
            if index == at:
                if isinstance(stop, Fault):
                    self._break(exchange, call, stop)
                    return
                if isinstance(stop, Gate):
                    self._hold(stop)
            if event is not None:
                exchange.send_chunk(event.encode(self.line_end))
        exchange.send_chunk(b"")

    def _hold(self, gate: Gate) -> None:
        with self.lock:
            self._gates.add(gate)
            if self._closed:  # nobody opens it any more
                gate.open()
        gate.pass_through()
        with self.lock:
            self._gates.discard(gate)

    def _break(self, exchange: Exchange, call: FakeCall, fault: Fault) -> None:
        """A fault in the middle of a stream."""
        if fault.kind == "close":
            exchange.hang_up()
        elif fault.kind == "hang":
            exchange.wait_for_either_end(self._listener.woken)
        else:
            broken = [ServerEvent('{"this is no JSON', "message")]
            events = (
                broken
                if fault.kind in ("garbage", "content_type")
                else self.write_stream_fault(call, fault)
            )
            for event in events:
                exchange.send_chunk(event.encode(self.line_end))
            exchange.send_chunk(b"")

    def _fail(self, exchange: Exchange, call: FakeCall, fault: Fault) -> None:
        """A fault before any byte."""
        if fault.kind == "close":
            exchange.hang_up()
        elif fault.kind == "hang":
            exchange.wait_for_either_end(self._listener.woken)
        elif fault.kind == "garbage":
            exchange.send_answer(Answer(200, '{"this is no JSON'))
        elif fault.kind == "content_type":
            exchange.send_answer(Answer(200, _HTML, {"Content-Type": "text/html"}))
        else:
            exchange.send_answer(self.write_fault(call, fault))


def _padded(spelled: Answer | list[ServerEvent]) -> Answer | list[ServerEvent]:
    """The same answer behind megabytes of white space, which JSON allows."""
    if isinstance(spelled, Answer):
        return Answer(spelled.status, b" " * _HUGE + spelled.payload, spelled.headers)
    first, *rest = spelled
    text = first.data if isinstance(first.data, str) else json.dumps(first.data)
    return [ServerEvent(" " * _HUGE + text, first.event), *rest]


def _received(exchange: Exchange) -> tuple[Received, dict[str, str], dict[str, str]]:
    headers = {name.lower(): value for name, value in exchange.headers.items()}
    path, _, given = exchange.path.partition("?")
    query = dict(parse_qsl(given, keep_blank_values=True))
    shown = {name: "[secret]" if name == "key" else value for name, value in query.items()}
    try:
        body: Any = json.loads(exchange.body)
    except (ValueError, RecursionError):
        body = exchange.body.decode("utf-8", "replace")
    received = Received(
        method=exchange.command,
        path=path + (f"?{urlencode(shown)}" if shown else ""),
        headers={name: "[secret]" if name in _KEYS else text for name, text in headers.items()},
        body=body,
        raw=exchange.body,
    )
    return received, headers, query
