"""The bridge: foreign tools come in with legal names and checked schemas, or are refused by name."""

from __future__ import annotations

import pytest

import altar
from altar.bridge import CallCheck, Effects, Importer, Refused, as_session, model_text
from altar.errors import DeclarationError
from altar.later import ToolOptions


def echo(args, context):
    return args


def test_a_name_altar_does_not_allow_becomes_the_nearest_legal_one_and_is_remembered():
    importer = Importer("X")
    importer.add("get weather!", echo)
    importer.add("get weather?", echo)
    one, two = importer.tools()
    assert (one.declaration.name, two.declaration.name) == ("get_weather_", "get_weather__2")
    assert one.declaration.extensions["x_foreign_name"] == "get weather!"
    assert one.declaration.description == "Get weather"


def test_duplicates_blank_names_and_broken_schemas_are_refused_by_name_and_all_at_once():
    importer = Importer("the library X")
    assert importer.add("a", echo) is not None
    assert importer.add("a", echo) is None
    assert importer.add(" ", echo) is None
    assert importer.add("b", echo, parameters={"properties": {"x": {"$ref": "#/nowhere"}}}) is None
    assert [one.name for one in importer.refused] == ["a", "' '", "b"]
    assert importer.refused[0] == Refused("a", "another tool there has the same name")
    with pytest.raises(DeclarationError, match=r"tools of the library X: a: another .*; b: "):
        importer.tools()
    assert [tool.declaration.name for tool in importer.accepted()] == ["a"]


def test_a_foreign_schema_that_names_no_argument_takes_any():
    importer = Importer("X")
    importer.add("t", echo, parameters={"type": "object"})
    importer.add("none", echo, parameters={"type": "object", "additionalProperties": False})
    session = altar.Session(importer.tools())
    assert session.execute("t", {"any": [1]}).content == {"any": [1]}
    assert not session.execute("none", {"any": [1]}).ok


def test_effects_are_read_from_a_declaration_and_back():
    @altar.tool(idempotent=True, destructive=True, approval=True)
    def wipe() -> None:
        """Wipe."""

    effects = Effects.of(altar.declare(wipe))
    assert effects == Effects(destructive=True, idempotent=True, approval=True)
    options = effects.options(timeout=2.0)
    assert (options.destructive, options.read_only, options.timeout) == (True, False, 2.0)
    importer = Importer("X")
    tool = importer.add("wipe", echo, options=options)
    assert Effects.of(tool.declaration) == effects
    assert Effects().options().timeout == ToolOptions().timeout


def test_a_session_is_lent_out_as_it_is_and_tools_get_one():
    session = altar.Session([])
    assert as_session(session) is session
    assert "fn" in as_session({"fn": lambda: 1})


def test_a_model_reads_content_or_error_as_json():
    session = altar.Session({"ok": lambda: {"a": 1}})
    assert (
        model_text(session.execute("ok")) == '{"a":1}'
        or model_text(session.execute("ok")) == '{"a": 1}'
    )
    assert model_text(session.execute("nope")).startswith('{"error": {"message": "There is no tool')


def test_what_a_foreign_tool_says_beside_its_name_is_not_its_name():
    importer = Importer("X")
    said = {"name": "other", "parameters": {}, "x_a": 1}
    tool = importer.add("mine", echo, extensions=said)
    assert (tool.declaration.name, tool.declaration.extensions["x_a"]) == ("mine", 1)


def test_a_name_of_any_length_is_looked_up():
    check = CallCheck(altar.Session([]))
    assert check("a" * 5000, {}).refused.error.type == "TOOL_NOT_FOUND"
