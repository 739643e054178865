"""Subjects: where each message of the GRID travels, and who may be meant by it."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from altar.adm import Problem
from altar.errors import InvalidDataError

__all__ = [
    "HOST_QUEUE",
    "RUNTIME_QUEUE",
    "CallAddress",
    "HostAddress",
    "Subjects",
    "decode_token",
    "encode_token",
    "is_id",
]

ROOT: Final = "grid.v1"
RUNTIME_QUEUE: Final = "rt"
HOST_QUEUE: Final = "host"

_PLAIN = re.compile(r"[a-z0-9_-]+", re.ASCII)
_ESCAPE = re.compile(r"%([0-9a-f]{2})", re.ASCII)
_ENCODED = re.compile(r"(?:[a-z0-9_-]|%[0-9a-f]{2})+", re.ASCII)
_ID = re.compile(r"[a-z0-9_-]{1,64}", re.ASCII)
_CONTROL = frozenset({"cancel", "credit", "query", "admin"})
_MAX_TOKEN = 256


class CallAddress(NamedTuple):
    """What a call's subject says: the tool, its major version, the session, and the runtime meant.

    ``runtime`` is None on the queue group's subject.
    """

    tool: str
    major: int
    session: str
    runtime: str | None


class HostAddress(NamedTuple):
    """What the subject of a request to the Hosts says: the operation and who asks."""

    op: str
    session: str


class Subjects:
    """Builds and reads the subjects of protocol version 1; all of them lower case.

    Tool names are encoded (:func:`encode_token`); sessions, runtimes and
    operations are ids, ``[a-z0-9_-]{1,64}``. "*" may stand for any of them
    where a subject is subscribed to or permitted.
    """

    @staticmethod
    def call(tool: str, major: int | str, session: str) -> str:
        """Where a call goes that any runtime may take."""
        return f"{ROOT}.call.{_token(tool)}.{major}.{_id(session)}"

    @staticmethod
    def direct(runtime: str, tool: str, major: int | str, session: str) -> str:
        """Where a call goes that one runtime shall take."""
        return f"{ROOT}.rt.{_id(runtime)}.{_token(tool)}.{major}.{_id(session)}"

    @staticmethod
    def control(runtime: str, what: str, session: str) -> str:
        """Where a session cancels, credits or asks about its calls at one runtime."""
        return f"{ROOT}.rt.{_id(runtime)}.{_id(what)}.{_id(session)}"

    @staticmethod
    def admin(runtime: str, op: str) -> str:
        """Where Hosts tell one runtime what to do."""
        return f"{ROOT}.rt.{_id(runtime)}.admin.{_id(op)}"

    @staticmethod
    def host(op: str, session: str) -> str:
        """Where a session, or a runtime by its id, asks the Hosts."""
        return f"{ROOT}.host.{_id(op)}.{_id(session)}"

    @staticmethod
    def reply(session: str, rest: str) -> str:
        """An inbox of the session's own: ``rest`` is what nobody can guess, or ">"."""
        return f"{ROOT}.re.{_id(session)}.{rest}"

    @staticmethod
    def is_reply_of(reply: str, session: str) -> bool:
        """Whether an answer sent to ``reply`` reaches this session and nobody else."""
        head = f"{ROOT}.re.{session}."
        rest = reply[len(head) :]
        return reply.startswith(head) and bool(rest) and not any(c in rest for c in "*> \r\n\t")

    @staticmethod
    def read_call(subject: str) -> CallAddress | None:
        """What the subject of a call says; None for any other subject."""
        parts = subject.split(".")
        if len(parts) == 6 and parts[2] == "call":
            tool, major, session = parts[3:]
            runtime = None
        elif len(parts) == 7 and parts[2] == "rt":
            runtime, tool, major, session = parts[3:]
        else:
            return None
        if parts[:2] != ["grid", "v1"] or not major.isdigit() or not _ENCODED.fullmatch(tool):
            return None
        return CallAddress(decode_token(tool), int(major), session, runtime)

    @staticmethod
    def read_control(subject: str) -> tuple[str, str] | None:
        """(what, session or operation) of a control subject; None for any other subject."""
        parts = subject.split(".")
        if len(parts) != 6 or parts[:3] != ["grid", "v1", "rt"] or parts[4] not in _CONTROL:
            return None
        return parts[4], parts[5]

    @staticmethod
    def read_host(subject: str) -> HostAddress | None:
        """What the subject of a request to the Hosts says; None for any other subject."""
        parts = subject.split(".")
        if len(parts) != 5 or parts[:3] != ["grid", "v1", "host"]:
            return None
        return HostAddress(parts[3], parts[4])


def is_id(text: object) -> bool:
    """Whether ``text`` may stand for a session, a runtime or an operation in a subject."""
    return isinstance(text, str) and _ID.fullmatch(text) is not None


def encode_token(name: str) -> str:
    """A name as one token of a subject: every byte outside [a-z0-9_-] is written %xx.

    Raises InvalidDataError for a name that is empty or longer than 256 bytes.
    """
    if _PLAIN.fullmatch(name) and len(name) <= _MAX_TOKEN:
        return name
    raw = name.encode("utf-8", "surrogatepass")
    if not raw or len(raw) > _MAX_TOKEN:
        expected = f"1 to {_MAX_TOKEN} bytes"
        raise InvalidDataError("a subject", [Problem("$", expected, f"{len(raw)} bytes")])
    return "".join(chr(b) if _PLAIN.fullmatch(chr(b)) else f"%{b:02x}" for b in raw)


def decode_token(token: str) -> str:
    """The name behind a token; what was never encoded so comes back as it is."""
    if "%" not in token:
        return token
    raw = b"".join(
        bytes.fromhex(part) if at % 2 else part.encode()
        for at, part in enumerate(_ESCAPE.split(token))
    )
    return raw.decode("utf-8", "replace")


def _token(name: str) -> str:
    return name if name == "*" else encode_token(name)


def _id(text: str) -> str:
    if text != "*" and not _ID.fullmatch(text):
        expected = "an id: 1 to 64 of a-z, 0-9, _ and -"
        raise InvalidDataError("a subject", [Problem("$", expected, f"{text!r:.80}")])
    return text
