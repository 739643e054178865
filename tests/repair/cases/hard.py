"""The hardest: several damages at once, where every easy rule is wrong somewhere."""

from __future__ import annotations

from functools import partial

from tests.repair.judge import Case

hard = partial(Case, "hard")
mixed = partial(Case, "mixed")

CASES = [
    mixed(
        '{"text": "He said "yes", then "no", and left: "bye".", "n": 2}',
        {"text": 'He said "yes", then "no", and left: "bye".', "n": 2},
    ),
    mixed(
        '{"code": "if (x == "a") { return {"k": "v"}; }", "lang": "js"}',
        {"code": 'if (x == "a") { return {"k": "v"}; }', "lang": "js"},
    ),
    mixed(
        '{"quote": "The note read: "status": "done", as agreed", "page": 4}',
        {"quote": 'The note read: "status": "done", as agreed', "page": 4},
    ),
    mixed(
        '{"html": "<a href="/x?a=1,2" title="A, B: C">go</a>", "ok": true}',
        {"html": '<a href="/x?a=1,2" title="A, B: C">go</a>', "ok": True},
    ),
    mixed(
        '{"code": "def f(d):\n    return {k: v for k, v in d.items()}, "ok": True}',
        {"code": "def f(d):\n    return {k: v for k, v in d.items()}", "ok": True},
    ),
    hard(
        "{'msg': 'It's the dogs' bowl, isn't it?', 'who': 'O'Neil'}",
        {"msg": "It's the dogs' bowl, isn't it?", "who": "O'Neil"},
    ),
    mixed(
        'Sure:\n```json\n{name: "Ann "the boss" Lee", roles: [admin, \'dev\',], active: True\n```',
        {"name": 'Ann "the boss" Lee', "roles": ["admin", "dev"], "active": True},
    ),
    hard(
        '{"rows": [{"a": 1, "b": "x"}, {"a": 2, "b": "y], "total": 2}',
        {"rows": [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}], "total": 2},
    ),
    hard(
        '{"path": "C:\\Users\\new\\table.txt", "tex": "\\frac{1}{2}",}',
        {"path": "C:\\Users\\new\\table.txt", "tex": "\\frac{1}{2}"},
    ),
    hard(
        '{"a": "first, second, "b": "third", "c": [1, 2, "d": {"e": 5}',
        {"a": "first, second", "b": "third", "c": [1, 2], "d": {"e": 5}},
    ),
    mixed(
        '{"sql": "SELECT "name", "age" FROM t WHERE x = "y"", "limit": 10}',
        {"sql": 'SELECT "name", "age" FROM t WHERE x = "y"', "limit": 10},
    ),
    hard(
        '{"body": "{"inner": {"k": "v, w"}, "l": [1, 2]}", "kind": "raw"}',
        {"body": '{"inner": {"k": "v, w"}, "l": [1, 2]}', "kind": "raw"},
    ),
    hard(
        '<think>{"a": "x"}</think>\nHere: {"a": "y", b: None, "c": [1,,2], // hm\n "d": "z}',
        {"a": "y", "b": None, "c": [1, 2], "d": "z"},
    ),
    mixed(
        '{\n  "title": "On "Being", and Time"\n  "author": M. Heidegger,\n  "year": 1927\n  "tags": ["phil" "de",\n}',
        {
            "title": 'On "Being", and Time',
            "author": "M. Heidegger",
            "year": 1927,
            "tags": ["phil", "de"],
        },
    ),
    mixed(
        '{"steps": ["Open "File", then "Save"", "Press "OK"", "Quit"], "n": 3}',
        {"steps": ['Open "File", then "Save"', 'Press "OK"', "Quit"], "n": 3},
    ),
    mixed(
        '[{"q": "What is "x"?", "a": "5"}, {"q": "Is "y" > 3, or less?", "a": "more"}]',
        [{"q": 'What is "x"?', "a": "5"}, {"q": 'Is "y" > 3, or less?', "a": "more"}],
    ),
    mixed(
        '{"log": "[ERROR] "disk full": {code: 28, path: "/var"}\n[INFO] done", "exit": 1,}',
        {"log": '[ERROR] "disk full": {code: 28, path: "/var"}\n[INFO] done', "exit": 1},
    ),
    mixed(
        '{\\"a\\": \\"x, \\\\"y\\\\"\\", \\"b\\": [1, 2], \\"c\\": \\"open',
        {"a": 'x, "y"', "b": [1, 2], "c": "open"},
    ),
    hard(
        '{"python": """def g():\n    return {"a": [1, 2], \'b\': "c"}\n""", "n": 0x10, "when": 2031-04-05T10:00:00Z}',
        {
            "python": 'def g():\n    return {"a": [1, 2], \'b\': "c"}\n',
            "n": 16,
            "when": "2031-04-05T10:00:00Z",
        },
    ),
    hard(
        '{"a": {"b": {"c": [1, 2, {"d": "e"}, "f": 6}, "g": 7}',
        {"a": {"b": {"c": [1, 2, {"d": "e"}], "f": 6}, "g": 7}},
        {"a": {"b": {"c": [1, 2, {"d": "e", "f": 6}], "g": 7}}},
        {"a": {"b": {"c": [1, 2, {"d": "e"}], "f": 6}}, "g": 7},
    ),
    mixed(
        '{"css": "a::before { content: "{"; } b { color: red; }", "min": false, "js": "x = {y: "z"}"',
        {
            "css": 'a::before { content: "{"; } b { color: red; }',
            "min": False,
            "js": 'x = {y: "z"}',
        },
    ),
    hard(
        "{“title”: “Say “hi” to all, “ok”?”, 'n': ‘5’, note: «fin»}",
        {"title": "Say “hi” to all, “ok”?", "n": "5", "note": "fin"},
        {"title": 'Say "hi" to all, "ok"?', "n": "5", "note": "fin"},
    ),
    hard(
        '{"summary": "Costs rose 5%, "mainly" due to:\n- rent: $1,200\n- food: $300", "total": $1,500, "ok": yes}',
        {
            "summary": 'Costs rose 5%, "mainly" due to:\n- rent: $1,200\n- food: $300',
            "total": "$1,500",
            "ok": "yes",
        },
        {
            "summary": 'Costs rose 5%, "mainly" due to:\n- rent: $1,200\n- food: $300',
            "total": "$1,500",
            "ok": True,
        },
    ),
    mixed(
        '{"dialog": ["Ann: "Hi", Bob: "Yo"", "Bob: "Bye""]}',
        {"dialog": ['Ann: "Hi", Bob: "Yo"', 'Bob: "Bye"']},
    ),
]
