"""The golden frames: every message of the wire, and bodies that are none, with the bytes they are.

``python -m tests.wire.make`` writes ``frames/*.json`` from what stands here.
"""

from __future__ import annotations

import inspect
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import msgpack

from altar_extras.grid import wire

FRAMES = Path(__file__).with_name("frames")
DIGEST = "sha256:" + "0123456789abcdef" * 4
RUNTIME = "00ff10ee20dd30cc-a1b2c3d4"
EPOCH = "e5f60718"
CALL = {"call_id": "call-1", "name": "get_weather", "args": {"city": "Tōkyō", "days": 3}}
RESULT = {
    "call_id": "call-1",
    "name": "get_weather",
    "status": "SUCCESS",
    "content": {"celsius": 21.5, "sky": None, "wet": False},
}
FAILED = {
    "message": "the deadline passed 12 ms before the call came",
    "type": "TIMEOUT",
    "details": {"executed": "no", "reason": "deadline_passed"},
    "retry_allowed": False,
}
LOAD = {"inflight": 2, "queued": 0, "slots": 8}

# name -> the message; a second one of a type holds every field that it can hold
GOOD: dict[str, wire.Message] = {
    "hello": wire.Hello(
        id="h1", role="client", features=("many", "credits"), software="altar-grid/1"
    ),
    "hello_answer": wire.HelloAnswer(
        id="h1",
        level=2,
        features=("many",),
        host="host-a",
        mode="strict",
        time_ms=1_767_225_600_123,
        manifest_sequence=7,
    ),
    "create_session": wire.CreateSession(id="s1", ttl=900.0, tools=("get_weather",)),
    "session_created": wire.SessionCreated(
        id="s1",
        session="00ff10ee20dd30cc-7f3a90c2",
        token="header.payload.signature",
        expires_ms=1_767_226_500_123,
        time_ms=1_767_225_600_123,
        tools=(
            {
                "name": "get_weather",
                "contract": "get_weather",
                "version": "1.0.0",
                "digest": DIGEST,
            },
        ),
    ),
    "renew_session": wire.RenewSession(id="s2", ttl=900.0),
    "destroy_session": wire.DestroySession(id="s3"),
    "ack": wire.Ack(
        id="s3", time_ms=1_767_225_600_200, notes={"session": "00ff10ee20dd30cc-7f3a90c2"}
    ),
    "directory": wire.Directory(id="d1"),
    "directory_answer": wire.DirectoryAnswer(
        id="d1",
        time_ms=1_767_225_600_300,
        runtimes=(
            {
                "runtime": RUNTIME,
                "epoch": EPOCH,
                "tools": [["get_weather", 1]],
                **LOAD,
                "age_ms": 240,
                "level": 2,
                "features": ["many", "query"],
            },
        ),
        quarantined=(f"get_weather {DIGEST}",),
        sessions=(
            {
                "principal": "ana",
                "sessions": 2,
                "since_ms": 1_767_225_000_000,
                "expires_ms": 1_767_226_500_123,
            },
        ),
    ),
    "list_tools": wire.ListTools(id="l1", cursor=64),
    "list_tools_answer": wire.ListToolsAnswer(
        id="l1",
        contracts=(
            {
                "name": "get_weather",
                "description": "Weather.",
                "version": "1.0.0",
                "function_declarations": [
                    {
                        "name": "get_weather",
                        "description": "Current weather for a city.",
                        "parameters": {
                            "type": "OBJECT",
                            "properties": {"city": {"type": "STRING"}},
                            "required": ["city"],
                        },
                    }
                ],
            },
        ),
        next=0,
    ),
    "announce_runtime": wire.AnnounceRuntime(
        id="a1",
        runtime=RUNTIME,
        epoch=EPOCH,
        slots=8,
        inflight=2,
        level=2,
        features=("many", "credits", "query", "cancel", "parts"),
        software="altar-grid/1",
        manifest_sequence=7,
    ),
    "announce_runtime_level1": wire.AnnounceRuntime(id="a2", runtime=RUNTIME, epoch=EPOCH),
    "announce_runtime_draining": wire.AnnounceRuntime(
        id="a3", runtime=RUNTIME, epoch=EPOCH, slots=8, draining=True
    ),
    "fulfill_tools": wire.FulfillTools(
        id="f1",
        runtime=RUNTIME,
        contracts=({"name": "get_weather", "version": "1.0.0", "digest": DIGEST},),
    ),
    "fulfill_tools_answer": wire.FulfillToolsAnswer(
        id="f1",
        accepted=({"name": "get_weather", "version": "1.0.0", "digest": DIGEST},),
        refused=({"name": "send_mail", "reason": "digest_differs", "message": "another contract"},),
    ),
    "register_tools": wire.RegisterTools(
        id="r1",
        runtime=RUNTIME,
        session="00ff10ee20dd30cc-7f3a90c2",
        tools=({"name": "roll", "description": "Roll a die.", "parameters": {"type": "OBJECT"}},),
    ),
    "register_tools_answer": wire.RegisterToolsAnswer(
        id="r1",
        status="PARTIAL_SUCCESS",
        registered=("roll",),
        refused=(
            {"name": "get_weather", "reason": "shadows_contract", "message": "it is a contract"},
        ),
    ),
    "authorize_tool_call": wire.AuthorizeToolCall(
        id="g1", tool="get_weather", digest=DIGEST, uses=5
    ),
    "authorize_tool_call_answer": wire.AuthorizeToolCallAnswer(
        id="g1", grant="header.payload.signature", expires_ms=1_767_225_660_123
    ),
    "log_tool_result": wire.LogToolResult(
        id="o1",
        grant_id="grant-1",
        invocation_id="i1",
        tool="get_weather",
        phase="finished",
        status="SUCCESS",
        seconds=0.25,
        args_digest=DIGEST,
        result_digest=DIGEST,
    ),
    "report_lost": wire.ReportLost(
        id="p1", invocation_id="i1", tool="get_weather", args_digest=DIGEST, runtime=RUNTIME
    ),
    "audit_batch": wire.AuditBatch(
        id="u1", writer="rt-1", epoch=EPOCH, first=41, records=(b"\x00\x01\xff", b"record")
    ),
    "audit_ack": wire.AuditAck(id="u1", last=42),
    "tool_call": wire.ToolCall(invocation_id="i1", call=CALL),
    "tool_call_full": wire.ToolCall(
        invocation_id="i1",
        call=CALL,
        correlation_id="4bf92f3577b34da6a3ce929d0e0e4736",
        expires_ms=1_767_225_630_123,
        budget_ms=30_000,
        attempt=2,
        credit=64,
        digest=DIGEST,
        approved=True,
        strict=True,
        max_result_bytes=1_048_576,
        traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        tracestate="vendor=1",
        baggage={"user": "u-7"},
    ),
    "tool_call_in_parts": wire.ToolCall(
        invocation_id="i2", call={"name": "load", "args": {}}, size=700_000, sha256="ab" * 32
    ),
    "tool_call_numbers": wire.ToolCall(
        invocation_id="i3",
        call={
            "name": "sum",
            "args": {
                "n": [0, 127, 128, 65_536, 2**32, 2**63 - 1, -1, -32, -33, -(2**63)],
                "x": [0.5, -1.0, 1e300, 5e-324],
                "text": ["", "a" * 32, "漢字", "\u0000", "😀"],
            },
        },
    ),
    "accepted": wire.Accepted(invocation_id="i1", runtime=RUNTIME, epoch=EPOCH),
    "tool_result": wire.ToolResultMessage(
        invocation_id="i1",
        result=RESULT,
        correlation_id="4bf92f3577b34da6a3ce929d0e0e4736",
        executed="yes",
        seconds=0.004,
        load=LOAD,
        runtime=RUNTIME,
        epoch=EPOCH,
    ),
    "tool_result_refused": wire.ToolResultMessage(
        invocation_id="i1",
        result={"call_id": "call-1", "name": "get_weather", "status": "ERROR", "error": FAILED},
        executed="no",
    ),
    "tool_result_in_parts": wire.ToolResultMessage(
        invocation_id="i1",
        result={"call_id": "call-1", "name": "load", "status": "SUCCESS"},
        executed="yes",
        chunks=3,
        size=700_000,
        sha256="cd" * 32,
    ),
    "stream_chunk": wire.StreamChunk(invocation_id="i1", seq=1, chunk={"done": 0.5}),
    "stream_chunk_null": wire.StreamChunk(invocation_id="i1", seq=2),
    "part": wire.Part(invocation_id="i2", of="args", seq=1, data=b'{"rows":[1,2', last=False),
    "part_last": wire.Part(invocation_id="i2", of="args", seq=2, data=b"]}", last=True),
    "credit": wire.Credit(invocation_id="i1", credit=32),
    "credit_of_args": wire.Credit(invocation_id="i2", credit=64, of="args"),
    "cancel": wire.Cancel(invocation_id="i1", reason="the user left"),
    "query": wire.Query(invocation_id="i1"),
    "query_answer": wire.QueryAnswer(
        invocation_id="i1", state="never_seen", runtime=RUNTIME, epoch=EPOCH
    ),
    "error": wire.Error(
        id="s1",
        error={
            "message": "this key may open no session",
            "type": "PERMISSION_DENIED",
            "details": {"executed": "no", "reason": "not_a_client"},
            "retry_allowed": False,
        },
    ),
}

# a tool's name -> the token it is in a subject
TOKENS = {
    "get_weather": "get_weather",
    "Get.Weather": "%47et%2e%57eather",
    "a b*>": "a%20b%2a%3e",
    "größe": "gr%c3%b6%c3%9fe",
    "100%": "100%25",
}


def _raw(**values: Any) -> bytes:
    packed: bytes = msgpack.packb(values)
    return packed


def _nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


_CALL = {"type": "ToolCall", "v": 1, "invocation_id": "i1", "call": {"name": "f", "args": {}}}
_CHUNK = {"type": "StreamChunk", "v": 1, "invocation_id": "i1", "seq": 1}

# name -> (what becomes of it, the reason or the field that it names, the body)
BAD: dict[str, tuple[str, str, bytes]] = {
    "empty": ("frame", "nothing", b""),
    "truncated": ("frame", "it ends within a message", _raw(**_CALL)[:-3]),
    "truncated_second": (
        "frame",
        "the second message ends early",
        _raw(**_CALL) + _raw(**_CALL)[:-3],
    ),
    "no_map": ("frame", "a list", msgpack.packb([1, 2])),
    "bare_text": ("frame", "a text", msgpack.packb("ToolCall")),
    "extension": ("frame", "the extension type 5", _raw(**_CALL, x=msgpack.ExtType(5, b"x"))),
    "bad_utf8": ("frame", "a text that is not UTF-8", b"\x81\xa4type\xa2\xff\xfe"),
    "deep": ("frame", "2,000 levels", b"\x91" * 2000),
    "number_as_key": ("frame", "a key that is no text", b"\x81\x01\x02"),
    "reserved_byte": ("frame", "0xc1 is never used", b"\xc1"),
    "json_nan": ("frame", "NaN", b'{"type": "ToolCall", "v": 1, "call": NaN}'),
    "time_of_no_length": ("frame", "a time of one byte", _raw(**_CALL) + b"\xd4\xff\x00"),
    "json_name_twice": (
        "frame",
        "id twice",
        b'{"type": "Directory", "v": 1, "id": "a", "id": "b"}',
    ),
    "no_type": ("malformed", "type is missing", _raw(v=1)),
    "another_version": ("malformed", "v is not 1", _raw(**{**_CALL, "v": 2})),
    "version_as_float": ("malformed", "v is not 1", _raw(**{**_CALL, "v": 1.0})),
    "version_as_flag": ("malformed", "v is not 1", _raw(**{**_CALL, "v": True})),
    "json_version_as_float": (
        "malformed",
        "v is not 1",
        b'{"type": "Directory", "v": 1.0, "id": "a"}',
    ),
    "null_where_required": ("malformed", "call is missing", _raw(**{**_CALL, "call": None})),
    "time_argument": (
        "malformed",
        "call",
        _raw(**{**_CALL, "call": {"args": {"x": msgpack.Timestamp(1)}}}),
    ),
    "bytes_as_key": ("malformed", "call", _raw(**{**_CALL, "call": {"args": {b"x": 1}}})),
    "too_deep": ("malformed", "chunk", _raw(**{**_CHUNK, "chunk": _nested(129)})),
    "no_call": (
        "malformed",
        "call is missing",
        _raw(type="ToolCall", v=1, invocation_id="i1"),
    ),
    "id_of_another_kind": ("malformed", "invocation_id", _raw(**{**_CALL, "invocation_id": 7})),
    "id_too_long": ("malformed", "invocation_id", _raw(**{**_CALL, "invocation_id": "i" * 65})),
    "call_no_object": ("malformed", "call is no object", _raw(**{**_CALL, "call": [1]})),
    "deadline_below_zero": ("malformed", "expires_ms", _raw(**_CALL, expires_ms=-1)),
    "deadline_no_integer": ("malformed", "expires_ms", _raw(**_CALL, expires_ms=1.5)),
    "deadline_too_late": ("malformed", "expires_ms", _raw(**_CALL, expires_ms=2**53)),
    "flag_as_number": ("malformed", "approved", _raw(**_CALL, approved=1)),
    "credit_above_bound": ("malformed", "credit", _raw(**_CALL, credit=1025)),
    "attempt_zero": ("malformed", "attempt", _raw(**_CALL, attempt=0)),
    "nan_argument": ("malformed", "call", _raw(**{**_CALL, "call": {"args": {"x": float("nan")}}})),
    "integer_past_64_bits": (
        "malformed",
        "call",
        _raw(**{**_CALL, "call": {"args": {"x": 2**63}}}),
    ),
    "bytes_argument": ("malformed", "call", _raw(**{**_CALL, "call": {"args": {"x": b"1"}}})),
    "part_of_text": (
        "malformed",
        "data",
        _raw(type="Part", v=1, invocation_id="i1", of="args", seq=1, data="text"),
    ),
    "of_a_later_version": ("unknown", "Telepathy", _raw(type="Telepathy", v=1, id="x1")),
}


# name -> a contract as somebody might write it; its digest is over its ADM form
CONTRACTS: dict[str, dict[str, Any]] = {
    "least": {
        "name": "least",
        "description": "One function without parameters.",
        "function_declarations": [{"name": "now", "description": "The time."}],
    },
    "adm_form": {
        "name": "weather",
        "version": "2.1.0",
        "description": "Weather.",
        "function_declarations": [
            {
                "name": "get_weather",
                "description": "Current weather for a city, e.g. Tōkyō.",
                "parameters": {
                    "type": "OBJECT",
                    "properties": {
                        "city": {"type": "STRING", "minLength": 1},
                        "days": {"type": "INTEGER", "nullable": True, "default": 1},
                    },
                    "required": ["city"],
                },
                "x_read_only": True,
            }
        ],
        "x_owner": "meteo",
    },
    "json_schema": {
        "name": "weather_2",
        "version": "1.0.0",
        "description": "The same said otherwise, with what goes, and what stays.",
        "author": "goes: no field of a contract, and without a prefix",
        "vendor_team": "stays",
        "function_declarations": [
            {
                "name": "get_weather",
                "description": "Weather.",
                "strict": True,
                "parameters": {
                    "properties": {
                        "city": {"type": "string", "nullable": False, "examples": ["Oslo"]},
                        "days": {"type": ["integer", "null"], "minimum": 1.0},
                        "unit": {"type": ["string", "null"], "enum": ["C", "F", None]},
                        "near": {"type": "array", "items": {"type": ["string", "number"]}},
                        "any": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                    },
                    "required": [],
                    "additionalProperties": False,
                    "unheard_of": "stays",
                },
            }
        ],
    },
}


def kind_of(read: Any) -> str:
    """A field's kind and bound, as docs/grid/wire.md writes it."""
    maker = read.__qualname__.partition(".")[0]
    bounds = inspect.getclosurevars(read).nonlocals
    limit = bounds.get("limit")
    if maker == "number":
        low, high = bounds["low"], bounds["high"]
        return f"integer from {low}" if high == 2**53 - 1 else f"integer {low} to {high:,}"
    return {
        "text": f"text to {limit}",
        "seconds": "seconds",
        "flag": "flag",
        "tree": "object",
        "value_of_any_kind": "JSON value",
        "many": f"list to {limit or 0:,}",
        "raw": f"bytes to {limit or 0:,}",
        "raws": f"list of bytes to {limit or 0:,}",
    }[maker]


def rows_of(cls: type[wire.Message]) -> list[tuple[str, str, str]]:
    """(field, kind, what stands for a field that is absent) of a message."""
    found = []
    for one in fields(cls):
        if one.default is MISSING:
            absent = "required"
        elif one.default in (None, "", ()) and one.default is not False:
            absent = ""
        else:
            absent = str(one.default).lower()
        absent = "" if absent in ("b''", "false") else absent
        found.append((one.name, kind_of(one.metadata["read"]), absent))
    return found


def kinds() -> dict[str, type[wire.Message]]:
    """Every message of the wire, by its name on it."""
    found = [getattr(wire, name) for name in wire.__all__]
    return {
        one.TYPE: one
        for one in found
        if isinstance(one, type)
        and issubclass(one, wire.Message)
        and one not in (wire.Message, wire.Malformed, wire.Ready, wire.Unknown)
    }
