"""The cassette's file: a line for the model, then a line for each exchange, in the order asked.

    {"altar-cassette": 1, "model": "...", "provider": {"name", "model", "capabilities"}}
    {"exchange": 1, "digest": "...", "request": {...}, "answer": {...}}
    {"exchange": 2, "continues": 1, "digest": "...", "request": {...}, "answer": {...}}

A request that ``continues`` another says what is new: its messages come after
those of the other (``{"answer": 1}`` stands for what was answered there), and
a field that it does not name is the other's.
"""

from __future__ import annotations

import json
import os
import re
import stat
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from altar.errors import CassetteError
from altar.testing._cassette_codec import load_said
from altar.testing._cassette_match import Digests, Numbers, as_answered

__all__ = ["VERSION", "Exchange", "Header", "read", "read_text", "write", "write_lines"]

VERSION = 1

_SEPARATORS = re.compile("[\ud800-\udfff\u0085\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Header:
    """Which model was recorded, as it was typed, and what replay must know of its provider."""

    model: str | None
    provider: dict[str, Any]


@dataclass(slots=True, eq=False)
class Exchange:
    """One request as readable JSON, its answer as JSON, and the exchange that it continues."""

    request: dict[str, Any]
    answer: dict[str, Any]
    parent: Exchange | None = None
    played: bool = False


# -- writing -----------------------------------------------------------------------------


def write(path: Path, header: Header, exchanges: list[Exchange]) -> None:
    """Write the file whole, or leave the old one: nobody reads a half."""
    numbers = {id(one): number for number, one in enumerate(exchanges, 1)}
    lines: list[Any] = [
        {"altar-cassette": VERSION, "model": header.model, "provider": header.provider}
    ]
    digests = Digests()
    earlier = _Earlier(digests)
    for number, one in enumerate(exchanges, 1):
        one.parent, taken = earlier.parent(one)
        line: dict[str, Any] = {"exchange": number}
        request = one.request
        if one.parent is not None:
            line["continues"] = numbers[id(one.parent)]
            request = _news(request, one.parent, taken, line["continues"])
        hashed = digests.request(one.request)
        lines.append({**line, "digest": hashed, "request": request, "answer": one.answer})
    write_lines(path, lines)


def write_lines(path: Path, lines: list[Any]) -> None:
    """Write JSON lines to ``path`` by way of a temporary file beside it.

    A file that was there keeps its permissions, and a link still leads to it.
    """
    text = "".join([f"{_line(one)}\n" for one in lines])
    path = Path(os.path.realpath(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o644
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise


def _line(value: Any) -> str:
    """JSON on one line for every reader of lines, and in UTF-8 whatever it holds."""
    text = json.dumps(value, ensure_ascii=False)
    return _SEPARATORS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


class _Earlier:
    """The exchanges so far, found by how a history begins: each beginning has a number."""

    def __init__(self, digests: Digests) -> None:
        self._digests = digests
        self._numbers: dict[tuple[int, str], int] = {}  # what came before, a message -> a number
        self._asked: dict[int, Exchange] = {}  # the latest that was asked this
        self._answered: dict[int, Exchange] = {}  # the latest that was asked and said this

    def parent(self, one: Exchange) -> tuple[Exchange | None, bool]:
        """The exchange that ``one`` continues, and whether its answer comes next.

        It is the one with most messages in common; among those the one that was
        answered as the history says, and then the latest: a retry continues what
        failed. Then ``one`` is among those that came before.
        """
        beginnings = [0]
        for message in one.request["messages"]:
            beginnings.append(self._after(beginnings[-1], message))
        found: tuple[Exchange | None, bool] = None, False
        for at in range(len(beginnings) - 1, 0, -1):
            asked = self._asked.get(beginnings[at])
            if asked is not None:
                more = beginnings[at + 1] if at + 1 < len(beginnings) else 0
                answered = self._answered.get(more)
                found = (answered, True) if answered is not None else (asked, False)
                break
        self._asked[beginnings[-1]] = one
        said = _said(one)
        if said is not None:
            numbered = Numbers(one.request["messages"]).numbered(said)
            self._answered[self._after(beginnings[-1], numbered)] = one
        return found

    def _after(self, beginning: int, message: dict[str, Any]) -> int:
        key = beginning, self._digests.message(message)
        return self._numbers.setdefault(key, len(self._numbers) + 1)


def _said(other: Exchange) -> dict[str, Any] | None:
    """The message an exchange was answered with, in whichever form it was recorded."""
    answer = other.answer
    if "error" in answer or answer.get("cut"):
        return None
    if "message" in answer:
        return as_answered(answer["message"])
    parts = {one["part"]: one["is"] for one in answer["events"] if "is" in one}
    out: dict[str, Any] = {"role": "assistant", "parts": [parts[at] for at in sorted(parts)]}
    start = next((one["start"] for one in answer["events"] if "start" in one), None)
    end: dict[str, Any] = next((one["end"] for one in answer["events"] if "end" in one), {})
    if end.get("origin") or start:
        out["origin"] = end.get("origin") or start
    if end.get("opaque"):
        out["opaque"] = end["opaque"]
    return as_answered(out)


def _news(request: dict[str, Any], parent: Exchange, answered: bool, number: int) -> dict[str, Any]:
    """What ``request`` says beyond the one it continues; null takes a field away."""
    known = len(parent.request["messages"])
    messages = request["messages"][known + answered :]
    out: dict[str, Any] = {"messages": [{"answer": number}, *messages] if answered else messages}
    for name in {**parent.request, **request}:
        if name != "messages" and request.get(name) != parent.request.get(name):
            out[name] = request.get(name)
    return out


# -- reading -----------------------------------------------------------------------------


def read(path: Path) -> tuple[Header, list[Exchange]]:
    """Read a cassette; raises CassetteError that names the line and what is wrong with it."""
    text = read_text(path)
    lines = [(at, line) for at, line in enumerate(text.split("\n"), 1) if line.strip()]
    if not lines:
        raise _bad(path, 1, "the file is empty")
    first = lines[0][0]
    head = _json(path, *lines[0])
    version = head.get("altar-cassette")
    if version != VERSION:
        raise _bad(path, first, f"this altar reads cassettes of version {VERSION}, not {version!r}")
    provider = head.get("provider")
    if not isinstance(provider, dict):
        raise _bad(path, first, "it does not say which provider was recorded")
    exchanges: list[Exchange] = []
    digests = Digests()
    for at, line in lines[1:]:
        doc = _json(path, at, line)
        try:
            exchanges.append(_exchange(doc, exchanges, digests))
        except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
            raise _bad(path, at, f"no exchange: {type(error).__name__}: {error}") from error
    return Header(head.get("model"), provider), exchanges


def read_text(path: Path) -> str:
    """The text of a recording; raises CassetteError for a file that is none."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        what = "it is no text" if isinstance(error, UnicodeDecodeError) else error.strerror
        raise CassetteError(
            f"{path} cannot be read as a recording: {what}. Give the path of another file, or "
            "delete this one and record it again with ALTAR_RECORD=1.",
            path=str(path),
        ) from error


def _exchange(doc: dict[str, Any], earlier: list[Exchange], digests: Digests) -> Exchange:
    number = len(earlier) + 1
    if doc["exchange"] != number:
        raise ValueError(f"it says that it is number {doc['exchange']!r}, and is number {number}")
    request = dict(doc["request"])
    parent = None
    if "continues" in doc:
        parent = earlier[_index(doc["continues"], number)]
        new = [_spelt(message, earlier, number) for message in request["messages"]]
        known = parent.request["messages"]
        request["messages"] = [*known, *map(Numbers(known).numbered, new)]
        whole = {**parent.request, **request}
        request = {name: value for name, value in whole.items() if value is not None}
    load_said(doc["answer"])  # now, with its line's number, and not in the middle of a test
    if "digest" in doc and doc["digest"] != digests.request(request):
        raise ValueError(
            "the request is not the one that was recorded. If it was edited on purpose, take its "
            '"digest" out, and those of the exchanges that continue it'
        )
    return Exchange(request, doc["answer"], parent)


def _spelt(message: dict[str, Any], earlier: list[Exchange], number: int) -> dict[str, Any]:
    if "answer" not in message:
        return message
    said = _said(earlier[_index(message["answer"], number)])
    if said is None:
        raise ValueError(f"exchange {message['answer']} has no whole answer")
    return said


def _index(value: Any, number: int) -> int:
    if not isinstance(value, int) or not 0 < value < number:
        raise ValueError(f"there is no exchange {value!r} before it")
    return value - 1


def _json(path: Path, at: int, line: str) -> dict[str, Any]:
    try:
        doc = json.loads(line)
    except ValueError as error:
        raise _bad(path, at, f"no JSON: {error}") from error
    if not isinstance(doc, dict):
        raise _bad(path, at, "no JSON object")
    return doc


def _bad(path: Path, at: int, what: str) -> CassetteError:
    return CassetteError(
        f"{path}, line {at}: {what}. Delete the file, or record it again with ALTAR_RECORD=1.",
        path=str(path),
    )
