"""Cases that the engine reads otherwise, each with the reason; one that reads right has to go."""

from __future__ import annotations

# input -> why the engine reads it otherwise
KNOWN: dict[str, str] = {
    '"""json\n{"ok": true}\n"""': "a fence of three double quotes reads as a string",
    "```yaml\nname: Ada\nage: 36\n```": "YAML in a fence is text",
    'See [1] and [2, p. 4]. {"x": 5}': "a citation of two items looks like an array",
    'the plan is {"a": 1}\n</think>\n{"a": 2}': "a thinking block without its start tag",
    (
        '<|channel|>analysis<|message|>maybe {"q": "x"}<|end|>'
        '<|start|>assistant<|channel|>final<|message|>{"q": "y"}'
    ): "the analysis channel is no thinking block to the engine",
    '<![CDATA[{"a": 1}]]>': "the brackets of CDATA look like an array",
    '["a""b""c"]': "quotes without commas between look doubled",
    "[true false null]": "words without commas between are one text",
    '｛"a"： ［1， 2］｝': "full-width brackets open nothing",
    "1, 2, 3]": "an array without its opener that holds numbers alone is text",
    '{"m": [1, 2], 3, 4]], "n": 5}': "which row lost its opener is a guess",
    '{"a": {"b": 1}}}, "c": 2}': "an object goes on after one closer too many, not after two",
    "｛＂a＂：［1，2］｝": "full-width brackets open nothing",
    '【"a"，"b"】': "lenticular brackets open nothing",
    '"{""a"": 1, ""b"": ""x""}"': "a quoted document with doubled quotes is a string",
    '{"sh": "awk -F"," "{print $1}" f.csv", "n": 1}': "quotes and commas in a row are separators",
    '{"re": "\\bword\\b\\s*", "n": 1}': "one of two \\b is a backspace",
    "---\nname: Ada\nage: 36\n": "a YAML document marker makes it text",
    '{\n  tags:\n    - "a"\n    - "b"\n}': "YAML lists are text",
    '**name**: "Ada"\n**age**: 36': "a bold name after a line break is text",
    "dict(a=1, b='x')": "keyword arguments are no members",
    '// header\n// more: {"x": 1}\n{"a": 1}': "a comment before the value is prose that may hold data",
    '{"a": 1}\n// the end, {"b": 2}': "a comment after the value is prose that may hold data",
    '/* {"old": true} */\n{"new": true}': "a comment before the value is prose that may hold data",
    '{"t": "one " . "two", "n": 1}': "strings are joined by a plus alone",
    '{"t": "one " +\n/* next */ "two"}': "a comment parts what a plus joins",
    "{\\'a\\': \\'x\\'}": "a document of escaped single quotes",
    '{"a": \\"x\\", "b": 1}': "escaped quotes around one value are content",
    '{"rows": [{"a": 1, "b": "x"}, {"a": 2, "b": "y], "total": 2}': "two closers lost in a string",
    (
        '{"css": "a::before { content: "{"; } b { color: red; }", '
        '"min": false, "js": "x = {y: "z"}"'
    ): "a brace in quotes in a string",
    '{"note": "He said "a", "b": "c", and left", "n": 1}': "quoted words that look like a member",
    (
        '{"users": [{"name": "Al "the" Pal", "tags": ["x", "y"}, {"name": "Bo", '
        '"tags": ["z"]], "total" 2, "next": null'
    ): "a member without its colon after a wrong closer",
    (
        '{"html": "<p class="a" data-x=\'{"k": "v"}\'>Hi, "you": ok</p>", "n": 1}'
    ): "quoted words that look like a member",
    (
        '{"re": "^\\d+("[^"]*")?$", "path": "C:\\temp\\new", "sh": "echo "$HOME", "$USER"",}'
    ): "a path whose every escape is one of JSON's",
    'I would use `list[0]` or `d["k"]`; the data: {"name": "Ada", "age": 36}': "an index in prose",
}
