"""ChatDialect: where servers that speak chat completions differ, as one small value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from altar.adm import FunctionDeclaration
    from altar.llm import OutputSpec

__all__ = ["LOCAL", "ChatDialect", "declare_plainly", "output_plainly"]


def declare_plainly(declaration: FunctionDeclaration) -> dict[str, Any]:
    """The ``function`` of a tool: name, description and parameters, not strict."""
    return declaration.to_dict(dialect="json-schema")


def output_plainly(spec: OutputSpec) -> dict[str, Any]:
    """The ``json_schema`` of a response format, held strictly as it stands."""
    return {"name": spec.name, "schema": dict(spec.schema), "strict": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatDialect:
    """One server's way of speaking chat completions; as it stands, a local server's.

    ``provider`` stands in origins, and in errors where ``prefix`` is empty.
    ``call_name`` writes the name of a call in letters the server takes.
    ``system_role`` is the role of
    the instructions ("developer" for OpenAI's reasoning models), ``max_tokens``
    the name of that field. ``declare`` and ``output`` write a tool's
    ``function`` and a typed answer's ``json_schema`` (strict schemas plug in
    there), and ``read_args`` undoes on the arguments of a call what ``declare``
    did to the schema. ``broken_args``: it takes argument text back that is no
    JSON object. ``reasoning``: what a model thought goes back to it. ``echo``:
    the fields of an answer this version does not know that go back with it.
    ``allowed_tools``: a choice may name tools; else only those are declared.
    ``tool_choice``: it can be told to call; else the instructions ask for a
    call, and no tools are declared where none may be called. ``efforts``
    spells the levels of ``Sampling.reasoning``, as ``reasoning_effort`` or as
    an object to be merged into the body; one that is missing is left out, and
    said so.
    """

    provider: str = "local"
    prefix: str = ""
    system_role: Literal["system", "developer"] = "system"
    max_tokens: str = "max_tokens"
    declare: Callable[[FunctionDeclaration], dict[str, Any]] = declare_plainly
    output: Callable[[OutputSpec], dict[str, Any]] = output_plainly
    read_args: Callable[[str, dict[str, Any]], dict[str, Any]] | None = None
    call_name: Callable[[str], str] | None = None
    broken_args: bool = False
    reasoning: bool = True
    echo: tuple[str, ...] = ("reasoning_details",)
    allowed_tools: bool = False
    tool_choice: bool = True
    efforts: Mapping[str, str | Mapping[str, Any]] = field(
        default_factory=lambda: {
            "none": "none",
            "minimal": "low",
            "low": "low",
            "medium": "medium",
            "high": "high",
        }
    )

    @property
    def called(self) -> str:
        """What errors call the provider."""
        return self.prefix or self.provider


LOCAL = ChatDialect()
