"""A session as an ASGI application: the document tells the truth, and errors are typed."""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

import altar
import altar.bridge
from altar import Context, tool
from altar.errors import ConfigurationError
from altar.runtime import RateLimit
from altar_extras.openapi import export_tools, import_tools
from tests.waiting import asoon


@dataclass
class Node:
    value: int
    next: Node | None = None


@tool(read_only=True, idempotent=True)
def chain_total(node: Node) -> int:
    """The sum of a chain, modulo 1,000.

    Args:
        node: Its first link.
    """
    return (node.value + (chain_total(node.next) if node.next else 0)) % 1000


@tool(destructive=True)
def wipe_out(name: str) -> None:
    """Wipe something."""


@tool(approval=True)
def ask_first() -> str:
    """Ask first."""
    return "done"


@tool
def refuse_as(kind: str) -> None:
    """Refuse in one of the known ways."""
    raise altar.ToolError("Not now.", type=kind, retry_after=1.2, details={"a": 1})


@tool
def break_down() -> None:
    """Fail with what must stay inside."""
    raise ValueError("secret=42")


@tool
def who_calls(context: Context) -> str:
    """Who calls."""
    return context.correlation_id


TOOLS = [chain_total, wipe_out, ask_first, refuse_as, break_down, who_calls]


class Client:
    """The application, asked as a server would ask it."""

    def __init__(self, app: Any) -> None:
        self.app = app

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | Any = b"",
        headers: dict[str, str] | None = None,
        sent: Any = (),
        **scope: Any,
    ) -> tuple[int, dict[str, str], Any]:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        told: list[dict[str, Any]] = []
        parts = [raw[at : at + 1000] for at in range(0, len(raw), 1000)] or [b""]
        messages = [
            {"type": "http.request", "body": part, "more_body": at < len(parts) - 1}
            for at, part in enumerate(parts)
        ]

        async def receive() -> dict[str, Any]:
            if messages:
                return messages.pop(0)
            await asyncio.Event().wait()
            raise AssertionError

        async def send(message: Any) -> None:
            told.append(message)

        whole = {
            "type": "http",
            "method": method,
            "path": path,
            "headers": [
                *sent,
                *((k.lower().encode(), v.encode("latin-1")) for k, v in (headers or {}).items()),
            ],
            **scope,
        }
        asyncio.run(self.app(whole, receive, send))
        start, rest = told
        found = {k.decode(): v.decode() for k, v in start["headers"]}
        assert found["content-type"] == "application/json"
        text = rest["body"]
        return start["status"], found, json.loads(text) if text else None


@pytest.fixture(scope="module")
def client() -> Client:
    return Client(export_tools(TOOLS, title="Test", version="7"))


def test_a_call_answers_with_the_content_alone(client):
    node = {"value": 1, "next": {"value": 2}}
    assert client.ask("POST", "/tools/chain_total", {"node": node})[::2] == (200, 3)
    assert client.ask("POST", "/tools/wipe_out", {"name": "x"})[::2] == (200, None)
    assert client.ask("POST", "/tools/who_calls", b"", {"X-Request-Id": "r1"})[2] == "r1"


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("RESOURCE_NOT_FOUND", 404),
        ("PERMISSION_DENIED", 403),
        ("BUSINESS_RULE_VIOLATION", 409),
        ("RATE_LIMIT_EXCEEDED", 429),
        ("SERVICE_UNAVAILABLE", 503),
        ("TIMEOUT", 504),
        ("TOOL_EXECUTION_FAILED", 500),
        ("MY_OWN_TYPE", 500),
    ],
)
def test_an_error_type_has_a_status_and_is_told_as_a_model_would_read_it(client, kind, status):
    found, headers, body = client.ask("POST", "/tools/refuse_as", {"kind": kind})
    assert (found, body["error"]["type"], body["error"]["details"]) == (status, kind, {"a": 1})
    assert headers["retry-after"] == "2"
    assert body["error"]["retry_after_ms"] == 1200


def test_what_reaches_no_tool_is_refused_with_a_type(client):
    wrong = "PARAMETER_VALIDATION_FAILED"
    for method, path, body, headers, status, kind in [
        ("POST", "/tools/nope", {}, {}, 404, "TOOL_NOT_FOUND"),
        ("POST", "/tools/", {}, {}, 404, "TOOL_NOT_FOUND"),
        ("POST", "/tools/" + "a" * 5000, {}, {}, 404, "TOOL_NOT_FOUND"),
        ("POST", "/tools/a/b", {}, {}, 404, "TOOL_NOT_FOUND"),
        ("GET", "/", b"", {}, 404, "TOOL_NOT_FOUND"),
        ("GET", "/tools/chain_total", b"", {}, 405, "INVALID_STATE"),
        ("POST", "/openapi.json", b"", {}, 405, "INVALID_STATE"),
        ("POST", "/tools/chain_total", b"{", {}, 400, wrong),
        ("POST", "/tools/chain_total", b"\xff", {}, 400, wrong),
        ("POST", "/tools/chain_total", b"[]", {}, 422, wrong),
        ("POST", "/tools/chain_total", b"{}", {"Content-Type": "text/plain"}, 415, wrong),
        ("POST", "/tools/chain_total", {"node": {"value": "x"}}, {}, 422, wrong),
        ("POST", "/tools/chain_total", {"node": {"value": 1}, "z": 1}, {}, 422, wrong),
        ("POST", "/tools/ask_first", {}, {}, 403, "APPROVAL_REQUIRED"),
        ("POST", "/tools/chain_total", b" " * 2_000_000, {}, 413, "RESOURCE_EXHAUSTED"),
        (
            "POST",
            "/tools/chain_total",
            b"",
            {"Content-Length": "9" * 30},
            413,
            "RESOURCE_EXHAUSTED",
        ),
    ]:
        found, told, answer = client.ask(method, path, body, headers)
        assert (found, answer["error"]["type"]) == (status, kind), (method, path, answer)
        if status == 405:
            assert told["allow"] in ("POST", "GET, HEAD")


def test_what_a_tool_raised_stays_inside(client):
    status, _, body = client.ask("POST", "/tools/break_down", {})
    assert status == 500
    assert "secret" not in json.dumps(body)


def test_the_document_is_valid_openapi_and_its_references_lead_somewhere(client):
    status, _, document = client.ask("GET", "/openapi.json")
    assert status == 200
    assert document["openapi"] == "3.1.0"
    assert document["info"] == {"title": "Test", "version": "7"}
    operation = document["paths"]["/tools/chain_total"]["post"]
    assert operation["x-read-only"] is operation["x-idempotent"] is True
    assert document["paths"]["/tools/wipe_out"]["post"]["x-destructive"] is True
    for target in references(document):
        node = document
        for step in target.removeprefix("#/").split("/"):
            node = node[step]
    assert client.ask("HEAD", "/openapi.json")[::2] == (200, None)


def request_of(document: Any, name: str) -> Any:
    body = document["paths"][f"/tools/{name}"]["post"]["requestBody"]
    return body["content"]["application/json"]["schema"]


def whole(document: Any, node: Any, depth: int = 3) -> Any:
    """The schema with what its references lead to in their places, a few deep."""
    if isinstance(node, list):
        return [whole(document, item, depth) for item in node]
    if not isinstance(node, dict):
        return node
    if isinstance(node.get("$ref"), str):
        found = document["components"]["schemas"][node["$ref"].rpartition("/")[2]]
        return whole(document, found, depth - 1) if depth else "..."
    return {key: whole(document, value, depth) for key, value in node.items() if key != "format"}


@tool
def odd_names(default: Node, examples: list[Node], const: Node | None = None) -> int:
    """Parameters whose names are words of JSON Schema."""
    return 1


def test_parameters_may_have_the_names_of_keywords():
    document = export_tools([odd_names]).document()
    asked = request_of(document, "odd_names")["properties"]
    assert asked["default"] == {"$ref": "#/components/schemas/Node"}
    assert asked["examples"]["items"] == {"$ref": "#/components/schemas/Node"}
    assert not dangling(document)
    assert import_tools(document, server="http://127.0.0.1:1")


def dangling(document: Any) -> list[str]:
    home = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    return [target for target in references(document) if target not in home]


def schemas(**tools: Any) -> Any:
    """The document of tools that have these schemas, which are read as they are."""
    importer = altar.bridge.Importer("X")
    for name, parameters in tools.items():
        importer.add(name, lambda args, context: 1, parameters=parameters)
    return export_tools(importer.tools()).document()


def one_of(reference: str, **rest: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"a": {"$ref": reference}}, **rest}


def test_definitions_that_differ_never_share_a_name():
    two = {"名前": {"type": "integer"}, "住所": {"type": "string"}}
    both = {"a": {"$ref": "#/$defs/名前"}, "b": {"$ref": "#/$defs/住所"}}
    through = [
        one_of("#/$defs/A", **{"$defs": {"A": one_of("#/$defs/B"), "B": {"type": kind}}})
        for kind in ("integer", "string", "string")
    ]
    selves = [
        {**one_of("#/$defs/K", **{"$defs": {"K": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}}),
         "description": text}
        for text in ("five", "six")
    ]  # fmt: skip
    document = schemas(
        two={"type": "object", "properties": both, "$defs": two},
        t1=through[0], t2=through[1], t3=through[2], five=selves[0], six=selves[1],
        taken=one_of("#/$defs/altar.Error", **{"$defs": {"altar.Error": {"type": "null"}}}),
    )  # fmt: skip
    assert not dangling(document)
    found = whole(document, request_of(document, "two"))["properties"]
    assert found == {"a": {"type": "integer"}, "b": {"type": "string"}}
    kinds = [
        whole(document, request_of(document, name))["properties"]["a"]["properties"]["a"]["type"]
        for name in ("t1", "t2", "t3")
    ]
    assert kinds == ["integer", "string", "string"]
    for name in ("five", "six"):
        asked = whole(document, request_of(document, name))
        assert asked["description"] == name
        assert asked["properties"]["a"]["anyOf"][0]["description"] == name
    assert whole(document, request_of(document, "taken"))["properties"]["a"] == {"type": "null"}
    assert "error" in document["components"]["schemas"]["altar.Error"]["properties"]


def test_references_of_any_form_lead_somewhere_or_are_left_out():
    defs = {"a b": {"type": "integer"}, "a/b": {"properties": {"q": {"type": "string"}}}}
    properties = {
        "a": {"$ref": "#/$defs/a%20b"},
        "b": {"$ref": "#/properties/a"},
        "c": {"$ref": "#/$defs/a~1b/properties/q"},
        "d": {"$ref": "#here"},
        "e": {"$anchor": "here", "type": "boolean"},
    }
    document = schemas(
        t={"type": "object", "properties": properties, "$defs": defs, "$id": "http://e.x/a"}
    )
    assert not dangling(document)
    found = whole(document, request_of(document, "t"))
    assert "$id" not in found
    kinds = {name: inner.get("type") for name, inner in found["properties"].items()}
    assert kinds == {"a": "integer", "b": "integer", "c": "string", "d": "boolean", "e": "boolean"}


def test_odd_headers_are_refused_or_passed_over(client):
    assert client.ask("POST", "/tools/who_calls", {}, {"Content-Length": "\xb2"})[0] == 200
    twice = [(b"authorization", b"Bearer wrong"), (b"Authorization", b"Bearer t0ken")]
    guarded = Client(export_tools(TOOLS, tokens=["t0ken"]))
    status, _, body = guarded.ask("POST", "/tools/who_calls", {}, sent=twice)
    assert (status, body["error"]["type"]) == (400, "PARAMETER_VALIDATION_FAILED")


def references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [ref for value in node.values() for ref in references(value)]
    return [ref for item in node for ref in references(item)] if isinstance(node, list) else []


def test_without_its_token_nobody_calls_and_the_call_knows_who_did():
    seen = []

    class See:
        def __init__(self, inner):
            self.inner = inner

        def invoke(self, call, ctx):
            raise AssertionError

        async def ainvoke(self, call, ctx):
            seen.append(ctx.principal)
            return await self.inner.ainvoke(call, ctx)

    session = altar.Session(TOOLS, runtime=See)
    app = export_tools(session, tokens=["t0ken"], public_document=False)
    client = Client(app)
    for headers in ({}, {"Authorization": "Basic t0ken"}, {"Authorization": "Bearer wrong"}):
        status, told, body = client.ask("POST", "/tools/who_calls", {}, headers)
        assert (status, body["error"]["type"]) == (401, "PERMISSION_DENIED")
        assert told["www-authenticate"].startswith("Bearer")
        assert client.ask("GET", "/openapi.json", b"", headers)[0] == 401
    told = {"Authorization": "bearer t0ken"}
    assert client.ask("POST", "/tools/who_calls", {}, told)[0] == 200
    assert app.document()["security"] == [{"bearer": []}]

    async def verify(token: str) -> str | bool:
        if token == "boom":
            raise RuntimeError
        return {"ada": "Ada", "yes": True}.get(token, False)

    client = Client(export_tools(session, tokens=verify))
    ask = [client.ask("POST", "/tools/who_calls", {}, {"Authorization": f"Bearer {t}"})[0]
           for t in ("ada", "yes", "no", "boom")]  # fmt: skip
    assert ask == [200, 200, 401, 401]
    assert seen[1] == "Ada"
    assert "t0ken" not in repr(seen)


def test_bad_options_are_refused_at_once():
    for options in (
        {"tokens": [""]}, {"tokens": ["a\n"]}, {"max_body": 0}, {"tokens": [7]},
        {"tokens": []}, {"tokens": ()}, {"tokens": set()}, {"tokens": 0},
    ):  # fmt: skip
        with pytest.raises(ConfigurationError):
            export_tools(TOOLS, **options)


def test_limits_of_the_session_hold_and_are_told():
    session = altar.Session(
        [who_calls], runtime=lambda local: RateLimit(local, rate=0.1, burst=1, max_wait=0)
    )
    client = Client(export_tools(session))
    assert client.ask("POST", "/tools/who_calls", {})[0] == 200
    status, headers, _ = client.ask("POST", "/tools/who_calls", {})
    assert status == 429
    assert int(headers["retry-after"]) > 1


def test_a_mounted_application_knows_its_paths(client):
    assert client.ask("POST", "/api/tools/who_calls", {}, root_path="/api")[0] == 200
    assert client.ask("POST", "/tools/who_calls", {}, root_path="/api")[0] == 200


def test_a_client_that_goes_away_cancels_its_call():
    begun, heard = threading.Event(), threading.Event()

    async def waits(context: Context) -> str:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            heard.set()
            raise
        return "never"

    app = export_tools({"waits": waits})

    async def main() -> list[Any]:
        messages = [{"type": "http.request", "body": b"{}"}, {"type": "http.disconnect"}]
        sent: list[Any] = []

        async def receive() -> Any:
            if len(messages) == 1:  # it goes away once its call is under way
                assert await asoon(begun.is_set)
            if messages:
                return messages.pop(0)
            await asyncio.Event().wait()

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "POST", "path": "/tools/waits", "headers": []}
        await app(scope, receive, send)
        return sent

    asyncio.run(main())
    assert heard.is_set()


def test_half_a_request_is_no_call_and_other_protocols_are_answered():
    app = export_tools(TOOLS)

    async def talk(scope: Any, *messages: Any) -> list[Any]:
        left, sent = list(messages), []

        async def receive() -> Any:
            return left.pop(0)

        async def send(message: Any) -> None:
            sent.append(message)

        await app(scope, receive, send)
        return sent

    half = {"type": "http", "method": "POST", "path": "/tools/who_calls", "headers": []}
    gone = {"type": "http.disconnect"}
    body = {"type": "http.request", "body": b"{", "more_body": True}
    assert asyncio.run(talk(half, body, gone)) == []
    live = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    assert [m["type"] for m in asyncio.run(talk({"type": "lifespan"}, *live))] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]
    closed = asyncio.run(talk({"type": "websocket"}, {"type": "websocket.connect"}))
    assert closed == [{"type": "websocket.close", "code": 1000}]


@contextmanager
def served(app: Any):
    """The application behind a real server on loopback; its base URL."""
    uvicorn = pytest.importorskip("uvicorn")
    server = uvicorn.Server(
        uvicorn.Config(app, port=0, log_level="critical", lifespan="on", timeout_keep_alive=120)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + 60
    while not server.started and time.monotonic() < until:
        time.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(30)


def test_behind_a_real_server_the_tools_come_back_as_they_were():
    with served(export_tools(TOOLS, tokens=["t0ken"])) as base:
        host = base.removeprefix("http://")
        connection = http.client.HTTPConnection(host, timeout=30)
        connection.request("GET", "/openapi.json")
        document = json.loads(connection.getresponse().read())
        connection.close()
        tools = import_tools(document, server=base, secrets={"bearer": "t0ken"})
        session = altar.Session(tools)
        assert {one.name for one in session.declarations()} == {fn.__name__ for fn in TOOLS}
        result = session.execute("chain_total", {"node": {"value": 1, "next": {"value": "2"}}})
        assert result.content == 3
        refused = session.execute("refuse_as", {"kind": "BUSINESS_RULE_VIOLATION"})
        assert refused.error.type == "BUSINESS_RULE_VIOLATION"
        assert refused.error.message == "Not now."


def plain(a: int, b: float = 1.0, tags: list[str] | None = None) -> dict[str, Any]:
    """Plain arguments."""
    return {"a": a, "b": b, "tags": tags}


@pytest.mark.slow
@pytest.mark.parametrize("strict", [False, True])
def test_schemathesis_finds_no_operation_that_breaks_its_word(strict):
    schemathesis = pytest.importorskip("schemathesis")
    from hypothesis import HealthCheck, given, settings
    from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

    # altar reads "42" as 42, unless it is strict; strict, it refuses 3.0, an integer in JSON Schema
    left_out = [positive_data_acceptance if strict else negative_data_rejection]
    app = export_tools(altar.Session([chain_total, wipe_out, plain], strict=strict))
    schema = schemathesis.openapi.from_asgi("/openapi.json", app)
    seen = set()
    bounds = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    for found in schema.get_all_operations():
        for mode in schemathesis.GenerationMode:
            strategy = found.ok().as_strategy(generation_mode=mode)

            @bounds
            @given(case=strategy)
            def judge(case: Any) -> None:
                seen.add((case.operation.path, mode))  # noqa: B023 - it is called at once
                case.call_and_validate(excluded_checks=left_out)

            judge()
    assert len(seen) == 6
