"""Requests of the Responses API: a neutral Request as the JSON body."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from altar.llm import Travel, own_settings
from altar.llm.openai_compatible import merged
from altar_extras._openai_forms import declared, output_form, output_name
from altar_extras._openai_items import Items
from altar_extras._openai_models import can, efforts, is_reasoning

if TYPE_CHECKING:
    from altar.adm import ToolConfig
    from altar.llm import Adaptation, Request

__all__ = ["to_request"]

_FEWEST_TOKENS = 16


def to_request(
    request: Request, *, stream: bool = False, reasoning: bool | None = None
) -> tuple[dict[str, Any], tuple[Adaptation, ...]]:
    """The body that asks ``request``, and what of it was left out or rewritten.

    Tools and a typed answer are strict where their schemas allow it; see
    :func:`altar_extras._openai_forms.output_form` for how answers are read.
    ``reasoning`` says whether the model reasons where its name does not.
    """

    def kind(
        model: str,
    ) -> str:  # reasoning goes to any that reasons: the server says what it dropped
        told = reasoning if model == request.model else None
        return "reasoning" if is_reasoning(model, told) else "plain"

    travel = Travel("openai", "responses", model=request.model, family=kind)
    items = Items(travel, can(request.model, chat=False, reasoning=reasoning))
    for message in request.messages:
        items.write(message)
    body: dict[str, Any] = {"model": request.model, "input": items.items, "store": False}
    if is_reasoning(request.model, reasoning):  # others refuse it
        body["include"] = ["reasoning.encrypted_content"]
    if request.instructions:
        body["instructions"] = request.instructions
    if request.tools:
        loose = own_settings(request, "openai").get("strict") is False
        body["tools"] = [
            {"type": "function", **declared(tool, loose=loose)} for tool in request.tools
        ]
        if request.tool_choice is not None:
            body["tool_choice"] = _tool_choice(request.tool_choice)
    if request.output is not None:
        form = output_form(request.output)
        held = {"name": output_name(request.output), "schema": form.schema, "strict": form.strict}
        body["text"] = {"format": {"type": "json_schema", **held}}
    _add_sampling(body, request, travel)
    if stream:
        body["stream"] = True
    return _with_settings(body, request), travel.adaptations


def _tool_choice(choice: ToolConfig) -> Any:
    mode = {"ANY": "required", "NONE": "none"}.get(str(choice.mode), "auto")
    tools = [{"type": "function", "name": name} for name in choice.allowed_function_names]
    if not tools:
        return mode
    if mode == "required" and len(tools) == 1:
        return tools[0]
    return {"type": "allowed_tools", "mode": mode, "tools": tools}


def _add_sampling(body: dict[str, Any], request: Request, travel: Travel) -> None:
    sampling = request.sampling
    if sampling.max_tokens is not None:
        body["max_output_tokens"] = max(sampling.max_tokens, _FEWEST_TOKENS)
        if sampling.max_tokens < _FEWEST_TOKENS:
            travel.drop("sampling.max_tokens", f"{_FEWEST_TOKENS} is the least the API takes")
    for name in ("temperature", "top_p"):
        value = getattr(sampling, name)
        if value is not None:
            body[name] = value
    if sampling.reasoning is not None:
        effort = efforts(request.model)[sampling.reasoning]
        body["reasoning"] = {"effort": effort}
        if effort != sampling.reasoning:
            travel.drop("sampling.reasoning", f"{request.model} takes {effort!r} in its place")


def _with_settings(body: dict[str, Any], request: Request) -> dict[str, Any]:
    settings = own_settings(request, "openai")
    for name in ("headers", "strict"):
        settings.pop(name, None)
    for name in ("tools", "include"):
        if name in settings:
            settings[name] = [*body.get(name, ()), *settings[name]]
    return merged(body, settings) if settings else body
