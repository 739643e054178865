"""Request and Response: what a model is asked, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from altar.llm._usage import Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from altar.adm import FunctionDeclaration, ToolConfig
    from altar.llm._messages import Message
    from altar.llm._sampling import Sampling

__all__ = ["Adaptation", "OutputSpec", "ReplyEnd", "Request", "Response"]

ReplyEnd: TypeAlias = Literal[
    "stop", "length", "refusal", "blocked", "malformed", "paused", "unknown"
]


@dataclass(frozen=True, slots=True)
class Adaptation:
    """Something a run changed, to make a request fit or an answer readable: ``what``, and why."""

    what: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputSpec:
    """A typed answer: its JSON Schema, a name for it, and ``load``.

    ``load`` turns the JSON value into the application's object; it raises
    InvalidDataError, with every problem, when the value does not fit.
    """

    name: str
    schema: Mapping[str, Any]
    load: Callable[[Any], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a model is asked; pure data, the same for every provider.

    ``output`` is a typed answer that the provider holds its model to. One that
    is got otherwise is in ``answer``: by a call of the tool ``answer_tool``, or
    in words, which the instructions have. Only a chain of models looks at it.
    """

    model: str
    messages: tuple[Message, ...]
    instructions: str | None
    tools: tuple[FunctionDeclaration, ...]
    tool_choice: ToolConfig | None
    output: OutputSpec | None
    sampling: Sampling
    settings: Mapping[str, Any]
    answer: OutputSpec | None = None
    answer_tool: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """A model's answer.

    ``finish`` never says whether there are calls: the parts do. ``paused``
    asks to be sent again as it stands. ``raw_finish`` is the provider's own
    word and ``detail`` its explanation.
    """

    message: Message
    finish: ReplyEnd = "stop"
    usage: Usage = field(default_factory=Usage)
    raw_finish: str | None = None
    detail: str | None = None
    adaptations: tuple[Adaptation, ...] = ()
