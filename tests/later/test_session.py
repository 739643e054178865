"""Sessions: what they hold, show, refuse and let go."""

from __future__ import annotations

import asyncio
import gc
import types
import weakref

import pytest

import altar
from altar import FunctionCall, Session, ToolError, tool
from altar.errors import (
    ClosedError,
    ConfigurationError,
    DeclarationError,
    InvalidDataError,
    RegistryError,
)
from altar.later import Registry, SchemaTool, SessionLimits
from altar.later._mark import ToolOptions


def plain(x: int) -> int:
    """Plain."""
    return x + 1


async def later(x: int) -> int:
    """Later."""
    return x + 2


class Counter:
    """An object with marked methods."""

    shared = 7

    def __init__(self):
        self.total = 0

    @tool
    def count(self, by: int = 1) -> int:
        """Count on."""
        self.total += by
        return self.total

    @tool
    @staticmethod
    def double(x: int) -> int:
        """Double."""
        return x * 2

    @classmethod
    @tool
    def which(cls) -> str:
        """Name the class."""
        return cls.__name__

    def quiet(self):
        raise AssertionError("not a tool")

    @property
    def trap(self):
        raise AssertionError("properties are not touched")


def kind_of(result):
    return None if result.error is None else result.error.type


def names(session):
    return [declaration.name for declaration in session.declarations()]


def test_it_works_from_construction_and_with_only_closes_it():
    """No `with` is needed to call; after it, calls are refused."""
    session = Session(tools=[plain])
    assert session.execute("plain", {"x": 1}).content == 2
    with session as same:
        assert same is session
        assert session.execute("plain", {"x": 1}).unwrap() == 2
    assert session.closed
    assert kind_of(session.execute("plain", {"x": 1})) == "INVALID_STATE"
    session.close()


def test_a_closed_session_cannot_be_entered():
    """with and async with raise ClosedError, after closing and after the lifetime."""
    now = [0.0]
    closed, over = Session(), Session(ttl=1, limits=SessionLimits(clock=lambda: now[0]))
    closed.close()
    now[0] = 2

    async def enter(session):
        async with session:
            raise AssertionError("it was entered")

    for session, why in ((closed, "was closed"), (over, "lifetime is over")):
        with pytest.raises(ClosedError, match=f"with session: .*{why}; make a new one"), session:
            raise AssertionError("it was entered")
        with pytest.raises(ClosedError, match=why):
            asyncio.run(enter(session))


def test_a_session_of_one_counts_in_the_singular():
    """Its repr says how many tools there are, and that it is closed."""
    session = Session(tools=[plain])
    assert repr(session) == "<Session of 1 tool>"
    session.add(later)
    session.close()
    assert repr(session) == "<Session of 2 tools, closed>"


def test_every_form_of_tools_is_taken():
    """Names, functions, objects, mappings, registries, modules and providers of tools."""

    @tool(name="by_mark")
    def marked() -> str:
        return "marked"

    altar.registry.register(plain, name="by_name")
    own = Registry()
    own.register(plain, name="by_registry")
    module = types.ModuleType("some_tools")
    exec(
        "from altar import tool\n@tool\ndef of_module() -> int:\n    return 5\n",
        module.__dict__,
    )
    altar.registry.remove("of_module")

    class Source:
        def __altar_tools__(self):
            yield lambda: "anonymous"

    counter = Counter()
    session = Session(
        tools=[
            "by_name",
            marked,
            later,
            counter,
            {"renamed": plain, "again": "by_name"},
            own,
            module,
            Source(),
            [(plain,)],
            print_it := types.SimpleNamespace(__call__=None) and (lambda x: x),
        ][:-1]
    )
    assert names(session) == [
        "by_name", "by_mark", "later", "count", "double", "which", "renamed", "again",
        "by_registry", "of_module", "lambda_", "plain",
    ]  # fmt: skip
    assert session.execute("count", {"by": 2}).content == 2
    assert counter.total == 2
    assert session.execute("double", {"x": 4}).content == 8
    assert session.execute("which").content == "Counter"
    assert session.execute("renamed", {"x": 1}).content == 2
    assert session.execute("of_module").content == 5
    assert callable(print_it)


@pytest.mark.parametrize("tools", [plain, Counter(), {"plain": plain}, "one", (), []])
def test_one_tool_needs_no_list(tools):
    """tools= takes a single thing too, and nothing at all."""
    altar.registry.register(plain, name="one")
    assert isinstance(Session(tools=tools).declarations(), tuple)


def test_a_whole_registry_is_a_session():
    """A Registry means all of it, as it is then."""
    own = Registry()
    own.register(plain)
    session = Session(tools=own)
    own.register(later)
    assert names(session) == ["plain"]
    assert session.execute("plain", {"x": 1}).content == 2
    assert Session(tools=own).declarations() is own.declarations()


@pytest.mark.parametrize(
    ("tools", "error", "match"),
    [
        ([3], ConfigurationError, "Registry"),
        ([None], ConfigurationError, "functions"),
        (["nowhere"], RegistryError, "nowhere"),
        ([Counter], ConfigurationError, r"Counter\(\.\.\.\)"),
        ([types], ConfigurationError, "@tool"),
        ({3: plain}, ConfigurationError, "string"),
        ({"x": 3}, ConfigurationError, "function"),
        ({"not ok": plain}, DeclarationError, "not ok"),
        ([plain, {"plain": later}], RegistryError, "two of"),
    ],
)
def test_what_cannot_be_a_tool_is_told_at_once(tools, error, match):
    """The application's own mistakes raise, and say what to type."""
    with pytest.raises(error, match=match):
        Session(tools=tools)


def test_a_bad_signature_fails_before_any_model_sees_it():
    """A session forces declarations, and lists every tool that has none."""

    def first(x: types.FrameType): ...

    def second(y: types.FrameType): ...

    with pytest.raises(DeclarationError) as caught:
        Session(tools=[plain, first, second])
    assert "first" in str(caught.value)
    assert "second" in str(caught.value)


@pytest.mark.parametrize(
    "options",
    [
        {"ttl": 0}, {"ttl": -1}, {"ttl": "1"}, {"ttl": True}, {"ttl": float("nan")},
        {"limits": {}}, {"id": ""}, {"id": 3}, {"runtime": 3}, {"runtime": lambda local: None},
    ],
)  # fmt: skip
def test_bad_options_are_told(options):
    """A bad option raises a ConfigurationError that names it."""
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        Session(tools=[plain], **options)


@pytest.mark.parametrize("field", ["max_result_bytes", "max_concurrency", "max_chunks", "clock"])
def test_bad_limits_are_told(field):
    """Limits are checked when they are built."""
    with pytest.raises(ConfigurationError, match=field):
        SessionLimits(**{field: 0})


def test_a_lifetime_ends_by_the_clock():
    """After ttl seconds calls are refused, in the fast lane too."""
    now = [0.0]
    session = Session(tools=[plain], ttl=60, limits=SessionLimits(clock=lambda: now[0]))
    for _ in range(5):
        assert session.execute("plain", {"x": 1}).content == 2
    now[0] = 59.9
    assert not session.closed
    assert session.execute("plain", {"x": 1}).ok
    now[0] = 60.0
    assert session.closed
    result = session.execute("plain", {"x": 1})
    assert kind_of(result) == "INVALID_STATE"
    assert "lifetime" in result.error.message
    with pytest.raises(ClosedError):
        session.add(later)


def test_tools_come_and_go_without_touching_the_registry():
    """add and remove are the session's own, all or nothing."""
    before = altar.registry.names()
    session = Session(tools=[plain])
    held = session.declarations()
    assert session.declarations() is held
    session.add(later, {"third": plain})
    assert names(session) == ["plain", "later", "third"]
    assert "later" in session
    assert len(session) == 3
    with pytest.raises(RegistryError, match="did you mean 'later'"):
        session.remove("plain", "latre")
    with pytest.raises(RegistryError):
        session.add(Counter(), {"plain": later})
    assert names(session) == ["plain", "later", "third"]
    session.remove("plain", "third")
    assert names(session) == ["later"]
    assert altar.registry.names() == before


def test_a_removed_tool_is_hidden_even_from_the_fast_lane():
    """After remove the name is refused, also when it was called often; add brings it back."""
    session = Session(tools=[plain, later])
    for _ in range(5):
        session.execute("plain", {"x": 1})
        asyncio.run(session.aexecute("later", {"x": 1}))
    session.remove("plain", "later")
    assert kind_of(session.execute("plain", {"x": 1})) == "PERMISSION_DENIED"
    assert kind_of(asyncio.run(session.aexecute("later", {"x": 1}))) == "PERMISSION_DENIED"
    session.add({"plain": later})
    assert session.execute("plain", {"x": 1}).content == 3


def test_a_name_registered_elsewhere_is_hidden_not_unknown():
    """What exists but is not shown is told apart from what does not exist."""
    altar.registry.register(later, name="elsewhere")
    session = Session(tools=[plain])
    hidden = session.execute("elsewhere", {"x": 1})
    assert kind_of(hidden) == "PERMISSION_DENIED"
    assert hidden.error.details["available"] == ["plain"]
    unknown = session.execute("plian", {"x": 1})
    assert kind_of(unknown) == "TOOL_NOT_FOUND"
    assert unknown.error.details["nearest"] == "plain"
    assert "'plain'" in unknown.error.message


def test_the_list_of_what_exists_is_bounded():
    """An unknown name among many tools is answered with twenty names and their number."""
    session = Session(tools={f"tool_{n}": plain for n in range(300)})
    result = session.execute("x" * 100_000)
    assert kind_of(result) == "TOOL_NOT_FOUND"
    assert len(result.error.details["available"]) == 20
    assert result.error.details["available_count"] == 300
    assert len(str(result.to_dict())) < 10_000


def test_a_session_without_tools_says_so():
    """tools=() means none."""
    result = Session().execute("anything")
    assert kind_of(result) == "TOOL_NOT_FOUND"
    assert "none" in result.error.remediation_steps[0]
    assert result.error.message == "There is no tool 'anything'. This session has no tools."


def test_an_unknown_name_with_nothing_near_is_answered_with_what_there_is():
    """The message lists the names, at most twenty; a near name is told instead."""
    session = Session(tools=[plain, later])
    message = session.execute("zzz").error.message
    assert message == "There is no tool 'zzz'. The tools are plain, later."
    assert session.execute("plian").error.message.endswith("Did you mean 'plain'?")
    many = Session(tools={f"tool_{n}": plain for n in range(25)})
    assert many.execute("zzz").error.message.endswith("tool_19 and 5 more.")


@pytest.mark.parametrize("name", ["", "\ud800", "a b", "../x", "plain\n", "\0"])
def test_strange_names_are_answered(name):
    """Whatever name a model says, the answer is a result that UTF-8 can write."""
    result = Session(tools=[plain]).execute(name)
    assert kind_of(result) == "TOOL_NOT_FOUND"
    str(result.to_dict()).encode()


def test_a_call_takes_its_own_arguments():
    """A FunctionCall is complete; names take args; anything else is told."""
    session = Session(tools=[plain])
    call = FunctionCall(name="plain", args={"x": 1})
    result = session.execute(call)
    assert (result.call_id, result.content) == (call.call_id, 2)
    for wrong in (lambda: session.execute(call, {"x": 1}), lambda: session.execute(plain)):
        with pytest.raises(ConfigurationError):
            wrong()
    with pytest.raises(InvalidDataError):
        session.execute("plain", {"x": 1}, call_id="")
    assert kind_of(session.execute("plain", {"x": 1}, timeout=0)) == "TIMEOUT"
    for seconds in (-1, "1", True, float("nan")):
        with pytest.raises(ConfigurationError, match=r"timeout=.*: give seconds, 0 or more, or"):
            session.execute("plain", {"x": 1}, timeout=seconds)


@pytest.mark.parametrize("args", [[], [1], "x", 3, True, [[[]]]])
def test_arguments_that_are_no_object_are_refused(args):
    """The problem stands at the root."""
    session = Session(tools=[plain])
    for result in (session.execute("plain", args), session.execute_many([("plain", args)])[0]):
        assert kind_of(result) == "PARAMETER_VALIDATION_FAILED"
        assert result.error.details["problems"][0]["path"] == "$"


def test_many_calls_are_answered_in_order():
    """Calls, pairs and names; good and bad ones; sync and async."""
    session = Session(tools=[plain, later])
    calls = [
        FunctionCall(name="plain", args={"x": 1}),
        ("later", {"x": 1}),
        ("plain", [1]),
        "nope",
        ["plain", {"x": 5}],
    ]
    expected = [2, 3, None, None, 6]
    for made in (session.execute_many(calls), asyncio.run(session.aexecute_many(calls))):
        assert [result.content for result in made] == expected
        assert [kind_of(result) for result in made[2:4]] == [
            "PARAMETER_VALIDATION_FAILED",
            "TOOL_NOT_FOUND",
        ]
    assert session.execute_many([]) == []
    assert [result.ok for result in session.execute_many(("nope", "zzz"))] == [False, False]
    with pytest.raises(ConfigurationError, match="max_concurrency"):
        session.execute_many(calls, max_concurrency=0)


@pytest.mark.parametrize(
    ("bad", "match"),
    [
        ("plain", "takes a list, not a str: 'plain'"),
        (("plain", {"x": 1}), "takes a list, not one pair"),
        (["plain", {"x": 1}], "takes a list, not one pair"),
        (("plain", None), "takes a list, not one pair"),
        (("plain", '{"x": 1}'), "takes a list, not one pair"),
        (FunctionCall(name="plain"), "takes a list, not a FunctionCall"),
        ({"plain": {"x": 1}}, "takes a list, not a dict"),
        (b"plain", "takes a list, not a bytes"),
        (None, "takes a list, not None"),
        (["plain", 3], "item 1, 3"),
        ([("plain", {}), ("plain",)], r"item 1, \('plain',\)"),
        ([(1, {})], "item 0"),
        ([{"name": "plain", "args": {}}], r"item 0.*FunctionCall.from_dict"),
    ],
)
def test_what_is_no_list_of_calls_is_told_with_the_forms_and_the_index(bad, match):
    """Nothing runs, and the message says what may be typed."""
    session = Session(tools=[plain])
    with pytest.raises(ConfigurationError, match=f"execute_many .*{match}") as caught:
        session.execute_many(bad)
    assert 'FunctionCall(...), ("name", {...}), "name"' in str(caught.value)
    with pytest.raises(ConfigurationError, match="execute_many"):
        asyncio.run(session.aexecute_many(bad))


def text_results(session, name, text):
    """One call with its arguments as text, every way there is."""
    yield session.execute(name, text)
    yield asyncio.run(session.aexecute(name, text))
    yield from session.execute_many([(name, text)])
    yield from asyncio.run(session.aexecute_many([(name, text)]))


SCHEMA_TOOL = SchemaTool(
    altar.FunctionDeclaration(
        name="schema_plain",
        description="Plain.",
        parameters={"type": "object", "properties": {"x": {"type": "integer"}}},
    ),
    lambda args: args["x"] + 1,
)


@pytest.mark.parametrize("name", ["plain", "schema_plain"])
def test_arguments_that_came_as_json_text_are_read_and_told(name):
    """The coercion stands at the root, however warm the tool is."""
    session = Session(tools=[plain, SCHEMA_TOOL])
    for _ in range(4):
        assert "coercions" not in (session.execute(name, {"x": 1}).metadata or {})
        for result in text_results(session, name, ' {"x": 1}'):
            assert result.content == 2
            told = {"path": "$", "from": "string", "to": "object"}
            assert result.metadata["coercions"] == [told]


@pytest.mark.parametrize("name", ["plain", "schema_plain"])
def test_a_strict_session_reads_no_text(name):
    """The problem shows what came."""
    session = Session(tools=[plain, SCHEMA_TOOL], strict=True)
    session.execute(name, {"x": 1})
    session.execute(name, {"x": 1})
    for result in text_results(session, name, '{"x": 1}'):
        assert kind_of(result) == "PARAMETER_VALIDATION_FAILED"
        (problem,) = result.error.details["problems"]
        assert (problem["path"], problem["got"]) == ("$", "string '{\"x\": 1}'")


@pytest.mark.parametrize(
    ("text", "got"),
    [
        ('{"x": 1,}', "line 1 column 9"),
        ('{"x": 1', "line 1"),
        ('{"x": 1, "x": 2}', "line 1"),
        ('{"x": NaN}', "line 1"),
        ("x", "line 1 column 1"),
        ("[1]", "a JSON text that holds an array"),
        ("3", "a JSON text that holds an integer"),
        ("null", "a JSON text that holds null"),
    ],
)
def test_text_that_holds_no_object_is_refused_with_its_place(text, got):
    """Strict JSON: where it breaks is told, and nothing runs."""
    for result in text_results(Session(tools=[plain]), "plain", text):
        assert kind_of(result) == "PARAMETER_VALIDATION_FAILED"
        assert got in result.error.details["problems"][0]["got"]


def test_no_text_is_no_arguments_and_an_id_binds_what_the_text_says():
    """A call sent again as text under its id is the same call."""

    def free(x: int = 1) -> int:
        return x

    session = Session(tools=[free, plain])
    assert session.execute("free", "").content == 1
    first = session.execute("plain", {"x": 1}, call_id="a")
    assert session.execute("plain", '{"x":1}', call_id="a") is first
    assert kind_of(session.execute("plain", '{"x":2}', call_id="a")) == "INVALID_STATE"


def test_ids_are_made_once():
    """A session without an id has one all the same."""
    session = Session()
    assert session.id == session.id
    assert len(session.id) == 36
    assert Session(id="mine").id == "mine"
    assert "0 tools" in repr(session)


def test_a_session_is_let_go():
    """Nothing global keeps a session that was dropped, closed or not."""
    session = Session(tools=[plain])
    for _ in range(5):
        session.execute("plain", {"x": 1})
    gone = weakref.ref(session)
    del session
    gc.collect()
    assert gone() is None


def test_a_local_tool_is_let_go_with_its_session():
    """The caches that make calls fast keep no function alive."""

    @tool
    def local(x: int) -> int:
        return x

    session = Session(tools=[local])
    for _ in range(5):
        session.execute("local", {"x": 1})
    gone = weakref.ref(local)
    del session, local
    gc.collect()
    assert gone() is None


def test_sessions_share_what_was_compiled():
    """A marked tool is read once, however many sessions use it."""

    @tool
    def local(x: int) -> int:
        return x

    for _ in range(4):
        Session(tools=[local]).execute("local", {"x": 1})
    session = Session(tools=[local])
    assert session.execute("local", {"x": 1}).content == 1
    assert "local" in session._fast


def test_a_session_is_a_source_of_tools():
    """Another session may take all of one session's tools."""
    first = Session(tools=[plain, {"other": later}])
    assert names(Session(tools=[first])) == ["plain", "other"]


def test_async_with_closes():
    """The async form closes as well, and running tools hear of it before it returns."""
    heard = []

    async def endless():
        try:
            await asyncio.Event().wait()
        finally:
            heard.append("stopped")

    async def main():
        async with Session(tools=[endless]) as session:
            task = asyncio.create_task(session.aexecute("endless"))
            await asyncio.sleep(0)
        assert heard == ["stopped"]
        return await task

    assert kind_of(asyncio.run(main())) == "CANCELLED"


def declaration(name="adopted"):
    return altar.FunctionDeclaration(
        name=name,
        description="Adopted.",
        parameters={
            "type": "object",
            "properties": {"x": {"type": "integer"}},
            "required": ["x"],
            "additionalProperties": False,
        },
    )


def test_a_declared_tool_needs_no_signature():
    """Adapters bring a declaration and a function of one object; both are checked and run."""

    def run(args):
        if args["x"] < 0:
            raise ToolError("negative")
        return {"seen": args}

    async def arun(args):
        return args["x"]

    async def astream(args):
        yield "a"
        yield str(args["x"])

    def stream(args):
        yield args["x"]

    class Callable:
        async def __call__(self, args):
            return [args["x"]]

    session = Session(
        tools=[
            SchemaTool(declaration(), run),
            SchemaTool(declaration("arun"), arun, options=ToolOptions(idempotent=True)),
            SchemaTool(declaration("astream"), astream),
            SchemaTool(declaration("stream"), stream),
            {"object": SchemaTool(declaration("object"), Callable())},
        ]
    )
    for _ in range(4):
        assert session.execute("adopted", {"x": 1}).content == {"seen": {"x": 1}}
        assert session.execute("arun", {"x": 1}).content == 1
        assert session.execute("astream", {"x": 1}).content == "a1"
        assert session.execute("stream", {"x": 1}).content == [1]
        assert asyncio.run(session.aexecute("object", {"x": 1})).content == [1]
    assert session.execute("adopted", {"x": -1}).error.message == "negative"
    refused = session.execute("adopted", {"y": 1})
    assert kind_of(refused) == "PARAMETER_VALIDATION_FAILED"
    assert session.declarations()[0].name == "adopted"
    assert "adopted" in repr(SchemaTool(declaration(), run))
    for bad in (lambda: SchemaTool("x", run), lambda: SchemaTool(declaration(), 3)):
        with pytest.raises(ConfigurationError):
            bad()


def test_strict_is_a_yes_or_a_no():
    with pytest.raises(ConfigurationError, match="give True or False"):
        Session(strict="no")
