"""Importer: foreign tools, with names and schemas of any kind, as tools of altar's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from altar.adm import adopt
from altar.errors import DeclarationError, InvalidDataError
from altar.later import SchemaTool

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar.later import ToolOptions

__all__ = ["Importer", "Refused"]

_MAX_SHOWN = 100
FOREIGN_NAME = "x_foreign_name"


class Refused(NamedTuple):
    """A foreign tool that altar cannot carry: its own name, and why."""

    name: str
    reason: str


class Importer:
    """Takes foreign tools in, one ``add`` each; ``tools()`` is what came of it.

    ``source`` says whose they are, for messages: "LangChain", "the MCP server
    'files'". A name that altar does not allow becomes the nearest legal one,
    never that of another tool; the declaration keeps the foreign name as
    ``x_foreign_name``. ``refused`` lists what could not be taken in.
    """

    __slots__ = ("_made", "_seen", "_source", "refused")

    def __init__(self, source: str) -> None:
        self._source = source
        self._made: dict[str, SchemaTool] = {}
        self._seen: set[str] = set()
        self.refused: list[Refused] = []

    def add(
        self,
        name: str,
        call: Callable[..., Any],
        *,
        description: str = "",
        parameters: Mapping[str, Any] | None = None,
        returns: Mapping[str, Any] | None = None,
        options: ToolOptions | None = None,
        extensions: Mapping[str, Any] | None = None,
    ) -> SchemaTool | None:
        """The tool, or None where it was refused.

        ``call`` takes the checked arguments as a dict and the
        :class:`altar.Context` of the call; it may be async, and a generator.
        ``parameters`` and ``returns`` are JSON Schema; a blank description
        becomes the name in words. A schema that names no argument and does
        not close itself takes any.
        """
        given: Any = name  # a foreign tool may say anything
        about: Any = description
        if given.__class__ is not str or not name.strip():
            self._refuse(repr(given)[:_MAX_SHOWN], "a tool's name is a text that is not blank")
            return None
        if name in self._seen:
            self._refuse(name, "another tool there has the same name")
            return None
        document = {
            **({} if extensions is None else extensions),
            "name": name,
            "description": about if isinstance(about, str) else "",
            "parameters": _spoken(parameters),
        }
        if returns is not None:
            document["x_returns"] = returns
        try:
            declaration = adopt(document, taken=self._made).declaration
            if declaration.name != name:
                document[FOREIGN_NAME] = name
                declaration = adopt(document, taken=self._made).declaration
        except InvalidDataError as error:
            self._refuse(name, "; ".join(map(str, error.problems[:8])))
            return None
        tool = SchemaTool(declaration, call, options=options, takes_context=True)
        tool.source = self._source
        self._seen.add(name)
        self._made[declaration.name] = tool
        return tool

    def tools(self) -> list[SchemaTool]:
        """Every tool, in order. Raises DeclarationError where one was refused, with all reasons."""
        if self.refused:
            problems = [f"{name}: {reason}" for name, reason in self.refused]
            raise DeclarationError(f"tools of {self._source}", problems)
        return list(self._made.values())

    def accepted(self) -> list[SchemaTool]:
        """The tools that could be taken in, in order, whatever was refused."""
        return list(self._made.values())

    def _refuse(self, name: str, reason: str) -> None:
        self.refused.append(Refused(name, reason))


def _spoken(parameters: Any) -> Any:
    """The schema with what its silence means: one that names no argument knows nothing of them."""
    if parameters is None:
        return {"type": "object", "additionalProperties": True}
    if not isinstance(parameters, Mapping) or parameters.keys() - {"type", "title", "description"}:
        return parameters
    return {**parameters, "additionalProperties": True}
