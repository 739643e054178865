"""Further cases of the classes that models produce most."""

from __future__ import annotations

from functools import partial

from tests.repair.judge import Case

bold = partial(Case, "bold_keys")
brackets = partial(Case, "mismatched_closers")
call = partial(Case, "toolcall")
comma = partial(Case, "missing_commas")
comment = partial(Case, "comments")
cut = partial(Case, "truncated")
deep = partial(Case, "deep")
end = partial(Case, "missing_quote_end")
escape = partial(Case, "bad_escapes")
fence = partial(Case, "fence")
prose = partial(Case, "prose")
quotes = partial(Case, "unescaped_quotes")
raw = partial(Case, "raw_newlines")
string = partial(Case, "truncated_string")
value = partial(Case, "unquoted_values")
whole = partial(Case, "escaped_document")

ADA = {"name": "Ada", "age": 36}

CASES = [
    fence(
        '```json\n{"name": "Ada", "age": 36}\n```\n\n```json\n{"name": "Ada", "age": 36}\n```',
        [ADA, ADA],
        ADA,
    ),
    fence("Here:\n```\n{'name': 'Ada', 'age': 36}\n```\n", ADA),
    fence('```json\n\n\n{"name": "Ada",\n "age": 36}\n\n\n```', ADA),
    fence(
        '"```json\\n{\\"name\\": \\"Ada\\", \\"age\\": 36}\\n```" ',
        '```json\n{"name": "Ada", "age": 36}\n```',
    ),
    fence('```json\\n{\\"name\\": \\"Ada\\", \\"age\\": 36}\\n```', ADA),
    fence('```json\n// the person\n{"name": "Ada", "age": 36}\n```', ADA),
    fence('``json\n{"name": "Ada", "age": 36}\n``', ADA),
    fence('```{"name": "Ada", "age": 36}', ADA),
    fence('{"name": "Ada", "age": 36}```', ADA),
    fence('```json\n{"name": "Ada", "age": 36}\n```json', ADA),
    fence('```text\nno data here\n```\n{"name": "Ada", "age": 36}', ADA),
    fence(
        '```json\n{"code": "```js\nlet a = {b: 1};\n```", "age": 36}\n```',
        {"code": "```js\nlet a = {b: 1};\n```", "age": 36},
    ),
    prose('The JSON object is:\n\n    {"name": "Ada", "age": 36}\n\nas requested', ADA),
    prose('{"name": "Ada", "age": 36}. I hope this helps :)', ADA),
    prose('I can\'t be sure, but {"name": "Ada", "age": 36} looks "right" to me', ADA),
    prose('Name: Ada, so the answer is {"name": "Ada", "age": 36}', ADA),
    prose('<p>Result:</p>{"name": "Ada", "age": 36}<br/>', ADA),
    prose('{"name": "Ada", "age": 36} // that\'s all, folks {end}', ADA),
    prose('Question: is x > y? Answer: {"name": "Ada", "age": 36,}', ADA),
    prose('Output: [{"name": "Ada", "age": 36}] (1 item)', [ADA]),
    prose('(JSON) {"name": "Ada", "age": 36}', ADA),
    prose('🤖: {"name": "Ada", "age": 36} ✅', ADA),
    prose('Here is a list: ["a", "b"] and that is all.', ["a", "b"]),
    prose('I would use `list[0]` or `d["k"]`; the data: {"name": "Ada", "age": 36}', ADA),
    prose('The keys are "name" (a string), "age" (a number):\n{"name": "Ada", "age": 36}', ADA),
    prose('If {name} is empty, return []. Otherwise: {"name": "Ada", "age": 36}', ADA),
    prose(
        "No JSON is needed: just say hello.",
        "No JSON is needed: just say hello.",
        {"No JSON is needed": "just say hello."},
    ),
    call(
        '<tool_call>{"name": "f", "arguments": {"a": 1}}</tool_call><tool_call>{"name": "g", "arguments": {"b": 2}}</tool_call>',
        [{"name": "f", "arguments": {"a": 1}}, {"name": "g", "arguments": {"b": 2}}],
    ),
    call(
        '<tool_call>\n{"name": "f", "arguments": {"a": "x "y" z"}}\n</tool_call>',
        {"name": "f", "arguments": {"a": 'x "y" z'}},
    ),
    call('<function=f>{"a": 1}</function><function=g>{"b": 2}</function>', [{"a": 1}, {"b": 2}]),
    call('[f({"a": 1})]', [{"a": 1}], {"a": 1}),
    call('<|tool_calls_begin|>{"a": 1}<|tool_calls_end|>', {"a": 1}),
    call('Calling tool f with arguments {"a": 1, "b": [2]}...', {"a": 1, "b": [2]}),
    call('<invoke name="f">{"a": 1}</invoke>', {"a": 1}),
    call('{"tool": "f", "args": {"a": 1}}\n</tool_call>\n</s>', {"tool": "f", "args": {"a": 1}}),
    quotes(
        '{"name": "Ada "the first" Lovelace", "age": 36}',
        {"name": 'Ada "the first" Lovelace', "age": 36},
    ),
    quotes(
        '{"name": "Ada", "bio": "She wrote "Notes", a "first".", "age": 36}',
        {"name": "Ada", "bio": 'She wrote "Notes", a "first".', "age": 36},
    ),
    quotes('{"a": "x: "y": z", "b": 1}', {"a": 'x: "y": z', "b": 1}),
    quotes('{"a": "("x")", "b": "["y"]"}', {"a": '("x")', "b": '["y"]'}),
    quotes('{"a": "x "y"}', {"a": 'x "y'}, {"a": 'x "y"'}),
    quotes('["x "y", z", "w"]', ['x "y", z', "w"]),
    quotes('{"a": "one "two"\nthree", "b": 1}', {"a": 'one "two"\nthree', "b": 1}),
    quotes(
        '{\n  "a": "He: "Go!"",\n  "b": "She: "No, "you" go!""\n}',
        {"a": 'He: "Go!"', "b": 'She: "No, "you" go!"'},
    ),
    quotes('{"a": "x" y "z", "b": 1}', {"a": 'x" y "z', "b": 1}),
    quotes(
        '{"a": "is "b" or "c"? both", "d": ["e "f"", "g"]}',
        {"a": 'is "b" or "c"? both', "d": ['e "f"', "g"]},
    ),
    quotes('{"t": "Use {"k": "v"} here", "n": 1}', {"t": 'Use {"k": "v"} here', "n": 1}),
    quotes('{"t": "a = ["x"]; b = {}", "n": 1}', {"t": 'a = ["x"]; b = {}', "n": 1}),
    quotes('{"t": "x"y"z", "n": 1}', {"t": 'x"y"z', "n": 1}),
    quotes('{"t": "12" x 14"", "n": 1}', {"t": '12" x 14"', "n": 1}),
    string(
        '{"name": "Ada", "bio": "born in London, "the',
        {"name": "Ada", "bio": 'born in London, "the'},
    ),
    string('{"name": "Ada", "bio": "see {x} and [y', {"name": "Ada", "bio": "see {x} and [y"}),
    string('{"name": "Ada", "bio": "a: b, c: d', {"name": "Ada", "bio": "a: b, c: d"}),
    string('```json\n{"name": "Ada", "bio": "born in Lon', {"name": "Ada", "bio": "born in Lon"}),
    string('{"name": "Ada", "bio": "it\'s 5 o\'clock', {"name": "Ada", "bio": "it's 5 o'clock"}),
    string(
        '{"name": "Ada", "bio": "https://a.example/?q=',
        {"name": "Ada", "bio": "https://a.example/?q="},
    ),
    string('[{"name": "Ada"}, {"name": "B', [{"name": "Ada"}, {"name": "B"}]),
    string(
        '{"name": "Ada", "bio": "one\\ttwo\\',
        {"name": "Ada", "bio": "one\ttwo"},
        {"name": "Ada", "bio": "one\ttwo\\"},
    ),
    string(
        '{"name": "Ada", "bio": "smile \\ud83d\\ude',
        {"name": "Ada", "bio": "smile "},
        {"name": "Ada", "bio": "smile"},
        {"name": "Ada", "bio": "smile \ud83d"},
        {"name": "Ada", "bio": "smile \ufffd"},
    ),
    string("{'name': 'Ada', 'bio': 'born in Lon", {"name": "Ada", "bio": "born in Lon"}),
    string(
        '{"msg": "done.", "code": "a = {\\n  \\"b\\": [1,',
        {"msg": "done.", "code": 'a = {\n  "b": [1,'},
    ),
    escape(
        '{"p": "C:\\Users\\Ada\\notes.txt", "n": 1}', {"p": "C:\\Users\\Ada\\notes.txt", "n": 1}
    ),
    escape('{"re": "\\s+\\w{2,}\\.", "n": 1}', {"re": "\\s+\\w{2,}\\.", "n": 1}),
    escape('{"t": "100\\%", "n": 1}', {"t": "100\\%", "n": 1}, {"t": "100%", "n": 1}),
    escape('{"t": "\\"", "u": "\\\\", n: 1}', {"t": '"', "u": "\\", "n": 1}),
    escape('{"t": "a\\"b\\"c", "n": 1,}', {"t": 'a"b"c', "n": 1}),
    escape("{'t': 'a\\\"b', 'n': 1}", {"t": 'a"b', "n": 1}),
    escape(
        '{"t": "\\frac{1}{2} \\beta \\times", "n": 1,}',
        {"t": "\\frac{1}{2} \\beta \\times", "n": 1},
    ),
    whole(
        '{\\"name\\": \\"Ada\\", \\"tags\\": [\\"x\\", \\"y\\"]}',
        {"name": "Ada", "tags": ["x", "y"]},
    ),
    whole('{\\"name\\":\\"Ada\\",\\"age\\":36', ADA),
    whole('Result: {\\"name\\": \\"Ada\\", \\"age\\": 36}', ADA),
    value('{"city": São Paulo, "n": 1}', {"city": "São Paulo", "n": 1}),
    value('{"city": Paris (France), "n": 1}', {"city": "Paris (France)", "n": 1}),
    value(
        '{"a": hello, "b": [x, y z], "c": {d: e f}}',
        {"a": "hello", "b": ["x", "y z"], "c": {"d": "e f"}},
    ),
    value(
        '{"date": 12/31/2030, "time": 5:30 PM, "n": 1}',
        {"date": "12/31/2030", "time": "5:30 PM", "n": 1},
    ),
    value('{"price": £5, "disc": -10%, "n": 1}', {"price": "£5", "disc": "-10%", "n": 1}),
    value(
        '{"title": The Good, the Bad: a tale, "n": 1}',
        {"title": "The Good, the Bad: a tale", "n": 1},
    ),
    value('{"cmd": ls -la | grep "x", "n": 1}', {"cmd": 'ls -la | grep "x"', "n": 1}),
    raw('{"t": "one\n\ntwo\n", "n": 1}', {"t": "one\n\ntwo\n", "n": 1}),
    raw('{"t": "- a\n- b, c: d\n", "u": [1,],}', {"t": "- a\n- b, c: d\n", "u": [1]}),
    raw(
        '{"code": "if (a) {\n\treturn [1];\n}\n", n: 1}',
        {"code": "if (a) {\n\treturn [1];\n}\n", "n": 1},
    ),
    raw(
        '{"code": "x = {\n  "a": 1,\n  "b": [2]\n}\n", "n": 1}',
        {"code": 'x = {\n  "a": 1,\n  "b": [2]\n}\n', "n": 1},
    ),
    raw(
        '{"t": "He said:\n"Hi."\nThen: "Bye."\n", "n": 1}',
        {"t": 'He said:\n"Hi."\nThen: "Bye."\n', "n": 1},
    ),
    comma('{"a": "x"\n"b": "y"\n\n"c": [1\n2\n3]}', {"a": "x", "b": "y", "c": [1, 2, 3]}),
    comma('[{"a": 1}{"a": 2}{"a": 3}]', [{"a": 1}, {"a": 2}, {"a": 3}]),
    comma('["a", "b"\n"c" "d"]', ["a", "b", "c", "d"]),
    comma('{"a": "x" "b": {"c": "y" "d": "z"}}', {"a": "x", "b": {"c": "y", "d": "z"}}),
    end('{"a": "x, "b": ["y, "z"], "c": 1}', {"a": "x", "b": ["y", "z"], "c": 1}),
    end('{"a": "x y z, "b": null}', {"a": "x y z", "b": None}),
    end('{"a": "x",\n "b": "y\n}', {"a": "x", "b": "y"}),
    end('[{"a": "x, "b": 1}, {"a": "y, "b": 2}]', [{"a": "x", "b": 1}, {"a": "y", "b": 2}]),
    brackets(
        '{"a": {"b": [1, 2}, "c": 3}', {"a": {"b": [1, 2]}, "c": 3}, {"a": {"b": [1, 2], "c": 3}}
    ),
    brackets('[{"a": [1, 2}, {"a": [3]]', [{"a": [1, 2]}, {"a": [3]}]),
    brackets('({"a": 1}]', {"a": 1}, [{"a": 1}]),
    comment('{"name": "Ada", /* the first */ "age": 36 // in years\n}', ADA),
    comment('{"name": "Ada", // TODO: check "age"\n"age": 36}', ADA),
    comment("{'name': 'Ada', # {'old': 1}\n'age': 36}", ADA),
    comment('{"name": "Ada" /* , "x": 1 */, "age": 36}', ADA),
    bold('{\n**"name"**: "Ada",\n**"age"**: 36\n}', ADA),
    bold("**a**: 1\n**b**: 2", {"a": 1, "b": 2}),
    bold("- a: 1\n- b: 2", {"a": 1, "b": 2}, [{"a": 1}, {"b": 2}]),
    bold("- x\n- y", ["x", "y"]),
    bold('**name**: Ada\n**tags**: ["x", "y"]', {"name": "Ada", "tags": ["x", "y"]}),
    bold(
        'city: Oslo\ndays: [1, 2]\nat: {"h": 9}', {"city": "Oslo", "days": [1, 2], "at": {"h": 9}}
    ),
    prose('Name: Ada\nHere is the JSON: {"a": 1}', {"a": 1}),
    prose('data: the best\n{"a": 1}', {"a": 1}),
    call(
        '<invoke name="f"><parameter name="on">True</parameter>'
        '<parameter name="tags">["a", "b"]</parameter></invoke>',
        {"on": True, "tags": ["a", "b"]},
    ),
    call('f(a=[1, 2,], b={"c": 1}, d=None,)', {"a": [1, 2], "b": {"c": 1}, "d": None}),
    bold('- "a b"\n- 2\n- true', ["a b", 2, True]),
    bold('{"a": 1, __typename: "X"}', {"a": 1, "__typename": "X"}),
    end('{"a": "x, b": 1}', {"a": "x", "b": 1}),
    end(
        '{"id": 7, "name": "Ada, age": 36, "ok": true}',
        {"id": 7, "name": "Ada", "age": 36, "ok": True},
    ),
    comment('{"a": 1 <!-- one -->, "b": true <!-- two -->}', {"a": 1, "b": True}),
    comma('"a" "b"', ["a", "b"]),
    comma("1 2 3", [1, 2, 3]),
    comma("100 200 30", [100, 200, 30]),
    cut('{"a": tr', {"a": True}),
    cut("[tru", [True]),
    cut('{"a": [null, fal', {"a": [None, False]}),
    cut("{'a': Non", {"a": None}),
    cut('{"a": N', {"a": "N"}, {"a": None}),
    deep("[" * 200 + "1", [1]),
    deep('{"a":' * 150 + "1" + "}" * 149, {"a": 1}),
]


def _nested(depth: int, wrap: str) -> object:
    value: object = 1
    for _ in range(depth):
        value = [value] if wrap == "[" else {"a": value}
    return value


CASES[-2].expected = _nested(200, "[")
CASES[-1].expected = _nested(150, "{")
