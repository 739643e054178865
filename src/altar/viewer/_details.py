"""Details: what stands below a span in the tree: arguments, results, messages, errors, events."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from altar.trace import _conventions as names
from altar.viewer._text import Line, arguments, cut, duration, pairs, plain, value, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from altar.trace import SpanRecord

__all__ = ["asked", "call_of", "details", "label", "question"]

_SHOWN = frozenset(  # by the line of the span, or by the lines below it
    {
        *(names.OPERATION, names.REQUEST_MODEL, names.RESPONSE_MODEL, names.PROVIDER),
        *(names.TOOL_NAME, names.TOOL_ARGUMENTS, names.TOOL_RESULT, names.INPUT_TOKENS),
        *(names.OUTPUT_TOKENS, names.COST, names.INPUT_MESSAGES, names.OUTPUT_MESSAGES),
        *(names.SYSTEM_INSTRUCTIONS, names.ROUND, names.ERROR_TYPE),
    }
)


_TITLE = 160  # characters


def label(span: SpanRecord) -> str:
    """What the work is called: a tool by its own name."""
    return plain(span.tool if span.kind == "tool" and span.tool else span.name)


def call_of(span: SpanRecord) -> str:
    """The arguments of a tool's call; empty for other work, and where they were not recorded."""
    if span.kind != "tool":
        return ""
    return plain(arguments(span.attributes.get(names.TOOL_ARGUMENTS)))


def asked(attributes: Mapping[str, Any]) -> str:
    """The start of the first text that a user says in a span's input; empty without."""
    for message in _items(attributes.get(names.INPUT_MESSAGES)):
        if message.get("role") == "user":
            for part in _items(message.get("parts")):
                text = part.get("content")
                if isinstance(text, str) and text.strip():
                    return " ".join(text[: 4 * _TITLE].split())[:_TITLE]
    return ""


def question(span: SpanRecord) -> str:
    """What a run was asked last; empty for other work, and where it was not recorded."""
    if span.kind != "generate":
        return ""
    return plain(_said(span.attributes.get(names.INPUT_MESSAGES), "user"))


def details(span: SpanRecord, width: int, *, full: bool, call: bool) -> Iterator[Line]:
    """The lines below a span, of at most so many columns.

    Errors are whole, the rest is cut to a line each unless ``full``. ``call``
    says that the arguments did not fit beside the name.
    """
    document = span.document
    attributes = document.get("attributes")
    if not isinstance(attributes, dict):
        attributes = {}
    if full:
        yield from _full(span, attributes, width)
    else:
        if call:
            yield [(cut(f"({call_of(span)})", width), "cyan")]
        yield from _short(span, attributes, width)
    if span.error is not None:
        kind, text = span.error
        for number, line in enumerate(wrapped(f"{kind}: {text}" if text else kind, width - 2)):
            yield [("  " if number else "✗ ", "red"), (line, "red")]
    for name, time, told in span.events:
        at = duration((time - span.start) / 1e9)
        line = plain(f"· {name} at {at}  {pairs(told.items())}".rstrip())
        for part in wrapped(line, width) if full else [cut(line, width)]:
            yield [(part, "yellow")]


def _short(span: SpanRecord, attributes: Mapping[str, Any], width: int) -> Iterator[Line]:
    prompt = question(span)
    if prompt:
        yield [(f"“{cut(prompt, width - 2)}”", "cyan")]
    if span.kind == "custom":
        own = pairs([(key, one) for key, one in attributes.items() if key not in _SHOWN])
        if own:
            yield [(cut(plain(own), width), "")]
    if span.kind in ("generate", "model"):
        told = _said(attributes.get(names.OUTPUT_MESSAGES), "assistant")
    else:
        told = value(attributes.get(names.TOOL_RESULT, ""))
    if told:
        yield [("→ ", "dim"), (cut(plain(told), width - 2), "")]
    notes = _notes(span, attributes)
    if notes:
        yield [(cut(notes, width), "dim")]


def _notes(span: SpanRecord, attributes: Mapping[str, Any]) -> str:
    """What is unusual about it."""
    found: list[str] = []
    first = attributes.get(names.FIRST_CHUNK)
    if isinstance(first, (int, float)) and first >= 0:
        found.append(f"first token after {duration(first)}")
    attempt = attributes.get(names.ATTEMPT)
    if isinstance(attempt, int) and attempt > 1:
        found.append(f"attempt {attempt}")
    if span.kind == "generate" and span.finish not in ("", "stop"):
        found.append(f"finish: {plain(span.finish)}")
    return " · ".join(found)


def _full(span: SpanRecord, attributes: Mapping[str, Any], width: int) -> Iterator[Line]:
    if span.kind == "tool":
        called = [*_whole("( ", attributes.get(names.TOOL_ARGUMENTS), width - 2, "cyan")]
        if called:
            called[-1] = [*called[-1], (" )", "dim")]
        yield from called
        yield from _whole("→ ", attributes.get(names.TOOL_RESULT), width, "")
    for key in (names.SYSTEM_INSTRUCTIONS, names.INPUT_MESSAGES, names.OUTPUT_MESSAGES):
        role = "system" if key == names.SYSTEM_INSTRUCTIONS else ""
        yield from _messages(attributes.get(key), role, width)
    rest = [f"{key}: {value(one)}" for key, one in attributes.items() if key not in _SHOWN]
    if not span.placeholder:
        where = f"span {span.span}, process {span.process}"
        rest.append(f"{where}, {span.thread}" if span.thread else where)
    for text in rest:
        for line in wrapped(text, width):
            yield [(line, "dim")]


def _whole(mark: str, found: Any, width: int, style: str) -> Iterator[Line]:
    for line in _pretty(found, width - 2) if found is not None else ():
        yield [(mark, "dim"), (line, style)]
        mark = "  "


def _pretty(found: Any, width: int) -> Iterator[str]:
    if isinstance(found, str):
        try:
            found = json.loads(found)
        except (ValueError, RecursionError):
            yield from wrapped(found, width)
            return
    text = found if isinstance(found, str) else json.dumps(found, indent=2, ensure_ascii=False)
    yield from wrapped(text, width)


def _messages(found: Any, role: str, width: int) -> Iterator[Line]:
    """Each part of each message, with who said it."""
    for message in _items(found):
        # instructions are parts, without a message around them
        parts = _items(message.get("parts")) if "parts" in message else [message]
        who = str(message.get("role", role))
        for part in parts:
            text = _part(part)
            for number, line in enumerate(wrapped(text, width - len(who) - 2)):
                head = " " * (len(who) + 2) if number else f"{plain(who)}: "
                yield [(head, "dim"), (line, "")]


def _part(part: Mapping[str, Any]) -> str:
    kind = part.get("type")
    if kind == "tool_call":
        return f"{part.get('name')}({arguments(part.get('arguments'))})"
    if kind == "tool_call_response":
        return f"→ {value(part.get('response', part.get('result')))}"
    text = part.get("content")
    if isinstance(text, str):
        return text if kind == "text" else f"({kind}) {text}"
    return value(part)


def _said(found: Any, role: str) -> str:
    """The last text of somebody's messages, or the tools that were called."""
    for message in reversed(_items(found)):
        if message.get("role") != role:
            continue
        parts = _items(message.get("parts"))
        texts = [str(part.get("content", "")) for part in parts if part.get("type") == "text"]
        text = " ".join(text for text in texts if text.strip())
        if text:
            return text
        calls = [str(part.get("name")) for part in parts if part.get("type") == "tool_call"]
        if calls:
            return f"calls {', '.join(calls)}"
    return ""


def _items(found: Any) -> list[dict[str, Any]]:
    """The objects of an array, which may come as JSON text."""
    if isinstance(found, str):
        try:
            found = json.loads(found)
        except (ValueError, RecursionError):
            return []
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
