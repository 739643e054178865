"""The road through google-genai: one attempt, JSON in, JSON out.

A whole answer takes the public road: ``extra_body`` carries the request and
``should_return_http_response`` the body of the answer. For streams the SDK
offers no such thing, and its typed events have lost finishMessage and unknown
fields; so they come from the SDK's own transport, ``async_request_streamed``,
which every version has had and none documents. Where it should be missing the
typed events are read, at that loss.
"""

from __future__ import annotations

import json
from contextlib import aclosing
from time import monotonic
from typing import TYPE_CHECKING, Any

from google.genai import types

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from altar.llm import Attempt
    from altar_extras._gemini_client import Connection

__all__ = ["json_object", "open_stream", "seconds_left", "whole"]

_SECONDS = 600.0  # for an attempt without a deadline
_TO_STANDARD = str.maketrans("-_", "+/")


def seconds_left(attempt: Attempt) -> float:
    """What the deadline leaves, or the default without one."""
    if attempt.deadline is None:
        return _SECONDS
    return max(0.001, min(_SECONDS, attempt.deadline - monotonic()))


def _options(attempt: Attempt, headers: Mapping[str, str] | None, **more: Any) -> types.HttpOptions:
    return types.HttpOptions(
        timeout=max(1, round(seconds_left(attempt) * 1000)),  # milliseconds
        headers=dict(headers) if headers else None,
        retry_options=types.HttpRetryOptions(attempts=1),
        **more,
    )


def _config(options: types.HttpOptions, **more: Any) -> types.GenerateContentConfig:
    """Nothing but the switches: no function calling, no continuation by the SDK."""
    if "automatic_continuation" in types.GenerateContentConfig.model_fields:
        more["automatic_continuation"] = False
    return types.GenerateContentConfig(
        http_options=options,
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
        **more,
    )


async def whole(
    connection: Connection,
    model: str,
    body: dict[str, Any],
    attempt: Attempt,
    *,
    headers: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The answer to ``body`` as it came."""
    config = _config(_options(attempt, headers, extra_body=body), should_return_http_response=True)
    answer = await connection.aio.models.generate_content(model=model, contents="-", config=config)
    return json_object(answer.sdk_http_response.body)


def json_object(text: Any) -> dict[str, Any]:
    """A JSON object, or ValueError."""
    found = json.loads(text or "")
    if not isinstance(found, dict):
        raise ValueError(f"a JSON object was expected, not {type(found).__name__}")
    return found


async def open_stream(
    connection: Connection,
    model: str,
    body: dict[str, Any],
    attempt: Attempt,
    *,
    headers: Mapping[str, str] | None = None,
) -> AsyncGenerator[dict[str, Any], None]:
    """The events of the answer to ``body``, once the server has taken the request."""
    options = _options(attempt, headers)
    if not connection.is_raw:
        options.extra_body = body
        events = await connection.aio.models.generate_content_stream(
            model=model, contents="-", config=_config(options)
        )
        first = await anext(events, None)
        return _typed(events, first)
    path = f"{_resource(model, connection.is_vertex)}:streamGenerateContent?alt=sse"
    return _raw(await connection.streamed("post", path, dict(body), options))


async def _raw(events: Any) -> AsyncGenerator[dict[str, Any], None]:
    async with aclosing(events):
        async for event in events:
            yield json_object(event.body)


async def _typed(events: Any, first: Any) -> AsyncGenerator[dict[str, Any], None]:
    async with aclosing(events):
        event = first
        while event is not None:
            event.sdk_http_response = None
            yield _standard(event.model_dump(mode="json", by_alias=True, exclude_none=True))
            event = await anext(events, None)


def _resource(model: str, vertex: bool) -> str:
    """A model's resource name, by the SDK's rule."""
    if any(sign in model for sign in ("..", "?", "&")):
        raise ValueError(f"no model can be called {model!r}")
    if vertex:
        if model.startswith(("projects/", "models/", "publishers/")):
            return model
        publisher, slash, name = model.partition("/")
        return (
            f"publishers/{publisher}/models/{name}"
            if slash
            else f"publishers/google/models/{model}"
        )
    return model if model.startswith(("models/", "tunedModels/")) else f"models/{model}"


def _standard(value: Any, key: str = "") -> Any:
    """The SDK writes bytes in the URL-safe alphabet; the server did in the standard one."""
    if isinstance(value, dict):
        return {name: _standard(one, name) for name, one in value.items()}
    if isinstance(value, list):
        return [_standard(one) for one in value]
    if key in ("thoughtSignature", "data", "continuationToken") and isinstance(value, str):
        return value.translate(_TO_STANDARD)
    return value
