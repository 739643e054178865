"""Every style of parameter and body, as a real server receives it."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

import altar
from altar import ToolError
from altar_extras._openapi_params import Parameter, Target, write
from altar_extras.openapi import import_tools

pytest.importorskip("uvicorn")
pytest.importorskip("starlette")
pytest.importorskip("python_multipart")
from tests.openapi.served import document, operation, parameter

LIST, OBJECT = ["blue", "black", "brown"], {"R": 100, "G": 200, "B": 150}
ANY: dict[str, Any] = {}
# style, explode, value -> the text of OpenAPI's own table
PATHS = [
    ("simple", False, "blue", "blue"),
    ("simple", False, LIST, "blue,black,brown"),
    ("simple", True, LIST, "blue,black,brown"),
    ("simple", False, OBJECT, "R,100,G,200,B,150"),
    ("simple", True, OBJECT, "R=100,G=200,B=150"),
    ("simple", False, "a/b c?", "a%2Fb%20c%3F"),
    ("simple", False, 3.5, "3.5"),
    ("simple", False, True, "true"),
    ("label", False, "blue", ".blue"),
    ("label", False, LIST, ".blue,black,brown"),
    ("label", True, LIST, ".blue.black.brown"),
    ("label", False, OBJECT, ".R,100,G,200,B,150"),
    ("label", True, OBJECT, ".R=100.G=200.B=150"),
    ("matrix", False, "blue", ";color=blue"),
    ("matrix", False, "", ";color"),
    ("matrix", False, LIST, ";color=blue,black,brown"),
    ("matrix", True, LIST, ";color=blue;color=black;color=brown"),
    ("matrix", False, OBJECT, ";color=R,100,G,200,B,150"),
    ("matrix", True, OBJECT, ";R=100;G=200;B=150"),
]
QUERIES = [
    ("form", True, "blue", "color=blue"),
    ("form", True, "", "color="),
    ("form", False, LIST, "color=blue,black,brown"),
    ("form", True, LIST, "color=blue&color=black&color=brown"),
    ("form", False, OBJECT, "color=R,100,G,200,B,150"),
    ("form", True, OBJECT, "R=100&G=200&B=150"),
    ("form", True, "a&b=c d+e", "color=a%26b%3Dc%20d%2Be"),
    ("form", True, [], ""),
    ("spaceDelimited", False, LIST, "color=blue%20black%20brown"),
    ("spaceDelimited", False, OBJECT, "color=R%20100%20G%20200%20B%20150"),
    ("pipeDelimited", False, LIST, "color=blue%7Cblack%7Cbrown"),
    ("pipeDelimited", False, OBJECT, "color=R%7C100%7CG%7C200%7CB%7C150"),
    ("deepObject", True, OBJECT, "color%5BR%5D=100&color%5BG%5D=200&color%5BB%5D=150"),
    ("deepObject", True, {"a": {"b": [1, 2]}}, "color%5Ba%5D%5Bb%5D=1&color%5Ba%5D%5Bb%5D=2"),
]


def echoed(api: Any, path: str, described: dict[str, Any], args: dict[str, Any], method="post"):
    """What the server saw of one call."""
    tools = import_tools(document({path: {method: described}}), server=api[0])
    with altar.Session(tools=tools) as session:
        result = session.execute(tools[0].declaration.name, args)
    assert result.ok, result.error
    return result.content


@pytest.mark.parametrize(("style", "explode", "value", "text"), PATHS)
def test_a_path_parameter_is_written_as_the_table_says(api, style, explode, value, text):
    one = parameter("color", "path", ANY, style=style, explode=explode)
    seen = echoed(api, "/echo/{color}/end", operation("e", one), {"color": value})
    assert seen["path"] == f"/v1/echo/{text}/end"


@pytest.mark.parametrize(("style", "explode", "value", "text"), QUERIES)
def test_a_query_parameter_is_written_as_the_table_says(api, style, explode, value, text):
    one = parameter("color", "query", ANY, style=style, explode=explode)
    seen = echoed(api, "/echo", operation("e", one), {"color": value})
    assert seen["query"] == text


def test_a_server_reads_back_what_was_said_in_a_query(api):
    value = "ü/?#[]@!$&'()*+,;=%20 \n"
    described = operation(
        "e",
        parameter("plain", "query", ANY),
        parameter("open", "query", ANY, allowReserved=True),
        {"name": "json", "in": "query", "content": {"application/json": {"schema": {}}}},
    )
    seen = echoed(api, "/echo", described, {"plain": value, "open": value, "json": {"a": [value]}})
    args = dict(seen["args"])
    assert args["plain"] == args["open"] == value
    assert json.loads(args["json"]) == {"a": [value]}
    assert "open=%C3%BC/?%23%5B%5D@!$" in seen["query"]


def test_headers_and_cookies_are_written_as_the_table_says(api):
    described = operation(
        "e",
        parameter("X-One", "header", ANY),
        parameter("X-List", "header", ANY),
        parameter("X-Object", "header", ANY),
        parameter("X-Pairs", "header", ANY, explode=True),
        parameter("a", "cookie", ANY),
        parameter("b", "cookie", ANY, explode=False),
    )
    args = {
        "X-One": 7,
        "X-List": LIST,
        "X-Object": OBJECT,
        "X-Pairs": OBJECT,
        "a": "x y",
        "b": LIST,
    }
    seen = echoed(api, "/echo", described, args)
    headers = seen["headers"]
    assert headers["x-one"] == "7"
    assert headers["x-list"] == "blue,black,brown"
    assert headers["x-object"] == "R,100,G,200,B,150"
    assert headers["x-pairs"] == "R=100,G=200,B=150"
    assert headers["cookie"] == "a=x%20y; b=blue,black,brown"


def test_parameters_of_one_name_are_told_apart_by_their_places(api):
    described = operation(
        "e",
        parameter("id", "path", {"type": "integer"}),
        parameter("id", "query", ANY),
        parameter("id", "cookie", ANY),
        requestBody={
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"type": "object", "properties": {"id": {"type": "string"}}}
                }
            },
        },
    )
    args = {"id": 1, "id_query": "q", "id_cookie": "c", "body": {"id": "b"}}
    seen = echoed(api, "/echo/{id}", described, args)
    assert seen["path"].endswith("/1")
    assert seen["query"] == "id=q"
    assert seen["cookies"] == {"id": "c"}
    assert json.loads(seen["body"]) == {"id": "b"}


def body(media_type: str, schema: Any, **more: Any) -> dict[str, Any]:
    content = {media_type: {"schema": schema, **more}}
    return operation("e", requestBody={"required": True, "content": content})


FIELDS = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "more": {"type": "object"},
        "count": {"type": "integer"},
    },
}
VALUES = {"name": "a&b=ü", "tags": ["x", "y z"], "more": {"k": [1]}, "count": 3}


def test_the_fields_of_a_json_body_are_arguments(api):
    seen = echoed(api, "/echo", body("application/vnd.x+json", FIELDS), VALUES)
    assert json.loads(seen["body"].encode("latin-1")) == VALUES
    assert seen["type"] == "application/vnd.x+json"


def test_a_form_reaches_the_server(api):
    seen = echoed(api, "/echo", body("application/x-www-form-urlencoded", FIELDS), VALUES)
    expected = [["name", "a&b=ü"], ["tags", "x"], ["tags", "y z"], ["more", '{"k":[1]}']]
    assert seen["form"] == [*expected, ["count", "3"]]


def test_the_encoding_of_a_form_says_its_styles(api):
    encoding = {
        "tags": {"explode": False},
        "more": {"style": "deepObject"},
        "name": {"contentType": "application/json"},
    }
    described = body("application/x-www-form-urlencoded", FIELDS, encoding=encoding)
    seen = echoed(api, "/echo", described, {"tags": ["x", "y"], "more": {"k": "v"}, "name": "n"})
    assert seen["form"] == [["tags", "x,y"], ["more[k]", "v"], ["name", '"n"']]


def test_files_of_a_multipart_form_are_base64_or_objects(api):
    schema = {
        "type": "object",
        "required": ["file"],
        "properties": {
            "file": {"type": "string", "format": "binary", "description": "The picture."},
            "more": {"type": "array", "items": {"type": "string", "contentMediaType": "image/png"}},
            "note": {"type": "string"},
            "meta": {"type": "object"},
            "any": {"description": "Any bytes."},
            "word": {"type": "string"},
        },
    }
    data = bytes(range(256))
    said = b64encode(data).decode()
    encoding = {"file": {"contentType": "image/gif"}, "word": {"contentType": "application/json"}}
    named = {"data": said, "mime": "image/webp", "filename": 'a"b\r\n.webp'}
    args = {"file": said, "more": [named, said], "note": "hi\r\n--", "meta": {"a": 1}}
    args |= {"any": said, "word": "ü"}
    described = body("multipart/form-data", schema, encoding=encoding)
    seen = echoed(api, "/echo", described, args)
    assert seen["form"] == [
        ["file", "file", "image/gif", data.hex()],
        ["more", "a%22b%0D%0A.webp", "image/webp", data.hex()],
        ["more", "more", "application/octet-stream", data.hex()],
        ["note", "hi\r\n--"],
        ["meta", '{"a":1}'],
        ["any", "any", "application/octet-stream", data.hex()],
        ["word", '"ü"'],
    ]


def test_bytes_and_text_are_one_argument(api):
    said = b64encode(b"\xff\x00").decode()
    seen = echoed(api, "/echo", body("application/octet-stream", {}), {"body": said})
    assert seen["body"].encode("latin-1") == b"\xff\x00"
    blob = altar.Blob("image/png", b"\x89P").to_dict()
    seen = echoed(api, "/echo", body("image/*", {}), {"body": blob})
    assert (seen["type"], seen["body"].encode("latin-1")) == ("image/png", b"\x89P")
    seen = echoed(api, "/echo", body("text/csv", {"type": "string"}), {"body": "a,ü"})
    assert seen["type"] == "text/csv; charset=utf-8"
    assert seen["body"].encode("latin-1").decode() == "a,ü"


def test_an_optional_body_is_left_out_where_nothing_is_said_of_it(api):
    content = {"application/json": {"schema": FIELDS}}
    described = operation("e", requestBody={"content": content})
    assert echoed(api, "/echo", described, {})["body"] == ""
    assert echoed(api, "/echo", described, {"count": 1})["body"] == '{"count":1}'


@pytest.mark.parametrize(
    ("place", "more", "value"),
    [
        ("path", {}, ".."),
        ("path", {}, "."),
        ("path", {}, ""),
        ("path", {}, None),
        ("path", {}, []),
        ("header", {}, "a\r\nX: y"),
        ("header", {}, "ü"),
        ("header", {}, ["a,b"]),
        ("query", {"style": "pipeDelimited", "explode": False}, ["a|b"]),
        ("query", {"style": "spaceDelimited", "explode": False}, ["a b"]),
    ],
)
def test_what_a_place_cannot_say_is_refused_before_it_is_sent(api, place, more, value):
    described = operation("e", parameter("it", place, ANY, **more))
    path = "/echo/{it}" if place == "path" else "/echo"
    tools = import_tools(document({path: {"get": described}}), server=api[0])
    result = altar.Session(tools=tools).execute("e", {"it": value})
    assert result.error.type == "PARAMETER_VALIDATION_FAILED"
    assert result.error.details["problems"][0]["path"] == "$.it"


texts = st.text(st.characters(codec="utf-8"), max_size=12)
names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=6)


def written(value: Any, place: str, style: str, explode: bool) -> Target:
    target = Target({}, [], {}, [])
    one = Parameter("p", "p", place, style, explode, False, False, True)
    write(one, value, target)
    return target


@given(st.lists(texts, min_size=2, max_size=5), st.sampled_from(["simple", "label", "matrix"]))
def test_a_list_in_a_path_reads_back_as_it_was(items, style):
    for explode in (False, True):
        text = written(items, "path", style, explode).path["p"]
        between = {"simple": ",", "label": "." if explode else ",", "matrix": ","}[style]
        if style == "matrix" and explode:
            found = [part.removeprefix("p=") for part in text[1:].split(";")]
        elif style == "matrix":
            found = text.removeprefix(";p=").split(between)
        else:
            found = text[style == "label" :].split(between)
        assert list(map(unquote, found)) == items
        assert "/" not in text


@given(st.dictionaries(names, texts, min_size=1, max_size=4))
def test_an_object_in_a_path_or_a_query_reads_back_as_it_was(value):
    for style, between, start in (("simple", ",", ""), ("label", ".", "."), ("matrix", ";", ";")):
        text = written(value, "path", style, True).path["p"].removeprefix(start)
        pairs = [part.split("=") for part in text.split(between)]
        assert {unquote(name): unquote(item) for name, item in pairs} == value
    flat = written(value, "query", "form", False).query[0].removeprefix("p=").split(",")
    decoded = list(map(unquote, flat))
    assert dict(zip(decoded[::2], decoded[1::2], strict=True)) == value
    pairs = [part.split("=") for part in written(value, "query", "form", True).query]
    assert {unquote(name): unquote(item) for name, item in pairs} == value
    pairs = [part.split("=") for part in written(value, "query", "deepObject", True).query]
    assert {unquote(name)[2:-1]: unquote(item) for name, item in pairs} == value


@given(st.lists(texts, min_size=1, max_size=5), st.sampled_from([" ", "|", ","]))
def test_a_list_in_a_query_reads_back_or_is_refused(items, between):
    style = {" ": "spaceDelimited", "|": "pipeDelimited", ",": "form"}[between]
    try:
        text = written(items, "query", style, False).query[0].removeprefix("p=")
    except ToolError:
        assert any(between in item for item in items)
        return
    found = text.split(",") if between == "," else unquote(text).split(between)
    assert [unquote(one) if between == "," else one for one in found] == items


@given(st.lists(texts, max_size=5), texts)
def test_an_exploded_list_and_a_cookie_read_back_as_they_were(items, text):
    found = [
        unquote(pair.removeprefix("p=")) for pair in written(items, "query", "form", True).query
    ]
    assert found == items
    cookie = written(text, "cookie", "form", True).cookies[0]
    assert unquote(cookie.removeprefix("p=")) == text
    assert ";" not in cookie
