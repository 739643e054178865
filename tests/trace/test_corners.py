"""Corners of traces: parts seldom sent, content without room, names and texts seldom seen."""

from __future__ import annotations

import json

from altar.llm._messages import Message
from altar.llm._parts import BlobPart, Data, Refusal, Text, Thinking, Unknown
from altar.llm._traced_messages import input_messages
from altar.trace import _conventions as names
from altar.trace._content import bounded, json_text
from altar.trace._looks import without_looks
from altar.trace._plain import read_json
from altar.trace._record import SpanRecord, _events, _money
from altar.trace._redact import Cleaner
from altar.viewer._details import _said, asked, details
from altar.viewer._text import _fitting, wrapped


def told(*parts):
    (message,) = input_messages([Message("assistant", parts)])
    return message["parts"]


def test_a_refusal_data_and_an_unknown_part_are_told_by_their_types():
    assert told(Refusal("no"), Data({"a": 1}), Unknown({"x": 1})) == [
        {"type": "refusal", "content": "no"},
        {"type": "data", "content": {"a": 1}},
        {"type": "unknown"},
    ]


def test_thinking_that_a_provider_keeps_to_itself_is_left_out():
    assert told(Thinking(""), Text("so")) == [{"type": "text", "content": "so"}]


def test_a_blob_elsewhere_is_told_by_its_address_or_its_file():
    uri, file = told(
        BlobPart("image/png", uri="https://x.test/a.png"), BlobPart("a/b", file_id="f1")
    )
    assert (uri["type"], uri["uri"]) == ("uri", "https://x.test/a.png")
    assert (file["type"], file["file_id"]) == ("file", "f1")


def test_a_text_of_a_class_of_its_own_is_kept_as_a_text():
    class Own(str):
        __slots__ = ()

    assert bounded([Own("word")]) == ["word"]


def test_what_is_too_deep_is_told_by_its_number_of_items():
    deep = {"a": 1}
    for _ in range(40):
        deep = {"in": deep}
    assert "… [1 items]" in json_text({"deep": deep}).encode().decode("unicode_escape")


def test_an_object_of_many_fields_is_written_whole():
    many = {str(number): number for number in range(9)}
    assert json.loads(json_text(many)) == many


def test_an_array_without_room_says_how_many_items_are_missing():
    kept = bounded(["x" * 10_000] * 20)
    assert len(kept) < 20
    assert kept[-1] == f"… [+{20 - len(kept) + 1} items]"


def test_odd_keys_are_no_obstacle_to_json():
    assert json.loads(json_text({(1, 2): 3})) == {"(1, 2)": 3}


class Spanlike:
    def __init__(self, kind="custom", attributes=None):
        self.name, self.kind, self.thread = "work", kind, "main"
        self.attributes, self.events, self.error = attributes, (), None


def cleaned(attributes, kind="custom", cleaner=None, **options):
    span = Spanlike(kind, attributes)
    (cleaner or Cleaner(**options)).clean(span)
    return span


def test_a_kind_that_nobody_knows_becomes_custom():
    assert cleaned({}, kind="odd").kind == "custom"


def test_two_names_that_redaction_makes_one_stay_two():
    found = cleaned(
        {"a": 1, "b": 2}, redact=lambda _key, value: "n" if value in ("a", "b") else value
    )
    assert found.attributes == {"n": 1, "n'": 2}


def test_an_object_deeper_than_any_trace_needs_is_cut():
    deep = {"a": 1}
    for _ in range(50):
        deep = {"in": deep}
    assert '"..."' in json.dumps(cleaned({"deep": deep}).attributes)


def test_an_object_without_room_says_how_many_fields_are_cut():
    found = cleaned({"big": {str(n): "x" * 20 for n in range(50)}}, max_value=100).attributes
    assert found["big"]["..."].endswith("more cut]")


def test_more_names_and_texts_than_are_remembered_are_cleaned_all_the_same():
    cleaner = Cleaner()
    for begin in range(0, 4_400, 100):
        cleaned({f"k{n}": f"text {n}" for n in range(begin, begin + 100)}, cleaner=cleaner)
    found = cleaned({"password": "hunter2", "k1": "text 1"}, cleaner=cleaner).attributes
    assert found["k1"] == "text 1"
    assert "hunter2" not in found["password"]


def test_a_text_that_was_cut_in_one_place_is_whole_in_another():
    cleaner = Cleaner(max_value=40)
    text = "a word " * 8
    assert "bytes cut]" in cleaned({"a": text}, cleaner=cleaner).attributes["a"]
    assert cleaner._word("span.name", text) == text


def test_the_first_text_a_user_says_may_stand_behind_empty_ones():
    said = [
        {"role": "user", "parts": [{"type": "blob"}, {"content": " "}]},
        {"role": "user", "parts": [{"content": "Oslo?"}]},
    ]
    assert asked({names.INPUT_MESSAGES: said}) == "Oslo?"


def test_the_last_text_of_somebody_is_looked_for_behind_others():
    said = [
        {"role": "user", "parts": [{"type": "text", "content": "Oslo?"}]},
        {"role": "user", "parts": []},
        {"role": "assistant", "parts": []},
    ]
    assert _said(said, "user") == "Oslo?"


class Kept:
    def __init__(self, attributes):
        self.attributes = attributes

    def document(self, _place):
        return {"attributes": self.attributes}


def shown(span, *, full=False):
    return ["".join(text for text, _ in line) for line in details(span, 80, full=full, call=False)]


def test_a_second_attempt_and_an_odd_finish_are_noted():
    span = SpanRecord("t", "s", name="run")
    span.kind, span.finish, span.source = "generate", "length", Kept({names.ATTEMPT: 2})
    assert shown(span) == ["attempt 2 · finish: length"]


def test_a_placeholder_says_nothing_of_its_process():
    span = SpanRecord("t", "s", name="(running)")
    span.placeholder = True
    assert shown(span, full=True) == []
    span.placeholder = False
    assert shown(span, full=True) == ["span s, process 0"]


def test_tokens_of_a_page_are_shown_and_a_number_that_is_secret_is_not():
    assert without_looks("{'next_token': 'abcdef'}") == "{'next_token': 'abcdef'}"
    assert "123456789" not in without_looks("{'password': 123456789}")


def test_a_json_text_with_one_name_twice_is_none():
    assert read_json('{"a": 1, "a": 2}') is None


def test_a_truth_is_no_amount_and_an_event_without_a_time_is_none():
    assert _money(True) is None
    assert _events([{"name": "a"}, {"name": "b", "time": 5}]) == [("b", 5, {})]


def test_characters_wider_than_the_room_are_not_lost():
    assert "".join(wrapped("宽宽", 1)) == "宽宽"
    assert _fitting("abc", 9) == 3
