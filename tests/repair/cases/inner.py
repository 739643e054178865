"""Quotes and line breaks that stand unescaped inside strings."""

from __future__ import annotations

from functools import partial

from tests.repair.judge import Case

quotes = partial(Case, "unescaped_quotes")
code = partial(Case, "code_in_strings")
raw = partial(Case, "raw_newlines")
embedded = partial(Case, "embedded_json")
path = partial(Case, "paths_and_latex")

CASES = [
    quotes('{"a": "say "hi" now"}', {"a": 'say "hi" now'}),
    quotes('{"a": "say "hi"", "b": 1}', {"a": 'say "hi"', "b": 1}),
    quotes('{"a": ""hi" he said", "b": 1}', {"a": '"hi" he said', "b": 1}),
    quotes(
        '{"a": ""Hi," he said, "how are you?"", "b": 1}',
        {"a": '"Hi," he said, "how are you?"', "b": 1},
    ),
    quotes('{"size": "a 27" monitor", "n": 2}', {"size": 'a 27" monitor', "n": 2}),
    quotes('{"size": "27"", "n": 2}', {"size": '27"', "n": 2}),
    quotes('{"h": "5\' 11"", "w": 80}', {"h": "5' 11\"", "w": 80}),
    quotes('["one "two" three", "four"]', ['one "two" three', "four"]),
    quotes('["he said "no", twice", "ok"]', ['he said "no", twice', "ok"]),
    quotes(
        '{"t": "the words "up", "down" and "left"", "u": "v"}',
        {"t": 'the words "up", "down" and "left"', "u": "v"},
    ),
    quotes(
        '{"t": "Known as "The Rock", he won", "year": 1999}',
        {"t": 'Known as "The Rock", he won', "year": 1999},
    ),
    quotes(
        '{"t": "It is called: "x": a letter", "n": 1}', {"t": 'It is called: "x": a letter', "n": 1}
    ),
    quotes('{"q": "Who wrote "Emma"?", "a": "Austen"}', {"q": 'Who wrote "Emma"?', "a": "Austen"}),
    quotes('{"a "b" c": 1, "d": 2}', {'a "b" c': 1, "d": 2}),
    quotes('{"t": "ends with "quote"}', {"t": 'ends with "quote'}, {"t": 'ends with "quote"'}),
    quotes('{"t": "a "b\\" c", "n": 1}', {"t": 'a "b" c', "n": 1}),
    quotes("{'t': 'he said 'hi' to me', 'n': 1}", {"t": "he said 'hi' to me", "n": 1}),
    quotes("{'t': 'rock 'n' roll', 'n': 1}", {"t": "rock 'n' roll", "n": 1}),
    quotes(
        '[{"t": "The "A" team"}, {"t": "The "B" team, too"}]',
        [{"t": 'The "A" team'}, {"t": 'The "B" team, too'}],
    ),
    quotes(
        '{"t": "He replied, "Fine."\\nThen left.", "n": 1}',
        {"t": 'He replied, "Fine."\nThen left.', "n": 1},
    ),
    quotes(
        '{"summary": "Dubbed "the big one" (a "record"), it hit at 3:15", "year": 1906}',
        {"summary": 'Dubbed "the big one" (a "record"), it hit at 3:15', "year": 1906},
    ),
    quotes(
        '{"reason": "the field "status" is "active", so keep it", "keep": true}',
        {"reason": 'the field "status" is "active", so keep it', "keep": True},
    ),
    quotes(
        '{"cmd": "echo "hello world"", "timeout": 30}', {"cmd": 'echo "hello world"', "timeout": 30}
    ),
    quotes(
        '{"cmd": "git commit -m "fix: a, b" && git push", "dir": "."}',
        {"cmd": 'git commit -m "fix: a, b" && git push', "dir": "."},
    ),
    quotes(
        '{"title":"A "quoted" word","body":"And "two" "more" here"}',
        {"title": 'A "quoted" word', "body": 'And "two" "more" here'},
    ),
    quotes('{"csv": "a,"b,c",d", "n": 1}', {"csv": 'a,"b,c",d', "n": 1}),
    code(
        '{"code": "print("hello")", "lang": "python"}', {"code": 'print("hello")', "lang": "python"}
    ),
    code(
        '{"code": "console.log("a", "b");", "lang": "js"}',
        {"code": 'console.log("a", "b");', "lang": "js"},
    ),
    code('{"code": "x = {"a": 1}", "lang": "python"}', {"code": 'x = {"a": 1}', "lang": "python"}),
    code(
        '{"code": "arr = ["a", "b"]", "lang": "python"}',
        {"code": 'arr = ["a", "b"]', "lang": "python"},
    ),
    code(
        '{"code": "import os\nprint("x")\n", "lang": "python"}',
        {"code": 'import os\nprint("x")\n', "lang": "python"},
    ),
    code(
        '{"code": "def f(a, b):\n    """Add."""\n    return a + b\n", "n": 1}',
        {"code": 'def f(a, b):\n    """Add."""\n    return a + b\n', "n": 1},
    ),
    code(
        '{"code": "if (a[\'x\'] == "y") {\n  run();\n}", "n": 1}',
        {"code": "if (a['x'] == \"y\") {\n  run();\n}", "n": 1},
    ),
    code(
        '{"html": "<div class="box">Hi</div>", "n": 1}',
        {"html": '<div class="box">Hi</div>', "n": 1},
    ),
    code(
        '{"html": "<img src="a.png" alt="A, b">\n<p>"x"</p>"}',
        {"html": '<img src="a.png" alt="A, b">\n<p>"x"</p>'},
    ),
    code(
        '{"html": "<a href="https://a.example/?q=1&r=2">x</a>"}',
        {"html": '<a href="https://a.example/?q=1&r=2">x</a>'},
    ),
    code(
        '{"sql": "select * from "Users" where id = 1", "n": 1}',
        {"sql": 'select * from "Users" where id = 1', "n": 1},
    ),
    code(
        '{"sh": "awk -F"," "{print $1}" f.csv", "n": 1}',
        {"sh": 'awk -F"," "{print $1}" f.csv', "n": 1},
    ),
    code(
        '{"xml": "<?xml version="1.0"?>\n<a b="c"/>", "n": 1}',
        {"xml": '<?xml version="1.0"?>\n<a b="c"/>', "n": 1},
    ),
    code(
        '{"edits": [{"old": "x = "a"", "new": "x = "b""}, {"old": "y", "new": "z"}]}',
        {"edits": [{"old": 'x = "a"', "new": 'x = "b"'}, {"old": "y", "new": "z"}]},
    ),
    code(
        '{"content": "package main\n\nimport "fmt"\n\nfunc main() {\n\tfmt.Println("hi, there")\n}\n", "path": "main.go"}',
        {
            "content": 'package main\n\nimport "fmt"\n\nfunc main() {\n\tfmt.Println("hi, there")\n}\n',
            "path": "main.go",
        },
    ),
    code(
        '{"css": ".a:after { content: "x, y"; }", "n": 1}',
        {"css": '.a:after { content: "x, y"; }', "n": 1},
    ),
    raw('{"t": "line one\nline two"}', {"t": "line one\nline two"}),
    raw('{"t": "a\tb\r\nc",}', {"t": "a\tb\r\nc"}),
    raw("[\"x\ny\", 'z\nw']", ["x\ny", "z\nw"]),
    raw(
        '{"poem": "Roses, red:\n  violets {blue},\n[sugar]\n", \'n\': 1}',
        {"poem": "Roses, red:\n  violets {blue},\n[sugar]\n", "n": 1},
    ),
    raw(
        '{"md": "# Title\n\n- a: 1\n- b: 2\n\n> quote", "n": 1,}',
        {"md": "# Title\n\n- a: 1\n- b: 2\n\n> quote", "n": 1},
    ),
    raw('{"k\ney": "v", b: 2}', {"k\ney": "v", "b": 2}),
    raw(
        '{"yaml": "a: 1\nb:\n  - x\n  - y: "z"\n", "n": 1}',
        {"yaml": 'a: 1\nb:\n  - x\n  - y: "z"\n', "n": 1},
    ),
    raw(
        '{"t": "para one\n\n"Quoted," she said.\n\nend", "n": 1}',
        {"t": 'para one\n\n"Quoted," she said.\n\nend', "n": 1},
    ),
    raw(
        '{"t": "open\nand never closed\n}',
        {"t": "open\nand never closed"},
        {"t": "open\nand never closed\n"},
    ),
    raw('{"a": "x\n", "b": "y\n\n", c: 1}', {"a": "x\n", "b": "y\n\n", "c": 1}),
    embedded(
        '{"payload": "{"a": 1}", "n": 2}',
        {"payload": '{"a": 1}', "n": 2},
        {"payload": {"a": 1}, "n": 2},
    ),
    embedded(
        '{"payload": "{"a": "b", "c": [1, 2]}", "n": 2}',
        {"payload": '{"a": "b", "c": [1, 2]}', "n": 2},
    ),
    embedded('{"args": "{\\"q\\": \\"x\\"}", "n": 2,}', {"args": '{"q": "x"}', "n": 2}),
    embedded(
        '{"t": "got {"code": 404, "msg": "no"} from it", "n": 2}',
        {"t": 'got {"code": 404, "msg": "no"} from it', "n": 2},
    ),
    embedded('{"list": "["a", "b"]", "n": 2}', {"list": '["a", "b"]', "n": 2}),
    embedded(
        '{"name": "f", "arguments": "{"path": "a.txt", "lines": [1, 5]}"}',
        {"name": "f", "arguments": '{"path": "a.txt", "lines": [1, 5]}'},
    ),
    embedded("{'raw': '{\"x\": [\"y\", \"z\"]}', 'n': 1}", {"raw": '{"x": ["y", "z"]}', "n": 1}),
    path('{"p": "C:\\Program Files\\App\\x.exe"}', {"p": "C:\\Program Files\\App\\x.exe"}),
    path('{"p": "D:\\data\\new\\report.txt", "n": 1}', {"p": "D:\\data\\new\\report.txt", "n": 1}),
    path(
        '{"p": "\\\\server\\share\\docs", n: 1}',
        {"p": "\\\\server\\share\\docs", "n": 1},
        {"p": "\\server\\share\\docs", "n": 1},
    ),
    path('{"f": "\\alpha + \\gamma = \\pi"}', {"f": "\\alpha + \\gamma = \\pi"}),
    path(
        '{"f": "$\\frac{a}{b} \\cdot \\sqrt{2}$", "n": 1}',
        {"f": "$\\frac{a}{b} \\cdot \\sqrt{2}$", "n": 1},
    ),
    path(
        '{"f": "\\begin{align} x &= \\theta \\\\ y &= \\rho \\end{align}", "n": 1,}',
        {"f": "\\begin{align} x &= \\theta \\\\ y &= \\rho \\end{align}", "n": 1},
        {"f": "\\begin{align} x &= \\theta \\ y &= \\rho \\end{align}", "n": 1},
    ),
    path('{"re": "^\\d{3}-\\w+\\.$"}', {"re": "^\\d{3}-\\w+\\.$"}),
    path(
        '{"re": "\\bword\\b\\s*", "n": 1}',
        {"re": "\\bword\\b\\s*", "n": 1},
        {"re": "\bword\b\\s*", "n": 1},
    ),
    path('{"p": "C:\\temp\\", "n": 1}', {"p": "C:\\temp\\", "n": 1}),
    path("{'p': 'C:\\\\Temp\\\\a.txt', 'n': 1}", {"p": "C:\\Temp\\a.txt", "n": 1}),
]
