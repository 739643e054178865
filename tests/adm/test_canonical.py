"""RFC 8785: the published vectors, the number rules, and what has no canonical form."""

from __future__ import annotations

import enum
import hashlib
import json
import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altar.adm import canonical_bytes, digest
from altar.errors import CanonicalError, InvalidDataError
from tests.corpus import corpus
from tests.strategies.nouns import json_values


@pytest.mark.parametrize("name", ["arrays", "french", "structures", "unicode", "values", "weird"])
def test_the_published_vectors_come_out_byte_for_byte(name):
    folder = corpus("jcs", "testdata")
    source = json.loads((folder / "input" / f"{name}.json").read_text(encoding="utf-8"))
    assert canonical_bytes(source) == (folder / "output" / f"{name}.json").read_bytes()


# RFC 8785, appendix B: the IEEE 754 bits and the text that must come out
NUMBERS = {
    "0000000000000000": "0",
    "8000000000000000": "0",
    "0000000000000001": "5e-324",
    "8000000000000001": "-5e-324",
    "7fefffffffffffff": "1.7976931348623157e+308",
    "ffefffffffffffff": "-1.7976931348623157e+308",
    "4340000000000000": "9007199254740992",
    "c340000000000000": "-9007199254740992",
    "4430000000000000": "295147905179352830000",
    "44b52d02c7e14af5": "9.999999999999997e+22",
    "44b52d02c7e14af6": "1e+23",
    "44b52d02c7e14af7": "1.0000000000000001e+23",
    "444b1ae4d6e2ef4e": "999999999999999700000",
    "444b1ae4d6e2ef4f": "999999999999999900000",
    "444b1ae4d6e2ef50": "1e+21",
    "3eb0c6f7a0b5ed8c": "9.999999999999997e-7",
    "3eb0c6f7a0b5ed8d": "0.000001",
    "41b3de4355555553": "333333333.3333332",
    "41b3de4355555554": "333333333.33333325",
    "41b3de4355555555": "333333333.3333333",
    "41b3de4355555556": "333333333.3333334",
    "41b3de4355555557": "333333333.33333343",
    "becbf647612f3696": "-0.0000033333333333333333",
    "43143ff3c1cb0959": "1424953923781206.2",
}


@pytest.mark.parametrize(("bits", "text"), NUMBERS.items())
def test_doubles_are_written_as_ecmascript_does(bits, text):
    (number,) = struct.unpack(">d", bytes.fromhex(bits))
    assert canonical_bytes(number) == text.encode()


@given(json_values())
def test_an_independent_implementation_writes_the_same_bytes(value):
    rfc8785 = pytest.importorskip("rfc8785")
    assert canonical_bytes(value) == rfc8785.dumps(value)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_double_survives_its_canonical_form(number):
    assert float(canonical_bytes(number)) == number


def as_doubles(digits):
    # a double past 2^53 is written like an integer; other readers take it for a double again
    return int(digits) if len(digits) < 16 or abs(int(digits)) < 2**53 else float(digits)


@given(json_values())
def test_canonical_bytes_are_json_of_the_same_value_and_stable(value):
    text = canonical_bytes(value)
    again = json.loads(text, parse_int=as_doubles)
    assert again == value
    assert canonical_bytes(again) == text


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), st.integers(0, 9)))
def test_the_order_of_names_makes_no_difference(value):
    turned = dict(reversed(list(value.items())))
    assert canonical_bytes(value) == canonical_bytes(turned)


def test_names_are_ordered_by_utf_16_code_units_not_by_code_points():
    assert canonical_bytes({"\ue000": 1, "\U00010000": 2}) == '{"\U00010000":2,"\ue000":1}'.encode()


def test_integers_that_doubles_would_merge_are_refused_or_written_exactly():
    for number in (2**53, -(2**53), 2**63, 10**400):
        with pytest.raises(CanonicalError) as caught:
            canonical_bytes({"a": [number]})
        assert [problem.path for problem in caught.value.problems] == ["$.a[0]"]
        assert canonical_bytes([number], big_integers="exact") == f"[{number}]".encode()
    assert canonical_bytes(2**53 - 1) == b"9007199254740991"
    assert digest(2**53, big_integers="exact") != digest(2**53 + 1, big_integers="exact")


def test_an_integer_too_long_to_write_is_refused_even_exactly():
    with pytest.raises(CanonicalError, match=r"2\^8192-1"):
        canonical_bytes(10**5000, big_integers="exact")


def test_everything_without_a_canonical_form_is_listed_with_its_path():
    value = {"a": math.nan, "b": [math.inf, {1: 2}, object()], "\ud800": 1, "c": "\udfff"}
    with pytest.raises(CanonicalError) as caught:
        canonical_bytes(value)
    paths = {problem.path for problem in caught.value.problems}
    assert paths == {"$.a", "$.b[0]", "$.b[1]", "$.b[2]", "$['\\ud800']", "$.c"}
    assert isinstance(caught.value, InvalidDataError)
    str(caught.value).encode()


def test_cycles_and_deep_nesting_are_refused_without_a_recursion_error():
    cycle: list[object] = []
    cycle.append(cycle)
    deep: object = 1
    for _ in range(100_000):
        deep = [deep]
    for value in (cycle, deep):
        with pytest.raises(CanonicalError, match="levels of nesting"):
            canonical_bytes(value)
    while isinstance(deep, list):  # taken apart by hand: the interpreter would recurse
        deep = deep.pop()


def test_python_s_kinds_are_told_apart_and_enums_write_their_values():
    class Level(enum.IntEnum):
        LOW = 1

    class Unit(enum.StrEnum):
        C = "celsius"

    value = [True, 1, 1.0, False, None, Level.LOW, Unit.C, (1, 2)]
    assert canonical_bytes(value) == b'[true,1,1,false,null,1,"celsius",[1,2]]'


def test_a_digest_is_sha_256_over_the_canonical_bytes():
    expected = hashlib.sha256(b'{"a":1,"b":2}').hexdigest()
    assert digest({"b": 2, "a": 1.0}) == f"sha256:{expected}"
