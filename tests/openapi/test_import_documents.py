"""Documents of every form and quality: what is read, what is refused, and how it is told."""

from __future__ import annotations

import copy
import json
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altar.adm import Schema
from altar.errors import ConfigurationError, DeclarationError, InvalidDataError
from altar_extras import _openapi_import
from altar_extras.openapi import Document, Limits, Select, Server, import_tools

OK = {"responses": {"200": {"description": "ok"}}}
BASE = {
    "openapi": "3.1.0",
    "info": {"title": "t", "version": "1"},
    "servers": [{"url": "https://a.b"}],
}


def document(operation: Any = None, version: str = "3.1.0", **more: Any) -> dict[str, Any]:
    """A document of one operation, ``op``, at POST /op."""
    paths = {"/op": {"post": {"operationId": "op", **OK, **(operation or {})}}}
    return {**BASE, "openapi": version, "paths": paths, **more}


def sent(schema: Any, version: str = "3.0.3", **components: Any) -> dict[str, Any]:
    """What the schema of a JSON body becomes."""
    body = {"required": True, "content": {"application/json": {"schema": schema}}}
    given = document({"requestBody": body}, version, components={"schemas": components})
    return import_tools(given)[0].declaration.to_dict("json-schema")["parameters"]


def of_property(schema: Any, version: str = "3.0.3", **components: Any) -> Any:
    whole = {"type": "object", "properties": {"it": schema}}
    return sent(whole, version, **components)["properties"]["it"]


# ---- forms of documents


def test_a_document_is_a_dict_json_yaml_bytes_or_a_path(tmp_path):
    pytest.importorskip("yaml")
    import yaml

    given = document()
    file, other = tmp_path / "api.json", tmp_path / "api.yaml"
    file.write_text(json.dumps(given))
    other.write_text(yaml.safe_dump(given))
    for source in (
        given,
        json.dumps(given),
        json.dumps(given).encode(),
        yaml.safe_dump(given),
        file,
        str(file),
        str(other),
    ):
        assert [one.declaration.name for one in import_tools(source)] == ["op"]


def test_yaml_keeps_the_words_of_json():
    pytest.importorskip("yaml")
    text = """
openapi: 3.0.3
servers: [{url: https://a.b}]
paths:
  /op:
    get:
      parameters:
        - {name: country, in: query, schema: {type: string, enum: [no, yes, on, 2020-01-01]}}
        - {name: flag, in: query, schema: {type: boolean, default: true}}
      responses: {200: {description: ok}}
"""
    schema = import_tools(text)[0].declaration.to_dict("json-schema")["parameters"]["properties"]
    assert schema["country"]["enum"] == ["no", "yes", "on", "2020-01-01"]
    assert schema["flag"]["default"] is True


def test_the_absence_of_pyyaml_is_told_with_what_to_type(monkeypatch):
    monkeypatch.setitem(sys.modules, "yaml", None)
    monkeypatch.delitem(sys.modules, "altar_extras._openapi_yaml", raising=False)
    with pytest.raises(ImportError, match=r'pip install "PyYAML>=6"'):
        import_tools("openapi: 3.0.0\npaths: {}\n")
    assert import_tools(json.dumps(document()))


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)
MERGES = "a: &a {k1: 1}\n" + "b: {<<: [" + ", ".join(["*a"] * 50) + "]}\n"


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("[" * 5000, "no JSON|nested"),
        ('{"a":' * 5000, "no JSON|nested"),
        ("a: " + "[" * 400 + "]" * 400, "nested levels"),
        ('{"openapi": NaN}', "no number"),
        (BOMB, "parts"),
        (MERGES, "merge key"),
        ("a: b: c\n", "no YAML"),
        ("- 1\n- 2\n", "no object"),
        ("? [1]\n: 2\n", "no YAML|key of type"),
        (b"\xff\xfe", "no UTF-8"),
        ("/nowhere/at all.json", "cannot be read"),
        ({"a": {1, 2}}, "type set"),
        ({"a": float("inf")}, "number inf"),
        ({}, "openapi says nothing"),
        ({"openapi": "2.9"}, "openapi says '2.9'"),
        ({"swagger": "2.0"}, "Swagger 2.0: convert it"),
        ({"openapi": "3.0.0", "paths": []}, "paths is an array"),
        ({"openapi": "3.0.0", "components": 5}, "components is a number"),
        ({**BASE, "servers": [{"url": "ftp://x"}]}, "no http"),
        ({**BASE, "servers": [{"url": "/v1"}]}, "server='https://api.example.com'"),
        ({**BASE, "servers": [{"url": "https://u:p@x"}]}, "has a user"),
        ({**BASE, "servers": [{"url": "https://{x}/"}]}, "not declared"),
        ({**BASE, "servers": [{}]}, "a server's url"),
        (7, "give OpenAPI documents"),
        (" ", "no object"),
    ],
)
def test_what_is_no_document_is_told(source, why):
    pytest.importorskip("yaml")
    with pytest.raises(ConfigurationError, match=why):
        import_tools(source)


def test_a_document_that_holds_itself_is_told():
    given = document()
    given["x"] = given
    with pytest.raises(ConfigurationError, match="100 nested levels"):
        import_tools(given)


def test_documents_have_bounds():
    with pytest.raises(ConfigurationError, match="more than 20 bytes"):
        import_tools(json.dumps(document()), limits=Limits(document_bytes=20))
    paths = {f"/{n}": {"get": OK} for n in range(6)}
    with pytest.raises(ConfigurationError, match="more than 5 operations"):
        import_tools({**BASE, "paths": paths}, limits=Limits(operations=5))


@pytest.mark.parametrize("levels", [4, 9, 90])
def test_merge_keys_of_yaml_cannot_multiply_without_end(levels):
    pytest.importorskip("yaml")
    text = "openapi: 3.0.0\nx-0: &a0 {k0: 1}\n" + "".join(
        f"x-{n}: &a{n}\n  <<: [{','.join([f'*a{n - 1}'] * 20)}]\n  k{n}: 1\n"
        for n in range(1, levels + 1)
    )
    with pytest.raises(ConfigurationError, match="multiply without end"):
        import_tools(text)


@pytest.mark.parametrize("value", ['!!int ""', '!!int "-"', '!!float ""', "!!timestamp foo"])
def test_a_tag_of_yaml_that_does_not_fit_is_told(value):
    pytest.importorskip("yaml")
    with pytest.raises(ConfigurationError, match="is no YAML"):
        import_tools(f"openapi: 3.0.0\nx-a: {value}\npaths: {{}}\n")


@pytest.mark.parametrize(
    "operation",
    [
        {"parameters": [{"$ref": "#/servers/" + "9" * 5000}]},
        {"parameters": [{"$ref": "//[x#/q"}]},
        {"parameters": [{"$ref": "c.yaml#/p"}]},
        {"servers": [{"url": "//[x"}]},
        {"servers": [{"url": "https://a.example/\ud800"}]},
    ],
)
def test_no_address_in_a_document_raises_what_is_not_typed(operation):
    given = Document(
        {**BASE, "paths": {"/op": {"get": {**OK, **operation}}}},
        references={"c.yaml": {"p": {"$ref": "//[x#/q"}}},
        url="https://api.example.com/o.json",
    )
    with pytest.raises(DeclarationError):
        import_tools(given)


def test_merge_keys_of_yaml_are_written_out_and_the_first_has_the_say():
    pytest.importorskip("yaml")
    text = (
        "openapi: 3.0.0\nservers: [{url: 'https://a.example'}]\n"
        "x-a: &a {operationId: first, summary: one}\n"
        "x-b: &b {operationId: second, summary: two, deprecated: true}\n"
        "paths:\n  /it:\n    get:\n      <<: [*a, *b]\n      summary: own\n"
    )
    (tool,) = import_tools(text)
    assert tool.declaration.name == "first"
    assert tool.declaration.description == "Deprecated. own"


# ---- operations that cannot be carried


@pytest.mark.parametrize(
    ("operation", "why"),
    [
        ({"parameters": 5}, "parameters is a number"),
        ({"parameters": [5]}, "a parameter is a number"),
        ({"parameters": [{"in": "query"}]}, "a parameter's name"),
        ({"parameters": [{"name": "a", "in": "body"}]}, "is not in path, query, header or cookie"),
        ({"parameters": [{"name": "a", "in": "query", "style": "matrix"}]}, "the style of"),
        ({"parameters": [{"name": "a", "in": "query", "schema": 5}]}, "a schema that is no object"),
        ({"parameters": [{"name": "Host", "in": "header"}]}, "a call may not set"),
        ({"parameters": [{"name": "a b", "in": "cookie"}]}, "no name of a cookie"),
        ({"parameters": [{"$ref": "#/components/parameters/no"}]}, "leads nowhere"),
        ({"parameters": [{"$ref": 5}]}, r"a \$ref that is a number"),
        ({"parameters": [{"$ref": "#/paths/~1op/post/parameters/0"}]}, "leads back to itself"),
        ({"parameters": [{"$ref": "other.yaml#/a"}]}, "another document, 'other.yaml'"),
        ({"parameters": [{"$ref": "#anchor"}]}, "anchors are not supported"),
        ({"requestBody": []}, "the request body is an array"),
        ({"requestBody": {}}, "has no content"),
        ({"requestBody": {"content": {"application/json": 5}}}, "the content 'application/json'"),
        ({"security": [{"none": []}]}, "needs a secret for none"),
        ({"security": 5}, "security is a number"),
        ({"responses": 5}, "responses is a number"),
        ({"responses": {"200": {"$ref": "#/x"}}}, "leads nowhere"),
        ({"servers": [{"url": "https://{x}"}]}, "not declared"),
        (
            {"parameters": [{"name": "a", "in": "query", "schema": {"type": 7}}]},
            "operation 'op': .*type",
        ),
        (
            {"parameters": [{"name": "a", "in": "query", "schema": {"properties": 7}}]},
            r"operation 'op': .*properties",
        ),
        (
            {"parameters": [{"name": "a", "in": "query", "schema": {"$dynamicRef": "#x"}}]},
            r"\$dynamicRef",
        ),
    ],
)
def test_an_operation_that_cannot_be_carried_is_named_with_the_reason(operation, why):
    given = document(operation)
    given["paths"]["/fine"] = {"get": {"operationId": "fine", **OK}}
    with pytest.raises(DeclarationError, match=rf"tools of OpenAPI: POST /op: .*{why}"):
        import_tools(given)
    left_out: list[Any] = []
    tools = import_tools(given, skip=left_out.append)
    assert [one.declaration.name for one in tools] == ["fine"]
    assert left_out[0].name == "POST /op"
    assert [one.declaration.name for one in import_tools(given, skip=True)] == ["fine"]


def test_odd_paths_are_named():
    paths = {
        "no slash": {"get": OK},
        "/a b": {"get": OK},
        "/../x": {"get": OK},
        "//x": {"get": OK},
        "/{id}": {"get": OK},
        "/x": 5,
        "/y": {"get": 5},
        "x-extension": 5,
    }
    left_out: list[Any] = []
    assert import_tools({**BASE, "paths": paths}, skip=left_out.append) == []
    assert [name for name, _ in left_out][:4] == ["no slash", "/a b", "/../x", "//x"]
    assert len(left_out) == 7


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"approve": "all"}, "'destructive', 'writes' or None"),
        ({"skip": "x"}, "left_out.append"),
        ({"secrets": 5}, "a mapping of scheme names"),
        ({"secrets": {"a": 5}}, r"\(user, password\)"),
        ({"limits": 5}, "Limits"),
        ({"limits": Limits(timeout=0)}, r"Limits\(timeout=30.0\)"),
        ({"limits": Limits(operations=True)}, "above zero"),
        ({"select": "pets"}, "import Select"),
        ({"select": Select(tags="pets")}, r"Select\(tags=\('pets',\)\)"),
        ({"select": Select(ids=("nothing",))}, "none of its 1 operations"),
        ({"server": 5}, "import Server"),
        ({"server": Server(hosts="a.b")}, "hosts="),
        ({"server": Server(hosts=("https://a.b",))}, "give host names"),
        ({"server": "nonsense"}, "no http"),
    ],
)
def test_bad_options_are_told(options, why):
    with pytest.raises(ConfigurationError, match=why):
        import_tools(document(), **options)


def test_names_are_legal_and_unique():
    paths = {
        "/a/{x}": {"get": {"operationId": "same", **OK}, "parameters": [_path("x")]},
        "/b": {"get": {"operationId": "same", **OK}, "post": OK, "put": {"operationId": " ", **OK}},
        "/c-d.e": {"get": OK},
        "/ünï": {"get": {"operationId": "größe/auf 1", **OK}},
        "/long": {"get": {"operationId": "x" * 100, **OK}, "put": {"operationId": "x" * 99, **OK}},
    }
    del paths["/ünï"]
    paths["/u"] = {"get": {"operationId": "größe/auf 1", **OK}}
    tools = import_tools({**BASE, "paths": paths}, {**BASE, "paths": {"/b": {"post": OK}}})
    names = [one.declaration.name for one in tools]
    assert len(set(names)) == len(names) == 9
    assert {"same", "get_b", "post_b", "put_b", "get_c_d_e", "gro_e_auf_1"} <= set(names)
    assert tools[-1].declaration.name == "post_b_2"


def _path(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


# ---- schemas


@pytest.mark.parametrize(
    ("schema", "made"),
    [
        ({"type": "string", "nullable": True}, {"type": ["string", "null"]}),
        ({"type": "string", "nullable": False}, {"type": "string"}),
        (
            {"type": "string", "enum": ["a"], "nullable": True},
            {"type": ["string", "null"], "enum": ["a", None]},
        ),
        (
            {"allOf": [{"type": "string"}], "nullable": True, "description": "d"},
            {"description": "d", "anyOf": [{"allOf": [{"type": "string"}]}, {"type": "null"}]},
        ),
        (
            {"type": "number", "minimum": 1, "exclusiveMinimum": True, "maximum": 9},
            {"type": "number", "exclusiveMinimum": 1, "maximum": 9},
        ),
        (
            {"type": "number", "maximum": 1, "exclusiveMaximum": False},
            {"type": "number", "maximum": 1},
        ),
        ({"type": "string", "format": "byte"}, {"type": "string", "contentEncoding": "base64"}),
        ({"type": "string", "example": "x", "xml": {}}, {"type": "string", "examples": ["x"]}),
        ({"type": "string", "pattern": "(("}, {"type": "string", "x_pattern": "(("}),
    ],
)
def test_a_schema_of_3_0_becomes_json_schema(schema, made):
    assert of_property(schema) == made


def test_references_are_bundled_and_may_be_recursive():
    tree = {"type": "object", "properties": {"kids": {"type": "array", "items": _ref("Tree")}}}
    found = sent({"type": "object", "properties": {"t": _ref("Tree")}}, Tree=tree, Other={})
    assert found["properties"]["t"] == {"$ref": "#/$defs/Tree"}
    assert list(found["$defs"]) == ["Tree"]
    schema = Schema.from_dict(found)
    assert not schema.check({"t": {"kids": [{"kids": []}]}})
    assert schema.check({"t": {"kids": [{"kids": 5}]}})


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def test_a_reference_may_lead_anywhere_in_the_document_and_have_any_name():
    components = {
        "A/B~ü": {"type": "object", "$defs": {"X": {"type": "integer"}}},
        "C": {"$ref": "#/components/schemas/A~1B~0%C3%BC/$defs/X"},
    }
    found = sent({"type": "object", "properties": {"c": _ref("C")}}, "3.1.0", **components)
    schema = Schema.from_dict(found)
    assert not schema.check({"c": 1})
    assert schema.check({"c": "x"})


def test_references_to_other_documents_are_those_that_were_given():
    given = document(
        {
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": {
                        "schema": {"type": "object", "properties": {"it": {"$ref": "c.yaml#/A"}}}
                    }
                },
            }
        }
    )
    with pytest.raises(DeclarationError, match=r"references=\{'c.yaml': \.\.\.\}"):
        import_tools(given)
    other = {"A": {"$ref": "#/B"}, "B": {"type": "integer"}}
    tools = import_tools(Document(given, references={"c.yaml": other}))
    schema = tools[0].declaration.parameters
    assert not schema.check({"it": 5})
    assert schema.check({"it": "x"})


def test_a_discriminator_tells_the_alternatives_apart():
    kinds = {
        "Cat": {"type": "object", "properties": {"kind": {"type": "string"}, "n": {}}},
        "Dog": {"type": "object", "properties": {"kind": {"type": "string"}, "n": {}}},
    }
    pet = {
        "oneOf": [_ref("Cat"), _ref("Dog")],
        "discriminator": {
            "propertyName": "kind",
            "mapping": {"woof": "Dog", "bark": _ref("Dog")["$ref"]},
        },
    }
    found = Schema.from_dict(sent({"type": "object", "properties": {"pet": pet}}, "3.1.0", **kinds))
    assert not found.check({"pet": {"kind": "Cat", "n": 1}})
    assert not found.check({"pet": {"kind": "bark"}})
    assert found.check({"pet": {"kind": "Dog"}})
    assert found.check({"pet": {}})


def test_an_alternative_that_says_its_own_word_is_taken_by_that():
    components = {
        name: {
            "type": "object",
            "required": ["kind"],
            "properties": {"kind": {"type": "string", "enum": [name.lower()]}},
        }
        for name in ("Cat", "Dog")
    }
    pet = {"oneOf": [_ref("Cat"), _ref("Dog")], "discriminator": {"propertyName": "kind"}}
    schema = Schema.from_dict(
        sent({"type": "object", "properties": {"pet": pet}}, "3.1.0", **components)
    )
    assert not schema.check({"pet": {"kind": "cat"}})
    assert schema.check({"pet": {"kind": "Cat"}})
    assert schema.check({"pet": {}})


@pytest.mark.parametrize(
    "pattern",
    ["^(a+)+$", "((a+))*", "(?:a+){5,}", "(.*,)*x", "(-.+)*", r"(\w+\s?)+$", "(a{1,50}){50}"],
)
def test_a_pattern_that_may_run_away_is_left_to_the_server(pattern):
    made = of_property({"type": "string", "pattern": pattern})
    assert made == {"type": "string", "x_pattern": pattern}
    with pytest.raises(DeclarationError, match="a pattern of properties"):
        import_tools(document({"parameters": [query({"patternProperties": {pattern: True}})]}))


@pytest.mark.parametrize(
    "pattern", [r"^[a-z]+(-[a-z0-9]+)*$", r"^\d+(\.\d+)*$", "(ab|cd)+", "^(a+)?$", r"\(a+\)+"]
)
def test_an_ordinary_pattern_is_kept(pattern):
    assert of_property({"type": "string", "pattern": pattern})["pattern"] == pattern


def query(schema: Any) -> dict[str, Any]:
    return {"name": "q", "in": "query", "schema": schema}


def test_the_schemas_of_parameters_count_among_the_text_of_all(monkeypatch):
    monkeypatch.setattr(_openapi_import, "_MOST_TEXT", 5_000)
    large = query({"type": "string", "description": "d" * 900})
    paths = {f"/{n}": {"get": {**OK, "parameters": [large]}} for n in range(8)}
    with pytest.raises(DeclarationError, match="more than 5000 characters"):
        import_tools({**BASE, "paths": paths})


def test_a_reference_is_looked_up_from_where_it_stands():
    near, far = {"A": {"type": "integer"}}, {"A": {"type": "string"}}
    other = {"B": {"$ref": "c.yaml#/A"}}
    given = document({"parameters": [query({"$ref": "d/o.yaml#/B"})]})
    references = {"d/o.yaml": other, "d/c.yaml": near, "c.yaml": far}
    (tool,) = import_tools(Document(given, references=references))
    assert not tool.declaration.parameters.check({"q": 5})
    assert tool.declaration.parameters.check({"q": "x"})


def test_read_only_properties_are_left_out_of_requests_and_write_only_ones_of_results():
    base = {"type": "object", "required": ["id"], "properties": {"id": _ref("Id")}}
    whole = {
        "allOf": [_ref("Base"), {"required": ["pin"], "properties": {"pin": {"writeOnly": True}}}],
        "required": ["id", "pin"],
    }
    content = {"application/json": {"schema": _ref("Whole")}}
    given = document(
        {
            "requestBody": {"required": True, "content": content},
            "responses": {"200": {"description": "", "content": content}},
        },
        components={
            "schemas": {"Base": base, "Whole": whole, "Id": {"type": "integer", "readOnly": True}}
        },
    )
    declared = import_tools(given)[0].declaration
    assert not declared.parameters.check({"body": {"pin": 1}})
    assert not declared.returns.check({"id": 1})
    assert declared.returns.check({"pin": 1})


def test_results_of_several_kinds_are_alternatives():
    answers = {
        "200": {
            "description": "",
            "content": {"application/json": {"schema": {"type": "integer"}}},
        },
        "204": {"description": ""},
        "404": {"description": "", "content": {"application/json": {"schema": {"type": "string"}}}},
    }
    returns = import_tools(document({"responses": answers}))[0].declaration.returns
    assert returns.document == {"anyOf": [{"type": "integer"}, {"type": "null"}]}


def test_a_thousand_operations_share_their_schemas():
    names = [f"S{n}" for n in range(200)]
    schemas = {
        name: {"type": "object", "properties": {"next": _ref(after), "n": {"type": "integer"}}}
        for name, after in zip(names, [*names[1:], names[0]], strict=True)
    }
    answers = {"200": {"description": "", "content": {"application/json": {"schema": _ref("S0")}}}}
    paths = {f"/{n}": {"get": {"operationId": f"o{n}", "responses": answers}} for n in range(1000)}
    tools = import_tools({**BASE, "paths": paths, "components": {"schemas": schemas}})
    assert len(tools) == 1000
    assert len(tools[0].declaration.returns.document["$defs"]) == 200


FULL = document(
    {
        "tags": ["a"],
        "summary": "s",
        "parameters": [
            {"name": "q", "in": "query", "style": "deepObject", "schema": _ref("A")},
            {"name": "h", "in": "header", "content": {"application/json": {"schema": _ref("A")}}},
            {"$ref": "#/components/parameters/P"},
        ],
        "requestBody": {
            "content": {
                "multipart/form-data": {
                    "schema": {"type": "object", "properties": {"f": {"format": "binary"}}},
                    "encoding": {"f": {"contentType": "image/png"}},
                }
            }
        },
        "security": [{"k": []}],
    },
    components={
        "parameters": {"P": {"name": "p", "in": "cookie", "schema": {"type": "string"}}},
        "securitySchemes": {"k": {"type": "apiKey", "in": "header", "name": "K"}},
        "schemas": {
            "A": {
                "oneOf": [_ref("B")],
                "discriminator": {"propertyName": "t", "mapping": {"b": "B"}},
                "nullable": True,
            },
            "B": {
                "type": "object",
                "required": ["t"],
                "allOf": [{"$ref": "#/components/schemas/A"}],
                "properties": {"t": {"type": "string", "readOnly": True}},
            },
        },
    },
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a document."""
    found = [path] if path else []
    items = list(enumerate(value)) if isinstance(value, list) else []
    for key, item in value.items() if isinstance(value, dict) else items:
        found += places(item, (*path, key))
    return found


junk = st.sampled_from(
    [
        None,
        True,
        0,
        -1.5,
        "",
        "x",
        "#/",
        "#/components/schemas/B",
        [],
        [[]],
        {},
        {"$ref": "#"},
        [None],
    ]
)


@settings(max_examples=150)
@given(st.lists(st.tuples(st.sampled_from(places(FULL)), junk), min_size=1, max_size=3))
def test_a_damaged_document_gives_tools_or_one_typed_error(damages):
    given = copy.deepcopy(FULL)
    for path, value in damages:
        inner: Any = given
        for step in path[:-1]:
            try:
                inner = inner[step]
            except (KeyError, IndexError, TypeError):
                break
        else:
            if isinstance(inner, (dict, list)):
                try:
                    inner[path[-1]] = value
                except (IndexError, TypeError):
                    pass
    try:
        tools = import_tools(given, secrets=lambda name: "secret")
    except (ConfigurationError, DeclarationError, InvalidDataError) as error:
        assert not isinstance(error, InvalidDataError)
        assert str(error)
        return
    for one in tools:
        assert one.declaration.to_dict("json-schema")


@pytest.mark.parametrize("version", ["3.0.3", "3.1.0"])
@pytest.mark.parametrize("schema", [{"type": "strin"}, {"type": ["strin", "null"]}])
def test_a_type_that_json_has_not_refuses_the_operation(schema: Any, version: str):
    for place in (schema, {"type": "array", "items": schema}, {"allOf": [schema]}):
        with pytest.raises(DeclarationError, match=r"type 'strin'.*did you mean 'string'\?"):
            of_property(place, version)
