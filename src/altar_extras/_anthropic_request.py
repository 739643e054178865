"""From altar's Request to the body of ``POST /v1/messages``: pure, and the same for the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from altar.llm import Adaptation, Travel, own_settings
from altar_extras._anthropic_history import History, as_json, leads_with_thinking
from altar_extras._anthropic_models import base_name, family_of
from altar_extras._anthropic_schema import Allowance, compile_schema, render_tools

if TYPE_CHECKING:
    from collections.abc import Mapping

    from altar.llm import OutputSpec, Request
    from altar_extras._anthropic_models import Family

__all__ = ["API", "PROVIDER", "RESERVED", "to_request"]

PROVIDER, API = "anthropic", "messages"
RESERVED = ("cache", "headers", "strict", "tools")

_EFFORTS = {"minimal": "low", "low": "low", "medium": "medium", "high": "high"}
_BUDGETS = {"minimal": 1_024, "low": 4_096, "medium": 8_192, "high": 16_384}
_LEAST_BUDGET = 1_024


def to_request(request: Request) -> tuple[dict[str, Any], tuple[Adaptation, ...]]:
    """The JSON body for ``request``, and what of it was changed to fit.

    System and tools are rendered alike in every round, for thinking is bound
    to them. Settings of "anthropic" are merged into the body, but for the
    reserved ones (see :class:`AnthropicProvider`).
    """
    family = family_of(request.model)
    own = own_settings(request, PROVIDER)
    notes: list[Adaptation] = []
    body: dict[str, Any] = {"model": request.model, "max_tokens": family.max_tokens}
    allowance = Allowance()
    form, words = _output(request.output, family, allowance, notes)
    system = "\n\n".join([text for text in (request.instructions, words) if text])
    if system:
        body["system"] = system
    strict = own.get("strict", True) and family.strict
    tools = render_tools(request.tools, allowance if strict else None)
    tools += own.get("tools") or ()
    if tools:
        body["tools"] = tools
        body["tool_choice"] = _choice(request, family, notes)
    if request.sampling.stop:
        body["stop_sequences"] = list(request.sampling.stop)
    _merge(body, _thinking(request, family, notes))
    if form is not None:
        _merge(body, {"output_config": {"format": form}})
    _merge(body, {name: value for name, value in own.items() if name not in RESERVED})
    travel = Travel(PROVIDER, API, model=request.model, family=base_name)
    history = History(travel, body, bound=family.bound)
    body["messages"] = history.write(request.messages)
    _keep_thinking_legal(body, notes)
    if own.get("cache"):
        _mark_cache(body, own["cache"])
    return body, (*notes, *travel.adaptations)


def _output(
    spec: OutputSpec | None, family: Family, allowance: Allowance, notes: list[Adaptation]
) -> tuple[dict[str, Any] | None, str | None]:
    """The native format of a typed answer; or, where it has none, the words that ask for it."""
    if spec is None:
        return None, None
    compiled = compile_schema(spec.schema) if family.strict else None
    if compiled is not None and allowance.take(compiled, tools=0):
        return {"type": "json_schema", "schema": compiled.schema}, None
    notes.append(
        Adaptation(
            "output",
            "Claude cannot be held to this schema (an open map, a tuple, a recursion, or too many "
            "alternatives); it is asked for in words",
        )
    )
    return None, _in_words(spec.schema)


def _in_words(schema: Mapping[str, Any]) -> str:
    text = as_json(schema)
    return (
        "Answer with one JSON value and nothing else: no explanation, no code fence. "
        f"It must be valid against this JSON Schema: {text}"
    )


def _choice(request: Request, family: Family, notes: list[Adaptation]) -> dict[str, Any]:
    """The tool_choice; every model takes "auto" and "none", and most a call that is demanded."""
    config = request.tool_choice
    if config is None:
        return {"type": "auto"}
    if config.mode == "NONE":
        return {"type": "none"}
    allowed = set(config.allowed_function_names)
    narrowed = allowed and not allowed.issuperset([tool.name for tool in request.tools])
    if config.mode == "ANY" and not family.forced:
        why = f"{request.model} takes no demand for a call; it may answer without one"
        notes.append(Adaptation("tool_choice", why))
    elif config.mode == "ANY" and len(allowed) == 1:
        return {"type": "tool", "name": config.allowed_function_names[0]}
    if narrowed:
        why = "Claude is told of one tool or of all; it may call the others too"
        notes.append(Adaptation("tool_choice.allowed_function_names", why))
    return {"type": "any" if config.mode == "ANY" and family.forced else "auto"}


def _thinking(request: Request, family: Family, notes: list[Adaptation]) -> dict[str, Any]:
    """What ``Sampling(reasoning=, max_tokens=)`` is in the words of the model's family."""
    sampling = request.sampling
    level, given = sampling.reasoning, sampling.max_tokens
    said: dict[str, Any] = {} if given is None else {"max_tokens": given}
    if level is None or (level == "none" and family.thinking == "none"):
        return said
    if family.thinking == "none":
        notes.append(Adaptation("sampling.reasoning", f"{request.model} does not think"))
    elif level == "none" and family.off is not None:
        said["thinking"] = {"type": family.off}
    elif level == "none":
        why = f"{request.model} always thinks; it is asked for the least effort"
        notes.append(Adaptation("sampling.reasoning", why))
        said["output_config"] = {"effort": "low"}
    elif family.thinking == "adaptive":
        shown = {} if family.shown else {"display": "summarized"}
        said["thinking"] = {"type": "adaptive", **shown}
        said["output_config"] = {"effort": _EFFORTS[level]}
    else:
        said |= _budget(_BUDGETS[level], given, family, notes)
    return said


def _budget(
    budget: int, given: int | None, family: Family, notes: list[Adaptation]
) -> dict[str, Any]:
    """Thinking by a budget, which must stay below ``max_tokens`` and is a part of it."""
    if given is None:
        most = min(family.limit, family.max_tokens + budget)
        return {"max_tokens": most, "thinking": {"type": "enabled", "budget_tokens": budget}}
    if given <= _LEAST_BUDGET:
        why = f"thinking takes {_LEAST_BUDGET} tokens or more, and the answer may have {given}"
        notes.append(Adaptation("sampling.reasoning", why))
        return {}
    if budget >= given:
        budget = max(_LEAST_BUDGET, given // 2)
        why = f"thinking has {budget} of the {given} tokens that the answer may have"
        notes.append(Adaptation("sampling.reasoning", why))
    return {"thinking": {"type": "enabled", "budget_tokens": budget}}


def _keep_thinking_legal(body: dict[str, Any], notes: list[Adaptation]) -> None:
    """Leave a thinking budget out where it would be refused: what is demanded comes first."""
    if body.get("thinking", {}).get("type") != "enabled":
        return
    if body.get("tool_choice", {}).get("type") in ("any", "tool"):
        why = "a thinking budget and a call that is demanded exclude each other"
    elif not leads_with_thinking(body["messages"]):
        why = "the turn that goes on began without this model's thinking"
    else:
        return
    del body["thinking"]
    notes.append(Adaptation("sampling.reasoning", why))


def _mark_cache(body: dict[str, Any], setting: object) -> None:
    """Set the cache's marks behind the tools and behind the system prompt."""
    mark = {"type": "ephemeral"}
    if isinstance(setting, str):
        mark["ttl"] = setting
    if isinstance(body.get("system"), str):
        body["system"] = [{"type": "text", "text": body["system"]}]
    for name in ("tools", "system"):
        if body.get(name):
            *others, last = body[name]
            body[name] = [*others, {"cache_control": mark, **last}]


def _merge(body: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Merge ``more`` into ``body``: objects member by member, all else replaced."""
    for name, value in more.items():
        known = body.get(name)
        if isinstance(known, dict) and isinstance(value, dict):
            merged = dict(known)
            _merge(merged, value)
            body[name] = merged
        else:
            body[name] = value
