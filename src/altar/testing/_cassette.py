"""Cassettes: a model's answers recorded once and replayed without a model, a key or a network."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from altar import config, plugins
from altar.errors import CassetteError, ConfigurationError
from altar.llm import Provider
from altar.testing._cassette_file import read, write
from altar.testing._cassette_play import AGAIN, Player
from altar.testing._cassette_record import Form, Recorder
from altar.testing._redaction import Secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

__all__ = ["Cassette", "CassetteMode", "cassette"]

CassetteMode: TypeAlias = Literal["auto", "record", "replay"]


def cassette(
    path: str | os.PathLike[str],
    model: str | Provider | None = None,
    *,
    mode: CassetteMode = "auto",
    secrets: Iterable[str] = (),
    prepare: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
) -> Cassette:
    """A model that records its answers into ``path``, and afterwards replays them from there.

    Use it in a ``with`` (or ``async with``) block; what the block is given
    goes where a model does::

        with cassette("weather.jsonl", "gemini:gemini-3.8-flash") as model:
            reply = altar.generate("Weather in Oslo?", model=model, tools=[get_weather])

    ``mode="auto"`` replays when the file exists and records when it does not,
    or when ALTAR_RECORD=1 is set; "record" and "replay" do as they say.
    Replaying loads no provider and imports no vendor's library. ``model`` is
    as for ``generate``; None is the configured one.

    A replay is strict: each request must be the recorded one, and the requests
    of a conversation come in the recorded order; conversations may run in any
    order, or at once. CassetteError shows the first difference. Answers that
    nobody asked for raise it when the block ends. A block that raises leaves
    the file as it was.

    Keys and other secrets are not written: values of variables such as
    GEMINI_API_KEY, headers in settings, whatever looks like a key, and the
    texts in ``secrets``. ``prepare`` is given each request as the JSON that is
    recorded, and returns it without what changes from run to run (today's
    date in a prompt); it must do the same when the cassette is replayed.
    """
    return Cassette(path, model, mode=mode, secrets=secrets, prepare=prepare)


class Cassette:
    """A recording that is being made or replayed; see :func:`cassette`."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        model: str | Provider | None = None,
        *,
        mode: CassetteMode = "auto",
        secrets: Iterable[str] = (),
        prepare: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
    ) -> None:
        if mode not in {"auto", "record", "replay"}:
            raise ConfigurationError(
                f"cassette(mode={mode!r}): allowed are 'auto', 'record' and 'replay'"
            )
        if isinstance(secrets, str):
            raise ConfigurationError("cassette(secrets=...) takes a list of texts: secrets=[key]")
        self.path = Path(path)
        self.mode = mode
        self._model = model
        self._named = tuple(secrets)
        self._prepare = prepare
        self._running: Recorder | Player | None = None
        self._loaded: Provider | None = None

    @property
    def recording(self) -> bool:
        """Whether it records, now or when its block begins."""
        if self._running is not None:
            return isinstance(self._running, Recorder)
        if self.mode != "auto":
            return self.mode == "record"
        wanted = os.environ.get("ALTAR_RECORD", "").strip().lower()
        return wanted not in {"", "0", "false", "no"} or not self.path.exists()

    def __enter__(self) -> Provider:
        if self._running is not None:
            raise ConfigurationError("a cassette's block is entered once; make another cassette")
        if self.path.is_dir():
            raise ConfigurationError(
                f"{self.path} is a directory. Type the name of a file in it: "
                f"cassette({str(self.path / 'name.jsonl')!r})"
            )
        form = Form(Secrets(self._named), self._prepare)
        self._running = self._record(form) if self.recording else self._replay(form)
        return self._running

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._end(error)
        finally:
            loaded, self._loaded = self._loaded, None
            if loaded is not None:
                loaded.close()

    async def __aenter__(self) -> Provider:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._end(error)
        finally:
            loaded, self._loaded = self._loaded, None
            if loaded is not None:
                await loaded.aclose()

    def _record(self, form: Form) -> Recorder:
        model = config.settings().model if self._model is None else self._model
        if model is None:
            raise CassetteError(
                f"{self.path} cannot be recorded: no model was given. Type "
                f"cassette({str(self.path)!r}, 'prefix:name'), or set ALTAR_MODEL.",
                path=str(self.path),
            )
        if isinstance(model, str):
            inner: Provider = plugins.load_provider(model)
            self._loaded = inner
            return Recorder(inner, form, model)
        if isinstance(model, type) or not isinstance(model, Provider):
            raise ConfigurationError(
                f"cassette(model={model!r:.60}): a model's name, or a Provider object"
            )
        return Recorder(model, form, f"{model.name}:{model.model}")

    def _replay(self, form: Form) -> Player:
        if not self.path.exists():
            raise CassetteError(
                f"there is no recording {self.path}. To make it, type ALTAR_RECORD=1 before the "
                "command; the model's key must be set then.",
                path=str(self.path),
            )
        header, exchanges = read(self.path)
        asked = self._model
        if isinstance(asked, str) and header.model is not None and asked != header.model:
            raise CassetteError(
                f"{self.path} holds answers of {header.model!r}, and {asked!r} is asked for. "
                f"{AGAIN}",
                path=str(self.path),
            )
        return Player(self.path, header, exchanges, form)

    def _end(self, error: BaseException | None) -> None:
        running = self._running
        if isinstance(running, Player):
            if error is None:
                running.finished()
        elif running is not None and error is None:
            exchanges = running.exchanges()
            if exchanges or self.path.exists():
                write(self.path, running.header(), exchanges)
        elif running is not None:
            error.add_note(f"the recording {self.path} was not written: its block raised")  # type: ignore[union-attr]
