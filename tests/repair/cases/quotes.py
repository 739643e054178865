"""Quotes around strings: missing, or of another kind than JSON's."""

from __future__ import annotations

from functools import partial

from tests.repair.judge import Case

end = partial(Case, "missing_quote_end")
start = partial(Case, "missing_quote_start")
single = partial(Case, "single_quotes")
smart = partial(Case, "smart_quotes")
triple = partial(Case, "triple_quotes")
backtick = partial(Case, "backticks")
wide = partial(Case, "full_width")
doubled = partial(Case, "doubled_quotes")

CASES = [
    end('{"a": "one, "b": "two"}', {"a": "one", "b": "two"}),
    end('{"a": "one", "b": "two}', {"a": "one", "b": "two"}),
    end(
        '{"name": "Ada Lovelace, "born": 1815, "ok": true}',
        {"name": "Ada Lovelace", "born": 1815, "ok": True},
    ),
    end('{"name: "Ada", "age": 36}', {"name": "Ada", "age": 36}),
    end('{"name": "Ada", "age: 36}', {"name": "Ada", "age": 36}),
    end('["red, "green", "blue"]', ["red", "green", "blue"]),
    end('["red", "green, "blue"]', ["red", "green", "blue"]),
    end('["red", "green", "blue]', ["red", "green", "blue"]),
    end('{\n  "city": "Rome,\n  "country": "Italy"\n}', {"city": "Rome", "country": "Italy"}),
    end('{\n  "city": "Rome",\n  "country": "Italy\n}', {"city": "Rome", "country": "Italy"}),
    end('{\n  "city": "Rome\n  "country": "Italy"\n}', {"city": "Rome", "country": "Italy"}),
    end('{"tags": ["a", "b], "n": 1}', {"tags": ["a", "b"], "n": 1}),
    end('{"user": {"name": "Bo}, "ok": true}', {"user": {"name": "Bo"}, "ok": True}),
    end('[{"a": "x"}, {"a": "y}, {"a": "z"}]', [{"a": "x"}, {"a": "y"}, {"a": "z"}]),
    end('{"t": "at 10:30, room 4, "n": 1}', {"t": "at 10:30, room 4", "n": 1}),
    end("{'a': 'one, 'b': 'two'}", {"a": "one", "b": "two"}),
    end('{"a": "x, "b": 1, "c": "y, "d": 2}', {"a": "x", "b": 1, "c": "y", "d": 2}),
    end('{"url": "https://a.example/p?x=1, "n": 2}', {"url": "https://a.example/p?x=1", "n": 2}),
    start('{name": "Ada", "age": 36}', {"name": "Ada", "age": 36}),
    start('{"name": Ada", "age": 36}', {"name": "Ada", "age": 36}),
    start(
        '{"name": Ada Lovelace, the first", "age": 36}',
        {"name": "Ada Lovelace, the first", "age": 36},
    ),
    start('{"a": 1, b": 2, "c": 3}', {"a": 1, "b": 2, "c": 3}),
    start('["x", y", "z"]', ["x", "y", "z"]),
    start('[x", "y"]', ["x", "y"]),
    start('{\n  "city": New York",\n  "zip": "10001"\n}', {"city": "New York", "zip": "10001"}),
    start("{name': 'Ada', 'age': 36}", {"name": "Ada", "age": 36}),
    start('{"d": 2031-05-04", "n": 1}', {"d": "2031-05-04", "n": 1}),
    start('{"user": {"name": Bo"}, "ok": true}', {"user": {"name": "Bo"}, "ok": True}),
    start('{"tags": ["a", b"], "n": 1}', {"tags": ["a", "b"], "n": 1}),
    start('{"code": 007", "n": 1}', {"code": "007", "n": 1}, {"code": 7, "n": 1}),
    single(
        "{'name': 'Ada', 'tags': ['x', 'y'], 'age': 36}",
        {"name": "Ada", "tags": ["x", "y"], "age": 36},
    ),
    single("{'it': 'it\\'s fine', 'n': 1}", {"it": "it's fine", "n": 1}),
    single("{'t': \"it's fine\", 'n': 1}", {"t": "it's fine", "n": 1}),
    single("{'t': 'a \"b\" c', 'n': 1}", {"t": 'a "b" c', "n": 1}),
    single("{'t': 'we don't know', 'n': 1}", {"t": "we don't know", "n": 1}),
    single("['don't', 'can't', 'won't']", ["don't", "can't", "won't"]),
    single("{'name': \"Ada\", \"age\": '36'}", {"name": "Ada", "age": "36"}),
    single("{'t': ''}", {"t": ""}),
    single("{'t': 'James' book, Chris' car', 'n': 1}", {"t": "James' book, Chris' car", "n": 1}),
    single("{'when': '10 o'clock', 'where': 'O'Hare'}", {"when": "10 o'clock", "where": "O'Hare"}),
    single("{'k': 'v'", {"k": "v"}),
    smart("{“name”: “Ada”, “tags”: [“x”, “y”]}", {"name": "Ada", "tags": ["x", "y"]}),
    smart("{‘name’: ‘Ada’}", {"name": "Ada"}),
    smart("{“t”: “it’s fine”, “n”: 1}", {"t": "it’s fine", "n": 1}),
    smart('{"t": "the “best” one", "n": 1,}', {"t": "the “best” one", "n": 1}),
    smart('{“t”: "mixed”, "n": 1}', {"t": "mixed", "n": 1}),
    smart('{"t": “mixed", "n": 1}', {"t": "mixed", "n": 1}),
    smart("{„name“: „Ada“, „n“: 1}", {"name": "Ada", "n": 1}),
    smart("{«name»: «Ada», «n»: 1}", {"name": "Ada", "n": 1}),
    smart("{”name”: ”Ada”}", {"name": "Ada"}),
    smart('{“t”: “he said "hi" to me”, “n”: 1}', {"t": 'he said "hi" to me', "n": 1}),
    smart("{「name」: 「Ada」}", {"name": "Ada"}),
    smart('[“a”, ‘b’, "c"]', ["a", "b", "c"]),
    smart(
        "{“t”: “He wrote “Emma” twice”, “n”: 1}",
        {"t": "He wrote “Emma” twice", "n": 1},
        {"t": 'He wrote "Emma" twice', "n": 1},
    ),
    triple('{"t": """one\ntwo""", "n": 1}', {"t": "one\ntwo", "n": 1}),
    triple('{"t": """say "hi" now""", "n": 1}', {"t": 'say "hi" now', "n": 1}),
    triple("{'t': '''one\ntwo''', 'n': 1}", {"t": "one\ntwo", "n": 1}),
    triple(
        '{"code": """\ndef f():\n    return {"a": "b"}\n""", "n": 1}',
        {"code": '\ndef f():\n    return {"a": "b"}\n', "n": 1},
    ),
    triple('{"a": """x""", "b": """y, z""", "c": """"""}', {"a": "x", "b": "y, z", "c": ""}),
    triple('["""a, b""", """c\nd"""]', ["a, b", "c\nd"]),
    triple('{"t": """open, and never\nclosed', {"t": "open, and never\nclosed"}),
    backtick("{`name`: `Ada`, `n`: 1}", {"name": "Ada", "n": 1}),
    backtick('{"t": `one\ntwo`, "n": 1}', {"t": "one\ntwo", "n": 1}),
    backtick('{"t": `say "hi" now`, "n": 1}', {"t": 'say "hi" now', "n": 1}),
    backtick("[`a`, `b, c`]", ["a", "b, c"]),
    backtick('{"t": `Hello ${name}, {you}`, "n": 1}', {"t": "Hello ${name}, {you}", "n": 1}),
    backtick('{"t": "use `x` here", `n`: 1}', {"t": "use `x` here", "n": 1}),
    wide("{＂name＂：＂Ada＂，＂n＂：1}", {"name": "Ada", "n": 1}),
    wide("｛＂a＂：［1，2］｝", {"a": [1, 2]}),
    wide("{＇a＇: ＇b＇}", {"a": "b"}),
    wide('{"t"： "保持，原样：是的", "n"： 1}', {"t": "保持，原样：是的", "n": 1}),
    wide('["一"，"二"，"三"]', ["一", "二", "三"]),
    wide("{“标题”：“你好，世界”，“数”：3}", {"标题": "你好，世界", "数": 3}),
    wide('【"a"，"b"】', ["a", "b"]),
    doubled('{""name"": ""Ada"", ""n"": 1}', {"name": "Ada", "n": 1}),
    doubled('{"name": ""Ada"", "n": 1}', {"name": "Ada", "n": 1}),
    doubled('[""a"", ""b"", ""c""]', ["a", "b", "c"]),
    doubled('{"t": "", "u": ""x"", "v": ""}', {"t": "", "u": "x", "v": ""}),
    doubled('{""a"":{""b"":[""c"",1]}}', {"a": {"b": ["c", 1]}}),
    doubled("{''a'': ''b''}", {"a": "b"}),
    doubled('{"a": "x"", "b": 1}', {"a": "x", "b": 1}, {"a": 'x"', "b": 1}),
    doubled('{"a": ""x", "b": 1}', {"a": "x", "b": 1}, {"a": '"x', "b": 1}),
    doubled(
        '{""t"": ""said """"hi"""" once""}', {"t": 'said "hi" once'}, {"t": 'said ""hi"" once'}
    ),
    doubled('"{""a"": 1, ""b"": ""x""}"', {"a": 1, "b": "x"}, '{"a": 1, "b": "x"}'),
]
