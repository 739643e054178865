"""A tool that has only a schema answers as the Python function of the same schema would."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import altar
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
