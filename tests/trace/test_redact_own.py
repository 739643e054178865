"""``redact=`` is asked for every text there is, wherever it stands, whatever holds it."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

import altar
from altar import trace
from altar.llm import ToolCall
from altar.testing import ScriptedProvider
from altar.trace import JsonLinesSink, MemorySink, SqliteSink, Tracer
from tests.waiting import PATIENCE

NAMES = ("Ada", "Zoë")


def without_names(key: str, value: Any) -> Any:
    if isinstance(value, str):
        for one in NAMES:
            value = value.replace(one, "[name]")
    return value


@altar.tool
def look(customer: str) -> dict[str, Any]:
    """Look a customer up."""
    if customer.endswith("?"):
        raise altar.ToolError(f"no orders of {customer}")
    return {"Ada": {"of": [customer]}, "text": json.dumps({"who": "Zoë"})}


def adopted() -> dict[str, Any]:
    return {
        "trace": "a" * 32,
        "span": "b" * 16,
        "name": "of Ada",
        "kind": "tool",
        "start": 1,
        "end": 2,
        "thread": "of Zoë",
        "error": {"type": "Ada", "message": "Ada failed"},
        "attributes": {"gen_ai.tool.call.arguments": '{"x":"Zo\\u00eb", "y":["Ada"]}'},
        "events": [{"name": "Ada", "time": 1, "attributes": {"Zoë": "Ada"}}],
    }


def work(tracer: Tracer) -> None:
    calls = [ToolCall("look", {"customer": "Ada and Zoë"}), ToolCall("look", {"customer": "Zoë?"})]
    with trace.span("page of Ada", attributes={"Ada": ["Zoë", {"Zoë": "Ada", "n": 1}]}) as span:
        trace.event("Ada came", {"Zoë": ("Ada",)})
        altar.generate(
            "Find Ada, not Zoë",
            instructions="Ada is a customer",
            model=ScriptedProvider([calls, "Ada has 3, Zoë none"]),
            tools=[look],
        )
        span.set("broken", '{"who": "Zo\\u00eb and Ada"')
        span.fail("Ada", "Zoë failed")
    tracer.adopt([adopted()])


def test_no_name_reaches_a_file_or_a_sink(tmp_path: Path):
    memory = MemorySink()
    lines, rows = tmp_path / "a.jsonl", tmp_path / "a.db"
    with Tracer(
        memory, JsonLinesSink(lines), SqliteSink(rows), redact=without_names, interval=60
    ) as tracer:
        thread = threading.Thread(target=work, args=(tracer,), name="for Ada")
        thread.start()
        thread.join(60)
    assert len(memory.spans) == 9
    for path in (lines, rows):
        held = path.read_bytes()
        assert b"[name]" in held
        for one in ("Ada", "Zoë", "Zo\\u00eb", "Zo\\\\u00eb"):
            assert one.encode() not in held
    assert "[name]" in repr([(span.name, span.events, span.error) for span in memory.spans])


def test_it_is_told_the_nearest_name_and_its_answer_is_taken():
    asked: list[tuple[str, Any]] = []

    def redact(key: str, value: Any) -> Any:
        asked.append((key, value))
        return {"customer": "someone", "n": None, "list": ["a"]}.get(key, value)

    memory = MemorySink()
    with Tracer(memory, redact=redact, interval=60):
        attributes = {"args": '{"customer": "Ada", "n": 3}', "list": "x", "flag": True}
        with trace.span("work", attributes=attributes) as span:
            span.event("odd", {"deep": [{"customer": "Bob"}]})
    (found,) = memory.spans
    assert json.loads(found.attributes["args"]) == {"customer": "someone", "n": None}
    assert found.attributes["list"] == ["a"]
    assert found.attributes["flag"] is True
    assert found.events[0][2] == {"deep": [{"customer": "someone"}]}
    keys = {key for key, _ in asked}
    assert keys == {
        *("span.name", "event.name", "attribute.name", "thread.name"),
        *("args", "customer", "n", "list"),
    }
    assert ("args", '{"customer": "Ada", "n": 3}') in asked


@pytest.mark.parametrize("error", [KeyError, SystemExit])
def test_what_it_fails_on_is_hidden_and_nothing_else_is_harmed(error: type[BaseException]):
    def redact(key: str, value: Any) -> Any:
        if key in ("bad", "span.name"):
            raise error(value)
        return value

    memory = MemorySink()
    with Tracer(memory, redact=redact, interval=60) as tracer:
        trace.span("private", attributes={"bad": "private", "good": "x"}).finish()
        assert tracer.flush()
        trace.span("again").finish()
        assert tracer.flush()
    assert memory.spans[0].attributes == {"bad": "[secret]", "good": "x"}
    assert [span.name for span in memory.spans] == ["[secret]", "[secret]"]


def test_one_that_blocks_delays_no_end_beyond_its_time():
    asked, hold = threading.Event(), threading.Event()

    def redact(key: str, value: Any) -> Any:
        asked.set()
        hold.wait(2 * PATIENCE)
        return value

    tracer = Tracer(MemorySink(), redact=redact, interval=60).start()
    trace.span("work").finish()
    assert tracer.flush(0.02) is False
    assert asked.wait(PATIENCE)
    tracer.close(0.02)
    assert tracer.counts.recorded == 1
    hold.set()
