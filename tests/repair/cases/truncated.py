"""Texts that end early, at any point."""

from __future__ import annotations

from functools import partial

from tests.repair.judge import Case

cut = partial(Case, "truncated")
string = partial(Case, "truncated_string")
key = partial(Case, "truncated_key")
token = partial(Case, "truncated_token")
combo = partial(Case, "combination")

CASES = [
    cut('{"a": 1, "b": {"c": [1, 2', {"a": 1, "b": {"c": [1, 2]}}),
    cut('{"a": 1,', {"a": 1}),
    cut('{"a": [', {"a": []}),
    cut('{"a": {', {"a": {}}),
    cut('[{"id": 1}, {"id": 2}, {', [{"id": 1}, {"id": 2}, {}], [{"id": 1}, {"id": 2}]),
    cut('[{"id": 1}, {"id": 2},', [{"id": 1}, {"id": 2}]),
    cut('{"a": [[1, 2], [3', {"a": [[1, 2], [3]]}),
    cut('```json\n{"a": 1, "b": ["x", "y"', {"a": 1, "b": ["x", "y"]}),
    cut('Here is it:\n{"a": {"b": "c"}, "d": "e', {"a": {"b": "c"}, "d": "e"}),
    cut('{"a": "x"} trailing {"b": "y', [{"a": "x"}, {"b": "y"}]),
    cut('{"a": 1, "b": 2 // and', {"a": 1, "b": 2}),
    cut(
        '{\n  "rows": [\n    {\n      "k": 1\n    },\n    {\n      "k": 2',
        {"rows": [{"k": 1}, {"k": 2}]},
    ),
    cut(
        '{"name": "search", "arguments": {"q": "cats", "limit": 5',
        {"name": "search", "arguments": {"q": "cats", "limit": 5}},
    ),
    cut("{'a': 'x', 'b': ['y', 'z", {"a": "x", "b": ["y", "z"]}),
    string('{"t": "and then they', {"t": "and then they"}),
    string('{"t": "one, two: three', {"t": "one, two: three"}),
    string(
        '{"a": "x", "t": "list [1, 2], {k: v}, ',
        {"a": "x", "t": "list [1, 2], {k: v}, "},
        {"a": "x", "t": "list [1, 2], {k: v},"},
    ),
    string('{"t": "line\\nnext', {"t": "line\nnext"}),
    string('{"t": "say \\"hi', {"t": 'say "hi'}),
    string('{"t": "say \\"hi\\"', {"t": 'say "hi"'}),
    string('{"t": "esc \\', {"t": "esc "}, {"t": "esc \\"}, {"t": "esc"}),
    string('{"t": "esc \\u00', {"t": "esc "}, {"t": "esc"}),
    string('{"t": "esc \\u00e', {"t": "esc "}, {"t": "esc"}),
    string('["done", "not don', ["done", "not don"]),
    string('{"t": ""', {"t": ""}),
    string('{"t": "', {"t": ""}, {"t": None}, {}),
    string(
        '{"code": "def f(x):\\n    return {\\"a\\": x, ',
        {"code": 'def f(x):\n    return {"a": x, '},
        {"code": 'def f(x):\n    return {"a": x,'},
    ),
    string('{"t": "he said "hi" and', {"t": 'he said "hi" and'}),
    string('{"t": "open\nover lines\nand', {"t": "open\nover lines\nand"}),
    string('[{"t": "ok"}, {"t": "cut h', [{"t": "ok"}, {"t": "cut h"}]),
    key('{"a": 1, "b', {"a": 1}, {"a": 1, "b": None}, {"a": 1, "b": ""}),
    key('{"a": 1, "b"', {"a": 1}, {"a": 1, "b": None}, {"a": 1, "b": ""}),
    key('{"a": 1, "b":', {"a": 1}, {"a": 1, "b": None}, {"a": 1, "b": ""}),
    key('{"a": 1, "', {"a": 1}, {"a": 1, "": None}, {"a": 1, "": ""}),
    key('{"a": {"b": 1, "c', {"a": {"b": 1}}, {"a": {"b": 1, "c": None}}),
    key(
        '[{"a": 1}, {"b":',
        [{"a": 1}, {}],
        [{"a": 1}, {"b": None}],
        [{"a": 1}, {"b": ""}],
        [{"a": 1}],
    ),
    key("{a: 1, b", {"a": 1}, {"a": 1, "b": None}),
    key('{"a": 1, "long key na', {"a": 1}, {"a": 1, "long key na": None}),
    token('{"a": tr', {"a": True}, {"a": "tr"}, {"a": None}, {}),
    token(
        '{"a": 1, "b": fals',
        {"a": 1, "b": False},
        {"a": 1, "b": "fals"},
        {"a": 1, "b": None},
        {"a": 1},
    ),
    token("[1, 2, nul", [1, 2, None], [1, 2, "nul"], [1, 2]),
    token('{"a": 12.', {"a": 12}, {"a": 12.0}),
    token('{"a": 1.5e', {"a": 1.5}),
    token('{"a": 1.5e-', {"a": 1.5}),
    token("[1, 2, -", [1, 2], [1, 2, 0], [1, 2, None]),
    token('{"a": -', {}, {"a": 0}, {"a": None}, {"a": ""}, {"a": "-"}),
    token('{"a": 12', {"a": 12}),
    token("[1, 2, 3.5", [1, 2, 3.5]),
    combo(
        "Sure!\n```json\n{'name': 'Ada', age: 36, tags: [\"x\", \"y\",], // ok\n active: True,}\n```\nBye",
        {"name": "Ada", "age": 36, "tags": ["x", "y"], "active": True},
    ),
    combo(
        '{"title": "A "big" day", "when": 2031-05-04, "n": 1_000, "rest": [1, 2, ...]',
        {"title": 'A "big" day', "when": "2031-05-04", "n": 1000, "rest": [1, 2]},
    ),
    combo(
        '<tool_call>{"name": "write", "arguments": {"path": "a.py", "content": "print("hi")\nx = {}\n", }}',
        {"name": "write", "arguments": {"path": "a.py", "content": 'print("hi")\nx = {}\n'}},
    ),
    combo(
        '{“a”： ‘x’， b: None, "c": [(1, 2), {3, 4}], /* end */ }}',
        {"a": "x", "b": None, "c": [[1, 2], [3, 4]]},
    ),
    combo(
        '<think>{"no": 1}</think>{"steps": [{"id": 1 "do": "wash"} {"id": 2, "do": "dry", ], "ok": yes',
        {"steps": [{"id": 1, "do": "wash"}, {"id": 2, "do": "dry"}], "ok": "yes"},
        {"steps": [{"id": 1, "do": "wash"}, {"id": 2, "do": "dry"}], "ok": True},
    ),
    combo(
        '{\n  name: Ada Lovelace,\n  "born": 1815\n  "fields": ["math" "poetry"],\n  \'notes\': "first "coder"",\n  more: {...}\n',
        {
            "name": "Ada Lovelace",
            "born": 1815,
            "fields": ["math", "poetry"],
            "notes": 'first "coder"',
            "more": {},
        },
    ),
    combo(
        '{"a": "x"; "b" = True, "c": 0x1F, "d": .5, "e": undefined, }',
        {"a": "x", "b": True, "c": 31, "d": 0.5, "e": None},
    ),
    combo(
        '[{"q": "1+1?", "a": 2}, {"q": "2*"3"?", "a": 6,}, {"q": "last',
        [{"q": "1+1?", "a": 2}, {"q": '2*"3"?', "a": 6}, {"q": "last"}],
    ),
]
