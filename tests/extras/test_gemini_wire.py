"""gemini: and gemini-interactions: the bytes of an answer, whole, in pieces, broken, redirected."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest

pytest.importorskip("google.genai", reason="google-genai is not installed")

from altar.errors import BadRequestError, OverloadedError, ServerError, StreamBrokenError
from altar.llm import Attempt, Delta, Request, Response, fold
from altar_extras.gemini import GeminiProvider
from altar_extras.gemini_interactions import InteractionsProvider
from tests.waiting import PATIENCE

MODEL = "gemini-3.8-flash"
TEXT = "a\u2028b\u2029c\x85d\x0b\x0c\x1c e{}\"'\n\nevent: x 日本 🎉"
EVENTS: dict[type[GeminiProvider], list[dict[str, Any]]] = {
    GeminiProvider: [
        {"candidates": [{"content": {"parts": [{"text": TEXT[:9]}]}}]},
        {"candidates": [{"content": {"parts": [{"text": TEXT[9:]}]}}]},
        {"candidates": [{"content": {}, "finishReason": "STOP"}]},
    ],
    InteractionsProvider: [
        {"event_type": "step.start", "index": 0, "step": {"type": "model_output"}},
        {"event_type": "step.delta", "index": 0, "delta": {"type": "text", "text": TEXT[:9]}},
        {"event_type": "step.delta", "index": 0, "delta": {"type": "text", "text": TEXT[9:]}},
        {"event_type": "step.stop", "index": 0},
        {"event_type": "interaction.completed", "interaction": {"status": "completed"}},
    ],
}
BOTH = pytest.mark.parametrize("kind", list(EVENTS))


class Server:
    """Answers each request with the same bytes, and knows when the client hung up."""

    def __init__(self, head: str, *pieces: bytes, ends: bool = True) -> None:
        self.head, self.pieces, self.ends = head, pieces, ends
        self.count = 0
        self.left = asyncio.Event()
        self.url = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            size = 0
            while line.strip():
                name, _, value = line.decode().partition(":")
                size = int(value) if name.lower() == "content-length" else size
                line = await reader.readline()  # noqa: PLW2901 - the lines of one head
            await reader.readexactly(size)
            self.count += 1
            writer.write(f"HTTP/1.1 {self.head}\r\n\r\n".encode())
            for piece in self.pieces:
                writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                await writer.drain()
            if self.ends:
                writer.write(b"0\r\n\r\n")
            elif await reader.read(1) == b"":
                break
        self.left.set()
        writer.close()


@asynccontextmanager
async def serving(head: str, *pieces: bytes, ends: bool = True) -> AsyncIterator[Server]:
    server = Server(f"{head}\r\nTransfer-Encoding: chunked", *pieces, ends=ends)
    listening = await asyncio.start_server(server.answer, "127.0.0.1", 0)
    server.url = "http://127.0.0.1:%d" % listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()


def sse(kind: type[GeminiProvider]) -> str:
    """The events as the server writes them."""
    return "".join(f"data: {json.dumps(one, ensure_ascii=False)}\n\n" for one in EVENTS[kind])


def streamed(
    kind: type[GeminiProvider], request: Request, attempt: Attempt, *pieces: bytes
) -> Response:
    async def main() -> Response:
        async with serving("200 OK\r\nContent-Type: text/event-stream", *pieces) as server:
            provider = kind(MODEL, key="k", url=server.url)
            try:
                return fold([one async for one in provider.astream(request, attempt)])
            finally:
                await provider.aclose()

    return asyncio.run(main())


def indented(text: str) -> str:
    """One event over many lines of data."""
    events = [json.loads(one.removeprefix("data: ")) for one in text.split("\n\n")[:-1]]
    lines = [json.dumps(one, indent=1).replace("\n", "\ndata: ") for one in events]
    return "".join(f"data: {one}\n\n" for one in lines)


FORMS: list[Callable[[str], str]] = [
    lambda text: text,
    lambda text: text.replace("\n", "\r\n"),
    lambda text: text.replace("\n", "\r"),
    lambda text: text.replace("data: ", "data:"),
    lambda text: ": hello\n\n" + text.replace("\n\n", "\n\n: still there\n\n"),
    lambda text: text.replace("data: ", "event: message\nid: 1\nretry: 3\ndata: "),
    lambda text: "\ufeff" + text,
    indented,
]


@BOTH
@pytest.mark.parametrize("form", FORMS)
def test_events_are_read_in_every_form_that_they_may_have(kind, form, ask, attempt):
    """Line ends, comments, other fields, a mark of the byte order, many lines; in any pieces."""
    raw = form(sse(kind)).encode()
    for size in (len(raw), 1):
        pieces = [raw[at : at + size] for at in range(0, len(raw), size)]
        assert streamed(kind, ask("?"), attempt, *pieces).message.text == TEXT


@BOTH
@pytest.mark.parametrize("junk", ["null", "3", "[]", "{oops"])
def test_an_event_that_is_no_object_is_a_broken_stream(kind, junk, ask, attempt):
    """It is the server's fault, so the request counts as sent and may be asked again."""
    text = f"data: {junk}\n\n{sse(kind)}"
    with pytest.raises(StreamBrokenError) as caught:
        streamed(kind, ask("?"), attempt, text.encode())
    assert caught.value.sent
    assert str(caught.value).startswith(f"{kind.name}: ")


def broken_off(
    kind: type[GeminiProvider], request: Request, attempt: Attempt, text: str
) -> Response:
    """What comes of a stream whose connection breaks in the midst of the next chunk."""

    async def main() -> Response:
        raw = text.encode()
        head = "200 OK\r\nContent-Type: text/event-stream\r\nConnection: close"

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked = await reader.readuntil(b"\r\n\r\n")
            size = re.search(rb"(?i)content-length: *(\d+)", asked)
            await reader.readexactly(
                int(size[1]) if size else 0
            )  # what is unread would reset the connection
            start = f"HTTP/1.1 {head}\r\nTransfer-Encoding: chunked\r\n\r\n"
            writer.write(start.encode() + b"%x\r\n%s\r\n" % (len(raw), raw))
            await writer.drain()
            writer.close()

        listening = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        provider = kind(MODEL, key="k", url=f"http://127.0.0.1:{port}")
        try:
            return fold([one async for one in provider.astream(request, attempt)])
        finally:
            await provider.aclose()
            listening.close()

    return asyncio.run(main())


@BOTH
def test_an_answer_is_kept_when_the_connection_breaks_behind_it(kind, ask, attempt):
    """All of it came; before its last event it is a broken stream."""
    assert broken_off(kind, ask("?"), attempt, sse(kind)).message.text == TEXT
    cut = sse(kind).rpartition("data: ")[0]
    with pytest.raises(StreamBrokenError):
        broken_off(kind, ask("?"), attempt, cut)


@BOTH
def test_a_stream_that_is_left_closes_its_connection(kind, ask, attempt):
    """The server learns at once that nobody listens, and asyncio has nothing to complain of."""
    said: list[dict[str, Any]] = []

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, what: said.append(what))
        first = sse(kind).split("\n\n")[:3]
        piece = "".join(f"{one}\n\n" for one in first[: len(EVENTS[kind]) - 2]).encode()
        head = "200 OK\r\nContent-Type: text/event-stream"
        async with serving(head, piece, ends=False) as server:
            provider = kind(MODEL, key="k", url=server.url)
            async with aclosing(provider.astream(ask("?"), attempt)) as events:
                async for one in events:
                    if isinstance(one, Delta):
                        break
            await asyncio.wait_for(server.left.wait(), PATIENCE)
            await provider.aclose()

    asyncio.run(main())
    assert said == []


def refused(
    kind: type[GeminiProvider], form: str, request: Request, attempt: Attempt, head: str, text: str
) -> tuple[BaseException, int]:
    """What a call raises where the server says ``text``, and how many requests it took."""

    async def main() -> tuple[BaseException, int]:
        async with serving(head, *([text.encode()] if text else [])) as server:
            provider = kind(MODEL, key="k", url=server.url)
            try:
                if form == "complete":
                    await provider.acomplete(request, attempt)
                else:
                    async for _ in provider.astream(request, attempt):
                        pass
            except Exception as error:  # noqa: BLE001 - it is what is looked at
                return error, server.count
            finally:
                await provider.aclose()
        raise AssertionError("nothing was raised")

    return asyncio.run(main())


PAGE = "<html><head><title>502 Bad Gateway</title></head>" + "<p>nginx</p>" * 50
OVERLOADED = json.dumps({"error": {"code": 503, "status": "UNAVAILABLE", "message": "busy"}})


@BOTH
@pytest.mark.parametrize("form", ["complete", "stream"])
@pytest.mark.parametrize(
    ("head", "text", "error", "words"),
    [
        ("307 X\r\nLocation: http://127.0.0.1:9/x?key=1", "", BadRequestError, "another address"),
        ("302 X", "", BadRequestError, "another address"),
        ("200 OK\r\nContent-Type: application/json", OVERLOADED, OverloadedError, "busy"),
        ("200 OK\r\nContent-Type: application/json", "{}", StreamBrokenError, "the "),
        ("200 OK\r\nContent-Type: application/json", "[]", StreamBrokenError, "JSON object"),
        ("200 OK\r\nContent-Type: text/html", PAGE, StreamBrokenError, "no JSON"),
        ("502 X\r\nContent-Type: text/html", PAGE, ServerError, "502 Bad Gateway"),
        ("500 X", "", ServerError, "gave no reason"),
        (
            "400 X\r\nContent-Type: application/json",
            '{"error": null}',
            BadRequestError,
            "gave no reason",
        ),
    ],
)
def test_what_is_no_answer_is_told_in_a_line(kind, form, head, text, error, words, ask, attempt):
    """One request, one of altar's errors, under the provider's own name, without the page."""
    found, count = refused(kind, form, ask("?"), attempt, head, text)
    assert (type(found), count) == (error, 1)
    assert str(found).startswith(f"{kind.name}: ")
    assert words in str(found)
    assert len(str(found)) < 250
    assert "nginx" not in str(found)
    assert "key=1" not in str(found)
