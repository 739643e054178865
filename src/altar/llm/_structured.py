"""Typed answers: what a model is told of them, how its answer is read, how it is asked again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from altar.errors import InvalidDataError
from altar.llm._messages import Message
from altar.llm._read import Read, mended, read_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from altar.llm._request import OutputSpec

__all__ = [
    "MAX_ASKED_AGAIN",
    "ask_again",
    "instruction",
    "is_ask_again",
    "read_output",
    "written",
]

MAX_ASKED_AGAIN = 2
_SHOWN = 12
_TEXT_RISK = 0.02  # where the answer is a text itself, no word of it may be left out as prose
_ASKED = "asked_text"  # of altar.repair's codes
_BEGINS_JSON = frozenset("\"'`{[<")  # meant as JSON, or as what wraps it
_AGAIN = "Your answer is not valid:\n"


def instruction(spec: OutputSpec, instructions: str | None) -> str:
    """The instructions for a provider that cannot hold itself to a schema."""
    schema = json.dumps(spec.schema, ensure_ascii=False)
    rule = (
        "Answer with one JSON value and nothing else: no explanation, no code fence. "
        f"It must be valid against this JSON Schema: {schema}"
    )
    return rule if not instructions else f"{instructions}\n\n{rule}"


def read_output(spec: OutputSpec, text: str, max_risk: float) -> tuple[Any, str | None, Read]:
    """The application's object and None, or None and what is wrong; and how it was read.

    An answer that is read but does not fit is read once more with the schema
    deciding what its values mean: ``"1,200"`` for a number, ``yes`` for true.
    """
    words = _words(text, spec.schema, max_risk)
    if _takes_any_text(spec.schema):
        max_risk = min(max_risk, _TEXT_RISK)
    read = read_json(text, lambda: spec.schema, max_risk)
    if read.problems and words is not None:
        read = words
    if read.problems:
        return None, _listed(read.problems), read
    try:
        return spec.load(read.value), None, read
    except InvalidDataError as error:
        fault = _listed([str(problem) for problem in error.problems])
    if max_risk > 0:
        coerced = mended(text, spec.schema, max_risk, coerce=True)
        if not coerced.problems and coerced.fixes != read.fixes:
            try:
                return spec.load(coerced.value), None, coerced
            except InvalidDataError:  # what the model wrote is what it is told about
                pass
    return None, fault, read


def written(value: Any) -> str:
    """A value that was read, as JSON text."""
    return json.dumps(value, ensure_ascii=False)


def _words(text: str, schema: Any, max_risk: float) -> Read | None:
    """Plain words where a text is asked for: they are it, all of them; None for others."""
    plain = text.strip()
    if not plain or plain[0] in _BEGINS_JSON or not _is_text(schema):
        return None
    from altar.repair import CODES, Fix  # noqa: PLC0415 - what is JSON never needs it

    risk = CODES[_ASKED][0]
    if risk > max_risk:
        return None
    fix = Fix(_ASKED, 0, len(text), text, written(plain), risk)
    return Read(text=text, value=plain, fixes=(fix,))


def _is_text(schema: Any) -> bool:
    """Whether an answer is a text, or null, and nothing else."""
    if not isinstance(schema, Mapping) or "enum" in schema or "const" in schema:
        return False
    branches = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
    if branches:
        rest = [one for one in branches if one != {"type": "null"}]
        return bool(rest) and all(_is_text(one) for one in rest)
    kind = schema.get("type")
    kinds = kind if isinstance(kind, list) else [kind]
    return "string" in kinds and set(kinds) <= {"string", "null"}


def _takes_any_text(schema: Any) -> bool:
    """Whether any text at all is a valid answer: then prose around a value may be the answer."""
    if not isinstance(schema, Mapping):
        return schema is not False
    branches = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
    if branches:
        return any(_takes_any_text(branch) for branch in branches)
    if "$ref" in schema or "enum" in schema or "const" in schema:
        return False
    kind = schema.get("type", "string")
    return kind == "string" or (isinstance(kind, list) and "string" in kind)


def _listed(problems: Sequence[str]) -> str:
    lines = [f"- {problem}" for problem in problems[:_SHOWN]]
    more = len(problems) - _SHOWN
    if more > 0:
        lines.append(f"- and {more} more")
    return "\n".join(lines)


def ask_again(fault: str, how: str) -> Message:
    """The message that lists the problems of an answer, and says ``how`` to answer again."""
    return Message.user(f"{_AGAIN}{fault}\n{how}")


def is_ask_again(message: Message) -> bool:
    """Whether the loop wrote ``message``, not the user."""
    return message.role == "user" and message.text.startswith(_AGAIN)
