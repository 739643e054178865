"""Cases that the engine reads otherwise, each with the reason; one that reads right has to go."""

from __future__ import annotations

# input -> why the engine reads it otherwise
KNOWN: dict[str, str] = {
    '["a""b""c"]': "quotes without commas between look doubled",
    "[true false null]": "words without commas between are one text",
    '{"m": [1, 2], 3, 4]], "n": 5}': "which row lost its opener is a guess",
    '{"sh": "awk -F"," "{print $1}" f.csv", "n": 1}': "quotes and commas in a row are separators",
    '{"re": "\\bword\\b\\s*", "n": 1}': "one of two \\b is a backspace",
    '{\n  tags:\n    - "a"\n    - "b"\n}': "YAML lists are text",
    '**name**: "Ada"\n**age**: 36': "a bold name after a line break is text",
    '{"a": \\"x\\", "b": 1}': "escaped quotes around one value are content",
    '{"rows": [{"a": 1, "b": "x"}, {"a": 2, "b": "y], "total": 2}': "two closers lost in a string",
    '{"css": "a::before { content: "{"; } b { color: red; }", "min": false, "js": "x = {y: "z"}"': "a brace in quotes in a string",
    '{"note": "He said "a", "b": "c", and left", "n": 1}': "quoted words that look like a member",
    '{"users": [{"name": "Al "the" Pal", "tags": ["x", "y"}, {"name": "Bo", "tags": ["z"]], "total" 2, "next": null': "a member without its colon after a wrong closer",
    '{"html": "<p class="a" data-x=\'{"k": "v"}\'>Hi, "you": ok</p>", "n": 1}': "quoted words that look like a member",
    '{"re": "^\\d+("[^"]*")?$", "path": "C:\\temp\\new", "sh": "echo "$HOME", "$USER"",}': "a path whose every escape is one of JSON's",
}
