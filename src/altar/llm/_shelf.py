"""Shelf: tools that a model is not told of beforehand, but searches, and calls when found."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from altar.adm import FunctionCall, FunctionDeclaration, ToolConfig, ToolResult
from altar.errors import ConfigurationError, ErrorType
from altar.llm._calls import read_call, refusal
from altar.llm._checks import check_count, refuse
from altar.llm._final import free_name
from altar.llm._mender import model_name
from altar.llm._parts import ToolCall
from altar.llm._ranking import Catalogue
from altar.llm._request import Adaptation

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar.llm._provider import Provider
    from altar.llm._read import Read

    SchemaOf: TypeAlias = Callable[[str], Any]

__all__ = ["Shelf", "Shelves", "ToolSearch", "shelf_for"]

_MOST = 100
_compact = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
_ROOM = 64 * 1024  # characters that a search tells at most; a result has no more either
_SPARE = 256  # of them, for what is around the tools
_SHOWN, _NAMES = 400, 40  # characters of the description, parameters of a tool told in outline
_OUTLINE = (
    "Its parameters are too large to be told; these are the names of some. A call tells more."
)
_MORE = "{} more were found than can be told. Search in other words for them."
_NOTHING = "No tool shares a word with this query. Say in other words what the tool should do."


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSearch:
    """Tools on demand: the model is told of two tools instead of all, and searches the others.

    ``search_tools`` finds at most ``limit`` tools by their words, with what
    they take; ``call_tool`` calls one. ``always`` names tools it is told of
    all the same. With ``above`` this happens only where there are more tools
    than that. What is declared stays the same for a whole conversation.
    """

    limit: int = 5
    always: tuple[str, ...] = ()
    above: int | None = None

    def __post_init__(self) -> None:
        check_count("ToolSearch", "limit", self.limit, 1, none=False)
        if self.limit > _MOST:
            raise refuse("ToolSearch", "limit", self.limit, f"{_MOST} at most; type limit={_MOST}")
        check_count("ToolSearch", "above", self.above, 0)
        always: object = self.always
        if not isinstance(always, (tuple, list)) or not all(isinstance(x, str) for x in always):
            allowed = 'a tuple of names; type ToolSearch(always=("name",))'
            raise refuse("ToolSearch", "always", always, allowed)
        object.__setattr__(self, "always", tuple(always))


class Shelf:
    """The tools of a run, what the model is told of them, and what its two calls mean."""

    __slots__ = (
        "_always",
        "_catalogue",
        "_tools",
        "call",
        "declarations",
        "find",
        "offered",
        "search",
    )

    def __init__(self, declarations: tuple[FunctionDeclaration, ...], search: ToolSearch) -> None:
        self.declarations = declarations
        self.search = search
        self._tools = {one.name: one for one in declarations}
        strange = [name for name in search.always if name not in self._tools]
        if strange:
            known = ", ".join(list(self._tools)[:20]) or "none"
            raise ConfigurationError(
                f"ToolSearch(always={strange!r}): no such tools; the tools here are: {known}"
            )
        self._catalogue: Catalogue | None = None
        self._always = frozenset(search.always)
        self.find = free_name("search_tools", self._tools)
        self.call = free_name("call_tool", self._tools)
        told = [one for one in declarations if one.name in self._always] if self._always else ()
        self.offered = (*_two(self.find, self.call), *told)

    def schema_of(self, name: str) -> Any:
        """The JSON Schema of what a tool takes; None for one that is not here."""
        found = self._tools.get(name)
        return None if found is None else found.to_dict(dialect="json-schema")["parameters"]

    def choice(self, choice: ToolConfig | None) -> ToolConfig | None:
        """The application's choice, in the names the model was told."""
        if choice is None or not choice.allowed_function_names:
            return choice
        told = [name for name in choice.allowed_function_names if name in self._always]
        return ToolConfig(mode=choice.mode, allowed_function_names=(self.find, self.call, *told))

    def meant(
        self, call: FunctionCall, schema_of: SchemaOf, max_risk: float
    ) -> tuple[FunctionCall, ToolResult | None, Read | None]:
        """The call that a call of ``call_tool`` stands for, as :func:`read_call` tells it."""
        name, args = call.args.get("name"), call.args.get("arguments")
        if not isinstance(name, str) or not name.strip():
            said = f"{self.call!r} needs the 'name' of a tool; {self.find!r} finds tools."
            return call, refusal(call, said, ErrorType.PARAMETER_VALIDATION_FAILED), None
        part = ToolCall(name.strip(), {} if args is None else args)
        if isinstance(args, str):
            part = ToolCall(name.strip(), raw_args=args)
        found, refused, read = read_call(part, schema_of, max_risk)
        own = FunctionCall(name=found.name, args=found.args, call_id=call.call_id)
        if refused is not None:
            refused = ToolResult(name=own.name, call_id=own.call_id, error=refused.error)
        return own, refused, read

    def results(self, call: FunctionCall, choice: ToolConfig | None) -> ToolResult:
        """What a call of ``search_tools`` finds, of what may be called."""
        query = call.args.get("query")
        if not isinstance(query, str) or not query.strip():
            said = f"{self.find!r} needs a 'query': in words, what the tool should do."
            return refusal(call, said, ErrorType.PARAMETER_VALIDATION_FAILED)
        if self._catalogue is None:
            self._catalogue = Catalogue(self.declarations)
        catalogue = self._catalogue
        narrow = choice is not None and bool(choice.allowed_function_names or choice.mode == "NONE")
        most = len(self.declarations) if narrow else self.search.limit
        names = [name for name, _ in catalogue.search(query, most)]
        exact = query.strip()
        if exact in self._tools:
            names = [exact, *[name for name in names if name != exact]]
        if narrow and choice is not None:
            names = [name for name in names if choice.allows(name)]
        found = [catalogue.documents[name] for name in names[: self.search.limit]]
        told = _within_room(found)
        content: dict[str, Any] = {"tools": told}
        if not found:
            content["note"] = _NOTHING
        elif len(told) < len(found):
            content["note"] = _MORE.format(len(found) - len(told))
        return ToolResult(name=call.name, call_id=call.call_id, content=content)


class Shelves:
    """Keeps a shelf from run to run, for as long as the tools are the same."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last: Shelf | None = None

    def get(self, declarations: tuple[FunctionDeclaration, ...], search: ToolSearch) -> Shelf:
        """The shelf of these tools."""
        last = self._last
        if last is None or last.search != search or last.declarations != declarations:
            last = self._last = Shelf(declarations, search)
        return last


def shelf_for(
    provider: Provider,
    declarations: tuple[FunctionDeclaration, ...],
    search: ToolSearch | None,
    *,
    more: int,
    shelves: Shelves | None,
) -> tuple[Shelf | None, Adaptation | None]:
    """The shelf of a run whose tools are searched, and a note where nobody asked for that.

    ``more`` counts the loop's own declarations beside the tools.
    """
    most = provider.capabilities.max_tools
    count = len(declarations)
    if not count or (search is None and most is None):
        return None, None
    shelves = shelves or Shelves()
    if search is not None and (search.above is None or count > search.above):
        return shelves.get(declarations, search), None
    if most is None or count + more <= most:
        return None, None
    why = f"{model_name(provider)} takes {most} tools, not {count + more}; it searches them"
    return shelves.get(declarations, search or ToolSearch()), Adaptation("tools", why)


def _within_room(documents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Copies of the documents, in outline or not at all where they would be too much to read."""
    told, room = [], _ROOM - _SPARE
    for document in documents:
        size = len(json.dumps(document)) + 2
        one = deepcopy(document) if size <= room else _outline(document)
        room -= size if size <= room else len(json.dumps(one)) + 2
        if room < 0:
            break
        told.append(one)
    return told


def _outline(document: dict[str, Any]) -> dict[str, Any]:
    names = list(document["parameters"].get("properties", {}))[:_NAMES]
    return {
        "name": document["name"],
        "description": document["description"][:_SHOWN],
        "parameters": {"names": [name[:_SHOWN] for name in names], "note": _OUTLINE},
    }


def _two(find: str, call: str) -> tuple[FunctionDeclaration, FunctionDeclaration]:
    query = "In words, what the tool should do, or its name."
    finds = (
        "Finds tools by what they do. Most of your tools are not listed here: search for one "
        f"whenever you need something that no listed tool does, then call it with {call}. "
        "Returns names, descriptions and parameters."
    )
    calls = (
        f"Calls a tool that {find} found, by its name. The arguments are an object that fits the "
        "parameters found with it."
    )
    return (
        _declared(find, finds, {"query": {"type": "string", "description": query}}, ["query"]),
        _declared(
            call,
            calls,
            {
                "name": {"type": "string", "description": "The name of the tool."},
                "arguments": {
                    "type": "object",
                    "description": "The tool's arguments.",
                    "additionalProperties": True,
                },
            },
            ["name", "arguments"],
        ),
    )


def _declared(
    name: str, about: str, properties: dict[str, Any], required: list[str]
) -> FunctionDeclaration:
    parameters: dict[str, Any] = {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }
    return FunctionDeclaration.trusted(name, about, _compact(parameters))
