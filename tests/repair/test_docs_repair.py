"""docs/repair.md says what is true: each example, its value and its log, and the table of codes."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import pytest

from altar import repair
from tests.gates._source import ROOT

PAGE = (ROOT / "docs" / "repair.md").read_text("utf-8")
MARKS = {"⏎": "\n", "⇥": "\t", "⍽": "\u00a0", "⌂": "\ufeff"}
SOURCE = "".join(
    path.read_text("utf-8")
    for path in (ROOT / "src" / "altar" / "repair").glob("*.py")
    if path.name != "_codes.py"
)
MADE = {code for code in repair.CODES if f'"{code}"' in SOURCE}
TOO_LONG = {"huge_integer"}  # for a line


@dataclass
class Guest:
    first_name: str
    age: int | None = None
    vip: bool = False
    tags: list[str] | None = None


TYPES = {"Guest": Guest, "Literal": Literal}


class Example(NamedTuple):
    """A line of a ``repair`` block: input, perhaps ``as`` a type, ``→`` value, ``·`` codes."""

    group: str
    line: str
    text: str
    schema: Any
    value: Any
    codes: list[str]


def examples() -> list[Example]:
    found = []
    for match in re.finditer(r"^### ([^\n]+)$|^```repair\n(.*?)^```$", PAGE, re.M | re.S):
        if match[1]:
            group = match[1]
            continue
        for line in match[2].splitlines():
            before, codes = line.rsplit(" · ", 1)
            shown, value = before.rsplit(" → ", 1)
            shown, schema = shown.rstrip(), None
            if group == "By the schema":
                shown, kind = shown.rsplit(" as ", 1)
                schema = eval(kind, dict(TYPES))
            text = "".join(MARKS.get(c, c) for c in shown)
            found.append(Example(group, line, text, schema, json.loads(value), codes.split(", ")))
    return found


EXAMPLES = examples()


def codes_of(result: repair.Repaired) -> list[str]:
    return list(dict.fromkeys(fix.code for fix in result.fixes))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.line[:40])
def test_an_example_is_read_as_the_page_says(example: Example):
    """Each line gives its value and its codes; from a stream of characters too."""
    result = repair.parse(example.text, example.schema)
    is_now = f"{json.dumps(result.value, ensure_ascii=False)} · {', '.join(codes_of(result))}"
    assert repr(result.value) == repr(example.value), is_now
    assert codes_of(result) == example.codes, is_now
    parser = repair.StreamParser(example.schema)
    for character in example.text:
        parser.feed(character)
    assert repr(parser.close().value) == repr(example.value)


def test_every_group_has_examples_and_every_code_has_one():
    """No kind of fix that the package makes is left without an example."""
    assert len(EXAMPLES) > 100
    assert len({example.group for example in EXAMPLES}) == PAGE.count("```repair\n")
    shown = {code for example in EXAMPLES for code in example.codes}
    assert MADE - shown == TOO_LONG


def test_a_long_integer_is_kept_as_the_page_says():
    """An integer that Python does not read is kept as its digits."""
    assert codes_of(repair.parse("[" + "9" * 5000 + "]")) == ["huge_integer"]


def test_the_table_of_codes_is_that_of_the_package():
    """Each code in order, with its risk and its sentence."""
    rows = re.findall(r"^\| `(\w+)` \| ([\d.]+) \| (.*) \|$", PAGE, re.MULTILINE)
    assert [(code, (float(risk), said)) for code, risk, said in rows] == list(repair.CODES.items())
