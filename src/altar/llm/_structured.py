"""Typed answers: what a model is told of them, how its answer is read, how it is asked again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from altar.adm import loads
from altar.errors import InvalidDataError
from altar.llm._messages import Message

if TYPE_CHECKING:
    from altar.llm._request import OutputSpec

__all__ = ["MAX_ASKED_AGAIN", "ask_again", "instruction", "is_ask_again", "read_output"]

MAX_ASKED_AGAIN = 2
_SHOWN = 12
_AGAIN = "Your answer is not valid:\n"


def instruction(spec: OutputSpec, instructions: str | None) -> str:
    """The instructions for a provider that cannot hold itself to a schema."""
    schema = json.dumps(spec.schema, ensure_ascii=False)
    rule = (
        "Answer with one JSON value and nothing else: no explanation, no code fence. "
        f"It must be valid against this JSON Schema: {schema}"
    )
    return rule if not instructions else f"{instructions}\n\n{rule}"


def read_output(spec: OutputSpec, text: str) -> tuple[Any, str | None]:
    """The application's object and None; or None and what is wrong with the answer."""
    try:
        return spec.load(loads(_unfenced(text))), None
    except InvalidDataError as error:
        lines = [f"- {problem}" for problem in error.problems[:_SHOWN]]
        more = len(error.problems) - _SHOWN
        if more > 0:
            lines.append(f"- and {more} more")
        return None, "\n".join(lines)


def _unfenced(text: str) -> str:
    """The inside of a Markdown code fence, which models add whatever they are told."""
    inner = text.strip()
    if inner.startswith("```") and inner.endswith("```") and "\n" in inner:
        inner = inner[inner.index("\n") : -3]
    return inner.strip()


def ask_again(fault: str) -> Message:
    """The message that lists the problems of an answer."""
    return Message.user(
        f"{_AGAIN}{fault}\nAnswer again, with the whole corrected JSON value and nothing else."
    )


def is_ask_again(message: Message) -> bool:
    """Whether the loop wrote ``message``, not the user."""
    return message.role == "user" and message.text.startswith(_AGAIN)
