"""A web server that streams a run as events, and ends the run when its client leaves.

python examples/web_server.py 8000                          # then open http://127.0.0.1:8000
python examples/web_server.py 8000 openai:gpt-5.5           # with a real model
python examples/web_server.py                               # a demonstration that ends by itself

Standard library only; in a framework `answer` is the body of its streaming response.
"""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import aclosing, suppress
from urllib.parse import parse_qs, urlsplit

import altar
from altar import Context, tool

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>altar</title>
<form><label>Ask <input name="q" size="60" value="Count to 3"></label> <button>Go</button></form>
<pre aria-live="polite"></pre><script>
const out = document.querySelector("pre"); let source;
document.querySelector("form").onsubmit = (event) => {
  event.preventDefault(); source?.close(); out.textContent = "";
  source = new EventSource("/run?q=" + encodeURIComponent(event.target.q.value));
  for (const kind of ["text", "tool_call", "tool_progress", "tool_result", "end"])
    source.addEventListener(kind, (message) => {
      out.textContent += kind + " " + message.data + "\\n";
      if (kind === "end") source.close();
    });
};</script>"""
HEAD = "HTTP/1.1 200 OK\r\nContent-Type: {}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
STOPPED: asyncio.Queue[str] = asyncio.Queue()


@tool
async def count(to: int, ctx: Context[None]) -> str:
    """Count to a number, slowly.

    Args:
        to: Where to stop.
    """
    try:
        for number in range(1, to + 1):
            ctx.progress(number)
            await asyncio.sleep(0.02)
    except asyncio.CancelledError:
        STOPPED.put_nowait(f"the count to {to} was stopped")
        raise
    return f"counted to {to}"


async def answer(writer: asyncio.StreamWriter, prompt: str, model: str) -> None:
    """One run, each of its events sent as it happens."""
    async with aclosing(altar.astream(prompt, model=model, tools=[count])) as events:
        async for event in events:
            fields = {"text": "", "call": None, "result": None, "value": None}
            said = {name: getattr(event, name) for name in fields if hasattr(event, name)}
            data = json.dumps(said, default=lambda noun: noun.to_dict())
            writer.write(f"event: {event.kind}\ndata: {data}\n\n".encode())
            await writer.drain()


async def serve(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, model: str = "offline:"
) -> None:
    """One connection: the page, or a run that lasts no longer than its client stays."""
    head = await reader.readuntil(b"\r\n\r\n")
    url = urlsplit(head.split()[1].decode())
    if url.path != "/run":
        writer.write(HEAD.format("text/html").encode() + PAGE.encode())
    else:
        writer.write(HEAD.format("text/event-stream").encode())
        prompt = parse_qs(url.query).get("q", ["Hello"])[0]
        running = asyncio.create_task(answer(writer, prompt, model))
        leaving = asyncio.create_task(reader.read())  # ends when the client closes
        await asyncio.wait((running, leaving), return_when=asyncio.FIRST_COMPLETED)
        for task in (running, leaving):
            task.cancel()
        with suppress(ConnectionError):
            await asyncio.gather(running, leaving, return_exceptions=True)
    writer.close()


async def visit(port: int, query: str, *, leave_early: bool) -> str:
    """Ask as a browser does; either read to the end, or go away in the middle."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET /run?q={query} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    if leave_early:
        text = await reader.readuntil(b"event: tool_progress")
    else:
        text = await reader.read()
    writer.close()
    return text.decode()


async def main() -> None:
    """Serve, or show what it does."""
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    model = sys.argv[2] if len(sys.argv) > 2 else "offline:"
    server = await asyncio.start_server(
        lambda reader, writer: serve(reader, writer, model), "127.0.0.1", port
    )
    address = server.sockets[0].getsockname()
    print(f"http://{address[0]}:{address[1]}" if port else "serving", flush=True)
    async with server:
        if port:
            await server.serve_forever()
        whole = await visit(address[1], "Count+to+3", leave_early=False)
        print([line for line in whole.splitlines() if line.startswith("event")])
        await visit(address[1], "Count+to+1000", leave_early=True)
        print(await STOPPED.get())
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:  # connections that are being closed
            await asyncio.wait(others, timeout=1)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(main())
