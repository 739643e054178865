"""Commas, colons, brackets and braces: missing, extra, doubled or of the wrong kind."""

from __future__ import annotations

from functools import partial

from tests.repair.judge import Case

trailing = partial(Case, "trailing_commas")
extra = partial(Case, "extra_commas")
comma = partial(Case, "missing_commas")
colon = partial(Case, "missing_colons")
colons = partial(Case, "extra_colons")
separator = partial(Case, "wrong_separators")
closer = partial(Case, "missing_closers")
opener = partial(Case, "missing_openers")
closers = partial(Case, "extra_closers")
mixed = partial(Case, "mismatched_closers")
value = partial(Case, "missing_values")
braces = partial(Case, "double_braces")

CASES = [
    trailing('{"a": [1, 2, ], "b": {"c": 3, }, }', {"a": [1, 2], "b": {"c": 3}}),
    trailing('["x", "y", ]', ["x", "y"]),
    trailing('[{"id": 1,}, {"id": 2,},]', [{"id": 1}, {"id": 2}]),
    trailing('{"a": "ends with comma,",}', {"a": "ends with comma,"}),
    trailing('{"a": 1},', {"a": 1}),
    trailing('{\n  "list": [\n    "a",\n    "b",\n  ],\n}\n', {"list": ["a", "b"]}),
    trailing('{"a": null,\t}', {"a": None}),
    trailing("[[1,],[2,],]", [[1], [2]]),
    extra('{"a": 1,, "b": 2}', {"a": 1, "b": 2}),
    extra("[1,, 2,,, 3]", [1, 2, 3]),
    extra('{, "a": 1, "b": 2}', {"a": 1, "b": 2}),
    extra('[, "x", "y"]', ["x", "y"]),
    extra('{"a": 1, , "b": [ , 1, , 2, ], }', {"a": 1, "b": [1, 2]}),
    extra('[{"a": 1},, {"a": 2}]', [{"a": 1}, {"a": 2}]),
    extra('{"a": , 1}', {"a": 1}, {"a": None}),
    comma('{"a": 1 "b": 2 "c": 3}', {"a": 1, "b": 2, "c": 3}),
    comma('{"first": "Ada" "last": "Lovelace"}', {"first": "Ada", "last": "Lovelace"}),
    comma(
        '{\n  "name": "Ada"\n  "born": 1815\n  "tags": ["x"]\n}',
        {"name": "Ada", "born": 1815, "tags": ["x"]},
    ),
    comma('["a" "b" "c"]', ["a", "b", "c"]),
    comma('["a", "b" "c", "d"]', ["a", "b", "c", "d"]),
    comma("[1 2 3]", [1, 2, 3]),
    comma('[{"id": 1} {"id": 2}\n{"id": 3}]', [{"id": 1}, {"id": 2}, {"id": 3}]),
    comma("[[1, 2] [3, 4]]", [[1, 2], [3, 4]]),
    comma('{"a": true "b": false "c": null}', {"a": True, "b": False, "c": None}),
    comma('{"a": {"x": 1} "b": {"y": 2}}', {"a": {"x": 1}, "b": {"y": 2}}),
    comma('{"a": [1, 2] "b": 3}', {"a": [1, 2], "b": 3}),
    comma('{"a":"x""b":"y"}', {"a": "x", "b": "y"}),
    comma('["a""b""c"]', ["a", "b", "c"], ['a"b"c'], ['a""b""c']),
    comma('{"q": "who, me?"\n"a": "yes, you"}', {"q": "who, me?", "a": "yes, you"}),
    comma('{"price": 12.5 "currency": "EUR"}', {"price": 12.5, "currency": "EUR"}),
    comma("[true false null]", [True, False, None]),
    comma('{"list": [\n  "one"\n  "two"\n  3\n]}', {"list": ["one", "two", 3]}),
    comma("{'a': 'x' 'b': 'y'}", {"a": "x", "b": "y"}),
    colon('{"a" 1, "b": 2}', {"a": 1, "b": 2}),
    colon('{"name" "Ada", "age" 36}', {"name": "Ada", "age": 36}),
    colon('{"tags" ["a", "b"], "n": 1}', {"tags": ["a", "b"], "n": 1}),
    colon('{"user" {"id" 7}}', {"user": {"id": 7}}),
    colon('{\n  "city" "Rome",\n  "ok" true\n}', {"city": "Rome", "ok": True}),
    colon('{"a": 1, "b" "x, y", "c": 3}', {"a": 1, "b": "x, y", "c": 3}),
    colon('{"a" null, "b" -1.5}', {"a": None, "b": -1.5}),
    colon('{"a""b", "c": "d"}', {"a": "b", "c": "d"}),
    colon('[{"k" "v"}, {"k" "w"}]', [{"k": "v"}, {"k": "w"}]),
    colons('{"a":: 1, "b": 2}', {"a": 1, "b": 2}),
    colons('{"a": : "x"}', {"a": "x"}),
    colons('{"a:": 1, "b":: 2}', {"a:": 1, "b": 2}),
    colons('{"a" : : {"b" :: 2}}', {"a": {"b": 2}}),
    colons("{a::b}", {"a": "b"}, {"a": ":b"}),
    colons('{"t": : [1, 2], "u": 3}', {"t": [1, 2], "u": 3}),
    separator('{"a": 1; "b": 2;}', {"a": 1, "b": 2}),
    separator('["x"; "y"; "z"]', ["x", "y", "z"]),
    separator('{"a" = 1, "b" = {"c" = 2}}', {"a": 1, "b": {"c": 2}}),
    separator('{"a" => "x", "b" => [1, 2]}', {"a": "x", "b": [1, 2]}),
    separator("{'a' => 'x', 'b' => 2}", {"a": "x", "b": 2}),
    separator('{"a"：1，"b"：“x”}', {"a": 1, "b": "x"}),
    separator('｛"a"： ［1， 2］｝', {"a": [1, 2]}),
    separator('{"姓名"："小明"，"年龄"：18}', {"姓名": "小明", "年龄": 18}),
    separator('["a"、"b"、"c"]', ["a", "b", "c"]),
    separator('{"a": 1 | "b": 2}', {"a": 1, "b": 2}),
    separator('{"a" -> 1, "b" -> 2}', {"a": 1, "b": 2}),
    separator('{"a": "x". "b": "y"}', {"a": "x", "b": "y"}),
    closer('{"a": {"b": 1}', {"a": {"b": 1}}),
    closer("[1, [2, [3]]", [1, [2, [3]]]),
    closer(
        '{"items": [{"id": 1}, {"id": 2}, "total": 2}',
        {"items": [{"id": 1}, {"id": 2}], "total": 2},
    ),
    closer(
        '{"items": [{"id": 1, {"id": 2}], "total": 2}',
        {"items": [{"id": 1}, {"id": 2}], "total": 2},
    ),
    closer('{"tags": ["a", "b", "note": "x"}', {"tags": ["a", "b"], "note": "x"}),
    closer('{"m": [[1, 2], [3, 4], "n": 5}', {"m": [[1, 2], [3, 4]], "n": 5}),
    closer('[{"a": 1, "b": 2, {"a": 3, "b": 4}]', [{"a": 1, "b": 2}, {"a": 3, "b": 4}]),
    closer('{"a": [1, 2, {"b": 3}, "c": [4, 5]}', {"a": [1, 2, {"b": 3}], "c": [4, 5]}),
    closer('{"x": {"y": {"z": [1', {"x": {"y": {"z": [1]}}}),
    closer(
        '{"user": {"name": "Bo", "tags": ["x", "y"}, "ok": true}',
        {"user": {"name": "Bo", "tags": ["x", "y"]}, "ok": True},
    ),
    closer(
        '{\n  "a": {\n    "b": 1,\n    "c": 2\n  "d": 3\n}',
        {"a": {"b": 1, "c": 2}, "d": 3},
        {"a": {"b": 1, "c": 2, "d": 3}},
    ),
    opener('"name": "Ada", "age": 36}', {"name": "Ada", "age": 36}),
    opener('"a": [1, 2], "b": {"c": 3}', {"a": [1, 2], "b": {"c": 3}}),
    opener('name: "Ada", age: 36}', {"name": "Ada", "age": 36}),
    opener("1, 2, 3]", [1, 2, 3]),
    opener('"x", "y"]', ["x", "y"]),
    opener('{"user": "name": "Bo", "id": 4}}', {"user": {"name": "Bo", "id": 4}}),
    opener('{"tags": "a", "b", "c"], "n": 1}', {"tags": ["a", "b", "c"], "n": 1}),
    opener('[{"id": 1}, "id": 2}, {"id": 3}]', [{"id": 1}, {"id": 2}, {"id": 3}]),
    opener(
        '{"m": [1, 2], 3, 4]], "n": 5}',
        {"m": [[1, 2], [3, 4]], "n": 5},
        {"m": [1, 2, 3, 4], "n": 5},
    ),
    opener('\n  "city": "Bonn",\n  "zip": "53111"\n}', {"city": "Bonn", "zip": "53111"}),
    closers('{"a": "b", "c": 1}}', {"a": "b", "c": 1}),
    closers("[1, 2]]", [1, 2]),
    closers('{"a": [1, 2]], "b": 3}', {"a": [1, 2], "b": 3}),
    closers('{"a": {"b": 1}}}, "c": 2}', {"a": {"b": 1}, "c": 2}),
    closers('{"a": 1}, "b": 2, "c": {"d": 3}}', {"a": 1, "b": 2, "c": {"d": 3}}),
    closers('[{"a": 1}}, {"a": 2}]', [{"a": 1}, {"a": 2}]),
    closers('{"a": "x"}]', {"a": "x"}),
    closers('{"a": 1])}', {"a": 1}),
    closers('{"rows": [{"x": 1}]]}', {"rows": [{"x": 1}]}),
    closers('["a", "b"], "c"]', ["a", "b", "c"], [["a", "b"], "c"]),
    mixed('{"a": [1, 2}}', {"a": [1, 2]}),
    mixed('[{"a": 1], {"a": 2}]', [{"a": 1}, {"a": 2}]),
    mixed('{"a": {"b": 1], "c": 2}', {"a": {"b": 1}, "c": 2}),
    mixed('["x", "y"}', ["x", "y"]),
    mixed('{"x": "y"]', {"x": "y"}),
    mixed('{"list": ["a", "b"}, "n": 2}', {"list": ["a", "b"], "n": 2}),
    mixed("[[1, 2}, [3, 4}]", [[1, 2], [3, 4]]),
    mixed('{"a": [1, 2), "b": (3, 4]}', {"a": [1, 2], "b": [3, 4]}),
    mixed('{"o": {"p": [1, {"q": 2]}, "r": 3}}', {"o": {"p": [1, {"q": 2}], "r": 3}}),
    value('{"a": , "b": 2}', {"a": None, "b": 2}, {"a": "", "b": 2}, {"b": 2}),
    value('{"a": }', {"a": None}, {"a": ""}, {}),
    value(
        '{"a":, "b":, "c": 1}', {"a": None, "b": None, "c": 1}, {"a": "", "b": "", "c": 1}, {"c": 1}
    ),
    value('{"a": 1, "b"}', {"a": 1, "b": None}, {"a": 1}, {"a": 1, "b": ""}),
    value(
        '{"a": {"x": }, "b": [1]}',
        {"a": {"x": None}, "b": [1]},
        {"a": {}, "b": [1]},
        {"a": {"x": ""}, "b": [1]},
    ),
    value('{"a"; 1}', {"a": 1}),
    value('{: 1, "b": 2}', {"": 1, "b": 2}, {"b": 2}),
    value('{"note":\n}', {"note": None}, {"note": ""}, {}),
    braces('{{"a": 1, "b": 2}}', {"a": 1, "b": 2}),
    braces('{{"a": {{"b": 1}}}}', {"a": {"b": 1}}),
    braces(
        '{{\n  "name": "{{user}}",\n  "n": 1\n}}',
        {"name": "{{user}}", "n": 1},
        {"name": "{user}", "n": 1},
    ),
    braces('{{"items": [{{"id": 1}}, {{"id": 2}}]}}', {"items": [{"id": 1}, {"id": 2}]}),
    braces('{{"a": [1, 2], "b": {{}}}}', {"a": [1, 2], "b": {}}),
    braces('Answer: {{"a": 1}}', {"a": 1}),
    braces("{{'a': True}}", {"a": True}),
]
