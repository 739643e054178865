"""Strategies for messages, responses and conversations that keep the history rule."""

from __future__ import annotations

from hypothesis import strategies as st

from altar.llm import (
    BlobPart,
    Data,
    Message,
    Opaque,
    Origin,
    Refusal,
    Response,
    Text,
    Thinking,
    ToolCall,
    ToolResultPart,
    Unknown,
    Usage,
)

texts = st.sampled_from(
    ["", "a", "hello there", "zwölf Boxkämpfer jagen Viktor", "\u2028\0\U0001f600"]
)
names = st.sampled_from(["add", "get_weather", "x", "_", "gemini"])
scalars = st.sampled_from([None, True, 0, -(2**53), 1.5, "", "text"])
json_values = scalars | st.lists(scalars, max_size=2) | st.dictionaries(texts, scalars, max_size=2)
objects = st.dictionaries(texts, json_values, max_size=2)
opaques = st.builds(Opaque, provider=names, api=names, kind=names, data=json_values)
marks = st.lists(opaques, max_size=2).map(tuple)
blobs = st.builds(
    BlobPart, st.just("image/png"), st.none() | st.binary(max_size=9), uri=st.none() | texts
)
calls = st.builds(
    ToolCall,
    names,
    st.none() | objects,
    id=st.sampled_from(["c1", "c2", "c3", "c4"]),
    raw_args=st.none() | texts,
    wire_id=st.none() | names,
    opaque=marks,
)
said = st.one_of(
    st.builds(Text, texts, opaque=marks),
    st.builds(Thinking, texts, opaque=marks),
    st.builds(Refusal, texts, opaque=marks),
    st.builds(Data, json_values, opaque=marks),
    st.builds(Unknown, st.dictionaries(names, json_values, max_size=2), opaque=marks),
    blobs,
)
origins = st.none() | st.builds(
    Origin, provider=names, api=st.just("") | names, model=names, response_id=st.none() | names
)
replies = st.builds(
    Message,
    st.just("assistant"),
    st.lists(said | calls, max_size=4).map(tuple),
    origin=origins,
    opaque=marks,
)
counts = st.none() | st.integers(0, 10_000)
usages = st.builds(Usage, input_tokens=counts, output_tokens=counts, cached_tokens=counts)
responses = st.builds(
    Response,
    message=replies,
    finish=st.sampled_from(["stop", "length", "refusal", "blocked", "malformed", "unknown"]),
    usage=usages,
    raw_finish=st.none() | names,
    detail=st.none() | texts,
)


@st.composite
def conversations(draw: st.DrawFn) -> list[Message]:
    """Turns in which every call has its result in the next message."""
    history: list[Message] = []
    for _ in range(draw(st.integers(0, 3))):
        history.append(Message("user", tuple(draw(st.lists(said, min_size=1, max_size=3)))))
        reply = draw(replies)
        history.append(reply)
        if reply.calls:
            results = [
                ToolResultPart(
                    call_id=call.id,
                    name=call.name,
                    text=draw(st.sampled_from(['"x"', "1", "null", '{"a": [1]}'])),
                    is_error=draw(st.booleans()),
                    blobs=tuple(draw(st.lists(blobs, max_size=1))),
                    opaque=draw(marks),
                )
                for call in reply.calls
            ]
            history.append(Message("tool", tuple(results)))
    return history
