"""Cases that the engine reads otherwise, each with the reason; one that reads right has to go."""

from __future__ import annotations

# input -> why the engine reads it otherwise
KNOWN: dict[str, str] = {
    '{"sh": "awk -F"," "{print $1}" f.csv", "n": 1}': "quotes and commas in a row are separators",
    '{"css": "a::before { content: "{"; } b { color: red; }", "min": false, "js": "x = {y: "z"}"': "a brace in quotes in a string",
    '{"note": "He said "a", "b": "c", and left", "n": 1}': "quoted words that look like a member",
    '{"html": "<p class="a" data-x=\'{"k": "v"}\'>Hi, "you": ok</p>", "n": 1}': "quoted words that look like a member",
}
