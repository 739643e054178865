"""Strings and numbers once more: names cut off, one quote of the wrong kind, raw backslashes."""

from __future__ import annotations

from functools import partial

from tests.repair.judge import Case

cut_name = partial(Case, "cut_in_name")
wrong = partial(Case, "one_wrong_quote")
doubled = partial(Case, "doubled_quotes")
inner = partial(Case, "inner_quotes")
raw = partial(Case, "raw_backslashes")
dots = partial(Case, "cut_by_dots")
beside = partial(Case, "adjacent_strings")
digits = partial(Case, "foreign_digits")

CASES = [
    digits('{"n": １２}', {"n": 12}),
    digits("[１, 2]", [1, 2]),
    digits('{"a": ٣}', {"a": 3}),
    digits('{"a": -１, "b": 1２}', {"a": -1, "b": 12}),
    digits("１２", 12),
    digits('{"a": １．５, "b": 1.٣, "c": 1e２}', {"a": 1.5, "b": 1.3, "c": 100.0}),
    digits('{"a": ²}', {"a": "²"}),
    cut_name('{"a": "x", "b', {"a": "x"}),
    cut_name('{"a": "x", "', {"a": "x"}),
    cut_name('{\n  "name": "Jo",\n      "ag', {"name": "Jo"}),
    cut_name('{"u": {"a": "x", "b c', {"u": {"a": "x"}}),
    cut_name('{"a": "x"\n "b', {"a": "x"}),
    wrong("""{'a": 1, "b": 2}""", {"a": 1, "b": 2}),
    wrong("""{"a": 'x", "b": 1}""", {"a": "x", "b": 1}),
    wrong("""["a", 'b", "c"]""", ["a", "b", "c"]),
    wrong("""["a", "b', "c"]""", ["a", "b", "c"]),
    wrong("""{"a': 1}""", {"a": 1}),
    wrong("""{"a': 1, "b": 2}""", {"a": 1, "b": 2}),
    wrong("""{"a": 1, "b': "x", "c": 3}""", {"a": 1, "b": "x", "c": 3}),
    wrong("""{"a": "x', "b": 1}""", {"a": "x", "b": 1}),
    wrong("""{"a": "x'}""", {"a": "x"}),
    wrong("""{"a": 'x"}""", {"a": "x"}),
    wrong("""{“a": 1, "b”: 2}""", {"a": 1, "b": 2}),
    wrong("""{`a": 1, "b`: 2}""", {"a": 1, "b": 2}),
    wrong("""{"a": `x", "b": "y`, "c": 3}""", {"a": "x", "b": "y", "c": 3}),
    wrong("""{"a": "it's", "b": 'say "x", ok'}""", {"a": "it's", "b": 'say "x", ok'}),
    wrong("""{"a": 'say "x", "y" ok', "b": 1}""", {"a": 'say "x", "y" ok', "b": 1}),
    doubled('{"a"": 1}', {"a": 1}),
    doubled('{"a": "x", ""b": 2}', {"a": "x", "b": 2}),
    inner('{"q": ""Yes", she said", "n": 1}', {"q": '"Yes", she said', "n": 1}),
    inner('{"desc": "喜欢"音乐"", "age": 28}', {"desc": '喜欢"音乐"', "age": 28}),
    inner('{"desc": "他说"你好"。", "age": 28}', {"desc": '他说"你好"。', "age": 28}),
    dots('{"a": "b"...', {"a": "b"}),
    dots('{"a": ["b", "c"... ]}', {"a": ["b", "c"]}),
    dots('{"a": "b"... (truncated)', {"a": "b"}),
    dots('{"a": "b" ..., "c": 1}', {"a": "b", "c": 1}),
    beside('{"a": "x" "y"}', {"a": "xy"}),
    beside('{"a": "x"\n  "y"\n  "z", "b": 1}', {"a": "xyz", "b": 1}),
    beside('{"a": "x" "y": 1}', {"a": "x", "y": 1}),
    raw(
        r'{"content": "x", "path": "D:\data\"}',
        {"content": "x", "path": "D:\\data\\"},
    ),
    raw(r'{"dirs": ["C:\a\", "D:\b\"], "n": 1}', {"dirs": ["C:\\a\\", "D:\\b\\"], "n": 1}),
    raw(r'{"dir": "C:\Program Files\App\"}', {"dir": "C:\\Program Files\\App\\"}),
    raw(
        r'{"f": "\\server\share\reports\2024.xlsx"}',
        {"f": r"\\server\share\reports\2024.xlsx"},
    ),
    raw(r'{"f": "\\server\share\new\table"}', {"f": r"\\server\share\new\table"}),
    raw(r'{"f": "\tau \alpha"}', {"f": r"\tau \alpha"}),
    raw(
        r'{"f": "$\alpha \tau \nu$", "g": "\nabla \to \text x \rho", "h": ["\nu", "\theta"]}',
        {"f": r"$\alpha \tau \nu$", "g": r"\nabla \to \text x \rho", "h": [r"\nu", r"\theta"]},
    ),
    raw(
        r'{"f": "\begin{bmatrix} 1 & 2 \\ 3 \end{bmatrix}"}',
        {"f": r"\begin{bmatrix} 1 & 2 \\ 3 \end{bmatrix}"},
    ),
    raw(
        r'{"f": "\\begin{bmatrix} 1 & 2 \\\\ 3 \\end{bmatrix}",}',
        {"f": r"\begin{bmatrix} 1 & 2 \\ 3 \end{bmatrix}"},
    ),
    raw(
        r'{"a": "use \alpha:\nthen \s", "b": "x\ny"}', {"a": "use \\alpha:\nthen \\s", "b": "x\ny"}
    ),
    raw('{"a": "x\\', {"a": "x"}),
]
