"""The player: a recording, played back as strictly as it was made."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any

from altar.errors import CassetteError
from altar.llm import BaseProvider, Response, fold, unfold
from altar.testing._cassette_codec import Said, load_capabilities, load_said
from altar.testing._cassette_match import difference

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator
    from pathlib import Path

    from altar.llm import Attempt, Request, StreamEvent
    from altar.testing._cassette_file import Exchange, Header
    from altar.testing._cassette_record import Form

__all__ = ["AGAIN", "Player"]

AGAIN = (
    "If the program is meant to ask this now, record again: type ALTAR_RECORD=1 before the "
    "command, or delete the file."
)


class Player(BaseProvider):
    """Answers as recorded; what does not fit raises CassetteError."""

    def __init__(self, path: Path, header: Header, exchanges: list[Exchange], form: Form) -> None:
        about = header.provider
        self.name = str(about.get("name", "recorded"))
        self.model = str(about.get("model", ""))
        self.capabilities = load_capabilities(about.get("capabilities", {}))
        self._path = path
        self._form = form
        self._lock = Lock()
        self._exchanges = exchanges
        self._miss: CassetteError | None = None
        self._same: dict[tuple[int, int], bool] = {}  # a recorded message, one that came

    def complete(self, request: Request, attempt: Attempt) -> Response:
        said = self._play(request)
        if said.response is not None:
            return said.response
        if said.error is not None:
            raise said.error
        if said.cut:
            raise self._cut()
        return fold(said.events or ())

    async def acomplete(self, request: Request, attempt: Attempt) -> Response:
        return self.complete(request, attempt)

    def stream(self, request: Request, attempt: Attempt) -> Generator[StreamEvent, None, None]:
        said = self._play(request)
        if said.response is not None:
            yield from unfold(said.response)
        yield from said.events or ()
        if said.error is not None:
            raise said.error
        if said.cut:
            raise self._cut()

    async def astream(
        self, request: Request, attempt: Attempt
    ) -> AsyncGenerator[StreamEvent, None]:
        for event in self.stream(request, attempt):
            yield event

    def finished(self) -> None:
        """Raise CassetteError for a miss that somebody swallowed, and for what was not played."""
        if self._miss is not None:
            raise self._miss
        left = [(at, one) for at, one in enumerate(self._exchanges, 1) if not one.played]
        if left:
            at, one = left[0]
            raise CassetteError(
                f"{self._path} was not played to its end: {len(left)} of {len(self._exchanges)} "
                f"exchanges are left, the first is number {at}, which asks "
                f"{_last(one.request)}. {AGAIN}",
                path=str(self._path),
            )

    def _play(self, request: Request) -> Said:
        came = self._form.request(request)
        with self._lock:
            found = self._find(came)
            found.played = True
        return load_said(found.answer)

    def _find(self, came: dict[str, Any]) -> Exchange:
        """The first exchange that may come now and is the one asked for."""
        due = [
            (at, one)
            for at, one in enumerate(self._exchanges)
            if not one.played and (one.parent is None or one.parent.played)
        ]
        for _, one in due:
            if self._fits(one.request, came):
                return one
        near: tuple[int, int, tuple[str, str, str]] | None = None
        for at, one in due:
            differs = difference(one.request, came)
            alike = _alike(one.request["messages"], came["messages"])
            if differs is not None and (near is None or alike > near[0]):
                near = alike, at, differs
        self._miss = self._missed(came, near)
        raise self._miss

    def _fits(self, recorded: dict[str, Any], came: dict[str, Any]) -> bool:
        """Whether it is the recorded request; two messages are compared once."""
        ours, theirs = recorded["messages"], came["messages"]
        if len(ours) != len(theirs) or not all(map(self._is_same, ours, theirs)):
            return False
        return difference({**recorded, "messages": []}, {**came, "messages": []}) is None

    def _is_same(self, recorded: dict[str, Any], came: dict[str, Any]) -> bool:
        if not self._form.shares:  # an object that goes leaves its id() to another
            return difference(recorded, came) is None
        key = id(recorded), id(came)
        known = self._same.get(key)
        if known is None:
            known = self._same[key] = difference(recorded, came) is None
        return known

    def _missed(
        self, came: dict[str, Any], near: tuple[int, int, tuple[str, str, str]] | None
    ) -> CassetteError:
        if near is None:
            what = (
                f"{self._path}: all of its {len(self._exchanges)} exchanges were played, and one "
                f"more was asked for: {_last(came)}. {AGAIN}"
            )
        else:
            where, recorded, got = near[2]
            what = (
                f"{self._path}: the request is not the one that was recorded. The nearest is "
                f"exchange {near[1] + 1}; they differ first at {where}\n"
                f"  recorded: {recorded}\n  asked now: {got}\n{AGAIN} What changes from run to "
                "run (a date in a prompt) is taken out by cassette(prepare=...)."
            )
        return CassetteError(what, path=str(self._path))

    def _cut(self) -> CassetteError:
        return CassetteError(
            f"{self._path}: whoever read this answer when it was recorded stopped here, and more "
            f"is asked for now. {AGAIN}",
            path=str(self._path),
        )


def _alike(recorded: list[Any], came: list[Any]) -> int:
    """How many messages two requests have in common, from the first on."""
    count = 0
    for one, other in zip(recorded, came, strict=False):
        if difference(one, other) is not None:
            break
        count += 1
    return count


def _last(request: dict[str, Any]) -> str:
    """The last message of a request, in a few words."""
    messages = request["messages"]
    if not messages:
        return "nothing"
    texts = [str(part.get("text", part.get("name", ""))) for part in messages[-1]["parts"]]
    return repr(f"{messages[-1]['role']}: {' '.join(texts)}"[:120])
