"""ReplayServer: recorded HTTP exchanges, played to any vendor's library by its base address."""

from __future__ import annotations

from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Self

from altar.errors import CassetteError
from altar.testing._fake_http import Answer, Exchange, Listener
from altar.testing._redaction import Secrets
from altar.testing._wire_file import (
    WireExchange,
    read_wire,
    request_of,
    response_bytes,
    wire_difference,
)

if TYPE_CHECKING:
    import os

__all__ = ["ReplayServer"]

_MISS = 501  # no vendor's library takes it for an answer, or for a fault that passes


class ReplayServer:
    """Plays the exchanges that a :class:`RecordingProxy` recorded, on the loopback interface.

    Give ``url`` to a vendor's library as its base address; any key will do.
    The next recorded request must come next: the same method, path and query,
    and the same JSON (names in camelCase or snake_case, binary data in either
    alphabet of base64, and random ids do not count, nor do headers). With
    ``ordered=False`` requests may come in any order, equal ones in theirs.

    A request that was not recorded is answered with status 501 and the first
    difference; leaving the ``with`` block then raises CassetteError, as it
    does when exchanges are left. ``finished()`` does the same at any time.
    """

    def __init__(self, path: str | os.PathLike[str], *, ordered: bool = True) -> None:
        self.path = Path(path)
        self._ordered = ordered
        self._lock = Lock()
        self._exchanges = read_wire(self.path)
        self._misses: list[str] = []
        self._secrets = Secrets()
        self._listener = Listener(self._answer)

    @property
    def url(self) -> str:
        """Where it listens: ``http://127.0.0.1:<port>``, without a path."""
        return f"http://127.0.0.1:{self._listener.port}"

    def finished(self) -> None:
        """Raise CassetteError for a request that was not recorded, or for exchanges left."""
        with self._lock:
            if self._misses:
                raise CassetteError(self._misses[0], path=str(self.path))
            left = [at for at, one in enumerate(self._exchanges, 1) if not one.played]
        if left:
            first = self._exchanges[left[0] - 1].request
            raise CassetteError(
                f"{self.path} was not played to its end: {len(left)} of {len(self._exchanges)} "
                f"exchanges are left, the first is number {left[0]}, {first['method']} "
                f"{first['path']}",
                path=str(self.path),
            )

    def close(self) -> None:
        """Stop, and drop every connection. Safe to call twice."""
        self._listener.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self.close()
        if error is None:
            self.finished()
        elif self._misses and isinstance(error, Exception):
            # what the library made of the miss says less than the miss
            raise CassetteError(self._misses[0], path=str(self.path)) from error

    def _answer(self, exchange: Exchange) -> None:
        headers = {name.lower(): value for name, value in exchange.headers.items()}
        came = request_of(exchange.command, exchange.path, headers, exchange.body, self._secrets)
        with self._lock:
            found, words = self._find(came)
            if found is None:
                self._misses.append(words)
            else:
                found.played = True
        if found is None:
            error = {"message": words, "type": "altar_replay_miss", "code": "altar_replay_miss"}
            exchange.send_answer(Answer(_MISS, {"error": error}, {"x-should-retry": "false"}))
        else:
            _play(exchange, found.response)

    def _find(self, came: dict[str, Any]) -> tuple[WireExchange | None, str]:
        """The exchange that answers ``came``; without one, what is said to that."""
        left = [(at, one) for at, one in enumerate(self._exchanges, 1) if not one.played]
        asked = f"{came['method']} {came['path']}"
        if not left:
            return None, (
                f"{self.path}: all of its {len(self._exchanges)} exchanges were played, and one "
                f"more was asked for: {asked}. If it is meant to be, record again."
            )
        for _, one in left[:1] if self._ordered else left:
            if wire_difference(one.request, came) is None:
                return one, ""
        at, nearest = left[0]
        where, recorded, got = wire_difference(nearest.request, came) or ("", "", "")
        next_one = "the next" if self._ordered else "the first that is left"
        return None, (
            f"{self.path}: {asked} is not what was recorded. {next_one.capitalize()} is exchange "
            f"{at}; they differ first at {where}\n  recorded: {recorded}\n  asked now: {got}\n"
            "If the program is meant to ask this now, record again."
        )


def _play(exchange: Exchange, response: dict[str, Any]) -> None:
    """Send what was recorded; an event stream event by event, and as far as it had come."""
    headers = dict(response.get("headers", {}))
    whole = response_bytes(response)
    if "lines" not in response:
        exchange.send_answer(
            Answer(response["status"], whole, headers), share=0.5 if response.get("cut") else 1.0
        )
        return
    headers.pop("content-type", None)
    exchange.begin_events(headers)
    blank = response.get("line_end", "\n").encode() * 2
    for piece in whole.split(blank)[:-1]:
        exchange.send_chunk(piece + blank)
    rest = whole.rpartition(blank)[2]
    if rest:
        exchange.send_chunk(rest)
    if response.get("cut"):
        exchange.hang_up()
    else:
        exchange.send_chunk(b"")
