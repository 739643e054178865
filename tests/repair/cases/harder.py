"""More of the hardest: damage whose cure is decided far from where it stands."""

from __future__ import annotations

from functools import partial

from tests.repair.judge import Case

hard = partial(Case, "hard")
mixed = partial(Case, "mixed")

CASES = [
    hard(
        '{"note": "He said "a", "b": "c", and left", "n": 1}',
        {"note": 'He said "a", "b": "c", and left', "n": 1},
        {"note": 'He said "a"', "b": 'c", and left', "n": 1},
    ),
    mixed(
        '{"code": "function f() { if (a) { return [1, 2]; } }\nconst x = {a: 1};, "lang": "js", "ok": true}',
        {
            "code": "function f() { if (a) { return [1, 2]; } }\nconst x = {a: 1};",
            "lang": "js",
            "ok": True,
        },
    ),
    mixed(
        '{"code": "for (let i = 0; i < 3; i++) { console.log("i: ", i); }',
        {"code": 'for (let i = 0; i < 3; i++) { console.log("i: ", i); }'},
    ),
    mixed(
        '[{"q": "Define "entropy": in short", "a": "Disorder, or "S""}, {"q": "2", "a": "b}]',
        [{"q": 'Define "entropy": in short', "a": 'Disorder, or "S"'}, {"q": "2", "a": "b"}],
    ),
    hard(
        "{'text': 'She's sure: 'it's done', he isn't', 'tags': ['won't', 'can't'], 'n': None}",
        {"text": "She's sure: 'it's done', he isn't", "tags": ["won't", "can't"], "n": None},
    ),
    hard(
        '{"city": New York, NY, "time": 12:30, "cost": $12.50, "off": 45%, "note": She said: "hi", ok?}',
        {
            "city": "New York, NY",
            "time": "12:30",
            "cost": "$12.50",
            "off": "45%",
            "note": 'She said: "hi", ok?',
        },
    ),
    mixed(
        '<tool_call>{"name": "edit", "arguments": {"old": "a = "x"", "new": "a = {"k": ["x", "y"]}"}}</tool_call>'
        '<tool_call>{"name": "run", "arguments": {"cmd": "grep -n "a, b" *.py"}}</tool_call>',
        [
            {"name": "edit", "arguments": {"old": 'a = "x"', "new": 'a = {"k": ["x", "y"]}'}},
            {"name": "run", "arguments": {"cmd": 'grep -n "a, b" *.py'}},
        ],
    ),
    hard(
        'The set {1, 2} and [note: "x"] matter. Final:\n```\n{“a”: [“b “c” d”, ‘e’], f: g h, "i": 1,}\n```\nSee {docs}.',
        {"a": ["b “c” d", "e"], "f": "g h", "i": 1},
        {"a": ['b "c" d', "e"], "f": "g h", "i": 1},
    ),
    hard(
        '{"tex": "Let $f(x) = \\frac{x}{2}$ and \\beta > \\theta, so \\nabla f", "s": "a "b" c", "n": 2',
        {
            "tex": "Let $f(x) = \\frac{x}{2}$ and \\beta > \\theta, so \\nabla f",
            "s": 'a "b" c',
            "n": 2,
        },
    ),
    hard(
        '{"a": `x "y" z`, "b": \'it"s\', "c": "d" + "e", "f": (1, 2), "g": 1/3, h: /* i */ NaN, }',
        {"a": 'x "y" z', "b": 'it"s', "c": "de", "f": [1, 2], "g": "1/3", "h": None},
    ),
    hard(
        '{"users": [{"name": "Al "the" Pal", "tags": ["x", "y"}, {"name": "Bo", "tags": ["z"]], "total" 2, "next": null',
        {
            "users": [{"name": 'Al "the" Pal', "tags": ["x", "y"]}, {"name": "Bo", "tags": ["z"]}],
            "total": 2,
            "next": None,
        },
    ),
    mixed(
        '{"json": "{\\"a\\": "b", \\"c\\": [\\"d\\", "e"]}", "ok": True}',
        {"json": '{"a": "b", "c": ["d", "e"]}', "ok": True},
    ),
    hard(
        '{"diff": "- x = {"a": 1}\n+ x = {"a": 2, "b": [3]}\n", "file": "x.py", "why": "uses "b", too"}',
        {
            "diff": '- x = {"a": 1}\n+ x = {"a": 2, "b": [3]}\n',
            "file": "x.py",
            "why": 'uses "b", too',
        },
    ),
    hard(
        '{"html": "<p class="a" data-x=\'{"k": "v"}\'>Hi, "you": ok</p>", "n": 1}',
        {"html": '<p class="a" data-x=\'{"k": "v"}\'>Hi, "you": ok</p>', "n": 1},
    ),
    hard(
        '{"a": "one\n"two", three\n", "b": "say: "x", "y"", "c": ["p "q"", "r"], "d": "end}',
        {"a": 'one\n"two", three\n', "b": 'say: "x", "y"', "c": ['p "q"', "r"], "d": "end"},
    ),
    hard(
        "{&quot;a&quot;: &quot;x &lt; y&quot;, &quot;b&quot;: [1, 2,], &quot;c&quot;: None}",
        {"a": "x < y", "b": [1, 2], "c": None},
    ),
    mixed(
        '{"steps": [{"n": 1, "do": "Click "Next", wait"}, {"n": 2 "do": "Type: "yes""}, {"n": 3, "do": "Done}]}',
        {
            "steps": [
                {"n": 1, "do": 'Click "Next", wait'},
                {"n": 2, "do": 'Type: "yes"'},
                {"n": 3, "do": "Done"},
            ]
        },
    ),
    hard(
        '{"re": "^\\d+("[^"]*")?$", "path": "C:\\temp\\new", "sh": "echo "$HOME", "$USER"",}',
        {"re": '^\\d+("[^"]*")?$', "path": "C:\\temp\\new", "sh": 'echo "$HOME", "$USER"'},
    ),
]
