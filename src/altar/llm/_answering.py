"""Answering: the way of a run to its typed answer, by schema, by a call, or by asking for JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from altar.llm._final import FinalTool
from altar.llm._mender import model_name
from altar.llm._partial import Partials
from altar.llm._request import Adaptation
from altar.llm._structured import instruction

if TYPE_CHECKING:
    from collections.abc import Sequence

    from altar.adm import FunctionDeclaration
    from altar.llm._provider import Capabilities, Provider
    from altar.llm._request import OutputSpec

__all__ = ["Answering", "OutputMode", "output_mode"]

OutputMode: TypeAlias = Literal["native", "tool", "prompt"]


def output_mode(can: Capabilities, tools: bool) -> OutputMode:
    """How a model with these capabilities is held to a type; ``tools`` says whether it has some."""
    if can.native_output and (can.output_with_tools or not tools):
        return "native"
    return "tool" if can.tools and can.tool_choice else "prompt"


class Answering:
    """How this run gets its typed answer: the mode, its tool where it has one, its partials."""

    __slots__ = ("final", "mode", "note", "partials", "spec")

    def __init__(
        self, spec: OutputSpec, provider: Provider, declarations: Sequence[FunctionDeclaration]
    ) -> None:
        self.spec = spec
        self.mode = output_mode(provider.capabilities, bool(declarations))
        self.final: FinalTool | None = None
        if self.mode == "tool":
            self.final = FinalTool(spec.schema, {one.name for one in declarations})
        self.partials = Partials(spec.schema, self.final)
        self.note = self._note(provider)

    def instructions(self, given: str | None) -> str | None:
        """The instructions, and in them what the model must be told of the type."""
        return instruction(self.spec, given) if self.mode == "prompt" else given

    def again(self) -> str:
        """How a model that answered by text is told to answer again."""
        if self.final is None:
            return "Answer again, with the whole corrected JSON value and nothing else."
        return f"Answer again: call {self.final.name!r} with the whole corrected answer."

    def _note(self, provider: Provider) -> Adaptation | None:
        if self.mode == "native":
            return None
        model = model_name(provider)
        with_tools = " beside tools" if provider.capabilities.native_output else ""
        how = "asked for JSON by its instructions, and its text is repaired where need be"
        if self.final is not None:
            how = f"made to answer by a call of {self.final.name!r}"
        lacks = f"{model} has no native typed answers{with_tools}"
        return Adaptation("output", f"{lacks}; it was {how}")
