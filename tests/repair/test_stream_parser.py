"""StreamParser: any text in any chunks; views, deltas, and the end that parse() gives."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from altar.errors import ClosedError, RepairError
from altar.repair._follow import Follower
from altar.repair._parse import parse
from altar.repair._stream import StreamParser
from tests.repair.views import cut, cuts, is_view, json_texts, json_values, replayed

AROUND = st.sampled_from(
    [
        ("", ""),
        ("```json\n", "\n```"),
        ("Here is [1] the data:\n\n", "\nThat is all."),
        ("<think>maybe {not} this</think>\n", ""),
        ("[TOOL_CALLS] ", ""),
    ]
)
DAMAGE = [
    ("trailing comma", lambda text: text[:-1] + "," + text[-1]),
    ("names without quotes", lambda text: text.replace('"name"', "name")),
    ("single quotes", lambda text: text.replace('"', "'")),
    ("a comment", lambda text: text.replace(",", ", // note\n", 2)),
    ("Python's words", lambda text: text.replace("true", "True").replace("null", "None")),
    ("cut", lambda text: text[: len(text) * 2 // 3]),
    ("no closers", lambda text: text.rstrip("]}")),
]


def rows(count: int) -> str:
    return json.dumps(
        [
            {"id": n, "name": f"item {n}", "ok": n % 2 == 0, "gone": None, "tags": ["x y", "z"]}
            for n in range(count)
        ]
    )


def run(text: str, cutting: int, **options: Any) -> tuple[StreamParser, list[Any]]:
    """A parser that was fed, and copies of its views; deltas are held against each of them."""
    parser = StreamParser(**options)
    views, mirror = [], []
    for chunk in cut(text, cutting):
        view = parser.feed(chunk)
        replayed(parser.deltas(), mirror)
        assert view is None or repr(mirror) == repr([view])
        if view is not None:
            views.append(json.loads(json.dumps(view)))
    return parser, views


@given(json_texts(), cuts())
@example('{"a": "\\nabla \\frac", "b": "x,} "}', 1)
def test_views_of_a_valid_document_agree_with_its_value(text: str, cutting: int):
    parser, views = run(text, cutting)
    final = json.loads(text)
    assert all(is_view(view, final) for view in views)
    assert repr(parser.close().value) == repr(final)


@given(json_values(), AROUND, cuts())
def test_views_of_a_document_amid_other_text_agree_with_its_value(
    value: Any, around: tuple[str, str], cutting: int
):
    final = {"data": value, "n": 12}
    parser, views = run(json.dumps(final).join(around), cutting)
    assert views
    assert all(is_view(view, final) for view in views)
    assert parser.close().value == final


@pytest.mark.parametrize("cutting", [1, 32, 50])
@pytest.mark.parametrize(("name", "damage"), DAMAGE, ids=[name for name, _ in DAMAGE])
def test_a_damaged_stream_ends_as_the_whole_text_is_read(name: str, damage: Any, cutting: int):
    text = damage(rows(40))
    parser, views = run(text, cutting)
    final = parse(text).value
    assert repr(parser.close().value) == repr(final)
    bad = [view for view in views if not is_view(view, final)]
    assert not bad
    assert len(views[-1]) >= 25  # damage is passed, not waited for


@given(st.text(alphabet="{}[]\"',:\\ \nab1-", max_size=60), cuts())
def test_any_text_is_taken_and_ends_as_the_whole_does(text: str, cutting: int):
    parser, _ = run(text, cutting)
    try:
        expected = repr(parse(text).value)
    except RepairError:
        with pytest.raises(RepairError):
            parser.close()
    else:
        assert repr(parser.close().value) == expected


def test_one_value_after_another_becomes_a_list_of_them():
    parser, views = run('{"a": 1}\n{"b": 2}\n', 1)
    assert views[-1] == [{"a": 1}, {"b": 2}]
    assert parser.close().value == [{"a": 1}, {"b": 2}]
    parser, views = run('{"a": 1}\n{"b": 2}\n', 1, policy="first")
    assert views[-1] == {"a": 1}
    assert parser.close().value == {"a": 1}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"result": {"age": "5", "city_name": "X"}}', {"age": 5, "cityName": "X"}),
        ('Sure {"x": 1}. {"age": 5, "cityName": "X"}', {"age": 5, "cityName": "X"}),
        ('{"note": "hm", "AGE": "5", "cityName": "X"}', {"note": "hm", "age": 5, "cityName": "X"}),
    ],
)
def test_an_object_without_any_name_of_the_schema_is_held_back(text: str, value: object):
    schema = {
        "type": "object",
        "properties": {"age": {"type": "integer"}, "cityName": {"type": "string"}},
        "required": ["age", "cityName"],
    }
    parser = StreamParser(schema)
    told: dict[str, object] = {}
    for sign in text:
        view = parser.feed(sign)
        assert view is None or view.keys() <= {"age", "cityName", "note"}
        assert view != {}  # nor what may yet be a wrapper
        told.update({str(path): change for path, change in parser.deltas()})
    assert parser.close().value == value
    told.update({str(path): change for path, change in parser.deltas()})
    assert not any("result" in path or "x" in path for path in told)


def test_a_schema_is_seen_in_the_views():
    schema = {"type": "object", "properties": {"firstName": {"type": "string"}}}
    parser = StreamParser(schema)
    assert parser.feed('{"first_name": "Ann L') == {"firstName": "Ann L"}


def test_closed_is_closed():
    parser = StreamParser()
    parser.feed("[1, 2")
    result = parser.close()
    assert result.value == [1, 2]
    assert parser.close() is result
    with pytest.raises(ClosedError):
        parser.feed("3")


@given(json_texts(), cuts())
def test_what_is_strict_json_is_followed_to_its_end(text: str, cutting: int):
    start = len(text) - len(text.lstrip())
    follower = Follower(start)
    seen = ""
    for piece in cut(text + " ", cutting):
        seen += piece
        follower.run(seen)
        assert not follower.is_lost
    if text.lstrip()[0] in "[{":
        assert follower.is_done
        assert follower.pos == len(text.rstrip())


@pytest.mark.parametrize(
    "text",
    [
        "[1,]",
        "[}",
        '{"a" 1',
        '{"a": 1.}',
        "[01]",
        '["\n',
        '["\\x',
        "[ni",
        "{a",
        "[1 2",
        "[N",
        "[tra",
    ],
)
def test_what_is_no_json_is_noticed_with_the_character_that_shows_it(text: str):
    follower = Follower(0)
    for end in range(1, len(text)):
        follower.run(text[:end])
        assert not follower.is_lost
    follower.run(text)
    assert follower.is_lost


@pytest.mark.parametrize(
    "line",
    ["x = f(0)\n", "a\tb\tc\n", "re\\d+\\.\\w ", "$\\alpha \\frac{1}{2}$ ", '<p class="b">hi</p> '],
)
@pytest.mark.parametrize("cutting", [1, 32])
def test_a_long_damaged_string_is_seen_while_it_comes(line: str, cutting: int):
    """No more of it is held back than what decides on a quote."""
    whole = '{"code": "' + line * 60 + '", "n": 1}'
    parser = StreamParser()
    fed = 0
    for chunk in cut(whole, cutting):
        fed += len(chunk)
        view = parser.feed(chunk)
        assert fed < 400 or len(view["code"]) > (fed - 400) * 0.9
    final = parser.close().value
    assert final == parse(whole).value
    assert final["n"] == 1


def test_signs_at_the_end_of_a_damaged_string_wait_for_what_follows():
    """A quote may be missing before them, and a command of LaTeX may begin."""
    parser = StreamParser()
    text = '{"a": "one\ntwo and three and four and five and six and seven'
    assert parser.feed(text)["a"].endswith("seven")
    assert parser.feed(", ")["a"].endswith("seven")
    assert parser.feed("then \\t")["a"].endswith("seven, then ")
    assert parser.feed("imes ...\n and so on and on")["a"].endswith(
        " \\times ...\n and so on and on"
    )


@given(json_texts(), cuts())
def test_bytes_may_be_cut_inside_a_character(text: str, cutting: int):
    """UTF-8 comes in any pieces, and reads as the text it is."""
    data = text.encode("utf-8", "replace")
    parser = StreamParser()
    at = 0
    for piece in cut("x" * len(data), cutting):
        parser.feed(data[at : at + len(piece)])
        at += len(piece)
    assert repr(parser.close().value) == repr(parse(data.decode()).value)


def test_bytes_that_are_no_text_are_refused_with_their_place():
    """At once, or at the end when a character is cut in two."""
    parser = StreamParser()
    parser.feed(b'{"a": "')
    with pytest.raises(RepairError, match=r"no utf-8 text \(byte 7\)") as caught:
        parser.feed(b"\xff")
    assert (caught.value.position, caught.value.unit) == (7, "byte")
    parser = StreamParser()
    parser.feed(b'"\xc3')
    with pytest.raises(RepairError, match=r"byte 1"):
        parser.close()
    with pytest.raises(TypeError, match="a str or bytes, not int"):
        StreamParser().feed(5)  # type: ignore[arg-type]
