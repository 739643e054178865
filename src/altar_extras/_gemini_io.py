"""The road through google-genai: one attempt, JSON in, JSON out.

A whole answer takes the public road: ``extra_body`` carries the request and
``should_return_http_response`` the body of the answer. For streams the SDK
offers no such thing: its typed events have lost finishMessage and unknown
fields, its lines break at U+2028 in some versions, and its generators leave
the connection open when they are closed. So the bytes come from the SDK's own
transport, by two methods which every version has had and none documents. Where
they should be missing the typed events are read, at that loss.
"""

from __future__ import annotations

import json
from contextlib import aclosing
from time import monotonic
from typing import TYPE_CHECKING, Any

from google.genai import types

from altar.llm.openai_compatible import SseReader
from altar_extras._gemini_faults import NoObjectError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterable, Mapping

    from altar.llm import Attempt
    from altar_extras._gemini_client import Connection

__all__ = ["events_of", "json_object", "open_stream", "seconds_left", "whole"]

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
    """A JSON object; raises a ValueError for anything else."""
    found = json.loads(text or "")
    if isinstance(found, list) and len(found) == 1:
        found = found[0]  # as some proxies wrap it
    if not isinstance(found, dict):
        raise NoObjectError(f"a JSON object was expected, not {type(found).__name__}")
    return found


async def events_of(
    chunks: AsyncIterable[bytes], headers: Mapping[str, str]
) -> AsyncGenerator[dict[str, Any], None]:
    """The JSON of server-sent events, by every rule that there is for their form."""
    kind = str(headers.get("content-type", ""))
    if "json" in kind or "html" in kind:  # an error told as a whole, or no model's server
        yield json_object(b"".join([one async for one in chunks]))
        return
    reader = SseReader()
    async for chunk in chunks:
        for _, data in reader.feed(chunk):
            if data.strip() not in ("", "[DONE]"):
                yield json_object(data)
    for _, data in reader.end():
        try:
            event = json_object(data)
        except ValueError:
            return  # cut off in the midst of it: the reader sees that the end is missing
        yield event


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
    return _raw(await connection.ask(path, dict(body), options))


async def _raw(answer: Any) -> AsyncGenerator[dict[str, Any], None]:
    """The events; to close this closes the connection, so the model stops too."""
    try:
        async with aclosing(events_of(_chunks(answer), answer.headers)) as events:
            async for event in events:
                yield event
    finally:
        if hasattr(answer, "aclose"):  # httpx
            await answer.aclose()
        else:  # aiohttp
            answer.close()


def _chunks(answer: Any) -> AsyncIterable[bytes]:
    found: AsyncIterable[bytes] = (
        answer.aiter_bytes() if hasattr(answer, "aiter_bytes") else answer.content.iter_any()
    )
    return found


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
