"""Strategies for answers of chat completions, whole, and the same ones as stream chunks."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

texts = st.text(max_size=12)
arguments = st.one_of(
    st.dictionaries(st.sampled_from(["a", "b"]), st.integers() | texts, max_size=2).map(json.dumps),
    st.sampled_from(["", '{"a": 1', "[1]", "null", ' {"a" : 1.0}', "not JSON"]),
)
calls = st.lists(st.tuples(st.sampled_from(["add", "get_weather"]), arguments), max_size=3)
usages = st.none() | st.fixed_dictionaries(
    {"prompt_tokens": st.integers(0, 9), "completion_tokens": st.integers(0, 9)}
)


@st.composite
def answers(draw: st.DrawFn) -> dict[str, Any]:
    """The body of a whole reply."""
    message: dict[str, Any] = {"role": "assistant", "content": draw(st.none() | texts)}
    thought = draw(st.none() | texts)
    if thought is not None:
        message[draw(st.sampled_from(["reasoning", "reasoning_content"]))] = thought
    refusal = draw(st.none() | texts)
    if refusal is not None:
        message["refusal"] = refusal
    made = draw(calls)
    if made:
        message["tool_calls"] = [
            {"id": f"c{at}", "type": "function", "function": {"name": name, "arguments": text}}
            for at, (name, text) in enumerate(made)
        ]
    word = draw(st.sampled_from(["stop", "length", "tool_calls", "content_filter", "odd"]))
    choice = {"index": 0, "message": message, "finish_reason": word}
    body: dict[str, Any] = {"id": "chatcmpl-1", "model": "m", "choices": [choice]}
    usage = draw(usages)
    return body if usage is None else {**body, "usage": usage}


@st.composite
def chunked(draw: st.DrawFn) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The body of a reply, and chunks that say the same."""
    body = draw(answers())
    message = body["choices"][0]["message"]
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    for field in ("reasoning", "reasoning_content", "content", "refusal"):
        if message.get(field):
            deltas += [{field: piece} for piece in draw(cut(message[field]))]
    for at, call in enumerate(message.get("tool_calls", ())):
        function = call["function"]
        first = {"index": at, "id": call["id"], "type": "function"}
        pieces = draw(cut(function["arguments"]))
        deltas.append(
            {"tool_calls": [{**first, "function": {"name": function["name"], "arguments": ""}}]}
        )
        deltas += [
            {"tool_calls": [{"index": at, "function": {"arguments": piece}}]} for piece in pieces
        ]
    base = {"id": body["id"], "model": body["model"], "object": "chat.completion.chunk"}
    chunks = [
        {**base, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
        for delta in deltas
    ]
    word = body["choices"][0]["finish_reason"]
    chunks.append({**base, "choices": [{"index": 0, "delta": {}, "finish_reason": word}]})
    if "usage" in body:
        chunks.append({**base, "choices": [], "usage": body["usage"]})
    return body, chunks


@st.composite
def cut(draw: st.DrawFn, text: str) -> list[str]:
    """The text in pieces."""
    ends = sorted(draw(st.sets(st.integers(1, max(1, len(text))), max_size=4)) | {len(text)})
    return [text[start:end] for start, end in zip([0, *ends], ends, strict=False)]
