"""What OpenAI refuses in a request as such: parameters, tools, strict schemas, choices."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from altar.testing._fake_http import Answer, Answered
from altar.testing._fake_openai_strict import strict_faults

if TYPE_CHECKING:
    from collections.abc import Iterator

    from altar.testing._fake_server import FakeCall

__all__ = ["Refusals", "check_request", "is_reasoning", "tool_of"]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_RESPONSES = _words(
    """background context_management conversation include input instructions max_output_tokens
    max_tool_calls metadata model moderation parallel_tool_calls previous_response_id prompt
    prompt_cache_key prompt_cache_options prompt_cache_retention reasoning safety_identifier
    service_tier store stream stream_options temperature text tool_choice tools top_logprobs top_p
    truncation user"""
)
_CHAT = _words(
    """audio frequency_penalty function_call functions logit_bias logprobs max_completion_tokens
    max_tokens messages metadata modalities model moderation n parallel_tool_calls prediction
    presence_penalty prompt_cache_key prompt_cache_options prompt_cache_retention reasoning_effort
    response_format safety_identifier seed service_tier stop store stream stream_options
    temperature tool_choice tools top_logprobs top_p user verbosity web_search_options"""
)
_PLAIN = re.compile(r"(?:ft:)?(?:gpt-[34]|chatgpt-|gpt-5-chat)")
_NAME = re.compile(r"[a-zA-Z0-9_-]+")
_LONGEST_NAME, _MOST_TOOLS = 64, 128
_KINDS = {dict: "an object", list: "an array", bool: "a boolean", type(None): "null"}


class Refusals:
    """The errors of one API, each with the parameter it is about: raise what a method returns."""

    def __init__(self, api: str) -> None:
        self.api = api

    def bad(self, message: str, param: str | None = None, code: str | None = None) -> Answered:
        """400 ``invalid_request_error``."""
        error = {"message": message, "type": "invalid_request_error", "param": param, "code": code}
        return Answered(Answer(400, {"error": error}))

    def missing(self, param: str) -> Answered:
        """A parameter that must be there."""
        words = f"Missing required parameter: '{param}'."
        return self.bad(words, param, "missing_required_parameter")

    def wrong_type(self, param: str, expected: str, value: object) -> Answered:
        """A parameter of another type."""
        got = _KINDS.get(type(value), "a string" if isinstance(value, str) else "a number")
        words = f"Invalid type for '{param}': expected {expected}, but got {got} instead."
        return self.bad(words, param, "invalid_type")

    def wrong_value(self, param: str, value: object, allowed: tuple[str, ...]) -> Answered:
        """A parameter that is none of the allowed words."""
        *most, last = [f"'{word}'" for word in allowed]
        listed = f"{', '.join(most)}, and {last}" if len(most) > 1 else " and ".join([*most, last])
        words = f"Invalid value: '{value}'. Supported values are: {listed}."
        return self.bad(words, param, "invalid_value")


def is_reasoning(model: str) -> bool:
    """Whether a model reasons before it answers."""
    return _PLAIN.match(model) is None


def check_request(call: FakeCall, no: Refusals) -> None:
    """Raise the refusal of the first rule that the body breaks, its messages apart."""
    body = call.body
    known = _RESPONSES if no.api == "responses" else _CHAT
    for name in body:
        if name not in known:
            raise no.bad(f"Unknown parameter: '{name}'.", name, "unknown_parameter")
    _check_sampling(call, no)
    _check_tools(body, no)
    _check_choice(body, no)
    _check_output(body, no)


def _check_sampling(call: FakeCall, no: Refusals) -> None:
    body = call.body
    reasoning = body.get("reasoning") or {}
    effort = body.get("reasoning_effort") if no.api == "chat" else reasoning.get("effort")
    if is_reasoning(call.model):
        refused = {"temperature", "top_p", "logprobs", "stop"} if effort != "none" else set()
        for name in body:
            if name in refused:
                raise no.bad(
                    f"Unsupported parameter: '{name}' is not supported with this model.",
                    name,
                    "unsupported_parameter",
                )
        if no.api == "chat" and "max_tokens" in body:
            raise no.bad(
                "Unsupported parameter: 'max_tokens' is not supported with this model. Use "
                "'max_completion_tokens' instead.",
                "max_tokens",
                "unsupported_parameter",
            )
    elif effort is not None:
        name = "reasoning_effort" if no.api == "chat" else "reasoning.effort"
        raise no.bad(
            f"Unsupported parameter: '{name}' is not supported with this model.",
            name,
            "unsupported_parameter",
        )
    efforts = ("none", "minimal", "low", "medium", "high", "xhigh")
    if effort is not None and effort not in efforts:
        name = "reasoning_effort" if no.api == "chat" else "reasoning.effort"
        raise no.wrong_value(name, effort, efforts)
    if "stream_options" in body and body.get("stream") is not True:
        raise no.bad(
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
            "stream_options",
        )


# -- tools -------------------------------------------------------------------------------


def tool_of(tool: Any, api: str) -> dict[str, Any] | None:
    """A function tool's own fields: the tool itself, or its ``function``; None for another kind."""
    if not isinstance(tool, dict) or tool.get("type") != "function":
        return None
    found = tool if api == "responses" else tool.get("function")
    return found if isinstance(found, dict) else None


def _check_tools(body: dict[str, Any], no: Refusals) -> None:
    tools = body.get("tools")
    if tools is None:
        return
    if not isinstance(tools, list):
        raise no.wrong_type("tools", "an array of objects", tools)
    if not tools and no.api == "chat":
        raise no.bad(
            "Invalid 'tools': empty array. Expected an array with minimum length 1, but got an "
            "empty array instead.",
            "tools",
            "empty_array",
        )
    if len(tools) > _MOST_TOOLS:
        raise no.bad(
            "Invalid 'tools': array too long. Expected an array with maximum length "
            f"{_MOST_TOOLS}, but got an array with length {len(tools)} instead.",
            "tools",
            "array_above_max_length",
        )
    names: set[str] = set()
    for at, tool in enumerate(tools):
        if isinstance(tool, dict) and tool.get("type") not in (None, "function"):
            continue  # the vendor's own tools
        path = f"tools[{at}]" if no.api == "responses" else f"tools[{at}].function"
        own = tool_of(tool, no.api)
        if own is None:
            raise no.missing(path if isinstance(tool, dict) and "type" in tool else f"{path}.type")
        _check_name(own.get("name"), f"{path}.name", no)
        if own["name"] in names:
            raise no.bad(f"Duplicate tool name found: '{own['name']}'.", f"{path}.name")
        names.add(own["name"])
        _check_parameters(own, path, no)


def _check_name(name: Any, path: str, no: Refusals) -> None:
    if name is None:
        raise no.missing(path)
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise no.bad(
            f"Invalid '{path}': string does not match pattern. Expected a string that matches the "
            "pattern '^[a-zA-Z0-9_-]+$'.",
            path,
            "invalid_value",
        )
    if len(name) > _LONGEST_NAME:
        raise no.bad(
            f"Invalid '{path}': string too long. Expected a string with maximum length "
            f"{_LONGEST_NAME}, but got a string with length {len(name)} instead.",
            path,
            "string_above_max_length",
        )


def _check_parameters(own: dict[str, Any], path: str, no: Refusals) -> None:
    schema = own.get("parameters")
    about = f"Invalid schema for function '{own['name']}': "
    where, code = f"{path}.parameters", "invalid_function_parameters"
    if schema is None:
        return
    if not isinstance(schema, dict):
        raise no.wrong_type(where, "an object", schema)
    if schema.get("type") != "object":
        got = f'type: "{schema.get("type")}"'
        said = f"schema must be a JSON Schema of 'type: \"object\"', got '{got}'."
        raise no.bad(about + said, where, code)
    if own.get("strict") is True:
        for fault in strict_faults(schema):
            raise no.bad(about + fault, where, code)


def _check_choice(body: dict[str, Any], no: Refusals) -> None:
    choice = body.get("tool_choice")
    if choice is None:
        return
    if not body.get("tools"):
        if choice in ("none", "auto") and no.api == "responses":
            return
        said = "'tool_choice' is only allowed when 'tools' are specified."
        raise no.bad(f"Invalid value for 'tool_choice': {said}", "tool_choice")
    if isinstance(choice, str):
        if choice not in ("none", "auto", "required"):
            raise no.wrong_value("tool_choice", choice, ("none", "auto", "required"))
        return
    declared = [own.get("name") for own in (tool_of(t, no.api) for t in body["tools"]) if own]
    for name in _chosen(choice, no.api):
        if name not in declared:
            raise no.bad(f"Tool choice '{name}' not found in 'tools' parameter.", "tool_choice")


def _chosen(choice: Any, api: str) -> Iterator[Any]:
    """The names of the functions that a choice names."""
    if isinstance(choice, dict) and choice.get("type") == "allowed_tools":
        inner = choice if api == "responses" else choice.get("allowed_tools") or {}
        for tool in inner.get("tools") or ():
            yield (tool_of(tool, api) or {}).get("name")
    else:
        yield (tool_of(choice, api) or {}).get("name")


def _check_output(body: dict[str, Any], no: Refusals) -> None:
    if no.api == "responses":
        form, path = (body.get("text") or {}).get("format"), "text.format"
        spec = form
    else:
        form, path = body.get("response_format"), "response_format"
        spec = form.get("json_schema") if isinstance(form, dict) else None
        path = f"{path}.json_schema"
    if not isinstance(form, dict) or form.get("type") != "json_schema":
        return
    if not isinstance(spec, dict):
        raise no.missing(path)
    _check_name(spec.get("name"), f"{path}.name", no)
    schema = spec.get("schema")
    if not isinstance(schema, dict):
        raise no.missing(f"{path}.schema")
    if spec.get("strict") is True:
        for fault in strict_faults(schema):
            about = f"Invalid schema for response_format '{spec['name']}': "
            raise no.bad(about + fault, f"{path}.schema", "invalid_json_schema")
