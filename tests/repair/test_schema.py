"""What a schema does for a repair: coercion, the choice between values, and what is expected."""

from __future__ import annotations

import copy
import json
from collections import OrderedDict
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from altar import declare
from altar.adm import Schema
from altar.errors import ConfigurationError, DeclarationError
from altar.later import schema_of
from altar.repair import parse
from altar.repair._build import build
from altar.repair._codes import CODES
from altar.repair._coerce import Change, coerce
from altar.repair._fit import misfit
from altar.repair._locate import Span, spans
from altar.repair._schema import as_document, known_names, node_of, wants_string
from altar.repair._write import written
from tests.strategies.schemas import documents, json_values

INT, NUM, STR, BOOL, NULL = (
    {"type": kind} for kind in ("integer", "number", "string", "boolean", "null")
)


def record(**props: Any) -> dict[str, Any]:
    """An object that needs every one of its names."""
    return {"type": "object", "properties": props, "required": list(props)}


def many(item: Any) -> dict[str, Any]:
    return {"type": "array", "items": item}


def one_of(*values: Any) -> dict[str, Any]:
    return {"enum": list(values)}


def or_null(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, NULL]}


PERSON = record(name=STR, age=INT)
CITY = one_of("Paris", "London", "New York")
STATE = one_of("in_progress", "done")
PETS = {
    "oneOf": [
        record(kind={"const": "cat"}, lives=INT),
        record(kind={"const": "dog"}, lives=STR),
    ]
}
TREE = {
    "$ref": "#/$defs/Node",
    "$defs": {"Node": record(size=INT, kids=many({"$ref": "#/$defs/Node"}))},
}
ITSELF = {"$ref": "#/$defs/L", "$defs": {"L": many({"$ref": "#/$defs/L"})}}
MAP = {"type": "object", "additionalProperties": INT}

# each: the value that came, its schema, what it must become
MENDED = {
    "thousands": ("1,234", INT, 1234),
    "thousands with a fraction": ("1,234,567.5", NUM, 1234567.5),
    "thousands, European": ("1.234,56", NUM, 1234.56),
    "thousands, European, whole": ("1.234.567", INT, 1234567),
    "thousands by space": ("12 345", INT, 12345),
    "thousands by narrow space": ("12\u202f345,5", NUM, 12345.5),
    "thousands by underscore": ("1_234", INT, 1234),
    "thousands by apostrophe": ("1'234'567", INT, 1234567),
    "thousands in India": ("12,34,567", INT, 1234567),
    "a comma for a point": ("3,5", NUM, 3.5),
    "currency before": ("$12.50", NUM, 12.5),
    "currency before, grouped": ("$1,234.50", NUM, 1234.5),
    "currency after": ("12 €", NUM, 12),
    "currency by code": ("EUR 12", NUM, 12),
    "currency by code after": ("1 200 SEK", INT, 1200),
    "currency, less than nothing": ("-$5", INT, -5),
    "unit": ("5 kg", NUM, 5),
    "unit without space": ("12ms", INT, 12),
    "unit of speed": ("88.5 km/h", NUM, 88.5),
    "unit of area": ("120 m²", INT, 120),
    "temperature": ("-3.5 °C", NUM, -3.5),
    "percent stays as it is counted": ("45%", NUM, 45),
    "things counted": ("3 apples", INT, 3),
    "an age": ("36 years old", INT, 36),
    "an age in a year": ("36 years of age.", INT, 36),
    "a length": ("2.5 m long", NUM, 2.5),
    "an area": ("30 sq ft", INT, 30),
    "currency before and after": ("$12.50 USD", NUM, 12.5),
    "about": ("about 36 years", INT, 36),
    "approx.": ("Approx. 1,200 km", INT, 1200),
    "ca.": ("ca. 36", INT, 36),
    "a tilde": ("~$5", INT, 5),
    "digits": ("42", INT, 42),
    "digits with blanks and sign": (" -42 ", INT, -42),
    "a real minus": ("\u22127", INT, -7),
    "leading zeros": ("007", INT, 7),
    "a fraction": ("4.25", NUM, 4.25),
    "an exponent": ("1e3", NUM, 1000.0),
    "hexadecimal": ("0x1F", INT, 31),
    "a whole fraction": (3.0, INT, 3),
    "a whole fraction in text": ("3.0", INT, 3),
    "yes": ("yes", BOOL, True),
    "No.": ("No.", BOOL, False),
    "on": ("ON", BOOL, True),
    "off": ("off", BOOL, False),
    "True": ("True", BOOL, True),
    "one is true": (1, BOOL, True),
    "zero in text is false": ("0", BOOL, False),
    "an answer": ("Yes, that is right", BOOL, True),
    "enum by case": ("PARIS", CITY, "Paris"),
    "enum by blanks": (" new  york ", CITY, "New York"),
    "enum by snake": ("in progress", STATE, "in_progress"),
    "enum by kebab": ("In-Progress", STATE, "in_progress"),
    "enum by camel": ("inProgress", STATE, "in_progress"),
    "enum in quotes": ("'done'", STATE, "done"),
    "enum in prose": ("I think it is Paris.", CITY, "Paris"),
    "enum in prose, of two words": ("Surely new york, I guess", CITY, "New York"),
    "enum in prose, with its separator": ("it is still in progress", STATE, "in_progress"),
    "enum typo": ("Londn", CITY, "London"),
    "enum typo, swapped": ("Pairs", CITY, "Paris"),
    "enum of an option": ("B) London", one_of("A", "B", "C"), "B"),
    "enum of numbers": ("2", one_of(1, 2, 3), 2),
    "enum of texts, from a number": (2, one_of("1", "2"), "2"),
    "enum from a boolean": (True, one_of("yes", "no"), "yes"),
    "enum of consts": ("B", {"oneOf": [{"const": "a"}, {"const": "b"}]}, "b"),
    "const": ("V1", {"const": "v1"}, "v1"),
    "scalar to list": ("a", many(STR), ["a"]),
    "number to list": ("5", many(INT), [5]),
    "csv": ("red, green, blue", many(STR), ["red", "green", "blue"]),
    "csv with and": ("red, green, and blue", many(STR), ["red", "green", "blue"]),
    "csv of numbers": ("1, 2,3", many(INT), [1, 2, 3]),
    "numbers by blanks": ("1 2 3", many(INT), [1, 2, 3]),
    "csv of enum": ("paris; LONDON", many(CITY), ["Paris", "London"]),
    "lines with bullets": ("- a, b\n- c", many(STR), ["a, b", "c"]),
    "no text is an empty list": ("", many(STR), []),
    "object to list": ({"name": "A", "age": 1}, many(PERSON), [{"name": "A", "age": 1}]),
    "list of one to object": ([{"name": "A", "age": 1}], PERSON, {"name": "A", "age": 1}),
    "list of one, with more to mend": (
        [{"Name": "A", "AGE": "1"}],
        PERSON,
        {"name": "A", "age": 1},
    ),
    "list of one to scalar": (["7"], INT, 7),
    "numbered object to list": ({"0": "a", "1": "b"}, many(STR), ["a", "b"]),
    "object around a list": ({"colors": ["a", "b"]}, many(STR), ["a", "b"]),
    "object around a scalar": ({"value": "5"}, INT, 5),
    "object around the object": (
        {"result": {"name": "A", "age": "1"}},
        PERSON,
        {"name": "A", "age": 1},
    ),
    "pairs to object": ([["a", "1"], ["b", 2]], MAP, {"a": 1, "b": 2}),
    "entries to object": (
        [{"key": "a", "value": 1}, {"key": "b", "value": 2}],
        MAP,
        {"a": 1, "b": 2},
    ),
    "single entries to object": ([{"name": "A"}, {"age": 1}], PERSON, {"name": "A", "age": 1}),
    "empty list to object": ([], MAP, {}),
    "key by case": ({"Name": "A", "AGE": 1}, PERSON, {"name": "A", "age": 1}),
    "key camel to snake": ({"firstName": "A"}, record(first_name=STR), {"first_name": "A"}),
    "key snake to camel": ({"first_name": "A"}, record(firstName=STR), {"firstName": "A"}),
    "key kebab to snake": ({"first-name": "A"}, record(first_name=STR), {"first_name": "A"}),
    "key with blanks": ({"First Name": "A"}, record(first_name=STR), {"first_name": "A"}),
    "key typo": ({"wieght": 1}, record(weight=INT), {"weight": 1}),
    "key typo, in one of its words": (
        {"shippingAdress": "A"},
        record(shipping_address=STR),
        {"shipping_address": "A"},
    ),
    "key typo, a letter twice": ({"emaill": "A"}, record(email=STR), {"email": "A"}),
    "enum typo, a vowel": ("seperate", one_of("separate", "joined"), "separate"),
    "key typo, of an optional name": (
        {"adress": "A"},
        {"type": "object", "properties": {"address": STR}},
        {"address": "A"},
    ),
    "N/A": ("N/A", {"type": ["integer", "null"]}, None),
    "none": ("None", or_null(NUM), None),
    "a dash": ("-", or_null(INT), None),
    "no text": ("", or_null(BOOL), None),
    "null of an enum": ("n/a", one_of("a", "b", None), None),
    "nullable, as in OpenAPI": ("null", {"type": "integer", "nullable": True}, None),
    "JSON text to object": ('{"name": "A", "age": "1"}', PERSON, {"name": "A", "age": 1}),
    "JSON text to list": ("[1, 2]", many(INT), [1, 2]),
    "JSON text twice": ('"ignored"', many(STR), ['"ignored"']),
    "number to text": (1234, STR, "1234"),
    "boolean to text": (True, STR, "true"),
    "object to text": ({"a": [1, "é"]}, STR, '{"a": [1, "é"]}'),
    "list to text": ([1, 2], STR, "[1, 2]"),
    "a map's values": ({"a": "1", "b": "2"}, MAP, {"a": 1, "b": 2}),
    "a pattern's values": (
        {"x_a": "1"},
        {"type": "object", "patternProperties": {"^x_": INT}},
        {"x_a": 1},
    ),
    "a row": (["1", 2], {"type": "array", "prefixItems": [INT, STR]}, [1, "2"]),
    "a row, as it was once written": (["1"], {"type": "array", "items": [INT]}, [1]),
    "alternatives told apart": ({"kind": "cat", "lives": "9"}, PETS, {"kind": "cat", "lives": 9}),
    "alternatives told apart by a mended word": (
        {"kind": "DOG", "lives": 9},
        PETS,
        {"kind": "dog", "lives": "9"},
    ),
    "alternatives of kinds": ("yes", {"anyOf": [INT, BOOL]}, True),
    "all of several": (
        {"A": "1", "b": 2},
        {"allOf": [record(a=INT), record(b=STR)]},
        {"a": 1, "b": "2"},
    ),
    "below references": (
        {"size": "1", "kids": {"size": "2", "kids": "[]"}},
        TREE,
        {"size": 1, "kids": [{"size": 2, "kids": []}]},
    ),
    "types in capitals": ("5", {"type": "INTEGER"}, 5),
}

KEPT = {
    "number words are not guessed": ("five", INT),
    "nothing is rounded": ("3.7", INT),
    "a number is not rounded": (3.7, INT),
    "thousands or fraction, who knows": ("1.234", INT),
    "a factor is not applied": ("5k", INT),
    "nor a million": ("1.5 million", NUM),
    "about a range": ("about 10-20", INT),
    "a time before": ("36 years ago", INT),
    "words that are no unit": ("3 out of five", INT),
    "more than": (">5", INT),
    "at least": ("at least 5", INT),
    "about a thousand": ("about 5k", INT),
    "two currencies": ("$12.50 EUR", NUM),
    "two numbers": ("5 ft 3 in", NUM),
    "a range": ("10-20", INT),
    "a time": ("12:30", NUM),
    "a day": ("12 May", INT),
    "an ordinal": ("3rd", INT),
    "yes stays a string": ("yes", STR),
    "a date stays": ("2024-01-31", {"type": "string", "format": "date"}),
    "an enum that is denied": ("not Paris", CITY),
    "an enum of two": ("Paris or London", CITY),
    "an enum that is nobody's": ("Oslo", CITY),
    "N/A where text may be": ("N/A", {"type": ["string", "null"]}),
    "a word that has two forms": ("AB", one_of("a_b", "a-b")),
    "null is not made up": (None, INT),
    "two is no boolean": (2, BOOL),
    "text that is no list": ("[1, 2", MAP),
    "several are not one": ([1, 2], INT),
    "a name that is known": ({"name": "A", "Name": "B", "age": 1}, PERSON),
    "names of a map": ({"Name": 1, "name_": 2}, MAP),
    "names that were foreseen": (
        {"firstName": "A"},
        {"type": "object", "properties": {"first_name": STR}, "additionalProperties": True},
    ),
    "short names are not guessed": ({"mix": 1}, {"type": "object", "properties": {"max": INT}}),
    "a near name whose value would not fit": (
        {"weigth": {"a": 1, "b": 2}},
        {"type": "object", "properties": {"weight": INT}},
    ),
    "names of which two are as near": (
        {"colr": 1},
        {"type": "object", "properties": {"color": INT, "colra": INT}},
    ),
    "a list of itself": (5, ITSELF),
    "defaults are not filled in": ({}, {"type": "object", "properties": {"a": {"default": 1}}}),
    "a sentence for a list": ("Hello, world. How are you?", many(INT)),
    "an alternative that fits": (["a"], {"anyOf": [STR, many(STR)]}),
    "not the type of a boolean": (True, INT),
    "whatever fits false": ("a", False),
}


@pytest.mark.parametrize("name", MENDED)
def test_a_value_becomes_what_the_schema_asks_for(name: str):
    value, schema, wanted = MENDED[name]
    before = copy.deepcopy(value)
    got, changes = coerce(value, schema)
    assert (got, type(got)) == (wanted, type(wanted))
    assert value == before, "the value that came is not changed in place"
    assert changes and all(change.code in CODES for change in changes)
    assert misfit(got, schema) == 0 < misfit(value, schema)


@pytest.mark.parametrize("name", KEPT)
def test_what_is_not_clear_stays_as_it_is(name: str):
    value, schema = KEPT[name]
    got, changes = coerce(value, schema)
    assert got is value
    assert changes == []


def test_a_list_of_sentences_is_not_split_at_its_commas():
    assert coerce("Mix it, bake it. Eat it.", many(STR))[0] == ["Mix it, bake it. Eat it."]


def test_a_change_says_where_in_the_value_that_came():
    value = [{"Name": "A", "age": "1"}]
    got, changes = coerce(value, PERSON)
    assert changes == [
        Change("coerced_object", (), value, got),
        Change("renamed_key", (0, "Name"), "Name", "name"),
        Change("coerced_number", (0, "age"), "1", 1),
    ]


def test_what_stood_inside_a_text_is_one_change():
    got, changes = coerce({"p": '{"Name": "A", "age": "1"}'}, record(p=PERSON))
    assert got == {"p": {"name": "A", "age": 1}}
    assert [change.code for change in changes] == ["coerced_object"]
    assert changes[0].path == ("p",)


def test_parts_that_do_not_change_are_shared():
    value = {"name": ["kept"], "age": "1"}
    got, _ = coerce(value, record(name=many(STR), age=INT))
    assert got["name"] is value["name"]


def test_digits_that_must_stay_a_string_keep_their_spelling():
    source = {("zip",): "01234", ("ok",): "True"}.get
    schema = record(zip=STR, ok=STR, n=STR)
    got, _ = coerce({"zip": 1234, "ok": True, "n": 5}, schema, source=source)
    assert got == {"zip": "01234", "ok": "True", "n": "5"}


def test_an_object_that_becomes_text_keeps_its_layout_where_the_source_is_known():
    got, _ = coerce({"a": 1}, STR, source=lambda path: '{"a":1}')
    assert got == '{"a":1}'


def test_a_broken_text_is_read_with_the_reader_that_is_given():
    def read(text: str) -> Any:
        return json.loads(text.replace("'", '"'))

    assert coerce("['a']", many(STR), read=read)[0] == ["a"]
    assert coerce("{'a': 1}", MAP, read=read)[0] == {"a": 1}


def test_a_reader_that_fails_changes_nothing():
    def read(text: str) -> Any:
        raise ValueError(text)

    assert coerce("{'a': 1}", MAP, read=read) == ("{'a': 1}", [])


def test_the_object_that_fits_is_the_least_misfit():
    shown = [{"unit": "km"}, {"name": "A", "age": "12"}, {"name": "A"}, [1, 2], "text", None]
    assert min(shown, key=lambda value: misfit(value, PERSON)) == {"name": "A", "age": "12"}


def test_misfit_orders_values_by_what_is_wrong_with_them():
    values = [
        {"name": "A", "age": 1},
        {"name": "A", "age": "1"},
        {"name": "A", "age": "young"},
        {},
        "text",
    ]
    weights = [misfit(value, PERSON) for value in values]
    assert weights == sorted(set(weights))
    assert weights[0] == 0 < weights[1] < 1


def test_many_small_misfits_weigh_less_than_a_wrong_type():
    good = [{"name": "A", "age": "1"}] * 500
    assert misfit(good, many(PERSON)) < misfit({"note": 1}, many(PERSON))


def test_a_schema_that_says_nothing_changes_nothing():
    for schema in (None, True, {}, {"description": "anything"}):
        value = {"a": ["1"]}
        assert coerce(value, schema) == (value, [])
        assert misfit(value, schema) == 0


def test_what_cannot_be_resolved_says_nothing():
    for ref in ("other.json#/A", "#"):
        assert coerce(["1"], {"$ref": ref}) == (["1"], [])


def test_values_that_are_no_json_are_left_alone():
    for value in ((1, 2), {1, 2}, b"x", OrderedDict(a="1"), object(), float("nan"), 10**5000):
        for schema in (INT, STR, BOOL, PERSON, many(INT), one_of(1, "a"), PETS):
            coerce(value, schema)
            misfit(value, schema)
    assert coerce((1, 2), many(INT)) == ((1, 2), [])


@pytest.mark.parametrize("schema", [ITSELF, TREE, MAP, {**ITSELF, "anyOf": [ITSELF, STR]}, PETS])
def test_no_depth_is_too_deep(schema: dict[str, Any]):
    arrays: Any = "x"
    objects: Any = "x"
    for _ in range(50_000):
        arrays, objects = [arrays], {"kids": objects}
    for value in (arrays, objects):
        coerce(value, schema)
        assert misfit(value, schema) >= 0


def test_a_typo_that_comes_a_thousand_times_is_mended_each_time():
    value = [{"adress": "A", "age": i} for i in range(20_000)]
    got, _ = coerce(value, many(record(address=STR, age=INT)))
    assert got == [{"address": "A", "age": i} for i in range(20_000)]


@pytest.mark.parametrize(
    "words",
    """offline/online invalid/valid incorrect/correct irrelevant/relevant unhappy/happy
    inactive/active uninstall/install decrypt/encrypt ascending/descending maximize/minimize
    increase/decrease uncertain/certain import/export include/exclude internal/external
    upload/unload impossible/possible disabled/enabled nonactive/active in-active/active
    un-happy/happy deactivate/reactivate inbound/outbound credit/debit version1/version2
    content/context trial/trail contact/contract""".split(),
)
def test_no_word_becomes_another_word(words: str):
    for one, other in (words.split("/"), words.split("/")[::-1]):
        assert coerce(one, one_of(other, "something else"))[1] == []
        assert coerce({one: "A"}, record(**{other: STR}))[1] == []


@pytest.mark.parametrize(
    "names",
    """price_min/price_max line1/line2 weight/height sender/gender source/course cost/host
    start/stat start_date/state_date isActive/isInactive minValue/maxValue user_id/users_id
    item/items phone_home/phone_work x1_value/x2_value county/country form/from""".split(),
)
def test_no_name_becomes_another_name(names: str):
    for one, other in (names.split("/"), names.split("/")[::-1]):
        assert coerce({one: "A"}, record(**{other: STR}))[1] == []


strange = st.sampled_from(
    ["1,234", "5 kg", "yes", "a, b", "[1]", '{"a": 1}', '{"A": "1"}', "N/A", "", "A", "ab ", "1"]
)
keys = st.sampled_from(["a", "b", "A", "ab", "aB", "value", "0", "1", "key", "name"])
values = json_values() | st.recursive(
    strange | st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([1.0, 0.5]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.slow
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(documents(), values)
def test_the_laws_of_coercion(document: Any, value: Any):
    """It never raises nor changes its input, leaves what fits alone, and is done after once."""
    before = copy.deepcopy(value)
    got, changes = coerce(value, document)
    assert repr(value) == repr(before)
    assert (got is value) == (not changes)
    weight = misfit(value, document)
    if weight == 0:
        assert not changes
    assert misfit(got, document) <= weight + 1e-9
    assert coerce(got, document) == (got, [])


# ------------------------------------------------------------------ what a schema may be


@dataclass
class Point:
    x: int
    y: float


class Color(Enum):
    RED = "red"
    BLUE = "blue"


class Model:
    @classmethod
    def model_json_schema(cls) -> dict[str, Any]:
        return {"type": "object", "properties": {"a": {"type": "integer"}}}


class Written:
    def to_dict(self, *, dialect: str) -> Any:
        return {"type": dialect}


def move(to: Point, *, fast: bool = False) -> None:
    """Move."""


def test_a_schema_may_be_a_mapping_a_boolean_or_nothing():
    document = {"type": "integer"}
    assert as_document(document) is document
    assert as_document(MappingProxyType(document)) == document
    assert as_document(True) is True
    assert as_document(None) is None


def test_a_schema_may_be_whatever_writes_one():
    assert as_document(Schema(type="string")) == {"type": "string"}
    assert as_document(Schema.from_dict(True)) is True
    assert as_document(Written()) == {"type": "json-schema"}
    assert as_document(Model) == Model.model_json_schema()


def test_of_a_declaration_the_parameters_are_the_schema():
    declaration = declare(move)
    for given_ in (declaration, declaration.to_dict(dialect="json-schema")):
        document = as_document(given_)
        assert isinstance(document, dict)
        assert set(document["properties"]) == {"to", "fast"}


def test_a_schema_may_be_a_python_type():
    assert coerce('{"X": "1", "y": "2,5"}', Point)[0] == {"x": 1, "y": 2.5}
    assert coerce("1, 2", list[int])[0] == [1, 2]
    assert coerce("RED", Color)[0] == "red"
    assert coerce("n/a", int | None)[0] is None
    assert coerce("B", Literal["a", "b"])[0] == "b"
    assert coerce({"a": {"x": "1", "y": 2}}, dict[str, Point])[0] == {"a": {"x": 1, "y": 2}}


@pytest.mark.parametrize("wrong", ["{}", b"{}", 5, 1.5, [1], ("a",), {1}])
def test_what_is_no_schema_is_refused_with_what_to_give(wrong: Any):
    with pytest.raises(ConfigurationError, match=r"is no schema: give a JSON Schema as a dict"):
        as_document(wrong)


def test_a_writer_that_gives_no_schema_is_refused():
    class Wrong:
        def to_dict(self, dialect: str) -> str:
            return dialect

    with pytest.raises(ConfigurationError, match="a schema came as str"):
        as_document(Wrong())


def test_a_type_that_json_cannot_say_is_refused():
    with pytest.raises(DeclarationError, match="cannot be said in JSON"):
        as_document(object())


def test_schema_of_gives_the_schema_of_a_type():
    assert schema_of(list[int]).to_dict("json-schema") == many(INT)
    assert schema_of(Point).required == ("x", "y")
    with pytest.raises(DeclarationError, match="cannot be said in JSON"):
        schema_of(print)


def test_schema_of_refuses_what_no_model_writes():
    from altar import Context

    with pytest.raises(DeclarationError, match="Context is injected"):
        schema_of(Context)


# ------------------------------------------------------------------ what is expected where


def test_the_names_of_a_schema_are_those_it_spells_out_anywhere():
    assert known_names(TREE) == {"size", "kids"}
    assert known_names(PETS) == {"kind", "lives"}
    assert known_names({"properties": {"a": many({"required": ["b"]})}}) == {"a", "b"}
    assert known_names(None) == known_names(True) == frozenset()


def test_a_string_is_expected_where_nothing_else_may_stand():
    schema = record(a=STR, b=many(or_null(STR)), c={"type": ["string", "integer"]}, d=MAP)
    assert wants_string(schema, ("a",))
    assert wants_string(schema, ("b", 3))
    assert not wants_string(schema, ("c",))
    assert not wants_string(schema, ("d", "x"))
    assert not wants_string(schema, ("missing", 0))
    assert not wants_string(None, ())


def test_a_node_leads_to_what_is_expected_below():
    node = node_of(TREE)
    assert node is not None
    kids = node.key("kids")
    assert kids is not None
    assert kids.item(7) is kids.item(0) is node_of(node).key("kids").item(0)
    assert kids.types == {"array"}
    assert node.key("other") is None


def test_a_node_of_alternatives_joins_what_they_expect():
    node = node_of(PETS)
    assert node is not None
    assert node.types == {"object"}
    lives = node.key("lives")
    assert lives is not None
    assert lives.types == {"integer", "string"}


def test_a_name_that_two_parts_spell_out_must_please_both():
    node = node_of({"allOf": [record(a={"type": ["integer", "string"]}), record(a=NUM)]})
    assert node is not None
    below = node.key("a")
    assert below is not None
    assert below.types == {"integer"}


# ------------------------------------------------------------------ where values stand


def places(value: Any, path: tuple[Any, ...] = ()) -> Any:
    yield path, value
    if isinstance(value, (dict, list)):
        inner = value.items() if isinstance(value, dict) else enumerate(value)
        for step, item in inner:
            yield from places(item, (*path, step))


@pytest.mark.parametrize("indent", [None, 2])
@given(data=json_values(12) | st.dictionaries(st.text(max_size=4), json_values(6)))
def test_spans_are_where_the_values_stand(data: Any, indent: int | None):
    text = json.dumps(data, indent=indent)
    wanted = dict(places(data))
    found = spans(text, wanted)
    assert set(found) == set(wanted)
    for path, span in found.items():
        assert json.loads(text[span.start : span.end]) == wanted[path]
        if span.name is not None:
            assert json.loads(text[slice(*span.name)]) == path[-1]
    some = list(wanted)[::3]
    assert spans(text, some) == {path: found[path] for path in some}


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("^(a+)+$", "a" * 31 + "!"),
        ("^((a+)+)+$", "a" * 16 + "!"),
        ("(a|a)*$", "a" * 31 + "!"),
        ("^(a|aa)+$", "a" * 60 + "!"),
        ("^(a?){40}b", "a" * 40),
        ("a*a*a*a*a*a*b", "a" * 500),
        ("((a{1000}){1000}){1000}", "a"),
        ("^(?=(x+x+)+y)", "x" * 40),
        ("[", "a"),
        ("a" * 3000, "a" * 3000),
    ],
)
def test_a_pattern_that_may_be_slow_says_nothing(pattern: str, name: str):
    schema = {"type": "object", "patternProperties": {pattern: INT}}
    assert coerce({name: "1"}, schema) == ({name: "1"}, [])


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("^x_", "x_" + "a" * 600),
        (r"^\w+@\w+$", "ann@home"),
        ("^[a-z]+(-[a-z]+)*$", "one-two-three"),
        ("^(?:foo|bar)_[0-9]{1,3}$", "foo_12"),
        ("^[^]]+$", "abc"),
        (r"^(a|b)\d?$", "a1"),
    ],
)
def test_a_plain_pattern_is_matched(pattern: str, name: str):
    schema = {"type": "object", "patternProperties": {pattern: INT}}
    assert coerce({name: "1"}, schema)[0] == {name: 1}


def test_of_many_alternatives_the_one_is_found_by_names_kinds_and_words():
    """The last of thousands of objects is told as the first is, when few are weighed."""
    branches = [
        record(kind={"const": f"k{i}"}, size=INT, **{f"{'abcdefgh'[i % 8]}{i}": INT})
        for i in range(64)
    ]
    items = [
        {"Kind": f"K{i % 64}", "size": str(i), f"{'ABCDEFGH'[i % 8]}{i % 64}": "5"}
        for i in range(400)
    ]
    got, _ = coerce(items, many({"anyOf": branches}))
    assert got == [
        {"kind": f"k{i % 64}", "size": i, f"{'abcdefgh'[i % 8]}{i % 64}": 5} for i in range(400)
    ]


def test_alternatives_of_many_kinds_are_told_when_few_are_weighed():
    branches = [record(**{f"a{i}": INT, "same": STR}) for i in range(40)]
    branches += [{"type": "string"}, {"enum": [1, 2]}, many(INT)]
    items = [{f"a{i % 40}": str(i), "same": i} for i in range(400)]
    got, _ = coerce(items, many({"anyOf": branches}))
    assert got == [{f"a{i % 40}": i, "same": str(i)} for i in range(400)]


@pytest.mark.parametrize(
    ("text", "schema"),
    [
        ("[" * 3000, STR),
        ("[" * 3000, many(STR)),
        ('{"a":' * 3000, {"type": "object", "properties": {"A": {}}}),
        ('{"a":' * 3000, record(A=STR)),
        ('[{"x": 1e999, "a": ' * 900, {"anyOf": [record(A=STR), many(record(A=STR))]}),
    ],
)
def test_a_deep_text_is_fitted_as_far_as_it_can_be_and_written(text: str, schema: dict[str, Any]):
    found = parse(text, schema)
    assert found.fixes
    assert written(build(found.text)) == written(found.value)


@pytest.mark.parametrize(
    "word", ["1e999", "inf", "Infinity", "\x00inf\x00", "\ue000", '"1e999"', "@@1e999@@"]
)
def test_a_number_without_end_is_written_beside_any_text(word: str):
    found = parse(json.dumps({"a": word, "N": "5"})[:-1] + ', "b": 1e999}', record(n=INT))
    assert build(found.text) == found.value == {"a": word, "n": 5, "b": float("inf")}
    assert '"b": 1e999' in found.text


def test_a_span_names_the_key_too():
    assert spans('{"a": [1, {"b": 25}]}', [("a", 1, "b")]) == {
        ("a", 1, "b"): Span(16, 18, (11, 14))
    }


def test_of_a_name_that_comes_twice_the_later_span_counts():
    text = '{"a": {"b": 1}, "a": 2}'
    assert spans(text, [("a",), ("a", "b")]) == {("a",): Span(21, 22, (16, 19))}


def test_places_that_are_not_there_are_left_out():
    assert spans("[1]", [(1,), ("a",), (0, 0)]) == {}
    assert spans("", [()]) == {}
    for text in ('{"a', '{"a" 1}', "[1,", '[{"a": "', "[", "{1}"):
        spans(text, [(0, "a"), ("a",), (0,)])


def test_spans_do_not_mind_depth():
    text = "[" * 20_000 + "]" * 20_000
    path = (0,) * 19_999
    assert spans(text, [path, ()]) == {
        path: Span(19_999, 20_001, None),
        (): Span(0, 40_000, None),
    }
