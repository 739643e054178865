"""Seats: every adapter in one form, so that one suite asks all of them the same.

An adapter's own seat is in ``seat_<name>.py`` beside this file: a module with
``SEATS``, a list of :class:`Seat` objects. One whose library is missing is
skipped by its name.
"""

from __future__ import annotations

import importlib
import json
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol

import altar
from altar.bridge import Importer

__all__ = ["Absent", "Bridge", "Outcome", "Plain", "Seat", "all_seats", "as_tool_error"]


@dataclass(frozen=True)
class Outcome:
    """What a framework made of one call: the content, or the error a model reads."""

    ok: bool
    content: Any = None
    error_type: str | None = None
    error_message: str | None = None
    error: Mapping[str, Any] = field(default_factory=dict)  # all that was said of it

    @classmethod
    def of(cls, result: altar.ToolResult) -> Outcome:
        """A result of altar's, as a model would see it."""
        if result.error is None:
            return cls(ok=True, content=result.content)
        return cls.failed({"error": result.error.to_dict()})

    @classmethod
    def failed(cls, said: Any) -> Outcome:
        """A failure told as ``model_text`` tells it: text, bytes or the object itself."""
        if isinstance(said, (str, bytes)):
            try:
                said = json.loads(said)
            except ValueError:
                return cls(ok=False, error_type="(not JSON)", error_message=str(said))
        error = said.get("error") if isinstance(said, dict) else None
        if not isinstance(error, dict):
            return cls(ok=False, error_type="(no error object)", error_message=str(said))
        return cls(False, None, error.get("type"), error.get("message"), error)

    @classmethod
    def of_text(cls, text: str) -> Outcome:
        """A result told as text, where only its form says that it is an error."""
        said = json.loads(text)
        if isinstance(said, dict) and list(said) == ["error"]:
            return cls.failed(said)
        return cls(ok=True, content=said)


class Seat(Protocol):
    """One adapter. ``export`` is called once; the rest with what it gave.

    ``falls_short`` says what cannot be carried, and why: the key is a tool's
    name or a case's id for calls, ``schema:TOOL`` or ``back-schema:TOOL`` for
    declarations, ``back:TOOL`` or ``back:CASE`` for calls of what came back. A
    key that is no longer true fails the suite as well.
    """

    name: str
    falls_short: ClassVar[Mapping[str, str]] = {}

    def export(self, session: altar.Session) -> Any:
        """What the adapter's ``export_tools(session)`` gives."""
        ...

    def schemas(self, exported: Any) -> dict[str, Any]:
        """By name, the parameter schema that the framework would send to a model."""
        ...

    def descriptions(self, exported: Any) -> dict[str, str] | None:
        """By name, what the framework says of each tool; None where it cannot be asked."""
        ...

    def call(self, exported: Any, name: str, args: dict[str, Any]) -> Outcome:
        """One call as the framework would make it for a model."""
        ...

    def back(self, exported: Any) -> list[Any]:
        """What the adapter's ``import_tools`` makes of the exported tools, for Session(tools=)."""
        ...

    def close(self) -> None:
        """Give up what ``export`` and ``back`` hold: processes, sockets, loops."""
        ...


class Plain:
    """altar itself: a session, and the same session as tools of another one."""

    name = "altar"
    falls_short: ClassVar[Mapping[str, str]] = {}

    def export(self, session: altar.Session) -> Any:
        return session

    def schemas(self, exported: Any) -> dict[str, Any]:
        declared = exported.declarations()
        return {one.name: one.to_dict("json-schema")["parameters"] for one in declared}

    def descriptions(self, exported: Any) -> dict[str, str] | None:
        return {one.name: one.description for one in exported.declarations()}

    def call(self, exported: Any, name: str, args: dict[str, Any]) -> Outcome:
        return Outcome.of(exported.execute(name, args))

    def back(self, exported: Any) -> list[Any]:
        return [exported]

    def close(self) -> None:
        pass


def as_tool_error(error: Mapping[str, Any]) -> altar.ToolError:
    """The error that a tool raises to say again what another session said."""
    waits = error.get("retry_after_ms")
    return altar.ToolError(
        error["message"],
        type=error["type"],
        retry_after=None if waits is None else waits / 1000,
        details=error.get("details"),
    )


class Bridge(Plain):
    """Nothing but altar.bridge: each tool taken in again by its declaration."""

    name = "bridge"

    def back(self, exported: Any) -> list[Any]:
        importer = Importer("another session")
        for one in exported.declarations():

            def call(args: Any, _context: Any, name: str = one.name) -> Any:
                result = exported.execute(name, args)
                if result.error is not None:
                    raise as_tool_error(result.error.to_dict())
                return result.content

            document = one.to_dict("json-schema")
            importer.add(
                one.name,
                call,
                description=one.description,
                parameters=document["parameters"],
                extensions=one.extensions,
            )
        return importer.tools()


@dataclass(frozen=True)
class Absent:
    """A seat that cannot be taken here."""

    name: str
    reason: str
    skips: bool  # False: it is broken


def all_seats() -> list[Any]:
    """Every seat there is; one that cannot be imported is an Absent."""
    seats: list[Any] = [Plain(), Bridge()]
    for path in sorted(Path(__file__).parent.glob("seat_*.py")):
        name = path.stem.removeprefix("seat_")
        try:
            seats += importlib.import_module(f"tests.adapters.{path.stem}").SEATS
        except ImportError as error:
            missing = getattr(error, "name", None) or getattr(error.__cause__, "name", None)
            is_ours = missing is None or missing.partition(".")[0] in {
                "altar",
                "altar_extras",
                "tests",
            }
            seats.append(Absent(name, f"{error}", skips=not is_ours))
        except Exception:  # noqa: BLE001 - a broken seat is told by its own tests alone
            seats.append(Absent(name, traceback.format_exc(limit=-3), skips=False))
    return seats
