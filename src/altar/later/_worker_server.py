"""The loop of a worker: a CALL in, chunks and one answer out."""

from __future__ import annotations

import faulthandler
import os
import resource
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from altar.adm._json import MAX_DEPTH, json_problems
from altar.isolate import _wire as wire
from altar.later._failure import exhausted, unserialisable
from altar.later._worker_calls import Calls, RefusedError
from altar.later._worker_children import end_children
from altar.later._worker_line import LineLostError
from altar.later._worker_state import State
from altar.later._worker_watch import Watch
from altar.later.hints._dump import DumpError
from altar.runtime import Cancellation

if TYPE_CHECKING:
    from altar.later._worker_line import Line

__all__ = ["Server"]

_MB = 1024 * 1024
_ROOM = 256 * _MB  # beside the tool's memory: the interpreter, its modules, the stacks of threads
_LOST = 70  # exit code: the line to the parent is gone


class Server:
    """Serves one parent until it closes the line."""

    def __init__(self, line: Line, *, main: str | None, memory_mb: int | None) -> None:
        self._line = line
        self._pid = os.getpid()
        self._calls = Calls(main, self._chunk)
        self._flag: Cancellation | None = None
        self._current = 0
        self._max_bytes = wire.HARD_LIMIT
        self._pool_memory = memory_mb
        self._memory: int | None = None
        self._watch = Watch(line, self._told, _end)
        self._state = State()
        self._loaded: set[str] = set()  # the targets whose import the parent was told of
        self._early: list[tuple[int, bytes]] = []
        with suppress(OSError, ValueError):
            faulthandler.enable(2)  # what a crash prints is kept by the parent

    def serve(self) -> int:
        """Answer calls until the parent ends the conversation, or a tool changed this process;
        the exit code.
        """
        line = self._line
        while True:
            with line.reading:
                frame = self._early.pop() if self._early else line.receive()
            if frame is None or frame[0] == wire.BYE:
                return 0
            if frame[0] == wire.LOAD:
                self._load(wire.decode(frame[1])["targets"])
            elif frame[0] == wire.CALL and not self._answer(wire.decode(frame[1])):
                return wire.RETIRED_CODE

    def _load(self, targets: list[dict[str, Any]]) -> None:
        """Import what may be called; what cannot be is told when it is."""
        self._watch.begin(targets)  # a module that never ends its import hears the parent's end
        try:
            self._limit(self._pool_memory)
            for doc in targets:
                with suppress(RefusedError):
                    self._calls.tool(doc)
        finally:
            self._watch.end()
        self._leave_if_forked()
        self._state = State()

    def _answer(self, doc: dict[str, Any]) -> bool:
        """Carry a call out; False when this process is not fit for another."""
        number = self._current = doc["id"]
        self._max_bytes = doc["max_bytes"]
        flag = self._flag = Cancellation()
        self._watch.begin(flag)
        try:
            doc["memory_mb"] = doc.get("memory_mb") or self._pool_memory
            self._limit(doc["memory_mb"])
            tool, is_new = self._calls.tool(doc)
            if is_new:
                self._state = State()  # what a module does on import is its own affair
            path = doc["target"]
            if path not in self._loaded:
                self._loaded.add(path)
                self._write(wire.encode(wire.LOADED, {"id": number}))
            body = self._calls.run(tool, doc, flag)
        except RefusedError as error:
            body = {"why": str(error)}
        finally:
            self._watch.end()  # before the answer: what comes after it is not the watch's to read
            self._flag = None
        self._leave_if_forked()
        body |= {"id": number, "pid": self._pid}
        if "why" in body:
            self._write(wire.encode(wire.REFUSED, body))
            return True
        self._send_result(body, doc)
        # after the answer: nobody waits for this
        changed = [] if doc.get("kept") is True else self._changes()
        if changed:
            self._write(wire.encode(wire.RETIRED, {"pid": self._pid, "changed": changed}))
        return not changed

    def _changes(self) -> list[str]:
        changed = self._state.changes()
        return [*changed, "tasks"] if self._calls.restless else changed

    def _limit(self, megabytes: int | None) -> None:
        """Bound this process's data; the parent, which watches what is resident, is stricter."""
        if megabytes == self._memory:
            return
        self._memory = megabytes
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        soft = resource.RLIM_INFINITY if megabytes is None else megabytes * _MB + _ROOM
        if hard != resource.RLIM_INFINITY:
            soft = hard if soft == resource.RLIM_INFINITY else min(soft, hard)
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))

    def _send_result(self, body: dict[str, Any], doc: dict[str, Any]) -> None:
        text = wire.to_json(body)
        refused = None
        if len(text) > self._max_bytes:
            why = f"The result of {doc['name']!r} is larger than {self._max_bytes:,} bytes."
            refused = exhausted(doc["name"], doc["call_id"], why)
        elif _is_deep(text, body["result"].get("content")):
            flat = DumpError("it nests too deeply: return a flatter value")
            refused = unserialisable(doc["name"], doc["call_id"], str(flat), None, flat)
        if refused is not None:
            body["result"] = refused.to_dict()
            body.pop("spans", None)
            text = wire.to_json(body)
        self._write(wire.frame(wire.RESULT, text.encode("ascii")))

    def _chunk(self, number: int, chunk: Any) -> None:
        if number == self._current and os.getpid() == self._pid:
            text = wire.to_json({"id": number, "chunk": chunk})
            if len(text) <= self._max_bytes and not _is_deep(text, chunk):
                self._write(wire.frame(wire.CHUNK, text.encode("ascii")))

    def _write(self, frame: bytes) -> None:
        try:
            self._line.send(frame)
        except LineLostError:
            with suppress(OSError):
                os.write(2, b"altar: the tool closed or replaced its worker's own descriptors\n")
            os._exit(_LOST)  # not raised: a tool that catches everything would go on

    def _told(self, kind: int, body: bytes) -> None:
        """A frame that came while a call runs; in the watch's thread."""
        if kind == wire.BYE:
            _end()
        if kind == wire.CALL:  # something answered for this call, or it came during a LOAD
            self._early.append((kind, body))
        if kind == wire.CANCEL:
            doc = wire.decode(body)
            flag = self._flag
            if flag is not None and doc.get("id") == self._current:
                flag.cancel(str(doc.get("reason") or "cancelled by the application"))

    def _leave_if_forked(self) -> None:
        """A child that a tool forked, and that came back here, has nobody to answer."""
        if os.getpid() != self._pid:
            sys.stdout.flush()
            os._exit(0)


def _is_deep(text: str, value: Any) -> bool:
    """Whether JSON nests deeper than the parent takes; its text says quickly that it does not."""
    return text.count("[") + text.count("{") > MAX_DEPTH and bool(
        json_problems(value, any_integer=True)
    )


def _end() -> None:
    """The parent is gone, whatever the tool does."""
    end_children()
    os._exit(0)
