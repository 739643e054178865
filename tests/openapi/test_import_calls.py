"""Imported operations against a served API: results, errors, secrets, hosts, cancellation."""

from __future__ import annotations

import asyncio
import json
import logging
import threading

import pytest

import altar
from altar.errors import ConfigurationError, DeclarationError
from altar_extras.openapi import Document, Limits, Select, Server, import_tools

pytest.importorskip("uvicorn")
pytest.importorskip("starlette")
from tests.openapi.served import (
    DOCUMENT,
    KEY,
    PASSWORD,
    TOKEN,
    document,
    operation,
    parameter,
    serving,
)
from tests.waiting import PATIENCE, asoon


@pytest.fixture
def session(api):
    with altar.Session(tools=import_tools(DOCUMENT, server=api[0])) as session:
        yield session


def one(api, path, described, method="get", **options):
    """A session with one operation."""
    options = {"server": api[0], **options}
    tools = import_tools(document({path: {method: described}}), **options)
    return altar.Session(tools=tools), tools[0].declaration.name


def test_an_api_is_used_like_any_tools(session):
    added = session.execute("addPet", {"name": "Rex", "tag": None}).unwrap()
    assert added["name"] == "Rex"
    number = added["id"]
    assert session.execute("get_pets_id", {"id": str(number)}).unwrap() == added
    put = session.execute("putPet", {"id": number, "name": "Max"}).unwrap()
    assert put["name"] == "Max"
    assert put in session.execute("listPets").unwrap()
    assert session.execute("drop_pet_", {"id": number}).unwrap() is None
    gone = session.execute("get_pets_id", {"id": number}).error
    assert (gone.type, gone.details["status"]) == ("RESOURCE_NOT_FOUND", 404)
    assert "no pet" in gone.message


def test_async_calls_do_not_block_the_loop_and_equal_sync_ones(session):
    async def run():
        return await asyncio.gather(
            *[session.aexecute("answer", {"status": 200}) for _ in range(9)]
        )

    assert {r.content["status"] for r in asyncio.run(run())} == {200}
    assert (
        session.execute("answer", {"status": 404}).error
        == asyncio.run(session.aexecute("answer", {"status": 404})).error
    )


def test_a_connection_serves_many_calls(session):
    assert len({session.execute("connection").unwrap() for _ in range(5)}) == 1


def test_declarations_say_what_the_document_says(session):
    found = {one.name: one for one in session.declarations()}
    assert found["addPet"].description == "Add a pet to the store."
    assert found["drop_pet_"].extensions["x_foreign_name"] == "drop pet!"
    assert found["get_pets_id"].extensions["x_openapi"] == {"method": "GET", "path": "/pets/{id}"}
    sent = found["addPet"].to_dict("json-schema")["parameters"]
    assert sorted(sent["properties"]) == ["code", "name", "parent", "tag"]  # id is read-only
    assert sent["required"] == ["name"]
    got = found["addPet"].returns.document
    assert got["$ref"] == "#/$defs/Pet"
    assert sorted(got["$defs"]["Pet"]["properties"]) == ["id", "name", "parent", "tag"]


def test_effects_and_approval_follow_the_method(api):
    from altar.bridge import Effects

    tools = import_tools(DOCUMENT, server=api[0])
    said = {one.declaration.name: Effects.of(one.declaration) for one in tools}
    assert said["listPets"] == Effects(read_only=True, idempotent=True)
    assert said["addPet"] == Effects()
    assert said["putPet"] == Effects(idempotent=True)
    assert said["drop_pet_"] == Effects(destructive=True, idempotent=True)
    for approve, asked in (
        ("destructive", {"drop_pet_"}),
        ("writes", {"drop_pet_", "putPet", "addPet"}),
    ):
        tools = import_tools(DOCUMENT, server=api[0], approve=approve)
        assert {t.declaration.name for t in tools if t.options.approval} == asked
    result = altar.Session(tools=tools).execute("drop_pet_", {"id": 1})
    assert result.error.type == "APPROVAL_REQUIRED"


def test_a_document_adds_caution_and_never_takes_it_away(api):
    from altar.bridge import Effects

    claims = {"x-read-only": True, "x-destructive": False}
    paths = {
        "/echo": {
            "delete": operation("a", **claims),
            "post": operation("b", **claims),
            "patch": operation("c", **{"x-destructive": True, "x-requires-approval": True}),
            "get": operation("d", **{"x-destructive": True}),
        }
    }
    tools = import_tools(document(paths), server=api[0], approve="writes")
    said = {one.declaration.name: Effects.of(one.declaration) for one in tools}
    assert said["a"] == Effects(destructive=True, idempotent=True, approval=True)
    assert said["b"] == Effects(approval=True)  # a write, whatever it says
    assert said["c"] == Effects(destructive=True, approval=True)
    assert said["d"].destructive
    assert not said["d"].read_only


@pytest.mark.parametrize(
    ("select", "names"),
    [
        (Select(tags=("pets",)), {"listPets", "addPet", "get_pets_id"}),
        (Select(ids=("addPet", "slow")), {"addPet", "slow"}),
        (Select(paths=("/pets/*",)), {"get_pets_id", "putPet", "drop_pet_"}),
        (Select(methods=("get",), paths=("/pets*",)), {"listPets", "get_pets_id"}),
    ],
)
def test_operations_are_chosen_by_tag_id_path_and_method(api, select, names):
    tools = import_tools(DOCUMENT, server=api[0], select=select)
    assert {one.declaration.name for one in tools} == names


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "PARAMETER_VALIDATION_FAILED"),
        (401, "PERMISSION_DENIED"),
        (403, "PERMISSION_DENIED"),
        (404, "RESOURCE_NOT_FOUND"),
        (409, "INVALID_STATE"),
        (418, "TOOL_EXECUTION_FAILED"),
        (422, "PARAMETER_VALIDATION_FAILED"),
        (429, "RATE_LIMIT_EXCEEDED"),
        (500, "SERVICE_UNAVAILABLE"),
        (503, "SERVICE_UNAVAILABLE"),
    ],
)
def test_a_status_is_a_typed_error_and_a_problem_is_read(session, status, kind):
    error = session.execute("answer", {"status": status, "kind": "problem"}).error
    assert error.type == kind
    assert error.message == f"GET /answer answered {status}: No luck: try another"
    assert error.details["problem"]["detail"] == "try another"


def test_retry_after_is_told_in_seconds_or_as_a_date(session):
    limited = session.execute("answer", {"status": 429, "after": "7"}).error
    assert (limited.retry_allowed, limited.retry_after_ms) == (True, 7000)
    past = session.execute(
        "answer", {"status": 503, "after": "Wed, 21 Oct 2015 07:28:00 GMT"}
    ).error
    assert past.retry_after_ms == 0
    odd = session.execute("answer", {"status": 503, "after": "soon"}).error
    assert odd.retry_after_ms is None


def test_an_error_in_altars_own_form_is_taken_over(session):
    error = session.execute("answer", {"status": 422, "kind": "altar"}).error
    assert (error.type, error.message, error.details) == (
        "BUSINESS_RULE_VIOLATION",
        "rule 7",
        {"n": 1},
    )


def test_bodies_of_every_kind_become_values(session):
    assert session.execute("answer", {"kind": "text"}).unwrap() == "grüß"
    assert session.execute("answer", {"kind": "gzip"}).unwrap() == {"packed": True}
    blob = session.execute("answer", {"kind": "bytes"}).value
    assert blob == altar.Blob("image/png", b"\x00\x01")
    broken = session.execute("answer", {"kind": "broken"}).error
    assert "no JSON" in broken.message


@pytest.mark.parametrize("kind", ["large", "bomb"])
def test_an_answer_beyond_the_limit_is_not_read(session, kind):
    assert session.execute("answer", {"kind": kind}).error.type == "RESOURCE_EXHAUSTED"


def test_head_and_options_say_status_and_headers(api):
    session, name = one(api, "/echo", operation("e"), "head")
    found = session.execute(name).unwrap()
    assert found["status"] == 200
    assert found["headers"]["content-type"] == "application/json"


# ---- where requests go


def redirected(api, to, status=302, method="get"):
    where = [parameter("to", "query"), parameter("status", "query")]
    session, name = one(api, "/away", operation("away", *where), method)
    return session.execute(name, {"to": to, "status": status})


def test_redirects_are_followed_on_the_same_server_alone(api):
    here = api[0]
    assert redirected(api, f"{here}/answer?status=200").unwrap() == {"status": 200}
    assert redirected(api, "/v1/echo", 303, "post").unwrap()["method"] == "GET"
    for to in ("http://localhost:1/", here.replace("127.0.0.1", "127.0.0.2"), "ftp://x/", "//x:9/"):
        assert "another host" in redirected(api, to).error.message
    assert "changes something" in redirected(api, f"{here}/echo", 307, "post").error.message
    loop = f"{here}/away?status=302&to="
    assert redirected(api, loop).error is not None


def test_a_host_that_only_the_document_names_must_be_public(api):
    named = {**DOCUMENT, "servers": [{"url": api[0]}]}
    only = Select(ids=("connection",))
    error = altar.Session(import_tools(named, select=only)).execute("connection").error
    assert error.type == "PERMISSION_DENIED"
    assert "no public address" in error.message
    assert "server='http://" in error.message
    host = api[0].split("/")[2]
    for hosts in ((host,), ("127.0.0.1",)):
        tools = import_tools(named, select=only, server=Server(hosts=hosts))
        assert altar.Session(tools).execute("connection").ok
    with pytest.raises(ConfigurationError, match="not among the allowed hosts"):
        import_tools(named, server=Server(hosts=("api.example.com",)))


@pytest.mark.parametrize(
    "address",
    [
        *("192.0.0.192", "168.63.129.16", "[fec0::2]", "[3fff::1]"),
        *("10.0.0.1", "169.254.169.254", "0.0.0.0", "2130706433", "127.1", "0x7f.1", "localhost"),
        *("[::1]", "[::ffff:127.0.0.1]", "[fd00::1]", "[64:ff9b::a9fe:a9fe]", "[2002:7f00:1::]"),
    ],
)
def test_no_spelling_of_a_private_address_is_reached(address):
    given = document({"/x": {"get": operation("x")}}, servers=[{"url": f"http://{address}:9"}])
    error = altar.Session(import_tools(given, limits=Limits(timeout=30))).execute("x").error
    assert error.type == "PERMISSION_DENIED"
    assert "no public address" in error.message


def test_where_hosts_are_listed_the_documents_own_is_not_one_of_them(api):
    only = {"select": Select(ids=("connection",)), "server": Server(hosts=("api.example.com",))}
    own = api[0].replace("/v1", "/openapi.json")
    for source in (own, Document(DOCUMENT, url=own)):
        with pytest.raises(ConfigurationError, match="not among the allowed hosts"):
            import_tools(source, **only)


def test_a_document_is_read_from_a_url_and_its_relative_server_is_there(api):
    tools = import_tools(api[0].replace("/v1", "/openapi.json"), select=Select(ids=("connection",)))
    assert altar.Session(tools).execute("connection").ok
    with pytest.raises(ConfigurationError, match="answered 404"):
        import_tools(api[0] + "/nothing.json")
    with pytest.raises(ConfigurationError, match="could not be reached"):
        import_tools("http://127.0.0.1:9/openapi.json")


def test_servers_have_variables(api):
    port = api[0].rpartition(":")[2].split("/")[0]
    server = {
        "url": "http://{host}:{port}/{version}",
        "variables": {
            "host": {"default": "127.0.0.1"},
            "port": {"default": "1"},
            "version": {"default": "v0", "enum": ["v0", "v1"]},
        },
    }
    given = {**DOCUMENT, "servers": [server]}
    chosen = Server(variables={"port": port, "version": "v1"}, hosts=("127.0.0.1",))
    tools = import_tools(given, server=chosen, select=Select(ids=("connection",)))
    assert altar.Session(tools).execute("connection").ok
    with pytest.raises(ConfigurationError, match="is one of 'v0', 'v1', not 'v2'"):
        import_tools(given, server=Server(variables={"version": "v2"}))


# ---- secrets


SCHEMES = {
    "inHeader": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "inQuery": {"type": "apiKey", "in": "query", "name": "key"},
    "inCookie": {"type": "apiKey", "in": "cookie", "name": "sid"},
    "basic": {"type": "http", "scheme": "Basic"},
    "bearer": {"type": "http", "scheme": "bearer"},
    "oauth": {"type": "oauth2", "flows": {}},
    "oidc": {"type": "openIdConnect", "openIdConnectUrl": "https://x"},
}
GIVEN = {
    "inHeader": KEY,
    "inQuery": lambda: KEY,
    "inCookie": KEY,
    "basic": ("user", PASSWORD),
    "bearer": TOKEN,
    "oauth": lambda: TOKEN,
    "oidc": TOKEN,
}


def guarded(name):
    shown = [
        parameter("X-API-Key", "header"),
        parameter("key", "query"),
        parameter("sid", "cookie"),
    ]
    return document(
        {"/guarded": {"get": operation("guarded", *shown, security=[{name: []}])}},
        components={"securitySchemes": SCHEMES},
    )


@pytest.mark.parametrize("name", SCHEMES)
@pytest.mark.parametrize("by_function", [False, True])
def test_a_secret_is_sent_and_shown_to_nobody(api, name, by_function, caplog):
    caplog.set_level(logging.DEBUG)
    secrets = GIVEN.get if by_function else {name: GIVEN[name]}
    tools = import_tools(guarded(name), server=api[0], secrets=secrets)
    result = altar.Session(tools).execute("guarded")
    assert any(result.unwrap()["right"]) or "[secret]" in json.dumps(result.content)
    shown = [json.dumps(result.content), repr(tools), caplog.text, repr(tools[0].function)]
    shown.append(json.dumps(tools[0].declaration.to_dict()))
    for secret in (KEY, TOKEN, PASSWORD, "dXNlcj"):
        assert not any(secret in text for text in shown)
    argument = {"inHeader": "X-API-Key", "inQuery": "key", "inCookie": "sid"}.get(name)
    assert argument not in tools[0].declaration.to_dict()["parameters"]["properties"]


def test_a_missing_secret_is_told_with_what_to_type(api):
    with pytest.raises(DeclarationError, match=r"secrets=\{'bearer': \.\.\.\}"):
        import_tools(guarded("bearer"), server=api[0])
    with pytest.raises(ConfigurationError, match="no such security scheme"):
        import_tools(DOCUMENT, server=api[0], secrets={"bearer": TOKEN})
    tools = import_tools(guarded("bearer"), server=api[0], secrets=lambda name: None)
    error = altar.Session(tools).execute("guarded").error
    assert error.type == "CONFIGURATION_ERROR"

    def broken(name):
        raise ValueError(TOKEN)

    tools = import_tools(guarded("bearer"), server=api[0], secrets=broken)
    result = altar.Session(tools).execute("guarded")
    assert TOKEN not in repr(result) + repr(result.cause) + result.error.message


def test_the_way_that_has_secrets_is_taken_and_none_is_needed_where_none_is_asked(api):
    described = operation("g", security=[{"basic": [], "inQuery": []}, {"inHeader": []}])
    given = document(
        {"/guarded": {"get": described}, "/echo": {"get": operation("open", security=[])}},
        components={"securitySchemes": SCHEMES},
        security=[{"bearer": []}],
    )
    session = altar.Session(import_tools(given, server=api[0], secrets={"inHeader": KEY}))
    assert session.execute("g").unwrap()["seen"]["header"] == "[secret]"
    assert session.execute("open").unwrap()["headers"].get("x-api-key") is None


# ---- time


def test_a_call_ends_with_its_time(api):
    session, name = one(api, "/slow", operation("slow"), limits=Limits(timeout=0.05))
    assert session.execute(name).error.type == "TIMEOUT"


def test_a_deadline_of_the_caller_ends_a_call(api):
    session, name = one(api, "/slow", operation("slow"))
    assert session.execute(name, timeout=0.05).error.type == "TIMEOUT"


def test_a_cancelled_task_hangs_up():
    async def run(session, name, waiting):
        task = asyncio.ensure_future(session.aexecute(name))
        assert await asoon(waiting.is_set)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with serving() as served:  # one of its own: others leave calls behind that are still waited for
        session, name = one(served, "/slow", operation("slow"))
        asyncio.run(run(session, name, served[1].state.waiting))
        assert served[1].state.left.wait(PATIENCE)


def test_a_server_that_is_not_there_is_unavailable():
    tools = import_tools(DOCUMENT, server="http://127.0.0.1:9", select=Select(ids=("listPets",)))
    error = altar.Session(tools).execute("listPets").error
    assert error.type == "SERVICE_UNAVAILABLE"
    assert "GET /pets" in error.message
    assert "127.0.0.1" not in error.message


def test_a_server_that_breaks_off_is_unavailable():
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            for piece in (
                b"",
                b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf",
                b"\x00garbage\r\n",
            ):
                peer, _ = listener.accept()
                peer.recv(65536)
                peer.sendall(piece)
                peer.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        port = listener.getsockname()[1]
        tools = import_tools(
            DOCUMENT, server=f"http://127.0.0.1:{port}", select=Select(ids=("listPets",))
        )
        session = altar.Session(tools)
        for _ in range(3):
            assert session.execute("listPets").error.type == "SERVICE_UNAVAILABLE"
        thread.join(30)
