"""The seat of pydantic: a model per tool, validated, then run."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, ClassVar

import pydantic

import altar
from altar_extras.pydantic import export_tools, import_tools
from tests.adapters.seats import Outcome

__all__ = ["SEATS"]

INVALID = "PARAMETER_VALIDATION_FAILED"


class Models:
    """Models called as a framework would: validate, then run."""

    name = "pydantic"
    falls_short: ClassVar[Mapping[str, str]] = {}

    def export(self, session: altar.Session) -> Any:
        return {model.__name__: model for model in export_tools(session)}

    def schemas(self, exported: Any) -> dict[str, Any]:
        return {name: model.model_json_schema() for name, model in exported.items()}

    def descriptions(self, exported: Any) -> dict[str, str] | None:
        return {name: model.__doc__ for name, model in exported.items()}

    def call(self, exported: Any, name: str, args: dict[str, Any]) -> Outcome:
        try:
            made = exported[name].model_validate(args)
        except pydantic.ValidationError as error:
            return refused(error)
        return Outcome.of(self.run(made))

    def run(self, made: Any) -> altar.ToolResult:
        return made.run()

    def back(self, exported: Any) -> list[Any]:
        return import_tools(list(exported.values()))

    def close(self) -> None:
        pass


class AsyncModels(Models):
    """The same without blocking an event loop."""

    name = "pydantic-async"

    def run(self, made: Any) -> altar.ToolResult:
        return asyncio.run(made.arun())


def refused(error: pydantic.ValidationError) -> Outcome:
    """pydantic lists what altar told it; the message is that list in one line."""
    lines = [f"{path(line['loc'])}: {line['msg']}" for line in error.errors()]
    head = "1 argument is wrong" if len(lines) == 1 else f"{len(lines)} arguments are wrong"
    return Outcome.failed({"error": {"type": INVALID, "message": f"{head}. {'; '.join(lines)}"}})


def path(loc: tuple[int | str, ...]) -> str:
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in loc)


SEATS = [Models(), AsyncModels()]
