"""A worker that speaks the wire and breaks its rules, one way for each tool's name."""

from __future__ import annotations

import os
import socket
import sys
import time

from altar.isolate import _wire as wire


def main(fd: int) -> None:
    if os.environ.get("RUDE_WORKER") == "stillborn":
        print("cannot begin: no licence", file=sys.stderr, flush=True)
        os._exit(9)
    line = socket.socket(fileno=fd)
    read(line)
    if os.environ.get("RUDE_WORKER") == "silent":
        while True:
            time.sleep(0.05)
    line.sendall(wire.encode(wire.READY, {"pid": os.getpid()}))
    while True:
        kind, doc = read(line)
        if kind == wire.CALL:
            line.sendall(WAYS[doc["name"]](doc))


def read(line: socket.socket) -> tuple[int, dict]:
    head = take(line, wire.HEADER.size)
    length, kind = wire.HEADER.unpack(head)
    return kind, wire.decode(take(line, length))


def take(line: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = line.recv(count - len(data))
        if not more:
            os._exit(0)
        data += more
    return data


def answer(doc: dict, **fields) -> dict:
    result = {"status": "SUCCESS", "content": doc["args"]}
    return {"id": doc["id"], "pid": os.getpid(), "result": result} | fields


def as_result(body: dict) -> bytes:
    return wire.encode(wire.RESULT, body)


def retirement(**fields) -> bytes:
    return wire.encode(wire.RETIRED, {"pid": os.getpid()} | fields)


def stretched(data: bytes) -> bytes:
    """Announced as longer than it may be."""
    return wire.HEADER.pack(wire.HARD_LIMIT + 1, wire.RESULT) + data


WAYS = {
    "polite": lambda doc: as_result(answer(doc)),
    "other_name": lambda doc: as_result(
        answer(doc, result={"status": "SUCCESS", "content": 1, "name": "root", "call_id": "mine"})
    ),
    "wrong_id": lambda doc: as_result(answer(doc, id=doc["id"] + 1)),
    "no_id": lambda doc: as_result({"result": {"status": "SUCCESS", "content": 1}}),
    "wrong_pid": lambda doc: as_result(answer(doc, pid=1)),
    "no_json": lambda doc: wire.frame(wire.RESULT, b"{]"),
    "no_object": lambda doc: wire.frame(wire.RESULT, b"[1]"),
    "no_utf8": lambda doc: wire.frame(wire.RESULT, b'{"id": "\xff"}'),
    "deep": lambda doc: wire.frame(wire.RESULT, b'{"a":' + b"[" * 100_000),
    "no_result": lambda doc: as_result(answer(doc, result=None)),
    "half_result": lambda doc: as_result(answer(doc, result={"content": 1, "error": {}})),
    "nan": lambda doc: wire.frame(
        wire.RESULT,
        b'{"id":%d,"pid":%d,"result":{"status":"SUCCESS","content":NaN}}'
        % (doc["id"], os.getpid()),
    ),
    "unknown_kind": lambda doc: wire.encode(99, answer(doc)),
    "parents_kind": lambda doc: wire.encode(wire.CALL, answer(doc)),
    "ready_again": lambda doc: wire.encode(wire.READY, {"id": doc["id"], "pid": os.getpid()}),
    "twice": lambda doc: as_result(answer(doc)) * 2,
    "endless": lambda doc: stretched(b"{"),
    "bad_chunk": lambda doc: wire.frame(wire.CHUNK, b'{"id":%d,"chunk":1e999}' % doc["id"]),
    "chunks": lambda doc: (
        b"".join(wire.encode(wire.CHUNK, {"id": doc["id"], "chunk": at}) for at in range(100))
        + as_result(answer(doc))
    ),
    "odd_spans": lambda doc: as_result(answer(doc, spans=7)),
    "retires": lambda doc: as_result(answer(doc)) + retirement(changed={"a": 1}),
    "retires_slowly": lambda doc: as_result(answer(doc)) + retirement()[:3],
    "refuses_in_the_middle": lambda doc: (
        wire.encode(wire.CHUNK, {"id": doc["id"], "chunk": 1}) + retirement()
    ),
    "late_word": lambda doc: as_result(answer(doc, id=doc["id"] - 1)) + as_result(answer(doc)),
    "retired_before": lambda doc: retirement(),
}
