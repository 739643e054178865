"""Literals of Python and JavaScript, tuples and sets, numbers in other notations."""

from __future__ import annotations

from functools import partial

from tests.repair.judge import Case

python = partial(Case, "python_literals")
js = partial(Case, "js_literals")
sets = partial(Case, "sets_and_tuples")
number = partial(Case, "numbers")

CASES = [
    python("{'a': True, 'b': False, 'c': None}", {"a": True, "b": False, "c": None}),
    python('[True, False, None, "None"]', [True, False, None, "None"]),
    python(
        "{'a': 1, 'b': [1.5, None], 'c': {'d': True}}", {"a": 1, "b": [1.5, None], "c": {"d": True}}
    ),
    python(
        '{"a": TRUE, "b": False, "c": NULL, "d": none}',
        {"a": True, "b": False, "c": None, "d": None},
    ),
    python("{'s': u'uni', 'r': r'a\\d', 'b': b'xyz'}", {"s": "uni", "r": "a\\d", "b": "xyz"}),
    python(
        "{'d': datetime.date(2031, 5, 4), 'n': 1}",
        {"d": "datetime.date(2031, 5, 4)", "n": 1},
        {"d": [2031, 5, 4], "n": 1},
    ),
    python(
        "{'n': Decimal('1.50'), 'm': 2}",
        {"n": "1.50", "m": 2},
        {"n": 1.5, "m": 2},
        {"n": "Decimal('1.50')", "m": 2},
    ),
    python("OrderedDict({'a': 1, 'b': 2})", {"a": 1, "b": 2}),
    python("dict(a=1, b='x')", {"a": 1, "b": "x"}),
    python("{'a': 'it\\'s', \"b\": \"say 'hi'\"}", {"a": "it's", "b": "say 'hi'"}),
    js(
        "{a: undefined, b: NaN, c: Infinity, d: -Infinity, e: 1}",
        {"a": None, "b": None, "c": None, "d": None, "e": 1},
    ),
    js('{"a": NaN, "b": [Infinity, 2]}', {"a": None, "b": [None, 2]}),
    js('callback({"a": 1, b: [2]});', {"a": 1, "b": [2]}),
    js('/**/ cb_9({"a": 1})', {"a": 1}),
    js("module.exports = {a: 1, b: 'x'};", {"a": 1, "b": "x"}),
    js(
        '{"_id": ObjectId("65aa"), "at": ISODate("2031-05-04T00:00:00Z"), "n": NumberInt(5)}',
        {"_id": "65aa", "at": "2031-05-04T00:00:00Z", "n": 5},
    ),
    js('{"at": new Date("2031-05-04"), "n": 1}', {"at": "2031-05-04", "n": 1}),
    js('{"re": /ab+c/i, "n": 1}', {"re": "/ab+c/i", "n": 1}),
    js('{"f": function(x) { return x; }, "n": 1}', {"f": "function(x) { return x; }", "n": 1}),
    js('{"f": (a, b) => a + b, "n": 1}', {"f": "(a, b) => a + b", "n": 1}),
    js('({"a": 1})', {"a": 1}),
    js("[void 0, null, !0]", ["void 0", None, "!0"], [None, None, True]),
    js("let x = [1, 2, 3];", [1, 2, 3]),
    js('export default {"a": {"b": 2}};', {"a": {"b": 2}}),
    js(
        '{"v": BigInt("12"), "s": Symbol("x"), "n": 10n}',
        {"v": "12", "s": "x", "n": 10},
        {"v": "12", "s": "x", "n": "10n"},
    ),
    sets("{'pt': (1, 2), 'n': 1}", {"pt": [1, 2], "n": 1}),
    sets("(1, 'a', None)", [1, "a", None]),
    sets("{'tags': {'x', 'y', 'z'}, 'n': 1}", {"tags": ["x", "y", "z"], "n": 1}),
    sets('{"a", "b"}', ["a", "b"]),
    sets("{'one': (1,), 'none': ()}", {"one": [1], "none": []}),
    sets("[(1, 'a'), (2, 'b')]", [[1, "a"], [2, "b"]]),
    sets("{'s': {1, 2, 3}}", {"s": [1, 2, 3]}),
    sets(
        "{'s': set(), 't': frozenset({1, 2})}",
        {"s": [], "t": [1, 2]},
        {"s": None, "t": [1, 2]},
        {"s": "set()", "t": [1, 2]},
    ),
    sets('{"n": (5), "s": ("x")}', {"n": 5, "s": "x"}),
    sets("{'p': ((0, 0), (1, 1))}", {"p": [[0, 0], [1, 1]]}),
    number('{"a": 0xFF, "b": 0o17, "c": 0b11}', {"a": 255, "b": 15, "c": 3}),
    number('{"zip": 00501, "n": 1}', {"zip": 501, "n": 1}, {"zip": "00501", "n": 1}),
    number("[+1, +2.5, -3]", [1, 2.5, -3]),
    number('{"a": .75, "b": -.5, "c": 3., "d": +.25}', {"a": 0.75, "b": -0.5, "c": 3.0, "d": 0.25}),
    number('{"n": 1_000_000, "m": 0.000_1}', {"n": 1000000, "m": 0.0001}),
    number('{"n": 1,250,000, "m": 3}', {"n": 1250000, "m": 3}, {"n": "1,250,000", "m": 3}),
    number('{"n": 1,234.50, "m": 3}', {"n": 1234.5, "m": 3}, {"n": "1,234.50", "m": 3}),
    number("[1/2, 3/4, 5]", ["1/2", "3/4", 5]),
    number('{"r": 5-10, "v": 1.2.3, "d": 3/4/2031}', {"r": "5-10", "v": "1.2.3", "d": "3/4/2031"}),
    number(
        '{"big": 123456789012345678901234567890, "n": 1,}',
        {"big": 123456789012345678901234567890, "n": 1},
    ),
    number('{"e": 1e3, "f": 2E-2, "g": 1.5e+4,}', {"e": 1000.0, "f": 0.02, "g": 15000.0}),
    number('{"e": 1e, "f": 2e+, "g": 5}', {"e": 1, "f": 2, "g": 5}),
    number('{"n": −5, "m": –2}', {"n": -5, "m": -2}, {"n": "−5", "m": "–2"}),
    number('{"n": 12 000, "m": 1}', {"n": "12 000", "m": 1}, {"n": 12000, "m": 1}),
    number('{"n": ~50, "m": >10, "k": <=3}', {"n": "~50", "m": ">10", "k": "<=3"}),
    number('{"n": 3 1/2, "m": 1}', {"n": "3 1/2", "m": 1}),
    number(
        '{"n": 1e400, "m": 1,}',
        {"n": None, "m": 1},
        {"n": "1e400", "m": 1},
        {"n": float("inf"), "m": 1},
    ),
    number('{"n": --5, "m": 1}', {"n": "--5", "m": 1}, {"n": 5, "m": 1}, {"n": -5, "m": 1}),
    number('{"n": 1..5, "m": 1}', {"n": "1..5", "m": 1}),
    number('{"n": 1.5M, "m": 2k, "o": 5x}', {"n": "1.5M", "m": "2k", "o": "5x"}),
    number('{"id": 0123456789, "n": 1}', {"id": "0123456789", "n": 1}, {"id": 123456789, "n": 1}),
    number("[007, 08, 0.5]", [7, 8, 0.5], ["007", "08", 0.5]),
    number('{"n": "5", "m": 5", "k": 6}', {"n": "5", "m": 5, "k": 6}, {"n": "5", "m": "5", "k": 6}),
]
