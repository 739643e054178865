"""Tools served by altar and taken back by altar are what they were, in both eras."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

import pytest

from altar import Context, Session, ToolError, tool
from altar.adm import Blob, FunctionCall
from altar.errors import ErrorType
from altar.mcp import Client, ClientOptions, Server, ServerOptions, connect
from altar.runtime import CallContext
from tests.mcp.serving import listening
from tests.waiting import soon

VERSIONS = {"modern": "2026-07-28", "handshake": "2025-11-25"}


@dataclass
class Stay:
    """A stay in an hotel."""

    city: str
    nights: int
    start: date


def _made() -> list[Any]:
    """Functions local to another are marked and not registered: other tests have such names."""

    @tool
    def book(stay: Stay, guests: Annotated[int, "How many come."] = 1) -> dict[str, int]:
        """Book a stay."""
        return {"nights": stay.nights, "guests": guests}

    @tool
    def count(words: list[str]) -> int:
        """Count words."""
        return len(words)

    @tool
    def words(text: str) -> list[str]:
        """Take a text apart."""
        return text.split()

    @tool
    def picture() -> Blob:
        """A picture."""
        return Blob("image/png", b"\x89PNG")

    @tool
    def refuse(city: str) -> str:
        """Refuse."""
        raise ToolError(
            f"Nothing in {city}.", type="BUSINESS_RULE_VIOLATION", details={"city": city}
        )

    @tool
    def crash() -> str:
        """Crash."""
        raise RuntimeError("secret")

    @tool
    def walk(ctx: Context) -> str:
        """Tell how far it is."""
        for at in range(3):
            ctx.progress({"progress": at, "message": f"at {at}"})
        return "there"

    @tool(approval=True)
    def erase(what: str) -> str:
        """Erase."""
        return f"{what} erased"

    return [book, count, words, picture, refuse, crash, walk, erase]


book, count, words, picture, refuse, crash, walk, erase = _made()


TOOLS = [book, count, words, picture, refuse, crash, walk, erase]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with listening(Server(Session(tools=TOOLS))) as made:
        yield made


@pytest.fixture(scope="module", params=list(VERSIONS))
def version(request: pytest.FixtureRequest) -> str:
    return VERSIONS[request.param]


@pytest.fixture(scope="module")
def client(url: str, version: str) -> Iterator[Client]:
    with connect(url=url, options=ClientOptions(version=version)) as made:
        yield made


def test_names_descriptions_and_schemas_are_equal(client: Client):
    ours = {one.name: one for one in Session(tools=TOOLS).declarations()}
    back = {one.name: one for one in Session(tools=[client]).declarations()}
    assert list(back) == list(ours)
    for name, one in ours.items():
        assert back[name].description == one.description
        for part in ("parameters", "returns"):
            mine, other = (getattr(each, part) for each in (one, back[name]))
            assert (mine is None) == (other is None), (name, part)
            if mine is not None:
                assert mine.to_dict("json-schema") == other.to_dict("json-schema"), (name, part)


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("book", {"stay": {"city": "Oslo", "nights": 2, "start": "2026-01-02"}}),
        ("count", {"words": ["a", "b"]}),
        ("words", {"text": "a b"}),
        ("picture", {}),
        ("walk", {}),
        ("refuse", {"city": "Oslo"}),
        ("crash", {}),
        ("book", {"stay": {"city": "Oslo", "nights": "x", "start": "no"}, "more": 1}),
        ("count", {}),
    ],
)
def test_results_and_refusals_are_equal(client: Client, name: str, args: dict):
    ours = Session(tools=TOOLS).execute(name, args)
    back = Session(tools=[client]).execute(name, args)
    assert back.content == ours.content
    if ours.error is None:
        assert back.error is None
    elif ours.error.details and "problems" in ours.error.details:  # told by the schema, unasked
        assert back.error.type == ours.error.type
    else:
        assert (back.error.type, back.error.message) == (ours.error.type, ours.error.message)
        assert back.error.details == ours.error.details


def test_progress_comes_through(client: Client):
    got: list[dict] = []
    call = FunctionCall(call_id="1", name="walk", args={})
    Session(tools=[client]).invoke(call, CallContext(emit=got.append))
    assert [(one["progress"], one["message"]) for one in got] == [
        (at, f"at {at}") for at in range(3)
    ]


def test_a_tool_that_waits_for_approval_says_so_where_nobody_is_asked(client: Client):
    error = Session(tools=[client]).execute("erase", {"what": "disk"}).error
    assert error.type == ErrorType.APPROVAL_REQUIRED


@pytest.mark.parametrize(("said", "content"), [(True, "disk erased"), (False, None)])
def test_the_person_behind_the_client_decides(url: str, version: str, said: bool, content: object):
    asked: list[str] = []

    def decide(question) -> bool:
        asked.append(question.message)
        assert question.is_confirmation
        return said

    with connect(url=url, elicit=decide, options=ClientOptions(version=version)) as client:
        result = Session(tools=[client]).execute("erase", {"what": "disk"})
        assert result.content == content
        assert said or result.error.type == ErrorType.PERMISSION_DENIED
        assert "disk" in asked[0]


def test_a_call_that_was_approved_here_is_confirmed_there(url: str, client: Client, version: str):
    call = FunctionCall(call_id="1", name="erase", args={"what": "disk"})
    if version == VERSIONS["modern"]:  # each request says what its client can
        result = Session(tools=[client]).invoke(call, CallContext(approved=True))
        assert result.content == "disk erased"
    options = ClientOptions(version=version)
    with connect(url=url, elicit=lambda _: pytest.fail("asked twice"), options=options) as other:
        result = Session(tools=[other]).invoke(call, CallContext(approved=True))
        assert result.content == "disk erased"


def test_more_calls_than_the_server_runs_at_once_wait_for_their_turn(version: str):
    async def main(url: str) -> list[object]:
        async with connect(url=url, options=ClientOptions(version=version)) as client:
            session = Session(tools=[client])
            calls = (session.aexecute("later", {}) for _ in range(60))
            return [result.content for result in await asyncio.gather(*calls)]

    @tool
    async def later() -> int:
        """Later."""
        await asyncio.sleep(0.01)
        return 1

    with listening(Server(Session(tools=[later]), options=ServerOptions(max_running=8))) as url:
        assert asyncio.run(main(url)) == [1] * 60


def test_a_server_whose_tools_change_says_so_to_a_client_that_watches(version: str):
    session = Session(tools=[count])
    server = Server(session)
    options = ClientOptions(version=version, watch=True)
    with listening(server) as url, connect(url=url, options=options) as client:
        assert [tool.declaration.name for tool in client.tools()] == ["count"]
        session.add(words)

        def told() -> bool:  # the stream may not be open yet
            server.tools_changed()
            return client.changed

        assert soon(told)
        assert client.refresh() is True
        assert [tool.declaration.name for tool in client.tools()] == ["count", "words"]
