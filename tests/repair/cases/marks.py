"""Comments, ellipses, words between members, strings joined by a plus."""

from __future__ import annotations

from functools import partial

from tests.repair.judge import Case

comment = partial(Case, "comments")
dots = partial(Case, "ellipses")
concat = partial(Case, "concatenation")
stray = partial(Case, "stray_words")

CASES = [
    comment('{"a": 1, // first\n "b": 2 // second\n}', {"a": 1, "b": 2}),
    comment('{"a": 1, /* first */ "b": /* two */ 2}', {"a": 1, "b": 2}),
    comment('{\n  # a hash\n  "a": 1, # another\n  "b": 2\n}', {"a": 1, "b": 2}),
    comment('{"a": 1, <!-- html --> "b": 2}', {"a": 1, "b": 2}),
    comment('{"a": 1, -- sql style\n "b": 2}', {"a": 1, "b": 2}),
    comment(
        '{"url": "http://a.example/#x", // keep the url\n "n": 1}',
        {"url": "http://a.example/#x", "n": 1},
    ),
    comment(
        '{"a": "/* not */ a # comment // here", "b": 1,}',
        {"a": "/* not */ a # comment // here", "b": 1},
    ),
    comment('[1, // one, "two"\n 2, /* [3] */ 4]', [1, 2, 4]),
    comment('// header\n// more: {"x": 1}\n{"a": 1}', {"a": 1}),
    comment('{"a": 1}\n// the end, {"b": 2}', {"a": 1}),
    comment('/* {"old": true} */\n{"new": true}', {"new": True}),
    comment('{"a": 1 /* open to the end', {"a": 1}),
    comment(
        '{\n  "a": 1, // it\'s "quoted", see: {x}\n  "b": [1, 2] // done }\n}',
        {"a": 1, "b": [1, 2]},
    ),
    comment(
        '{\n  "model": "x", // required\n  // "temp": 0.5,\n  "n": 3\n}', {"model": "x", "n": 3}
    ),
    comment('{"a": /* null */ null, "b" /* key */: 2}', {"a": None, "b": 2}),
    comment('{"a": 1, /* multi\n line, "b": 2,\n*/ "c": 3}', {"a": 1, "c": 3}),
    comment('{"a": "x" // no comma\n "b": "y"}', {"a": "x", "b": "y"}),
    comment('{"a": 1 # why\n, "b": 2 # because\n}', {"a": 1, "b": 2}),
    comment('<!-- generated -->\n{"a": 1}', {"a": 1}),
    comment('{"a": 1, (note: check this) "b": 2}', {"a": 1, "b": 2}),
    comment('{"color": #ff0000, "n": 1}', {"color": "#ff0000", "n": 1}),
    comment("{'a': 1, # it's here\n 'b': 2}", {"a": 1, "b": 2}),
    dots("[4, 5, 6, ...]", [4, 5, 6]),
    dots("[1, 2, ..., 9, 10]", [1, 2, 9, 10]),
    dots('{"a": 1, ...}', {"a": 1}),
    dots('{"a": [..., 5], "b": {...}}', {"a": [5], "b": {}}),
    dots('{"a": 1, ... "b": 2}', {"a": 1, "b": 2}),
    dots('[{"id": 1}, {"id": 2}, … ]', [{"id": 1}, {"id": 2}]),
    dots(
        '{"items": [{"id": 1},\n  // ... more items ...\n  {"id": 9}]}',
        {"items": [{"id": 1}, {"id": 9}]},
    ),
    dots('["a", "b", ... (8 more)]', ["a", "b"]),
    dots('{"t": "wait...", "u": "...", "v": 1,}', {"t": "wait...", "u": "...", "v": 1}),
    dots('{"a": ..., "b": 2}', {"a": None, "b": 2}, {"a": "...", "b": 2}, {"b": 2}),
    dots('{\n  "a": 1,\n  ...\n}', {"a": 1}),
    dots('[\n  {"id": 1},\n  ...\n  {"id": 5}\n]', [{"id": 1}, {"id": 5}]),
    dots('{"a": {"b": 1, ...}, ...rest}', {"a": {"b": 1}}),
    concat('{"t": "one " + "two", "n": 1}', {"t": "one two", "n": 1}),
    concat('{"t": "one "\n   + "two "\n   + "three"}', {"t": "one two three"}),
    concat("{'t': 'one ' + 'two', 'n': 1}", {"t": "one two", "n": 1}),
    concat('["a" + "b", "c"]', ["ab", "c"]),
    concat('{"t": ("one " "two"), "n": 1}', {"t": "one two", "n": 1}),
    concat('{"t": "one " . "two", "n": 1}', {"t": "one two", "n": 1}),
    concat('{"t": "a" + \'b\' + "c"}', {"t": "abc"}),
    concat('{"t": "1 + 1", "u": "x" + "y"}', {"t": "1 + 1", "u": "xy"}),
    concat('{"t": "one " +\n/* next */ "two"}', {"t": "one two"}),
    stray('{"a": 1, TODO "b": 2}', {"a": 1, "b": 2}),
    stray('{"a": 1, and "b": 2, and also "c": 3}', {"a": 1, "b": 2, "c": 3}),
    stray("[1, 2, and 3]", [1, 2, 3], [1, 2, "and 3"]),
    stray('["a", "b", and "c"]', ["a", "b", "c"]),
    stray('{"a": 1, NOTE: "b": 2}', {"a": 1, "b": 2}),
    stray(
        '{"id": 1, "tags": ["x", "y" MORE], "n": 2}',
        {"id": 1, "tags": ["x", "y"], "n": 2},
        {"id": 1, "tags": ["x", "y", "MORE"], "n": 2},
    ),
    stray('{json "a": 1}', {"a": 1}),
    stray('{"a": 1 (approx), "b": 2}', {"a": 1, "b": 2}, {"a": "1 (approx)", "b": 2}),
]
