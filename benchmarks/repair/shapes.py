"""Texts of any length that are damaged at every place, and inputs that stand for the worst."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["HOSTILE", "SHAPES"]


def _fill(unit: str, *, head: str = "", tail: str = "", between: str = "") -> Callable[[int], str]:
    """A maker of texts of about n characters: ``unit``, with ``#`` numbered, again and again."""

    def make(length: int) -> str:
        if "#" not in unit:
            count = max(1, length // (len(unit) + len(between)))
            return head + between.join([unit] * count) + tail
        parts: list[str] = []
        left = length - len(head) - len(tail)
        while left > 0 or not parts:
            parts.append(unit.replace("#", str(len(parts))))
            left -= len(parts[-1]) + len(between)
        return head + between.join(parts) + tail

    return make


SHAPES: dict[str, Callable[[int], str]] = {
    "quoted words in a value": _fill('he said "yes" again ', head='{"a": "', tail='", "b": 1}'),
    "quoted words in an array": _fill('he said "yes" again ', head='["', tail='", "b"]'),
    "quoted words and commas in a value": _fill(
        'the "red", the "blue", and ', head='{"a": "', tail='", "b": 1}'
    ),
    "quoted words and commas in an array": _fill(
        'the "red", the "blue", and ', head='["', tail='", "b"]'
    ),
    "single quotes and apostrophes": _fill(
        "{'n': #, 'text': 'it's the dog's day, isn't it'}", head="[", tail="]", between=", "
    ),
    "raw newlines, code": _fill(
        'def f#(x):\n    print("f#", x)\n    return {"x": x}\n', head='{"code": "', tail='"}'
    ),
    "closers inside a string": _fill("if x { y } ", head='{"a": "', tail=' "ok" }", "b": 2}'),
    "unquoted values with spaces": _fill(
        '"k#": some words that go on', head="{", tail="}", between=", "
    ),
    "unclosed names and values": _fill('"k#": "v', head="{", between=", "),
    "commas": _fill(",", head="[1", tail="]"),
    "cut unicode escapes": _fill("\\u12 \\u \\uzz ", head='{"a": "', tail='"}'),
    "colons upon colons": _fill("a: ", head="{"),
    "unclosed nested lists": _fill("[#, ", tail="1"),
    "doubled quotes": _fill('{""id"": #, ""name"": ""Ana""}', head="[", tail="]", between=", "),
    "trailing commas": _fill('{"id": #, "tags": [1, 2,],}', head="[", tail=",]", between=", "),
    "lines of objects with trailing commas": _fill('{"id": #, "ok": true,},\n'),
    "comments": _fill(
        '  {"id": #, // the number\n   /* and */ "ok": true}', head="[", tail="]", between=",\n"
    ),
    "smart quotes": _fill("{“id”: #, “name”: “Ana”}", head="[", tail="]", between=", "),
    "python repr": _fill("{'id': #, 'ok': True, 'x': None}", head="[", tail="]", between=", "),
    "missing commas": _fill('{"id": # "name": "Ana" "ok": true}', head="[", tail="]", between=" "),
    "missing colons": _fill('{"id" #, "name" "Ana"}', head="[", tail="]", between=", "),
    "missing end quotes": _fill('{"id": #, "city": "Rome}', head="[", tail="]", between=", "),
    "fences": _fill('Part #:\n```json\n{"id": #}\n```\n'),
    "prose with brackets": _fill("see [#] and {this} (or [that]) ", tail='{"id": 1}'),
    "mismatched closers": _fill(
        '{"id": #, "tags": [1, 2}, "x": 1]', head="[", tail="]", between=", "
    ),
    "bad escapes": _fill(
        '{"path": "C:\\data\\new_#", "re": "\\d+\\."}', head="[", tail="]", between=", "
    ),
    "ellipses": _fill('{"id": #, ...}, ...', head="[", tail="]", between=", "),
    "html entities": _fill(
        "{&quot;id&quot;: #, &quot;n&quot;: &quot;a &amp; b&quot;}",
        head="[",
        tail="]",
        between=", ",
    ),
    "bare names and words": _fill(
        "{id: #, name: Ana Duarte, ok: yes}", head="[", tail="]", between=", "
    ),
    "everything at once": _fill(
        '{id: #, \'name\': “Ana”, "ok": True, "say": "a "b" c", x: [1, 2,]}, // note\n',
        head="Here:\n```json\n[",
        tail="]\n```",
    ),
}
"""Thirty ways to be damaged; each makes a text of about the length asked for."""


def _times(text: str, *, head: str = "", tail: str = "") -> Callable[[int], str]:
    return lambda count: head + text * count + tail


HOSTILE: dict[str, tuple[int, Callable[[int], str]]] = {
    "100k [": (100_000, _times("[")),
    "100k [ closed": (100_000, lambda count: "[" * count + "]" * count),
    '100k {"a":': (100_000, _times('{"a":')),
    "100k {": (100_000, _times("{")),
    "100k (": (100_000, _times("(")),
    "200 KB of quotes": (200_000, _times('"')),
    "200 KB of quotes in a value": (200_000, _times('"', head='{"a": "', tail='"}')),
    "1 MB of prose": (1_000_000, _fill("It was a dark night. ")),
    "1 MB of prose, then JSON": (1_000_000, _fill("It was a dark night. ", tail='\n{"a": 1}')),
    "JSON, then 1 MB of prose": (1_000_000, _fill("It was a dark night. ", head='{"a": 1}\n')),
    "unclosed string with commas": (100_000, _fill("one, two, ", head='{"a": "')),
    "unclosed string with names": (100_000, _fill('b": 1, "', head='{"a": "')),
    "closers in a string, quote far away": (
        100_000,
        _times("} ", head='{"a": "x, ', tail='"b": 1}'),
    ),
    "quoted words in a string": (100_000, _fill('say "so" and ', head='{"a": "', tail='"}')),
    "quoted words with commas": (100_000, _fill('"so", or "no", ', head='{"a": "', tail='"}')),
    "100k backslashes": (100_000, _times("\\", head='{"a": "\\', tail='"}')),
    "20k unclosed objects": (20_000, _times('{"a": 1, ')),
    "100k comment openers": (100_000, _times("/*", head='{"a": 1 ')),
    "100k digits": (100_000, _times("7")),
    "50k fences": (50_000, _times("```\n")),
    "100k commas": (100_000, _times(",")),
    "100k colons": (100_000, _times(":")),
    "prose with 10k brackets": (10_000, _times("see [ or { then ")),
    "50k numbers on lines, no commas": (50_000, _times("1\n\n", head="(1, ", tail=")")),
    "10k closers of the wrong kind": (10_000, _times("[/X])$[", head="it's ")),
    "5k thoughts that end far away": (5_000, _times('{x <think>"a": ', tail="</think>")),
    "10k broken lines of objects": (10_000, _times('{"id": 1, "name": "Ana}\n')),
}
"""Twenty-seven inputs nobody sends twice: how large, and a maker that takes that number."""
