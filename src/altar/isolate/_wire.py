"""The words that a pool and its worker processes exchange; encoding and decoding, no I/O.

How a worker begins. It is a fresh interpreter, ``python -c BOOT ROOT MODULE FD``
(the flags of the parent's interpreter are kept, and ``-P``): the boot code puts
ROOT, the folder that holds altar, on ``sys.path``, imports MODULE
(``altar.later._worker``) and calls its ``main(fd: int)``, which never returns but
by ``os._exit``. FD is the worker's end of a Unix stream socket, blocking, 64 or
above where the system allows. The worker makes it non-inheritable first of all.
Descriptor 0 is /dev/null; 1 and 2 are one pipe into which tools may print: the
parent keeps its last lines for the application and never shows them to a model.
The worker leads a session and a process group of its own, and its environment
holds ``ALTAR_WORKER=<mark>``, by which processes it leaves behind are found.

Frames. Four bytes, big-endian: the length of the body; one byte: the kind; the
body: a JSON object in UTF-8 (or ASCII with escapes). No body is longer than
``HARD_LIMIT``; each side ends the conversation with a peer that breaks a rule.

Parent to worker:

``HELLO`` {wire: 1, path: [sys.path], cwd: str, main: str | null (the file that is
    ``__main__`` in the parent; to be imported as ``__mp_main__``, never run as a
    program), main_name: str | null (its module name, of ``python -m name``), mark: str,
    memory_mb: int | null, parent: pid}
``CALL`` {id: int, target: "module:qualname", extra: {...} (as given to ``Target``),
    max_bytes: int, memory_mb?: int (where it is not HELLO's), name: str, call_id: str,
    args: {...}, correlation_id?: str, session?: str, seconds?: float (left),
    attempt?: int (1), approved?: true, emit?: true (somebody listens to chunks),
    traceparent?: str, kept?: true (this worker is kept for the session: what the tool
    leaves behind is the session's own)}. What is as usual is left out.
``CANCEL`` {id: int, reason: str}: stop if it can be stopped; the answer is still due.
    A worker that does not answer within 0.25 s is killed.
``LOAD`` {targets: [{name, target, extra, ...}]} (the words of a CALL): before the first CALL,
    what other workers were called for; to be imported ahead, without an answer, and
    whatever fails is left to the CALL. LOADED is still sent for the first CALL of each.
``BYE`` {}: no more calls; end at once. End of file means the same.

Worker to parent:

``READY`` {pid: int}: once, after HELLO was taken in.
``LOADED`` {id: int}: the target was imported, and the tool begins; sent where this
    worker had it imported for no call before. The time of the tool itself counts from
    here: what a module takes to be imported is not its tools'.
``CHUNK`` {id: int, chunk: any}: progress, any number of times, before the RESULT.
``RESULT`` {id: int, pid: int, result: {...}, spans?: [...]}: once for each CALL.
    ``result`` is ToolResult.to_dict() (call_id and name may be left out: the
    parent knows them). ``spans`` are objects of the trace file format.
``REFUSED`` {id: int, pid: int, why: str}: in the place of RESULT where the target cannot
    be found or imported; the tool did not run. ``why`` is a sentence for a person.
``RETIRED`` {pid: int, changed: [str]}: after a RESULT, when it was sent: the tool left
    behind what the words say ("working directory", "threads", "descriptors"). The worker
    reads nothing more and ends with the exit code ``RETIRED_CODE``; a CALL that was under
    way to it was not begun, and is another worker's.

One call at a time: the parent sends no CALL before the answer to the last one. Between
RESULT and the next CALL the worker looks at itself; no call runs in one that was changed.
``pid`` is ``os.getpid()``, read for each answer: a process that a tool forked, and that
runs on in the worker's loop, gives itself away. The worker closes the socket in
children by ``os.register_at_fork`` as well.

The worker's duties: RLIMIT_DATA from ``memory_mb`` (the parent watches resident memory;
this is the second fence, so it may be wider); to die with its parent, whatever a tool
does, by PR_SET_PDEATHSIG (the thread that starts workers lives as long as the pool) or,
where there is none, by a thread that waits for the end of file; to answer a result above
``max_bytes`` with RESOURCE_EXHAUSTED itself, because a longer frame costs its life.
"""

from __future__ import annotations

import json
import json.encoder
from struct import Struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "BYE",
    "CALL",
    "CANCEL",
    "CHUNK",
    "ENVIRONMENT_MARK",
    "HARD_LIMIT",
    "HEADER",
    "HELLO",
    "LOAD",
    "LOADED",
    "READY",
    "REFUSED",
    "RESULT",
    "RETIRED",
    "RETIRED_CODE",
    "WIRE_VERSION",
    "WireError",
    "decode",
    "encode",
    "frame",
    "to_json",
]

WIRE_VERSION = 1
HARD_LIMIT = 64 * 1024 * 1024  # bytes in the body of a frame
ENVIRONMENT_MARK = "ALTAR_WORKER"
HEADER = Struct(">IB")  # length of the body, kind

HELLO, CALL, CANCEL, BYE, LOAD = 1, 2, 3, 4, 5
READY, CHUNK, RESULT, REFUSED, LOADED, RETIRED = 17, 18, 19, 20, 21, 22
RETIRED_CODE = 75  # EX_TEMPFAIL: nothing is wrong, another will do it

_scan = json.JSONDecoder().raw_decode


class WireError(ValueError):
    """What came is no frame of this wire; the message says why, and repeats nothing of it."""


def _encoder() -> Callable[[Any], str]:
    """What writes JSON as ASCII, so that lone surrogates cross as they are, and without NaN."""
    encoder = json.JSONEncoder(allow_nan=False, separators=(",", ":"), check_circular=False)
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:  # an interpreter without it
        return encoder.encode
    # encode makes such an object for each text, which is half of what it costs
    write = make(
        None, encoder.default, json.encoder.encode_basestring_ascii, None, ":", ",",
        False, False, False,
    )  # fmt: skip
    return lambda value: "".join(write(value, 0))


to_json = _encoder()


def encode(kind: int, body: dict[str, Any]) -> bytes:
    """A whole frame.

    Raises WireError for a body that is too long, and ValueError, TypeError or
    RecursionError for one that is no JSON.
    """
    return frame(kind, to_json(body).encode("ascii"))


def frame(kind: int, body: bytes) -> bytes:
    """A whole frame around a body that is JSON already. Raises WireError where it is too long."""
    if len(body) > HARD_LIMIT:
        raise WireError(f"a frame of {len(body):,} bytes; at most {HARD_LIMIT:,} cross")
    return HEADER.pack(len(body), kind) + body


def decode(body: bytes | bytearray | memoryview) -> dict[str, Any]:
    """The object in a frame's body. Raises WireError."""
    try:
        text = str(body, "utf-8")
        value, end = _scan(text)
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError is a ValueError
        raise WireError("a frame that is no JSON") from error
    if end != len(text) or value.__class__ is not dict:
        raise WireError("a frame that is no JSON object")
    found: dict[str, Any] = value
    return found
