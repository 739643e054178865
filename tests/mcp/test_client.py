"""The client against the official SDK's servers: both transports, both eras."""

from __future__ import annotations

import asyncio
import importlib
import socket
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from altar import Session
from altar.adm import Blob, FunctionCall
from altar.bridge import Effects
from altar.errors import ErrorType
from altar.mcp import Client, ClientOptions, McpError, Question, connect
from altar.runtime import CallContext
from tests.waiting import PATIENCE, soon

pytest.importorskip("mcp")
uvicorn = pytest.importorskip("uvicorn")
real_server = importlib.import_module("tests.mcp.real_server")

FILE = Path(__file__).with_name("real_server.py")
VERSIONS = {"modern": None, "handshake": "2025-11-25", "old": "2025-03-26"}


@contextmanager
def serving(app: object) -> Iterator[str]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_keep_alive=120))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/mcp"
        server.should_exit = True
        thread.join(PATIENCE)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(real_server.made().streamable_http_app()) as made:
        yield made


def answer(question: Question) -> dict | None:
    asked.append(question)
    return {"why": "I say so"} if "file" in question.message else None


asked: list[Question] = []


@pytest.fixture(
    scope="module",
    params=["http-modern", "http-handshake", "http-old", "stdio-modern", "stdio-handshake"],
)
def client(request: pytest.FixtureRequest, url: str) -> Iterator[Client]:
    transport, era = request.param.split("-")
    options = ClientOptions(version=VERSIONS[era], timeout=PATIENCE)
    command = [sys.executable, str(FILE)]
    way = {"url": url} if transport == "http" else {"command": command}
    with connect(**way, elicit=answer, options=options) as made:
        assert made.version == (VERSIONS[era] or "2026-07-28")
        yield made


@pytest.fixture
def session(client: Client) -> Session:
    return Session(tools=[client])


def test_tools_come_with_schema_description_title_and_returns(client: Client, session: Session):
    add = {one.name: one for one in session.declarations()}["add"]
    assert add.description == "Add two numbers."
    schema = add.to_dict("json-schema")["parameters"]
    assert schema["required"] == ["a"]
    assert schema["properties"]["b"]["default"] == 2
    assert add.extensions["x_title"] == "Sum"
    assert Effects.of(add) == Effects()  # a stranger's word that it reads only
    assert add.returns.to_dict("json-schema")["type"] == "integer"
    assert client.server["name"] == "demo"
    assert client.instructions == "Be kind."


def test_results_are_values_and_refusals_are_altars(session: Session):
    assert session.execute("add", {"a": 1}).content == 3
    assert session.execute("point", {"x": 1, "y": 2}).content == {"x": 1, "y": 2}
    error = session.execute("add", {"b": 1}).error
    assert error.type == ErrorType.PARAMETER_VALIDATION_FAILED
    assert error.details["problems"][0]["keyword"] == "required"


def test_an_error_of_the_tool_is_the_servers_text(session: Session):
    error = session.execute("fail", {}).error
    assert error.type == ErrorType.TOOL_EXECUTION_FAILED
    assert error.message == "Error executing tool fail"


def test_progress_reaches_whoever_listens_to_the_call(session: Session):
    got: list[object] = []
    call = FunctionCall(call_id="1", name="slow", args={"seconds": 0})
    assert session.invoke(call, CallContext(emit=got.append)).content == "done"
    assert [one["progress"] for one in got] == [0, 1, 2]
    assert got[2] == {"progress": 2, "total": 3, "message": "step 2"}


def test_a_deadline_of_altars_cancels_the_call_at_the_server(session: Session):
    def ended() -> list[str]:
        return session.execute("ended", {}).content

    before = len(ended())
    for seconds in (0.2, 1.0, 5.0, 20.0):  # an early one may be over before the server has it
        told: list[object] = []
        call = FunctionCall(call_id="1", name="slow", args={"seconds": 3600})
        context = CallContext(deadline=time.monotonic() + seconds, emit=told.append)
        assert session.invoke(call, context).error.type == ErrorType.TIMEOUT
        if len(told) == 3 and soon(lambda: len(ended()) > before, 10):
            break
    assert len(ended()) > before


def test_a_question_is_answered_and_its_defaults_are_filled_in(session: Session):
    asked.clear()
    assert session.execute("delete", {"what": "file"}).content == "file: True, I say so"
    (question,) = asked
    assert question.message == "Delete file?"
    assert question.tool == "delete"
    assert question.schema["properties"]["why"]["description"] == "The reason."


def test_a_question_without_an_answer_ends_the_call_with_an_error(session: Session):
    assert session.execute("delete", {"what": "disk"}).error is not None


def test_hundreds_of_calls_run_at_once_over_one_client(session: Session):
    async def main() -> list[object]:
        calls = (session.aexecute("add", {"a": at, "b": 0}) for at in range(200))
        return [result.content for result in await asyncio.gather(*calls)]

    assert asyncio.run(main()) == list(range(200))
    with ThreadPoolExecutor(8) as pool:
        found = pool.map(lambda at: session.execute("add", {"a": at, "b": 0}).content, range(40))
        assert [*found] == list(range(40))


def test_anything_else_the_server_has_can_be_asked_for(client: Client):
    (one,) = client.items("resources")
    assert one["uri"] == "note://one"
    said = client.request("resources/read", {"uri": "note://one"})
    assert said["contents"][0]["text"] == "remember"
    with pytest.raises(McpError):
        client.request("resources/read", {"uri": "note://none"})


def test_tools_that_stay_are_the_same_after_a_refresh(client: Client, session: Session):
    before = [tool.function for tool in client.tools()]
    assert client.refresh() is False
    assert [tool.function for tool in client.tools()] == before
    session.add(client)
    assert client.changed is False


def test_pages_are_read_to_their_end_and_blocks_become_values():
    app = real_server.low().streamable_http_app(json_response=True)
    with serving(app) as url, connect(url=url) as client:
        assert len(client.tools()) == 12
        session = Session(tools=client)
        names = [one.name for one in session.declarations()]
        nothing, picture, many = (session.execute(name, {}) for name in names[:3])
        assert nothing.content is None
        assert picture.value == Blob("image/png", b"\x89PNG")
        assert many.value[1:4] == [
            Blob("audio/wav", b"\x89PNG"),
            {"uri": "note://one", "mimeType": "text/plain", "text": "hi"},
            Blob("application/octet-stream", b"\x89PNG"),
        ]
        assert many.value[0] == "one"
        assert many.value[4]["uri"] == "note://three"


def test_an_async_application_uses_the_client_from_its_own_loop(url: str):
    async def decide(question: Question) -> bool:
        assert asyncio.get_running_loop() is home
        await asyncio.sleep(0)
        return True

    async def main() -> None:
        nonlocal home
        home = asyncio.get_running_loop()
        async with connect(url=url, elicit=decide) as client:
            session = Session(tools=[client])
            said = await session.aexecute("delete", {"what": "x"})
            assert said.content == "x: True, because"
            assert await client.arefresh() is False

    home: asyncio.AbstractEventLoop | None = None
    asyncio.run(main())


def test_without_anybody_to_ask_a_tool_that_asks_is_a_typed_error(url: str):
    with connect(url=url) as client:
        error = Session(tools=[client]).execute("delete", {"what": "x"}).error
        assert error is not None
