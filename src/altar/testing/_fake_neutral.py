"""From vendors' fields to altar's neutral nouns, as every fake server needs it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from altar.adm import Checker, FunctionDeclaration, adopt
from altar.errors import ConfigurationError, InvalidDataError
from altar.llm import OutputSpec, Request, Response, Sampling, ToolCall, Usage
from altar.testing._fake_http import compact

if TYPE_CHECKING:
    from collections.abc import Iterable

    from altar.adm import ToolConfig
    from altar.llm import Message, Part

__all__ = [
    "args_text",
    "counted",
    "cut",
    "json_or_text",
    "neutral_request",
    "neutral_tool",
    "output_spec",
    "sampling_of",
    "unwritable",
]

_SAMPLING = ("max_tokens", "temperature", "top_p", "top_k", "seed", "reasoning")
_REASONING = ("none", "minimal", "low", "medium", "high")
_MOST_PIECES = 1000


def neutral_tool(name: str, description: object, schema: object) -> FunctionDeclaration:
    """A vendor's declaration as altar's; what altar cannot hold is adopted, or left open."""
    document = schema if isinstance(schema, dict) else {"type": "object"}
    about = description if isinstance(description, str) and description.strip() else name
    given = {"name": name, "description": about, "parameters": document}
    try:
        return FunctionDeclaration.from_dict(given)
    except InvalidDataError:
        try:
            return adopt(given).declaration
        except InvalidDataError:
            return adopt({**given, "parameters": {"type": "object"}}).declaration


def output_spec(name: str, schema: object) -> OutputSpec:
    """A typed answer whose ``load`` checks a value against the schema and returns it."""
    document = schema if isinstance(schema, dict) else {}
    checker = Checker(document)

    def load(value: Any) -> Any:
        problems = checker.check(value)
        if problems:
            raise InvalidDataError(name, problems)
        return value

    return OutputSpec(name=name, schema=document, load=load)


def sampling_of(stop: object = (), **given: Any) -> Sampling:
    """Sampling from a vendor's numbers; what altar has no value for is left out."""
    known: dict[str, Any] = {name: given.get(name) for name in _SAMPLING}
    for name, value in known.items():
        right = isinstance(value, str) if name == "reasoning" else isinstance(value, (int, float))
        if not right or (name == "reasoning" and value not in _REASONING):
            known[name] = None
    texts = stop if isinstance(stop, (list, tuple)) else ()
    stops = tuple([text for text in texts if isinstance(text, str)])
    return Sampling(stop=stops, **known)


def neutral_request(
    model: str,
    messages: Iterable[Message],
    *,
    instructions: str | None = None,
    tools: Iterable[FunctionDeclaration] = (),
    tool_choice: ToolConfig | None = None,
    output: OutputSpec | None = None,
    sampling: Sampling | None = None,
) -> Request:
    """A Request of what a vendor's body says."""
    return Request(
        model=model,
        messages=tuple(messages),
        instructions=instructions,
        tools=tuple(tools),
        tool_choice=tool_choice,
        output=output,
        sampling=Sampling() if sampling is None else sampling,
        settings={},
    )


def cut(text: str, size: int = 7) -> list[str]:
    """``text`` in pieces, so that nobody relies on getting it whole; [] for an empty one."""
    size = max(size, len(text) // _MOST_PIECES)  # megabytes come in larger ones
    return [text[at : at + size] for at in range(0, len(text), size)]


def args_text(call: ToolCall) -> str:
    """The argument text of a call: what the script wrote, or its arguments as JSON."""
    if call.raw_args is not None:
        return call.raw_args
    return compact({} if call.args is None else call.args)


def counted(response: Response, request: Request | None) -> Usage:
    """The usage to report: the script's own, with an estimate for input and output it lacks."""
    usage = response.usage
    asked = len(repr(request and request.messages)) // 4 + 1
    said = len(repr(response.message.parts)) // 4 + 1
    return Usage(
        input_tokens=asked if usage.input_tokens is None else usage.input_tokens,
        output_tokens=said if usage.output_tokens is None else usage.output_tokens,
        cached_tokens=usage.cached_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        raw=usage.raw,
    )


def unwritable(part: Part, vendor: str) -> ConfigurationError:
    """The error for a part that no answer of the vendor's can hold."""
    return ConfigurationError(f"{vendor} answers hold no {type(part).__name__}: {part!r}"[:300])


def json_or_text(text: str) -> Any:
    """The JSON value of a text, or the text."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
