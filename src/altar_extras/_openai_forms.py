"""Forms: how tools and typed answers go out, strict where a schema allows it, and come back."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from altar_extras._openai_strict import inlined, is_object, strict, wrapped
from altar_extras._openai_text import Rewriter

if TYPE_CHECKING:
    from collections.abc import Iterable

    from altar.adm import FunctionDeclaration
    from altar.llm import OutputSpec
    from altar_extras._openai_undo import Undo

__all__ = [
    "Form",
    "call_name",
    "declared",
    "output_form",
    "output_name",
    "read_args",
    "tool_form",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A ``schema`` for the wire, whether it is ``strict``, and how values of it are read back."""

    schema: dict[str, Any]
    strict: bool
    undo: Undo | None = None
    wrapped: bool = False

    def rewriter(self) -> Rewriter | None:
        """What turns the model's JSON text into that of a value; None where it is that already."""
        if self.undo is None and not self.wrapped:
            return None
        return Rewriter(self.undo, wrapped=self.wrapped)


def tool_form(declaration: FunctionDeclaration) -> Form:
    """The form of a tool's parameters; recently used ones are kept."""
    return _tool_form(declaration.wire())


@lru_cache(maxsize=512)
def _tool_form(text: bytes) -> Form:
    schema: dict[str, Any] = json.loads(text)["parameters"]
    held = strict(schema)
    if held is None:
        return Form(schema=schema, strict=False)
    return Form(schema=held.schema, strict=True, undo=held.undo)


def declared(tool: FunctionDeclaration, *, loose: bool = False) -> dict[str, Any]:
    """A tool as the wire names it; ``loose`` declares it as not strict whatever its schema."""
    form = tool_form(tool)
    parameters = form.schema
    if loose:
        parameters = tool.to_dict(dialect="json-schema")["parameters"]
    return {
        "name": tool.name,
        "description": tool.description,
        "parameters": parameters,
        "strict": form.strict and not loose,  # left out, the server would decide
    }


def read_args(
    tools: Iterable[FunctionDeclaration], name: str, args: dict[str, Any]
) -> dict[str, Any]:
    """The arguments of a call of ``name`` as its declaration means them, strict nulls taken out."""
    for tool in tools:
        if tool.name == name:
            undo = tool_form(tool).undo
            try:
                return args if undo is None else undo.value(args)
            except RecursionError:
                return args
    return args


def output_form(spec: OutputSpec) -> Form:
    """The form of a typed answer; recently used ones are kept.

    The wire takes schemas of objects alone: any other answer is asked for
    under the name "value". What ``spec.load`` gets is neither that wrapping
    nor a strict null: the provider rewrites the answer's text (of a stream:
    while it comes) to the JSON of a value of ``spec.schema`` as it stands, an
    optional property the model answered with null being absent. An optional
    property that takes null itself keeps it.
    """
    return _output_form(json.dumps(spec.schema))


@lru_cache(maxsize=128)
def _output_form(text: str) -> Form:
    schema = inlined(json.loads(text))
    wraps = not is_object(schema)
    asked = wrapped(schema) if wraps else dict(schema)
    held = strict(asked)
    if held is None:
        return Form(schema=asked, strict=False, wrapped=wraps)
    undo = held.undo
    return Form(schema=held.schema, strict=True, undo=undo, wrapped=wraps)


def call_name(name: str) -> str:
    """The name of a call, which another model may have made up, in the letters the wire takes."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)[:64] or "_"


def output_name(spec: OutputSpec) -> str:
    """The name of a typed answer in the letters the wire takes."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", spec.name)[:64] or "answer"
