"""offline: the embedded demo model. It compares words; it is no language model, and says so."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from altar.adm import digest
from altar.errors import InvalidDataError
from altar.llm._base import BaseProvider
from altar.llm._failures import failure
from altar.llm._messages import Message
from altar.llm._offline_read import Clause, extract_object, extract_value
from altar.llm._parts import Opaque, Origin, Part, Text, Thinking, ToolCall, ToolResultPart
from altar.llm._provider import Capabilities
from altar.llm._ranking import Catalogue, resolve, words_of
from altar.llm._request import Response
from altar.llm._structured import is_ask_again
from altar.llm._usage import Price, Usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from altar.adm import FunctionDeclaration
    from altar.llm._provider import Attempt
    from altar.llm._request import OutputSpec, ReplyEnd, Request

__all__ = ["LABEL", "OfflineProvider"]

LABEL = "[offline demo model: it matches words and is no language model]"
_FREE = Price(input=Decimal(0), output=Decimal(0))
_LIST = r",\s+(?=(?-i:[A-Z])[^,;.?!]*(?:,|\s+and\s))"  # Oslo, Bergen and Rome
_BETWEEN = rf"\s*(?:;|\n|[.?!]\s+|,?\s+(?:and then|and also|and|then)\s+|{_LIST})\s*"
_UNQUOTED = r"(?![^\"]*\"(?:[^\"]*\"[^\"]*\")*[^\"]*$)"  # an even number of quotes follows
_SPLIT = re.compile(_BETWEEN + _UNQUOTED, re.IGNORECASE)
_READ = 4_000  # characters of a prompt the demo looks at
_ENOUGH = 0.6  # of a rare word: what a tool must share with a clause to be picked


class OfflineProvider(BaseProvider):
    """Picks tools by the words they share with the prompt, and fills arguments by type.

    Deterministic and without any network. A clause that names no tool of its
    own goes to the one before it: "the weather in Oslo and Bergen" becomes two
    parallel calls. Results are rendered as text. A typed answer is filled from
    the user's words alone: ``detail`` says so, and what they lack.
    """

    name = "offline"
    capabilities = Capabilities(native_output=True, thinking=True, price=_FREE)

    def __init__(self, model: str = "") -> None:
        self.model = model or "demo"

    def complete(self, request: Request, attempt: Attempt) -> Response:
        """Answer by the rules of the demo."""
        _check(request.messages)
        parts, finish, detail = _answer(request)
        origin = Origin(provider="offline", api="offline", model=self.model)
        message = Message("assistant", tuple(parts), origin=origin)
        asked, thought = (
            sum([_words(one.parts) for one in request.messages]),
            _words(parts, Thinking),
        )
        usage = Usage(input_tokens=asked, output_tokens=_words(parts), reasoning_tokens=thought)
        return Response(message=message, finish=finish, detail=detail, usage=usage)

    async def acomplete(self, request: Request, attempt: Attempt) -> Response:
        """The same: there is nothing to wait for."""
        return self.complete(request, attempt)


def _words(parts: Sequence[Part], kind: type = object) -> int:
    """Words, as a stand-in for tokens."""
    return sum([len(str(part).split()) for part in parts if isinstance(part, kind)])


def _answer(request: Request) -> tuple[list[Part], ReplyEnd, str | None]:
    """The parts of an answer, how it ends, and what there is to say about it."""
    last = request.messages[-1] if request.messages else Message("user", ())
    results = [part for part in last.parts if isinstance(part, ToolResultPart)]
    prompt = _asked(request.messages)
    if results and request.output is None:
        return [Text("\n".join([LABEL, *_render(request, results)]))], "stop", None
    choice = request.tool_choice
    tools = [tool for tool in request.tools if choice is None or choice.allows(tool.name)]
    forced = choice is not None and choice.mode == "ANY"
    calls, missing = _Picker(tools).calls(prompt, forced) if tools and not results else ([], [])
    if calls:
        why = "; ".join(f"{call.name}{call.args}" for call in calls)
        thought = Thinking(f"By their words these fit: {why}", opaque=(_signature(calls),))
        return [thought, *calls], "stop", None
    if request.output is not None:
        return _typed(request.output, prompt)
    names = ", ".join(tool.name for tool in tools[:12])
    excuse = f"No tool shares enough words with the question. There are: {names or 'none'}."
    if missing:
        excuse = f"Please say also: {', '.join(missing)}."
    return [Text(f"{LABEL}\n{excuse}")], "stop", None


def _signature(calls: Sequence[ToolCall]) -> Opaque:
    """What the demo wants back before its calls, as real models want theirs."""
    data = digest([call.name for call in calls])
    return Opaque(provider="offline", api="offline", kind="signature", data=data)


def _check(messages: Sequence[Message]) -> None:
    """Raise HistoryError where the demo's own calls came back without their signature."""
    for at, message in enumerate(messages):
        own = message.origin is not None and message.origin.provider == "offline"
        marks = [mark for part in message.parts[:1] for mark in part.opaque]
        if own and message.calls and _signature(message.calls) not in marks:
            lost = f"the thinking block of message {at} lost its signature, or its place"
            raise failure("offline", lost)


def _asked(messages: Sequence[Message]) -> str:
    """The user's own last words."""
    own = (m.text for m in reversed(messages) if m.role == "user" and not is_ask_again(m))
    return next((text for text in own if text), "")


def _typed(output: OutputSpec, prompt: str) -> tuple[list[Part], ReplyEnd, str]:
    """A typed answer of the prompt's own words, which says what it is; or what they lack."""
    value, missing = extract_value(Clause(prompt[:_READ], dict(output.schema), set()))
    fault = f"The prompt does not say: {', '.join(missing)}."
    if not missing:
        try:
            output.load(value)
        except InvalidDataError as error:
            fault = f"The prompt's words make no {output.name}: {error}."
        else:
            note = f"{LABEL} The answer was put together from the prompt's words."
            return [Text(json.dumps(value, ensure_ascii=False))], "stop", note
    return [Text(f"{LABEL}\n{fault}")], "malformed", f"{LABEL} {fault}"


def _render(request: Request, results: list[ToolResultPart]) -> list[str]:
    calls = {call.id: call.args or {} for message in request.messages for call in message.calls}
    lines = []
    for result in results:
        args = calls.get(result.call_id, {}).items()
        shown = ", ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in args)
        value = result.value
        if result.is_error and isinstance(value, dict):
            value = value.get("error", value).get("message", result.text)
        text = value if isinstance(value, str) else result.text
        lines.append(f"{result.name}({shown}) {'failed:' if result.is_error else '='} {text}")
    return lines


class _Picker:
    """Finds the tools a prompt is about, clause by clause, and reads their arguments."""

    def __init__(self, tools: list[FunctionDeclaration]) -> None:
        self._catalogue = Catalogue(tools)
        self._tools = self._catalogue.documents

    def calls(self, prompt: str, forced: bool) -> tuple[list[ToolCall], list[str]]:
        """The calls the prompt asks for; or what is missing for the last one."""
        calls: list[ToolCall] = []
        missing: list[str] = []
        current: str | None = None
        held = said = ""  # what the current tool was told and made no call yet; what made one
        for piece in [piece for piece in _SPLIT.split(prompt[:_READ]) if piece.strip(" .?!,")]:
            found = self._catalogue.search(piece, 1)
            own = found[0][0] if found else None
            if own is not None and found[0][1] >= _ENOUGH:
                current, held = own, held if own == current else ""
            elif current is None and forced:
                current = own or next(iter(self._tools))
            elif current is None or not (held or self._fits(current, piece)):
                continue
            elif calls and any(schema.get("type") == "array" for schema in self._required(current)):
                calls.pop()
                held = said
            said = held = f"{held} and {piece}" if held else piece
            args, missing = self._read(current, held)
            if not missing:
                calls.append(ToolCall(current, args))
                held = ""
        return calls, missing

    def _fits(self, name: str, piece: str) -> bool:
        """Whether a piece that names no tool looks like one more value for tool ``name``."""
        wanted = self._required(name)
        typed = any("format" in schema or schema.get("type") != "string" for schema in wanted)
        return typed or (len(piece.split()) <= 4 and not re.search(r"\d", piece))

    def _required(self, name: str) -> list[dict[str, Any]]:
        root = self._tools[name]["parameters"]
        properties = root.get("properties", {})
        return [resolve(properties.get(wanted), root) for wanted in root.get("required", ())]

    def _read(self, name: str, text: str) -> tuple[dict[str, Any], list[str]]:
        parameters = self._tools[name]["parameters"]
        topic = set(words_of(name)) | set(words_of(" ".join(parameters.get("properties", {}))))
        return extract_object(Clause(text.strip(" .?!"), parameters, topic), parameters)
