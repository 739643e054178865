"""Redaction: secrets never reach a sink, and what reaches one is bounded JSON."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import json
import math
import threading
import uuid
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altar import trace
from altar.errors import ConfigurationError
from altar.trace._content import clipped
from altar.trace._redact import Cleaner

PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA7\nabc\n-----END RSA PRIVATE KEY-----"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N"


def kept(attributes=None, *, events=(), error=None, name="work", **options):
    """The span as a sink sees it."""
    memory = trace.MemorySink()
    with trace.Tracer(memory, interval=60, **options):
        with trace.span(name, attributes=attributes) as span:
            for one in events:
                span.event(*one)
            if error:
                span.fail(*error)
    (found,) = memory.spans
    return found


def value(given, **options):
    return kept({"it": given}, **options).attributes["it"]


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("Authorization: Bearer abcdef0123456789", "abcdef0123456789"),
        ("the key is sk-proj-abcdefgh12345678", "sk-proj-abcdefgh12345678"),
        ("AIzaSyA1234567890abcdefg", "AIzaSyA1234567890abcdefg"),
        ("AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"),
        ("ghp_abcdefghijklmnopqrstuvwxyz012345", "ghp_abcdefghijklmnopqrstuvwxyz"),
        (f"jwt {JWT} end", JWT),
        (f"file:\n{PEM}\nend", "MIIEowIBAAKCAQEA7"),
        ("postgres://bob:hunter2@db.example/x", "hunter2"),
        ("https://x.example/a?api_key=short&b=1", "short"),
        ("Authorization: Basic dXNlcjpwYXNzd29yZA==", "dXNlcjpwYXNzd29yZA"),
        ('{"password": "hunter2", "a": 1}', "hunter2"),
        ('{"db": {"dbPassword": "hunt\\"er2"}}', "er2"),
        ('{"api_key": 12345678}', "12345678"),
        ("{'client_secret': 'hunter2'}", "hunter2"),
        (json.dumps(json.dumps({"access_token": "hunter2", "a": 1})), "hunter2"),
        (json.dumps([json.dumps({"a": json.dumps({"password": "hunter2"})})]), "hunter2"),
        ('{"password": "cut off in the mid', "cut off"),
    ],
)
def test_what_looks_like_a_secret_is_taken_out(text, secret):
    found = value(text)
    assert secret not in found
    assert "[secret]" in found


@pytest.mark.parametrize(
    "text",
    [
        "The password is required.",
        '{"max_tokens": 100, "next_page_token": "abc", "secret": null, "key": "colour"}',
        "a basic understanding of tokens",
        "https://example.com/path?page=2",
        "sketch-book and sky-high",
    ],
)
def test_what_is_no_secret_stays(text):
    assert value(text) == text


def test_json_around_a_secret_stays_json():
    text = json.dumps({"a": [1, {"password": "x\ny"}], "b": {"token": "abc"}, "c": "d"})
    assert json.loads(value(text)) == {
        "a": [1, {"password": "[secret]"}],
        "b": {"token": "[secret]"},
        "c": "d",
    }


def test_a_name_that_is_a_secret_s_hides_any_value():
    found = kept(
        {
            "db.password": "x",
            "githubToken": ["a"],
            "api-key": 7,
            "has_secret": True,
            "x": {"cookie": "abc", "y": {"passphrase": b"z"}},
            "gen_ai.usage.input_tokens": 5,
        }
    ).attributes
    assert found == {
        "db.password": "[secret]",
        "githubToken": "[secret]",
        "api-key": "[secret]",
        "has_secret": True,
        "x": {"cookie": "[secret]", "y": {"passphrase": "[secret]"}},
        "gen_ai.usage.input_tokens": 5,
    }


def test_the_values_of_secret_variables_are_found_however_json_spells_them(monkeypatch):
    monkeypatch.setenv("SHOP_API_KEY", 'pa"ss/word-1')
    monkeypatch.setenv("SHOP_NAME", "not secret at all")
    for text in (
        'pa"ss/word-1',
        json.dumps('pa"ss/word-1'),
        json.dumps(json.dumps('pa"ss/word-1')),
    ):
        assert "word-1" not in value(f"so {text} it is")
    assert value("not secret at all") == "not secret at all"


def test_names_events_and_errors_are_cleaned_too():
    span = kept(
        name="call sk-abcdefgh12345678",
        events=[("retry sk-abcdefgh12345678", {"password": "x", "n": 1})],
        error=("ValueError", "Bearer abcdef0123456789 is wrong"),
    )
    assert span.name == "call [secret]"
    assert span.events[0][0] == "retry [secret]"
    assert span.events[0][2] == {"password": "[secret]", "n": 1}
    assert span.error == ("ValueError", "Bearer [secret] is wrong")


def test_content_can_be_left_out_altogether():
    span = kept(
        {"gen_ai.tool.call.arguments": "{}", "gen_ai.input.messages": [], "gen_ai.tool.name": "t"},
        error=("ValueError", "said"),
        content="none",
    )
    assert span.attributes == {"gen_ai.tool.name": "t"}
    assert span.error == ("ValueError", "")
    with pytest.raises(ConfigurationError, match='"redacted" or "none"'):
        trace.Tracer(content="full")


def test_the_application_s_own_function_comes_first_and_its_fault_hides_the_value(caplog):
    def redact(name, value):
        if name == "bad":
            raise KeyError(value)
        return value.replace("Bob", "B.") if isinstance(value, str) else value

    found = kept({"bad": "private", "a": "Bob", "n": 1}, redact=redact).attributes
    assert found == {"bad": "[secret]", "a": "B.", "n": 1}
    assert "private" not in caplog.text


class Colour(enum.Enum):
    RED = "red"


class Hostile:
    def __repr__(self):
        raise RuntimeError

    def __getattr__(self, name):
        raise RuntimeError


class Text(str):
    __slots__ = ()

    def __len__(self):
        raise RuntimeError


def test_any_value_becomes_json():
    loop: list[object] = []
    loop.append(loop)
    moment = dt.datetime(2030, 1, 2, tzinfo=dt.UTC)
    found = kept(
        {
            "nan": math.nan,
            "inf": -math.inf,
            "huge": 10**50_000,
            "half": "a\ud800b",
            "pair": "\ud83d\ude00",
            "bytes": b"12345",
            "set": {1},
            "moment": moment,
            "decimal": decimal.Decimal("1.50"),
            "path": Path("/a"),
            "uuid": uuid.UUID(int=5),
            "enum": Colour.RED,
            "hostile": Hostile(),
            "text": Text("abc"),
            "loop": loop,
            "keys": {1: "a", None: "b"},
            "function": math.sin,
        }
    ).attributes
    json.dumps(found, allow_nan=False).encode()
    assert found["nan"] == "nan"
    assert found["half"] == "a\ufffdb"
    assert found["pair"] == "\U0001f600"
    assert found["bytes"] == "<5 bytes>"
    assert found["set"] == [1]
    assert found["decimal"] == "1.50"
    assert found["enum"] == "red"
    assert found["text"] == "abc"
    assert found["keys"] == {"1": "a", "None": "b"}
    assert "166," in found["huge"]


def test_a_long_value_is_cut_with_a_note_of_how_much():
    assert value("x" * 1_000, max_value=100) == "x" * 100 + "... [900 bytes cut]"
    assert value("é" * 100, max_value=101) == "é" * 50 + "... [100 bytes cut]"
    assert value("x" * 100, max_value=100) == "x" * 100
    assert value("y" * 100_000, max_value=100).endswith("... [99,900 bytes cut]")
    found = value(["z" * 60] * 50, max_value=200)
    assert found[-1].endswith("more cut]")
    assert len(json.dumps(found)) < 500


def test_a_secret_that_the_cut_would_halve_is_taken_out_whole():
    for text in (f"{'x ' * 49}{JWT}", f"{'x ' * 45}{PEM}"):
        found = value(text, max_value=100)
        assert "eyJ" not in found
        assert "MII" not in found


def test_a_span_has_so_many_attributes_and_events_and_no_more():
    span = kept({f"a{n}": n for n in range(500)}, events=[("e",)] * 500)
    assert len(span.attributes) == 129
    assert span.attributes["altar.cut"] == "372 more attributes"
    assert len(span.events) == 257
    assert span.events[-1][2] == {"altar.cut": "244 more events"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(max_size=9),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=20,
)


@settings(max_examples=60)
@given(JSON)
def test_whatever_it_is_a_sink_gets_json_of_bounded_size(given):
    found = Cleaner(max_value=256)._attribute("it", given)
    text = json.dumps(found, allow_nan=False, ensure_ascii=False)
    assert len(text.encode()) < 20_000


@given(st.text(alphabet="\"\\{}:,apstokenwrd '", max_size=80))
def test_no_text_is_too_tangled(text):
    Cleaner()._attribute("it", text)


def test_a_text_made_to_be_slow_is_not(monkeypatch):
    monkeypatch.setenv("SHOP_API_KEY", "\n-/key-1")
    for text in (
        "\\" * 60_000,
        "passwo" * 20_000,
        'token"' * 20_000,
        "token" + "\\" * 50_000,
        '"token": ' * 10_000,
        "a:" * 30_000 + "//",
        "eyJ" + "a" * 60_000,
        "sk-" * 20_000,
        "basic " * 10_000,
        "x" * 65_536,
        "-----BEGIN PRIVATE KEY-----" * 2_000,
    ):
        value(text)


@pytest.mark.parametrize(
    "given",
    [
        {"password": {"value": "hunter2"}},
        {"api_key": [["hunter2"]]},
        {"pwd": "hunter2"},
        {"password": "hunter2\\"},
        {"token": ["x", "]hunter2"]},
        {"headers": [["authorization", "hunter2"]]},
        {"headers": [{"name": "Cookie", "value": "hunter2"}]},
        {"secrets": {"a": "hunter2"}, "auth_header": "hunter2", "password_confirmation": "hunter2"},
        {"DB_PASS": "hunter2", "access_tokens": ["hunter2"]},
    ],
)
def test_in_a_text_of_json_a_secret_is_hidden_as_it_is_in_the_object(given):
    inner = json.dumps({"a": given, "b": "stays"})
    for text in (inner, json.dumps(inner), inner.replace("password", "pass\\u0077ord")):
        found = value(text)
        assert "hunter2" not in found
        assert "stays" in found
        json.loads(found)
    assert "hunter2" not in str(value(given))


@pytest.mark.parametrize(
    "text",
    [
        "cannot connect: DB_PASSWORD=hunter2hunter2",
        "OPENAI_API_KEY=hunter",
        "{'password': \"it'shunter2\"}",
        "{'password': b'hunter2'}",
        "https://hunter2hunter2hunter2@example.com/x",
        "postgres://bob:p@ss/hunter2@db.example/x",
        "https://x.example/a?pwd=hunter2",
        "<password>hunter2</password>",
        "Cookie: session=hunter2; other=1",
    ],
)
def test_a_secret_in_a_line_of_text_is_taken_out(text):
    assert "hunter" not in value(text)


def test_no_half_of_a_secret_is_left_where_much_is_cut(monkeypatch):
    monkeypatch.setenv("SHOP_API_KEY", "Zq9vTr7LmXk2Pw8sYb4NcHd6GfJa1Re3")
    url = "postgres://ada:hunter2hunter2@db/"
    for secret, half in ((url, "hunter2"), ("Zq9vTr7LmXk2Pw8sYb4NcHd6GfJa1Re3", "Zq9vTr7L")):
        for cut in range(4, len(secret), 5):
            for long in (clipped("," * (4_000 - cut) + secret + "," * 9_000, 4_000),):
                assert half not in long
    jwt = f"eyJ{'a' * 2_000}.{'b' * 2_000} "  # its going makes room for what was read past the cut
    text = (jwt + "y " * 3_000)[: 1_000 + 4_096 - 29] + url + " tail"
    assert "hunter2" not in value(text, max_value=1_000)


def test_the_name_of_a_thread_is_cleaned_and_a_dict_that_is_handed_in_is_the_caller_s():
    mine = {"service": "shop"}
    memory = trace.MemorySink()
    with trace.Tracer(memory, interval=60):

        def work():
            with trace.span("work", attributes=mine) as span:
                span.set("user", "ada")

        thread = threading.Thread(target=work, name="for sk-abcdefgh12345678")
        thread.start()
        thread.join(60)
    assert mine == {"service": "shop"}
    assert memory.spans[0].thread == "for [secret]"
