"""What Gemini refuses in declarations and configuration: names, schema dialects, modes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar.testing._fake_http import Answered

    Bad = Callable[[str], Answered]

__all__ = ["check_config", "check_tools", "function_name_problem"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,127}")
_MOST = 512
_FUNCTION = frozenset(
    {
        *("name", "description", "behavior", "parameters", "parametersJsonSchema"),
        *("response", "responseJsonSchema"),
    }
)
_CONFIG = frozenset(
    {
        *("candidateCount", "stopSequences", "maxOutputTokens", "temperature", "topP", "topK"),
        *("seed", "presencePenalty", "frequencyPenalty", "responseLogprobs", "logprobs"),
        *("responseMimeType", "responseSchema", "responseJsonSchema", "responseModalities"),
        *("speechConfig", "thinkingConfig", "mediaResolution", "imageConfig", "audioTimestamp"),
        *("enableEnhancedCivicAnswers", "routingConfig", "modelSelectionConfig"),
        *("enableAffectiveDialog", "responseFormat", "translationConfig"),
        "audioTranscriptionConfig",
    }
)
_SCHEMA = frozenset(
    {
        *("type", "format", "title", "description", "nullable", "enum", "default", "example"),
        *("items", "minItems", "maxItems", "properties", "propertyOrdering", "required"),
        *("minProperties", "maxProperties", "minLength", "maxLength", "pattern", "minimum"),
        *("maximum", "anyOf", "defs", "ref", "additionalProperties"),
    }
)
_LEVELS = ("MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH", "THINKING_LEVEL_UNSPECIFIED")
_MODES = ("AUTO", "ANY", "NONE", "VALIDATED", "MODE_UNSPECIFIED")


def check_tools(body: dict[str, Any], bad: Bad) -> None:
    """Raise what ``bad`` makes of the first thing that is wrong with tools and tool config."""
    names: list[str] = []
    for at, tool in enumerate(body.get("tools") or ()):
        for index, function in enumerate(tool.get("functionDeclarations") or ()):
            where = f"tools[{at}].function_declarations[{index}]"
            _check_function(function, where, bad)
            if function["name"] in names:
                raise bad(f"Duplicate function declaration found: {function['name']}")
            names.append(function["name"])
    if len(names) > _MOST:
        raise bad(
            f"At most {_MOST} function declarations are allowed, but {len(names)} were given."
        )
    config = (body.get("toolConfig") or {}).get("functionCallingConfig")
    if config is not None:
        _check_mode(config, names, bad)


def function_name_problem(name: object) -> str:
    """What the vendor says of an illegal function name; "" for a legal one."""
    if isinstance(name, str) and _NAME.fullmatch(name):
        return ""
    return (
        "Invalid function name. Must start with a letter or an underscore. Must be alphanumeric "
        "(a-z, A-Z, 0-9), underscores (_), dots (.), colons (:), or dashes (-), with a maximum "
        "length of 128."
    )


def _check_mode(config: dict[str, Any], names: list[str], bad: Bad) -> None:
    mode = config.get("mode", "AUTO")
    if mode not in _MODES:
        raise bad(
            "Invalid value at 'tool_config.function_calling_config.mode' "
            f'(type.googleapis.com/google.ai.generativelanguage.Mode), "{mode}"'
        )
    if not names:
        raise bad("Function calling config is set without function_declarations.")
    allowed = config.get("allowedFunctionNames") or []
    if allowed and mode not in ("ANY", "VALIDATED"):
        raise bad(
            "allowed_function_names should only be set when the function calling mode is ANY or "
            "VALIDATED."
        )
    for name in allowed:
        if name not in names:
            raise bad(f"allowed_function_names contains `{name}`, which is not declared.")


def _check_function(function: dict[str, Any], where: str, bad: Bad) -> None:
    for name in function:
        if name not in _FUNCTION:
            raise bad(
                f"Invalid JSON payload received. Unknown name \"{name}\" at '{where}': "
                "Cannot find field."
            )
    problem = function_name_problem(function.get("name"))
    if problem:
        raise bad(f"* GenerateContentRequest.{where}.name: {problem}\n")
    for one, other in (
        ("parameters", "parametersJsonSchema"),
        ("response", "responseJsonSchema"),
    ):
        if one in function and other in function:
            raise bad(
                f"* GenerateContentRequest.{where}: only one of `{one}` and `{other}` may be set "
                "(mutually exclusive schema fields).\n"
            )
        if one in function:
            _check_schema(function[one], f"{where}.{one}", bad)
    document = function.get("parametersJsonSchema", {"type": "object"})
    if not isinstance(document, dict) or document.get("type", "object") != "object":
        raise bad(
            f"* GenerateContentRequest.{where}.parameters_json_schema: schema must be of type "
            "object\n"
        )


def _check_schema(schema: Any, where: str, bad: Bad) -> None:
    """The OpenAPI subset, which knows only its own words."""
    if not isinstance(schema, dict):
        raise bad(f"Invalid value at '{where}' (type.googleapis.com/Schema)")
    for name in schema:
        if _camel(name) not in _SCHEMA:
            raise bad(
                f"Invalid JSON payload received. Unknown name \"{name}\" at '{where}': "
                "Cannot find field."
            )
    kind = schema.get("type")
    if kind is not None and (not isinstance(kind, str) or not kind.isalpha()):
        raise bad(f"Proto field is not repeating, cannot start list. at '{where}.type'")
    for name, inner in (schema.get("properties") or {}).items():
        _check_schema(inner, f"{where}.properties[{name}]", bad)
    for index, inner in enumerate(schema.get("anyOf") or schema.get("any_of") or ()):
        _check_schema(inner, f"{where}.any_of[{index}]", bad)
    if "items" in schema:
        _check_schema(schema["items"], f"{where}.items", bad)


def check_config(body: dict[str, Any], model: str, bad: Bad) -> None:
    """The same for the generation config."""
    config = body.get("generationConfig") or {}
    for name in config:
        if name not in _CONFIG:
            raise bad(
                f"Invalid JSON payload received. Unknown name \"{name}\" at 'generation_config': "
                "Cannot find field."
            )
    schemas = [name for name in ("responseSchema", "responseJsonSchema") if name in config]
    if len(schemas) == 2:
        raise bad("Only one of response_schema and response_json_schema may be set.")
    kind = config.get("responseMimeType")
    if schemas and kind not in ("application/json", "text/x.enum"):
        raise bad(
            "* GenerateContentRequest.generation_config.response_schema: only allowed when "
            "response_mime_type is 'application/json'\n"
        )
    if "responseSchema" in config:
        _check_schema(config["responseSchema"], "generation_config.response_schema", bad)
    old = re.match(r"gemini-[12]\b", model) is not None
    if kind == "application/json" and _declares(body) and old:
        raise bad("Function calling with a response mime type: 'application/json' is unsupported")
    _check_thinking(config.get("thinkingConfig") or {}, bad, old=old)


def _check_thinking(thinking: dict[str, Any], bad: Bad, *, old: bool) -> None:
    if "thinkingBudget" in thinking and "thinkingLevel" in thinking:
        raise bad("You can only set only one of thinking budget and thinking level.")
    level = thinking.get("thinkingLevel")
    if level is not None and str(level).upper() not in _LEVELS:
        raise bad(
            "Invalid value at 'generation_config.thinking_config.thinking_level' "
            f'(type.googleapis.com/google.ai.generativelanguage.ThinkingLevel), "{level}"'
        )
    if level is not None and old:
        raise bad("Thinking level is not supported for this model.")


def _declares(body: dict[str, Any]) -> bool:
    return any(tool.get("functionDeclarations") for tool in body.get("tools") or ())


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.title() for word in rest)
