"""Checker: every problem, with its path, in words, within bounds."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from altar.adm._check import Checker
from altar.adm._formats import FORMATS
from altar.adm._problem import Problem
from altar.adm._schema import Schema
from altar.errors import InvalidDataError

WEATHER = Schema(
    type="object",
    properties={
        "city": {"type": "string", "minLength": 1},
        "unit": {"enum": ["celsius", "fahrenheit"]},
        "days": {"type": "integer", "minimum": 1, "maximum": 14},
        "spots": {"type": "array", "items": {"type": "number"}},
    },
    required=["city"],
    extra={"additionalProperties": False},
)


def found(document: Any, value: Any, **options: bool) -> list[str]:
    problems = Checker(document, **options).check(value)
    assert Checker(document, **options).ok(value) is not problems
    return [f"{problem.path} {problem.keyword}" for problem in problems]


def accepts(document: Any, value: Any, **options: bool) -> bool:
    checker = Checker(document, **options)
    verdict = checker.ok(value)
    assert (checker.check(value) == ()) is verdict
    return verdict


def nested(levels: int, make: Any) -> Any:
    value: Any = "leaf"
    for _ in range(levels):
        value = make(value)
    return value


def test_a_good_value_has_no_problem() -> None:
    """What holds is answered with nothing."""
    value = {"city": "Rome", "unit": "celsius", "days": 3.0, "spots": [1, 2.5]}
    assert WEATHER.check(value) == ()


def test_all_problems_come_at_once_with_paths_and_hints() -> None:
    """Each violation is told with its place, the rule, what came and the nearest right thing."""
    value = {"citi": "", "unit": "Celsius", "days": True, "spots": [1, "2", None]}
    assert [str(problem) for problem in WEATHER.check(value)] == [
        "$.city: expected a string (required), got nothing",
        "$.unit: expected 'celsius' or 'fahrenheit', got string 'Celsius'; did you mean 'celsius'?",
        "$.days: expected an integer, got true",
        "$.spots[1]: expected a number, got string '2'",
        "$.spots[2]: expected a number, got null",
        "$.citi: expected no such property, got string ''; did you mean 'city'?",
    ]


def test_a_value_of_the_wrong_type_breaks_one_rule() -> None:
    """Other rules stay silent about a value that is of another type altogether."""
    document = {"type": "string", "enum": ["a"], "pattern": "x", "minLength": 3}
    assert found(document, 7) == ["$ type"]
    assert found(document, "b") == ["$ enum", "$ minLength", "$ pattern"]


@pytest.mark.parametrize(
    ("document", "value", "holds"),
    [
        ({"type": "integer"}, True, False),
        ({"type": "integer"}, 1.0, True),
        ({"type": "integer"}, 1.5, False),
        ({"type": "integer"}, math.inf, False),
        ({"type": "integer"}, 2**70, True),
        ({"type": "number"}, True, False),
        ({"type": "number"}, math.nan, False),
        ({"type": "number"}, -math.inf, False),
        ({"type": "boolean"}, 1, False),
        ({"type": "null"}, False, False),
        ({"type": "array"}, (1,), False),
        ({"type": "string"}, b"a", False),
        ({"const": 1}, 1.0, True),
        ({"const": 1}, True, False),
        ({"const": False}, 0, False),
        ({"const": {"a": [1]}}, {"a": [1.0]}, True),
        ({"const": {"a": [1]}}, {"a": [True]}, False),
        ({"enum": [0, "a"]}, False, False),
        ({"enum": [[0]]}, [False], False),
        ({"enum": [None]}, None, True),
        ({"enum": [1]}, [1], False),
        ({"uniqueItems": True}, [1, True, 0, False, "1", None], True),
        ({"uniqueItems": True}, [1, 1.0], False),
        ({"uniqueItems": True}, [{"a": 1, "b": 2}, {"b": 2, "a": 1.0}], False),
        ({"uniqueItems": True}, [[1], [True]], True),
        ({"uniqueItems": False}, [1, 1], True),
        ({"minimum": 2}, True, True),
        ({"multipleOf": 0.1}, 0.3, True),
        ({"multipleOf": 0.01}, 19.99, True),
        ({"multipleOf": 0.1}, 0.35, False),
        ({"multipleOf": 0.5}, 2**80, True),
        ({"multipleOf": 3}, 1e300, False),
        ({"multipleOf": 2}, 4.0, True),
        ({"multipleOf": 2}, math.inf, False),
        ({"multipleOf": 2}, True, True),
        ({"minLength": 1, "maxLength": 1}, "\U0001f600", True),
        ({"not": {}}, 1, False),
        ({"not": False}, 1, True),
        ({"properties": {"a": False}}, {"b": 1}, True),
        ({"type": []}, 1, False),
    ],
)
def test_what_python_would_confuse(document: Any, value: Any, holds: bool) -> None:
    """Booleans are no numbers, 1.0 is an integer, equality is that of JSON."""
    assert accepts(document, value) is holds


@pytest.mark.parametrize(
    ("pattern", "text", "holds"),
    [
        (r"^\d+$", "١", False),  # an Arabic digit: ECMA's \d is ASCII
        (r"^\d+$", "12\n", False),
        (r"^\w$", "é", False),
        (r"\bé", "é", False),
        (r"^\s$", "\ufeff", True),
        (r"^\s$", "\x1c", False),
        (r"^\S$", "\x1c", True),
        (r"^[\s\d]+$", "1\u2003", True),
        (r"^[\S\s]$", "\n", True),
        (r"^[^\S]$", " ", True),
        (r"^[^]$", "\n", True),
        (r"^[]$", "", False),
        (r"^.$", "\u2028", False),
        (r"^\p{L}+$", "éλж", True),
        (r"^\p{Letter}+$", "a1", False),
        (r"^\P{L}+$", "12", True),
        (r"^[\p{Nd}_]+$", "1_", True),
        (r"^\p{General_Category=Lu}$", "A", True),
        (r"^\p{ASCII}$", "é", False),
        (r"^\P{ASCII}$", "é", True),
        (r"^\p{Any}$", "\U0001f600", True),
        (r"^(?<year>\d{4})-\k<year>$", "1999-1999", True),
        (r"(?<=a)b", "ab", True),
        (r"(?<!a)b", "ab", False),
        (r"^\u{1F600}$", "\U0001f600", True),
        (r"^\ud83d\ude00$", "\U0001f600", True),
        (r"^\ud83d\u0041$", "x", False),
        (r"^\u0041\x42\0$", "AB\0", True),
        (r"^\cJ$", "\n", True),
        (r"^\/\-$", "/-", True),
        (r"^(a)\1$", "aa", True),
        (r"^[[&&~]+$", "[&~", True),
        (r"^[\b]$", "\b", True),
        (r"^[a-c^]$", "^", True),
        (r"\Aab\Z", "ab", True),
    ],
)
def test_patterns_are_ecmas(pattern: str, text: str, holds: bool) -> None:
    """A pattern means what ECMA-262 says, not what Python's re would make of it."""
    Schema.from_dict({"pattern": pattern})
    assert accepts({"pattern": pattern}, text) is holds


@pytest.mark.parametrize(
    "pattern",
    ["(", "[a", "a\\", "*", r"\p{Nonsense}", r"\p{Script=Greek}", r"\pL", r"\u{110000}", r"\xzz",
     "(?<a", "a" * 20_000, "(" * 5_000 + ")" * 5_000],
)  # fmt: skip
def test_a_pattern_that_cannot_be_used_refuses(pattern: str) -> None:
    """Reading reports it; a checker over a trusted document refuses every text, never raises."""
    with pytest.raises(InvalidDataError):
        Schema.from_dict({"pattern": pattern})
    assert found({"pattern": pattern}, "a") == ["$ pattern"]
    assert accepts({"pattern": pattern}, 1)
    assert not accepts({"patternProperties": {pattern: {}}}, {"a": 1})


def test_alternatives_tell_what_was_meant() -> None:
    """A failed choice names the problem of the one alternative that fits, or all alternatives."""
    pet = {
        "anyOf": [
            {"type": "integer"},
            {
                "type": "object",
                "properties": {"kind": {"const": "cat"}, "lives": {"type": "integer"}},
            },
            {
                "type": "object",
                "properties": {"kind": {"const": "dog"}, "name": {"type": "string"}},
            },
        ]
    }
    assert found(pet, {"kind": "dog", "name": 7}) == ["$.name type"]
    (problem,) = Checker(pet).check("rex")
    assert str(problem) == "$: expected an integer or an object, got string 'rex'"
    words = {"anyOf": [{"const": "yes"}, {"enum": ["no", 3]}, {"title": "Many"}, False, {"not": {}},
                       {"$ref": "#/$defs/User"}], "$defs": {"User": False}}  # fmt: skip
    words["anyOf"][2]["minimum"] = 9
    (problem,) = Checker(words).check(4)
    assert problem.keyword == "minimum"
    (problem,) = Checker({"anyOf": [{"enum": ["celsius"]}, {"type": "null"}]}).check("celsiu")
    assert (problem.expected, problem.nearest) == ("'celsius' or null", "celsius")
    many = {"oneOf": [{"const": number} for number in range(20)]}
    (problem,) = Checker(many).check("x")
    assert problem.expected.endswith("7 or 12 more")


def test_exactly_one_of_several() -> None:
    """oneOf tells apart none and too many."""
    document = {"oneOf": [{"minimum": 1}, {"maximum": 5}, {"type": "null"}]}
    (problem,) = Checker(document).check(3)
    assert (problem.keyword, problem.got) == ("oneOf", "2 that hold")
    assert not accepts(document, 3)
    assert accepts(document, 7)
    assert found({"oneOf": [{"minimum": 9}, {"type": "null"}]}, 3) == ["$ minimum"]


@pytest.mark.parametrize(
    ("document", "value", "expected"),
    [
        ({"minItems": 1}, [], "$: expected at least 1 item, got array of 0 items"),
        ({"maxItems": 1}, [1, 2], "$: expected at most 1 item, got array of 2 items"),
        ({"minProperties": 1}, {}, "$: expected at least 1 property, got object with 0 properties"),
        ({"maxProperties": 0}, {"a": 1},
         "$: expected at most 0 properties, got object with 1 property"),
        ({"minLength": 2}, "a", "$: expected at least 2 characters, got 1 character"),
        ({"maxLength": 1}, "abc", "$: expected at most 1 character, got 3 characters"),
        ({"minimum": 1}, 0, "$: expected a number of at least 1, got integer 0"),
        ({"maximum": 1}, 2, "$: expected a number of at most 1, got integer 2"),
        ({"exclusiveMinimum": 1}, 1, "$: expected a number above 1, got integer 1"),
        ({"exclusiveMaximum": 1}, 1.5, "$: expected a number below 1, got number 1.5"),
        ({"multipleOf": 2}, 3, "$: expected a multiple of 2, got integer 3"),
        ({"pattern": "a"}, "b", "$: expected a string matching a, got string 'b'"),
        ({"const": "ab"}, "ba", "$: expected 'ab', got string 'ba'; did you mean 'ab'?"),
        ({"const": None}, 1, "$: expected null, got integer 1"),
        ({"const": True}, 1, "$: expected true, got integer 1"),
        ({"const": 3}, [], "$: expected 3, got array of 0 items"),
        ({"enum": []}, 1, "$: expected no value, got integer 1"),
        (False, {"a": 1}, "$: expected no value here, got object with 1 property"),
        ({"items": False}, [1], "$: expected at most 0 items, got array of 1 item"),
        ({"prefixItems": [{"type": "null"}]}, [1], "$[0]: expected null, got integer 1"),
        ({"uniqueItems": True}, [1, 2, 1],
         "$[2]: expected an item unlike all others, got the same as item 0"),
        ({"not": {"type": "string"}}, "a", "$: expected anything but a string, got string 'a'"),
        ({"not": True}, "a", "$: expected no value, got string 'a'"),
        ({"dependentRequired": {"a": ["b"]}}, {"a": 1},
         "$.b: expected this property, which 'a' requires, got nothing"),
        ({"propertyNames": {"maxLength": 1}}, {"ab": 1},
         "$.ab: expected at most 1 character, got 2 characters"),
        ({"additionalProperties": False}, {"a b": None},
         "$['a b']: expected no properties, got null"),
        ({"type": ["string", "null"]}, 1, "$: expected a string or null, got integer 1"),
        ({"type": "object"}, {1}, "$: expected an object, got Python object set"),
        ({"if": {"type": "string"}, "then": {"minLength": 2}, "else": {"type": "null"}}, "a",
         "$: expected at least 2 characters, got 1 character"),
        ({"if": {"type": "string"}, "then": {"minLength": 2}, "else": {"type": "null"}}, 1,
         "$: expected null, got integer 1"),
        ({"unevaluatedProperties": False, "properties": {"city": {}}}, {"citi": 1},
         "$.citi: expected no such property, got integer 1; did you mean 'city'?"),
        ({"unevaluatedItems": False, "prefixItems": [{}]}, [1, 2],
         "$[1]: expected no such item, got integer 2"),
        ({"unevaluatedItems": {"type": "null"}}, [1], "$[0]: expected null, got integer 1"),
        ({"unevaluatedProperties": {"type": "null"}}, {"a": 1},
         "$.a: expected null, got integer 1"),
    ],
)  # fmt: skip
def test_the_words_of_each_rule(document: Any, value: Any, expected: str) -> None:
    """Each rule says in words what it wants and what came."""
    assert [str(problem) for problem in Checker(document).check(value)] == [expected]
    assert not Checker(document).ok(value)


def test_contains_counts() -> None:
    """contains says how many items of its kind there must be."""
    document = {"contains": {"type": "integer"}, "minContains": 2, "maxContains": 3}
    (problem,) = Checker(document).check([1, "a"])
    assert (problem.keyword, problem.got) == ("contains", "1 of them")
    assert accepts(document, [1, 2, "a"])
    assert not accepts(document, [1, 2, 3, 4])
    assert accepts({"contains": {}, "minContains": 0}, [])


def test_what_came_is_short_and_safe_to_send() -> None:
    """No problem dumps its value, and all of them encode as JSON in UTF-8."""
    values: list[Any] = ["x" * 10_000_000, list(range(100_000)), {"a" * 100_000: 1}, 10**5000,
                         {"k\ud800": "v\udfff"}, "\ud800" * 100, object(), 1e300]  # fmt: skip
    for value in values:
        for document in ({"type": "boolean"}, {"enum": ["a", 1]}, {"additionalProperties": False}):
            for problem in Checker(document).check(value):
                text = json.dumps(problem.to_dict(), ensure_ascii=False).encode("utf-8")
                assert len(text) < 1000


def test_limits_that_python_cannot_print_are_no_trouble() -> None:
    """Bounds of five thousand digits compare, and are described by their size."""
    huge = 10**5000
    assert accepts({"maximum": huge, "multipleOf": huge}, huge)
    assert found({"maximum": huge, "const": 1, "enum": [huge - 1]}, huge * 2) == [
        "$ enum", "$ const", "$ maximum"
    ]  # fmt: skip


def test_problems_are_bounded() -> None:
    """A value with a hundred thousand faults is answered with 64 problems."""
    assert len(Checker({"items": {"type": "string"}}).check(list(range(100_000)))) == 64
    choice = {"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}]}
    assert len(Checker(choice).check(list(range(1000)))) == 64


TREE = {"anyOf": [{"type": "null"}, {"type": "array", "items": {"$ref": "#"}}]}
DOUBLE = {"anyOf": [{"type": "array", "items": {"$ref": "#"}}] * 2}


@pytest.mark.parametrize("make", [lambda inner: [inner], lambda inner: {"a": inner}])
@pytest.mark.parametrize(
    "document",
    [
        {"items": {"$ref": "#"}, "additionalProperties": {"$ref": "#"}},
        {"anyOf": [{"const": [1]}, {"const": {"a": 1}}]},
        {"enum": [[1], {"a": 1}]},
        {"$ref": "#"},
        {"allOf": [{"$ref": "#"}]},
        {"$dynamicAnchor": "n", "items": {"$dynamicRef": "#n"}, "type": "array"},
        {"not": {"not": {"$ref": "#"}}},
        {"unevaluatedItems": {"$ref": "#"}, "unevaluatedProperties": {"$ref": "#"}},
        TREE,
    ],
)
def test_depth_without_end_is_a_problem(document: Any, make: Any) -> None:
    """A value 100,000 levels deep is refused where the schema follows it, never a crash."""
    value = nested(100_000, make)
    assert not Checker(document).ok(value)
    problems = Checker(document).check([value])
    assert problems
    assert all(len(str(problem)) < 2000 for problem in problems)


def test_depth_nobody_looks_at_is_no_problem() -> None:
    """A deep value passes where the schema says nothing about its inside."""
    value = nested(100_000, lambda inner: [inner])
    assert accepts({"type": "array"}, value)
    assert accepts({"properties": {"a": {"type": "array"}}}, {"a": value})


def test_equal_items_too_deep_to_compare_are_a_problem() -> None:
    """uniqueItems over bottomless items answers, with the keyword "depth"."""
    value = nested(100_000, lambda inner: [inner])
    assert found({"uniqueItems": True}, [value, value]) == ["$ depth"]


def test_alternatives_that_multiply_are_cut_short() -> None:
    """Work that would double at each level is done once, or ends with a problem when bounded."""
    value = nested(60, lambda inner: [inner])
    assert [problem.keyword for problem in Checker(DOUBLE).check(value)] == ["anyOf"]
    assert not Checker(DOUBLE).ok(value)
    twice = Checker({"allOf": [{"items": {"$ref": "#"}}] * 2})
    assert [problem.keyword for problem in twice.check(value)] == ["depth"]
    assert not twice.ok(value)


@contextmanager
def little_stack(frames: int) -> Iterator[None]:
    depth, frame = 0, sys._getframe()
    while frame is not None:
        depth, frame = depth + 1, frame.f_back  # type: ignore[assignment]
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(depth + frames)
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def test_a_stack_that_is_nearly_full_is_survived() -> None:
    """With few frames left a check answers a problem instead of raising RecursionError."""
    document = {"type": "array", "items": {"$ref": "#"}}
    value: Any = []
    for _ in range(90):
        value = [value]
    checker = Checker(document)
    assert checker.ok(value)
    deep: Any = {"type": "string"}
    for _ in range(100):
        deep = {"not": deep}
    with little_stack(90):
        verdict, problems = checker.ok(value), checker.check(value)
        flat = Checker(deep).check("a")
    assert verdict is False
    assert [problem.keyword for problem in problems] == ["depth"]
    assert [problem.keyword for problem in flat] == ["depth"]


def test_64_bits_are_an_option() -> None:
    """Integers beyond 64 bits pass JSON Schema, and are refused where asked."""
    document = {"type": ["integer", "null"]}
    assert accepts(document, 2**63)
    assert found(document, 2**63, int64=True) == ["$ int64"]
    assert accepts(document, -(2**63), int64=True)
    assert accepts(document, None, int64=True)
    assert found({"type": "integer"}, 1e300, int64=True) == ["$ int64"]
    assert accepts({"type": "number"}, 2**80, int64=True)


def test_formats_are_an_option() -> None:
    """format is a note until it is asserted; unknown formats stay notes."""
    assert accepts({"format": "uuid"}, "no uuid")
    assert found({"format": "uuid"}, "no uuid", formats=True) == ["$ format"]
    assert accepts({"format": "uuid"}, 7, formats=True)
    assert accepts({"format": "made-up"}, "x", formats=True)


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("byte", ["", "YQ==", "YWI=", "YWJj"], ["YQ", "YQ=", "Y Q=", "Y-__", "====", "YQ==\n"]),
        ("duration", ["P1D", "PT1.5S", "P1W", "PT0S"], ["P", "PT", "P1DT", "1D", "P1S", "P1W2D"]),
        ("date", ["2024-02-29", "0000-01-01"], ["2023-02-29", "2024-13-01", "٢٠٢٤-01-01"]),
        ("time", ["12:00:00Z", "23:59:60Z", "00:59:60+01:00"], ["24:00:00Z", "12:00:00", "1:0:0Z"]),
        ("date-time", ["2024-01-01t00:00:00z"], ["2024-01-01 00:00:00Z", "2024-01-01"]),
        (
            "ipv6",
            ["::", "::1", "1:2:3:4:5:6:1.2.3.4"],
            [":", ":::", "1::2::3", "::1.2.3", "1.2.3.4::"],
        ),
        ("email", ["a@b", '"a b"@c.d', "a@[1.2.3.4]", "a@[IPv6:::1]"], ["a", "@b", "a@", "a b@c"]),
        ("uri", ["a:b", "http://[::1]/x?y#z"], ["/a", "http://[1]/", "a b:c"]),
    ],
)
def test_formats(name: str, good: list[str], bad: list[str]) -> None:
    """Each format takes the texts of its standard and no others."""
    checker = Checker({"format": name}, formats=True)
    assert [text for text in good if not checker.ok(text)] == []
    assert [text for text in bad if checker.ok(text)] == []


@pytest.mark.parametrize(
    ("base", "reference", "target"),
    [
        ("http://a/b/c/d;p?q", "g", "http://a/b/c/g"),
        ("http://a/b/c/d;p?q", "./g/", "http://a/b/c/g/"),
        ("http://a/b/c/d;p?q", "/g", "http://a/g"),
        ("http://a/b/c/d;p?q", "//g", "http://g"),
        ("http://a/b/c/d;p?q", "?y", "http://a/b/c/d;p?y"),
        ("http://a/b/c/d;p?q", "../../../g", "http://a/g"),
        ("http://a/b/c/d;p?q", "..", "http://a/b/"),
        ("http://a/b/c/d;p?q", ".", "http://a/b/c/"),
        ("http://a", "g", "http://a/g"),
        ("http://a/b/c/d;p?q", "mailto:x", "mailto:x"),
        ("urn:x:y", "urn:z", "urn:z"),
        ("folder/one.json", "two.json", "folder/two.json"),
        ("", "two.json", "two.json"),
    ],
)
def test_references_resolve_against_their_base(base: str, reference: str, target: str) -> None:
    """A $ref is resolved against the $id around it, as RFC 3986 says."""
    document = {
        "$defs": {
            "here": {"$id": base, "$ref": reference} if base else {"$ref": reference},
            "there": {"$id": target, "type": "null"},
        },
        "$ref": "#/$defs/here",
    }
    assert accepts(document, None)
    assert found(document, 1) == ["$ type"]


def test_pointers_are_unescaped() -> None:
    """A JSON pointer in a fragment is percent-decoded, then ~1 and ~0 are read."""
    document = {
        "$defs": {"a/b": {"m~n": [{"$comment": "x"}, {"type": "null"}]}, "%zz": {"const": 1}},
        "prefixItems": [{"$ref": "#/$defs/a~1b/m~0n/1"}, {"$ref": "#/%24defs/%zz"}],
    }
    assert accepts(document, [None, 1])
    assert found(document, [1, 2]) == ["$[0] type", "$[1] const"]


def test_further_documents_are_handed_over_not_fetched() -> None:
    """``resources`` holds the documents that references name, ids inside them included."""
    others = {
        "http://x/one#": {"$defs": {"n": {"$id": "http://x/inner", "type": "null"}}},
        "http://x/two": False,
    }
    for reference, value in (("http://x/one#/$defs/n", None), ("http://x/inner", None)):
        checker = Checker({"$ref": reference}, resources=others)
        assert checker.ok(value)
        assert not checker.ok(1)
    assert not Checker({"$ref": "http://x/two"}, resources=others).ok(None)
    (problem,) = Checker({"$ref": "http://x/three"}, resources=others).check(None)
    assert problem.got == "no document 'http://x/three'"
    assert not Checker({"$dynamicRef": "http://x/three#a"}, resources=others).ok(None)


def test_problems_are_problems() -> None:
    """A checker speaks in the one Problem type."""
    (problem,) = Checker({"type": "string"}).check(1)
    assert problem == Problem("$", "a string", "integer 1", keyword="type")


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"type": "integer"}, "an integer (required)"),
        ({"type": ["string", "null"]}, "a string or null (required)"),
        ({"type": "string", "format": "date"}, f"{FORMATS['date'].expected} (required)"),
        ({"type": "string", "format": "unheard-of"}, "a string (required)"),
        ({"type": "string", "enum": ["a", "b"]}, "'a' or 'b' (required)"),
        ({"const": 3}, "3 (required)"),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "an integer or null (required)"),
        ({"anyOf": [{"type": "integer"}, {"minimum": 3}]}, "this required property"),
        ({"description": "Anything."}, "this required property"),
        (True, "this required property"),
    ],
)
def test_a_missing_property_is_told_with_what_it_should_hold(wanted: Any, words: str) -> None:
    schema = Schema.from_dict({"properties": {"x": wanted}, "required": ["x"]})
    assert [str(problem) for problem in schema.check({})] == [f"$.x: expected {words}, got nothing"]


@pytest.mark.parametrize("keyword", ["anyOf", "oneOf"])
@pytest.mark.parametrize("said", [{"const": "b"}, {"enum": ["b"]}])
def test_a_constant_says_which_alternative_is_meant(keyword: str, said: dict[str, Any]) -> None:
    one = {"properties": {"kind": {"const": "a"}, "x": {"type": "integer"}}, "required": ["kind"]}
    two = {"properties": {"kind": said, "x": {"type": "string"}}, "required": ["kind"]}
    schema = Schema.from_dict({keyword: [one, two]})
    assert schema.check({"kind": "b", "x": "t"}) == ()
    for value, path, expected in (
        ({"kind": "b", "x": 1}, "$.x", "a string"),
        ({"kind": "c", "x": 1}, "$.kind", "'a' or 'b'"),
        ({"kind": 5}, "$.kind", "'a' or 'b'"),
        ({"x": 1}, "$.kind", "'a' or 'b' (required)"),
    ):
        assert [(p.path, p.expected) for p in schema.check(value)] == [(path, expected)]
