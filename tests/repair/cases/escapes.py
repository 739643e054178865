"""Escapes that JSON does not know, escaped documents, entities, marks of the encoding."""

from __future__ import annotations

from functools import partial

from tests.repair.judge import Case

bad = partial(Case, "bad_escapes")
whole = partial(Case, "escaped_document")
entity = partial(Case, "html_entities")
mark = partial(Case, "bom_and_space")
pair = partial(Case, "surrogates")

CASES = [
    bad('{"t": "it\\\'s", "n": 1}', {"t": "it's", "n": 1}),
    bad('{"t": "a\\xe9b", "n": 1}', {"t": "aéb", "n": 1}, {"t": "a\\xe9b", "n": 1}),
    bad(
        '{"t": "50\\% off \\& more", "n": 1}',
        {"t": "50\\% off \\& more", "n": 1},
        {"t": "50% off & more", "n": 1},
    ),
    bad('{"t": "\\$5 \\#1", "n": 1}', {"t": "\\$5 \\#1", "n": 1}, {"t": "$5 #1", "n": 1}),
    bad(
        '{"t": "snake\\_case \\*bold\\*", "n": 1}',
        {"t": "snake\\_case \\*bold\\*", "n": 1},
        {"t": "snake_case *bold*", "n": 1},
    ),
    bad('{"t": "\\u00zz bad", "n": 1}', {"t": "\\u00zz bad", "n": 1}),
    bad('{"t": "\\u{1F600}", "n": 1}', {"t": "😀", "n": 1}, {"t": "\\u{1F600}", "n": 1}),
    bad(
        '{"t": "nul \\0 char", "n": 1}', {"t": "nul \0 char", "n": 1}, {"t": "nul \\0 char", "n": 1}
    ),
    bad('{"t": "one\\\ntwo", "n": 1}', {"t": "one\ntwo", "n": 1}, {"t": "onetwo", "n": 1}),
    bad('{"t": "\\`tick\\`", "n": 1}', {"t": "`tick`", "n": 1}, {"t": "\\`tick\\`", "n": 1}),
    bad('{"re": "\\d+\\.\\d*", "n": 1}', {"re": "\\d+\\.\\d*", "n": 1}),
    bad('{"t": "a \\"b\\" c", \'u\': "d\\n"}', {"t": 'a "b" c', "u": "d\n"}),
    bad('{"t": "tab\\there", u: "slash \\/"}', {"t": "tab\there", "u": "slash /"}),
    bad('{"t": "already \\\\n twice", u: 1}', {"t": "already \\n twice", "u": 1}),
    bad('{"t\\_x": 1, "u": 2}', {"t\\_x": 1, "u": 2}, {"t_x": 1, "u": 2}),
    whole('{\\"a\\": 1, \\"b\\": \\"x\\"}', {"a": 1, "b": "x"}),
    whole('"{\\"a\\": 1, \\"b\\": [true]}"', '{"a": 1, "b": [true]}'),
    whole('[\\"x\\", \\"y\\"]', ["x", "y"]),
    whole('{\\n  \\"a\\": 1,\\n  \\"b\\": \\"x\\"\\n}', {"a": 1, "b": "x"}),
    whole('{\\"t\\": \\"say \\\\\\"hi\\\\\\"\\", \\"n\\": 1}', {"t": 'say "hi"', "n": 1}),
    whole('{\\"t\\": \\"one\\\\ntwo\\", \\"n\\": 1}', {"t": "one\ntwo", "n": 1}),
    whole('{\n  \\"a\\": \\"x\\",\n  \\"b\\": 2,\n}', {"a": "x", "b": 2}),
    whole('```json\n{\\"a\\": \\"x\\"}\n```', {"a": "x"}),
    whole('{\\"a\\": {\\"b\\": [\\"c\\", 1', {"a": {"b": ["c", 1]}}),
    whole("{\\'a\\': \\'x\\'}", {"a": "x"}),
    whole('{"a": \\"x\\", "b": 1}', {"a": "x", "b": 1}),
    entity("{&quot;a&quot;: &quot;x&quot;, &quot;n&quot;: 1}", {"a": "x", "n": 1}),
    entity("[&quot;a&quot;,&quot;b&quot;]", ["a", "b"]),
    entity("{&#34;a&#34;: 1}", {"a": 1}),
    entity("{&#x22;a&#x22;: [1, 2]}", {"a": [1, 2]}),
    entity('{"t": "Tom &amp; Ann &lt;b&gt;", n: 1}', {"t": "Tom &amp; Ann &lt;b&gt;", "n": 1}),
    entity("{&quot;t&quot;: &quot;Tom &amp; Ann&quot;}", {"t": "Tom & Ann"}),
    entity("{&apos;a&apos;: &apos;x&apos;}", {"a": "x"}),
    mark('\ufeff{"a": 1}', {"a": 1}),
    mark('\ufeff```json\n{"a": 1}\n```', {"a": 1}),
    mark('ï»¿{"a": 1}', {"a": 1}),
    mark('{\u00a0"a":\u00a01,\u00a0"b":\u2003[1,\u30002]}', {"a": 1, "b": [1, 2]}),
    mark('{\u200b"a": 1\u200b, "b": "x\u200by"}', {"a": 1, "b": "x\u200by"}),
    mark('\u200e{"a": 1}\u200f', {"a": 1}),
    mark('{"a": 1}\x00', {"a": 1}),
    mark('\x0c{"a":\x0b1}', {"a": 1}),
    mark('{"a":\u20281,\u2029"b": "x\u2028y"}', {"a": 1, "b": "x\u2028y"}),
    mark('{"t": "nul \x00 in \x1b[0m it", "n": 1}', {"t": "nul \x00 in \x1b[0m it", "n": 1}),
    mark('\r\n\r\n{\r\n"a": 1,\r\n}\r\n', {"a": 1}),
    pair('{"t": "\\ud83d\\ude00", n: 1}', {"t": "😀", "n": 1}),
    pair(
        '{"t": "\\ud83d alone", n: 1}', {"t": "\ud83d alone", "n": 1}, {"t": "\ufffd alone", "n": 1}
    ),
    pair(
        '{"t": "\\ude00 alone", n: 1}', {"t": "\ude00 alone", "n": 1}, {"t": "\ufffd alone", "n": 1}
    ),
    pair('{"t": "\\ud83d\\n", n: 1}', {"t": "\ud83d\n", "n": 1}, {"t": "\ufffd\n", "n": 1}),
    pair('{"t": "a 😀 b", n: 1}', {"t": "a 😀 b", "n": 1}),
    pair('{"t": "\\uD83D\\uDE00 \\u00e9', {"t": "😀 é"}),
    pair('{"t": "ok \\ud83d', {"t": "ok "}, {"t": "ok \ud83d"}, {"t": "ok \ufffd"}, {"t": "ok"}),
]
