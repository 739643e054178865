"""A tool that has only a schema answers as the Python function of the same schema would."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import altar
import altar.later._coercion
from altar.later import SchemaTool, ToolOptions


@dataclass
class Point:
    x: int
    y: float = 1.0


def native(
    a: int,
    b: float = 1.0,
    c: bool = False,
    d: Literal["red", "Blue", 3] = "red",
    e: list[int] | None = None,
    p: Point | None = None,
    q: dict[str, int] | None = None,
    t: tuple[int, str] | None = None,
    u: int | str = 1,
    w: str = "",
) -> list[Any]:
    """Everything that came."""
    return [a, b, c, d, e, p and asdict(p), q, t and list(t), u, w]


DECLARED = altar.declare(native)
DEFAULTS = {"b": 1.0, "c": False, "d": "red", "e": None, "p": None, "q": None, "t": None}


def by_schema(args: dict[str, Any]) -> list[Any]:
    full = {**DEFAULTS, "u": 1, "w": "", **args}
    point = full["p"] and {"x": full["p"]["x"], "y": float(full["p"].get("y", 1.0))}
    numbers = [full["a"], float(full["b"]), full["c"], full["d"], full["e"]]
    return [*numbers, point, full["q"], full["t"], full["u"], full["w"]]


NATIVE = altar.Session([native])
FOREIGN = altar.Session([SchemaTool(DECLARED, by_schema)])

scalars = st.one_of(
    st.integers(-5, 5),
    st.sampled_from([2**63, -(2**63), 3.0, 2.5, float("inf"), True, False, None]),
    st.sampled_from(
        ["42", "-7", "042", "2.5", "1e3", "true", "False", "RED", "blue", "3", "", "x"]
    ),
    st.sampled_from(["[1, 2]", '["1"]', '{"x": 1}', '{"x": "1"}', "[", "{}", "null", "\ud800"]),
)
values = st.one_of(
    scalars,
    st.lists(scalars, max_size=3),
    st.dictionaries(st.sampled_from(["x", "y", "k"]), scalars, max_size=3),
)
names = st.sampled_from([*"abcdepqtuw", "zz"])


@given(st.dictionaries(names, values, max_size=4), st.booleans())
@settings(max_examples=400, deadline=None)
def test_a_schema_alone_accepts_coerces_and_refuses_what_the_function_would(args, with_a):
    args = {**args, "a": 1} if with_a else args
    one, other = NATIVE.execute("native", args), FOREIGN.execute("native", args)
    assert one.ok == other.ok, (args, one, other)
    if one.ok:
        assert json.dumps(one.content) == json.dumps(other.content)
        assert coerced(one) == coerced(other)
    else:
        assert one.error.type == other.error.type
        assert wrong(one) == wrong(other), (args, one, other)


def coerced(result: altar.ToolResult) -> list[str]:
    """What was coerced; a function reads its parameters in their order, a schema as they came."""
    found = dict(result.metadata or {})
    return [*sorted(map(repr, found.pop("coercions", []))), repr(found)]


def wrong(result: altar.ToolResult) -> set[str]:
    """The parameters that a refusal names; inside a union the two may differ in how deep they look."""
    paths = [problem["path"] for problem in result.error.details["problems"]]
    return {path.split("[")[0].split(".")[1] if "." in path else path for path in paths}


def test_a_coercion_to_a_listed_value_says_which():
    for session in (NATIVE, FOREIGN):
        result = session.execute("native", {"a": 1, "d": "RED"})
        told = {"path": "$.d", "from": "string", "to": "string", "value": "red"}
        assert result.metadata["coercions"] == [told]


def test_a_missing_argument_is_told_with_its_type_whoever_checks_it():
    for session in (NATIVE, FOREIGN):
        [problem] = session.execute("native", {}).error.details["problems"]
        assert problem["expected"] == "an integer (required)"
        assert problem["got"] == "nothing"


def test_strict_refuses_what_would_need_coercion():
    tool = SchemaTool(DECLARED, by_schema, options=ToolOptions(strict=True))
    result = altar.Session([tool]).execute("native", {"a": "42"})
    assert result.error.details["problems"][0]["path"] == "$.a"


def test_recursive_schemas_and_alternatives_are_followed():
    parameters = {
        "type": "object",
        "properties": {"tree": {"$ref": "#/$defs/Tree"}, "one": {"oneOf": [{"type": "integer"}, {"type": "null"}]}},
        "$defs": {
            "Tree": {
                "type": "object",
                "properties": {"n": {"type": "integer"}, "kids": {"type": "array", "items": {"$ref": "#/$defs/Tree"}}},
                "required": ["n"],
            }
        },
    }  # fmt: skip
    declared = altar.FunctionDeclaration(name="t", description="T", parameters=parameters)
    session = altar.Session([SchemaTool(declared, lambda args: args)])
    result = session.execute("t", {"tree": {"n": "1", "kids": [{"n": 2.0}]}, "one": "7"})
    assert result.content == {"tree": {"n": 1, "kids": [{"n": 2}]}, "one": 7}
    assert [one["path"] for one in result.metadata["coercions"]] == [
        "$.tree.n", "$.tree.kids[0].n", "$.one"
    ]  # fmt: skip


def test_a_schema_that_is_silent_on_other_names_refuses_them_with_the_nearest():
    parameters = {"type": "object", "properties": {"city": {"type": "string"}}}
    declared = altar.FunctionDeclaration(name="t", description="T", parameters=parameters)
    result = altar.Session([SchemaTool(declared, lambda args: args)]).execute("t", {"citty": "x"})
    assert "city" in result.error.message


def test_with_takes_context_the_context_comes_after_the_arguments():
    def call(args: dict[str, Any], context: altar.Context) -> list[Any]:
        context.progress("half")
        return [args, context.deps, context.tool_name]

    declared = altar.FunctionDeclaration(name="t", description="T", parameters={"type": "object"})
    tool = SchemaTool(declared, call, takes_context=True)
    result = altar.Session([tool], deps="deps").execute("t", {})
    assert result.content == [{}, "deps", "t"]


def test_the_declaration_says_what_the_options_say():
    declared = altar.FunctionDeclaration(name="t", description="T")
    tool = SchemaTool(declared, lambda args: 1, options=ToolOptions(read_only=True, approval=True))
    assert tool.declaration.extensions == {"x_read_only": True, "x_requires_approval": True}
    with pytest.raises(altar.errors.DeclarationError, match="contradict"):
        ToolOptions(read_only=True, destructive=True)


def by(parameters: dict[str, Any], **options: Any) -> altar.Session:
    """A session of one tool, ``t``, that hands back its arguments."""
    declared = altar.FunctionDeclaration(name="t", description="T", parameters=parameters)
    return altar.Session([SchemaTool(declared, lambda args: args)], **options)


def link(*extra: str) -> dict[str, Any]:
    either = {"anyOf": [{"$ref": "#/$defs/A"}, {"$ref": "#/$defs/B"}]}
    properties = {"n": either, "v": {"type": "integer"}, **{name: {} for name in extra}}
    return {
        "type": "object",
        "properties": properties,
        "required": ["v"],
        "additionalProperties": False,
    }


RECURSIVE = {
    "type": "object",
    "properties": {"n": {"$ref": "#/$defs/A"}},
    "$defs": {"A": link(), "B": link("w")},
}


def test_alternatives_within_alternatives_are_each_looked_into_once(monkeypatch):
    seen = []
    typed = altar.later._coercion._typed
    monkeypatch.setattr(
        altar.later._coercion, "_typed", lambda *args: seen.append(1) or typed(*args)
    )
    for bottom, is_ok in (("7", True), ("x", False)):
        value: Any = {"v": bottom}
        for _ in range(30):
            value = {"v": 1, "n": value}
        seen.clear()
        result = by(RECURSIVE).execute("t", {"n": value})
        assert result.ok is is_ok
        assert len(seen) < 1000
        if is_ok:
            assert '"v": 7' in json.dumps(result.content)
            assert [one["to"] for one in result.metadata["coercions"]] == ["integer"]


def test_names_that_match_a_pattern_are_coerced_as_the_pattern_says():
    session = by(
        {
            "type": "object",
            "patternProperties": {"^s_": {"type": "string"}, "^b_": {"type": "boolean"}},
            "additionalProperties": {"type": "integer"},
        }
    )
    result = session.execute("t", {"s_1": "42", "b_1": "true", "k": "7"})
    assert result.content == {"s_1": "42", "b_1": True, "k": 7}


@pytest.mark.parametrize("order", [1, -1])
def test_a_whole_number_in_a_text_keeps_its_digits_where_an_integer_is_allowed(order):
    kinds = [{"type": "number"}, {"type": "integer"}][::order]
    session = by({"type": "object", "properties": {"a": {"anyOf": kinds}}})
    assert session.execute("t", {"a": "9007199254740993"}).content == {"a": 9007199254740993}
    assert session.execute("t", {"a": "2.5"}).content == {"a": 2.5}


def test_3_0_is_an_integer_wherever_one_is_asked_for_though_the_schema_holds_as_it_is():
    either = {"anyOf": [{"type": "array", "items": {"type": "integer"}}, {"type": "null"}]}
    session = by({"type": "object", "properties": {"a": either, "b": {"type": "number"}}})
    result = session.execute("t", {"a": [3.0, 4], "b": 3.0})
    assert json.dumps(result.content) == '{"a": [3, 4], "b": 3.0}'


@pytest.mark.parametrize(
    "args", [{"a": 1}, {"a": 1, "deep": {"x": [1]}}, {"a": "1", "deep": {"x": [1]}}]
)
def test_what_a_tool_does_to_its_arguments_stays_with_it(args):
    def spoil(given: dict[str, Any]) -> int:
        given.get("deep", {"x": []})["x"].append(2)
        given.pop("deep", None)
        return given.pop("a")

    parameters = {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "deep": {"type": "object"}},
        "additionalProperties": False,
    }
    declared = altar.FunctionDeclaration(name="t", description="T", parameters=parameters)
    session = altar.Session([SchemaTool(declared, spoil)])
    before = json.dumps(args)
    for _ in range(12):  # by the general way, and by the compiled one
        assert session.execute("t", args).content == 1
        assert json.dumps(args) == before
