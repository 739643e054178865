"""Tool calls as models of many makers write them into the text."""

from __future__ import annotations

from functools import partial

from tests.repair.judge import Case

call = partial(Case, "toolcall")

WEATHER = {"name": "get_weather", "arguments": {"city": "Paris"}}
SEARCH = {"name": "search", "arguments": {"q": "cats"}}

CASES = [
    call(
        '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n</tool_call>',
        WEATHER,
    ),
    call('<tool_call>{"name": "get_weather", "arguments": {"city": "Paris"}}', WEATHER),
    call('{"name": "get_weather", "arguments": {"city": "Paris"}}</tool_call>', WEATHER),
    call(
        '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n</tool_call>\n'
        '<tool_call>\n{"name": "search", "arguments": {"q": "cats"}}\n</tool_call>',
        [WEATHER, SEARCH],
    ),
    call(
        'I will look it up.\n<tool_call>{"name": "search", "arguments": {"q": "cats"}}</tool_call>',
        SEARCH,
    ),
    call('[TOOL_CALLS] [{"name": "get_weather", "arguments": {"city": "Paris"}}]', [WEATHER]),
    call(
        '[TOOL_CALLS][{"name": "get_weather", "arguments": {"city": "Paris"}}, {"name": "search", "arguments": {"q": "cats"}}]</s>',
        [WEATHER, SEARCH],
    ),
    call('[TOOL_CALLS]get_weather{"city": "Paris"}', {"city": "Paris"}),
    call('[TOOL_CALLS]get_weather[ARGS]{"city": "Paris"}', {"city": "Paris"}),
    call('<function=get_weather>{"city": "Paris"}</function>', {"city": "Paris"}),
    call('<function=get_weather>{"city": "Paris"', {"city": "Paris"}),
    call(
        '<function_call>{"city": "Paris", "days": 3,}</function_call>', {"city": "Paris", "days": 3}
    ),
    call(
        '<|python_tag|>{"name": "get_weather", "parameters": {"city": "Paris"}}',
        {"name": "get_weather", "parameters": {"city": "Paris"}},
    ),
    call('<|tool_call|>[{"name": "search", "arguments": {"q": "cats"}}]<|/tool_call|>', [SEARCH]),
    call(
        '<|start_header_id|>assistant<|end_header_id|>\n\n{"city": "Paris"}<|eot_id|>',
        {"city": "Paris"},
    ),
    call('<|im_start|>assistant\n{"city": "Paris"}<|im_end|>', {"city": "Paris"}),
    call('{"city": "Paris"}</s>', {"city": "Paris"}),
    call('{"city": "Paris"}<|endoftext|>', {"city": "Paris"}),
    call('<s>[INST] hi [/INST] {"city": "Paris"}', {"city": "Paris"}),
    call('get_weather({"city": "Paris"})', {"city": "Paris"}),
    call('functions.get_weather({"city": "Paris", "days": 2});', {"city": "Paris", "days": 2}),
    call('Action: get_weather\nAction Input: {"city": "Paris"}', {"city": "Paris"}),
    call(
        'Thought: I need it\nAction: search\nAction Input: {"q": "cats"}\nObservation:',
        {"q": "cats"},
    ),
    call('<tools>{"name": "search", "arguments": {"q": "cats"}}</tools>', SEARCH),
    call('<output><json>{"a": 1}</json></output>', {"a": 1}),
    call('<answer>\n{"a": [1, 2}\n</answer>', {"a": [1, 2]}),
    call('<result type="json">{"a": 1}</result>', {"a": 1}),
    call('<![CDATA[{"a": 1}]]>', {"a": 1}),
    call("<tool_call>{'name': 'search', 'arguments': {'q': 'cats'}}</tool_call>", SEARCH),
    call('<tool_call>{"name": "search", "arguments": {"q": "cats"}</tool_call>', SEARCH),
    call(
        '<tool_call>\n{"name": "search", "arguments": "{\\"q\\": \\"cats\\"}"}\n</tool_call>',
        {"name": "search", "arguments": '{"q": "cats"}'},
    ),
    call(
        '<function_calls>\n[{"name": "search", "arguments": {"q": "cats"}}]\n</function_calls>',
        [SEARCH],
    ),
    call(
        '<|tool▁call▁begin|>function<|tool▁sep|>search\n```json\n{"q": "cats"}\n```<|tool▁call▁end|>',
        {"q": "cats"},
    ),
    call('✿FUNCTION✿: search\n✿ARGS✿: {"q": "cats"}', {"q": "cats"}),
    call(
        'commentary to=functions.search <|constrain|>json<|message|>{"q": "cats"}<|call|>',
        {"q": "cats"},
    ),
    call('tool_code\n{"q": "cats"}', {"q": "cats"}),
]
