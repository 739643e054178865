"""LangChain: what its tools, messages, callbacks and loops see of altar's, and altar of its."""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
from collections.abc import Callable
from typing import Annotated, Any

import pytest

pytest.importorskip("langchain_core")

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.messages.tool import ToolOutputMixin
from langchain_core.runnables import RunnableConfig, RunnableLambda
from langchain_core.tools import (
    BaseTool,
    BaseToolkit,
    InjectedToolArg,
    InjectedToolCallId,
    StructuredTool,
    Tool,
    ToolException,
)
from langchain_core.tools import tool as lc_tool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import BaseModel, Field, field_validator
from pydantic import v1 as pydantic_v1

import altar
from altar.adm import ToolResult
from altar.errors import ConfigurationError, DeclarationError
from altar.runtime import CallContext, Wrapper
from altar_extras.langchain import (
    AltarTool,
    CallFailedError,
    export_declarations,
    export_tools,
    import_tools,
)
from tests.waiting import asoon

GraphBubbleUp = type("GraphBubbleUp", (Exception,), {"__module__": "langgraph.errors"})
GraphInterrupt = type("GraphInterrupt", (GraphBubbleUp,), {"__module__": "langgraph.errors"})
ParentCommand = type("ParentCommand", (GraphBubbleUp,), {"__module__": "langgraph.errors"})


class Command(ToolOutputMixin):
    """As LangGraph's: what a tool tells a graph."""

    def __init__(self, update: Any = None, goto: str = "") -> None:
        self.update = update
        self.goto = goto


def add(a: int, b: int = 1) -> int:
    """Add two whole numbers.

    Args:
        a: The first.
    """
    return a + b


def asked(name: str, **args: Any) -> Any:
    return {"type": "tool_call", "id": "call_1", "name": name, "args": args}


def one(tool: Any, **options: Any) -> AltarTool:
    return export_tools([tool], **options)[0]


# -- out: calls --------------------------------------------------------------------------


def test_a_tool_call_is_answered_with_a_message_that_a_checkpoint_can_hold():
    message = one(add).invoke(asked("add", a="41"))
    assert isinstance(message, ToolMessage)
    assert (message.content, message.status, message.tool_call_id) == ("42", "success", "call_1")
    result = ToolResult.from_dict(json.loads(message.model_dump_json())["artifact"])
    assert (result.content, result.name) == (42, "add")


def test_text_stays_text_and_lists_of_text_become_no_blocks():
    def say() -> str:
        return "sunny"

    def words() -> list[str]:
        return ["a", "b"]

    assert one(say).invoke(asked("say")).content == "sunny"
    assert one(words).invoke(asked("words")).content == '["a", "b"]'


def test_a_refusal_is_an_error_message_in_altars_words():
    message = one(add).invoke(asked("add", b=[2], c=3))
    said = json.loads(message.content)["error"]
    assert message.status == "error"
    assert said["type"] == "PARAMETER_VALIDATION_FAILED"
    assert {problem["path"] for problem in said["details"]["problems"]} == {"$.a", "$.b", "$.c"}
    assert message.artifact["error"]["message"] == said["message"]


def test_arguments_alone_give_the_content_itself_or_the_error_as_text():
    tool = one(add)
    assert tool.invoke({"a": 1}) == 2
    assert json.loads(tool.invoke({}))["error"]["type"] == "PARAMETER_VALIDATION_FAILED"
    assert tool.invoke('{"a": 1, "b": 5}') == 6
    assert asyncio.run(tool.ainvoke({"a": 1})) == 2


def test_text_is_the_only_argument_of_a_tool_that_has_one():
    assert one(lambda_named("shout", lambda word: word.upper())).invoke("hey") == "HEY"


def lambda_named(name: str, function: Any) -> Any:
    def shout(word: str) -> str:
        return function(word)

    shout.__name__ = name
    return shout


def test_a_failure_is_raised_where_nobody_handles_it():
    tool = one(add)
    tool.handle_tool_error = False
    with pytest.raises(CallFailedError) as caught:
        tool.invoke(asked("add"))
    assert isinstance(caught.value, ToolException)
    assert caught.value.result.error.type == "PARAMETER_VALIDATION_FAILED"


def test_the_users_own_handler_makes_the_words():
    tool = one(add)
    tool.handle_tool_error = lambda error: f"no: {error.result.error.type}"
    message = tool.invoke(asked("add"))
    assert (message.status, message.content) == ("error", "no: PARAMETER_VALIDATION_FAILED")


def test_blobs_are_content_blocks():
    def chart() -> list[Any]:
        return ["a chart", altar.Blob("image/png", b"png"), altar.Blob("text/csv", b"a,b"), 5]

    blocks = one(chart).invoke(asked("chart")).content
    assert blocks == [
        {"type": "text", "text": "a chart"},
        {"type": "image", "base64": "cG5n", "mime_type": "image/png"},
        {"type": "file", "base64": "YSxi", "mime_type": "text/csv"},
        {"type": "text", "text": "5"},
    ]


def test_arguments_with_langchains_own_names_arrive():
    def odd(config: str, run_manager: int, callbacks: list[int], self: str = "s") -> list[Any]:
        return [config, run_manager, callbacks, self]

    message = one(odd).invoke(asked("odd", config="c", run_manager=1, callbacks=[2]))
    assert json.loads(message.content) == ["c", 1, [2], "s"]


def test_a_call_id_that_comes_again_is_another_call():
    seen = []

    def count(ctx: altar.Context[None]) -> int:
        seen.append(ctx.correlation_id)
        return len(seen)

    tool = one(count)
    assert [tool.invoke(asked("count")).content for _ in range(2)] == ["1", "2"]
    assert seen == ["call_1", "call_1"]


def test_run_and_tags_travel_with_the_call():
    seen = []

    class Note(Wrapper):
        def steps(self, call, ctx):
            seen.append((ctx.correlation_id, dict(ctx.baggage)))
            return (yield ctx)

    session = altar.Session([add], runtime=Note)
    export_tools(session)[0].invoke({"a": 1}, {"tags": ["x", "y"]})
    ((correlation, baggage),) = seen
    assert baggage["langchain.tags"] == "x,y"
    assert correlation == baggage["langchain.run_id"]


def test_a_persons_yes_is_said_by_the_config():
    @altar.tool(approval=True)
    def erase() -> str:
        return "erased"

    tool = one(erase)
    refused = tool.invoke(asked("erase"))
    assert json.loads(refused.content)["error"]["type"] == "APPROVAL_REQUIRED"
    other = tool.invoke(asked("erase"), {"metadata": {"altar_approved": ["call_2"]}})
    assert other.status == "error"
    allowed = tool.invoke(asked("erase"), {"metadata": {"altar_approved": ["call_1"]}})
    assert allowed.content == "erased"


def test_a_result_that_ends_the_run_is_named_on_the_way_out_and_kept_on_the_way_back():
    tool = one(add, return_direct=["add"])
    assert tool.return_direct
    again = export_tools(altar.Session(import_tools(tool)))[0]
    assert again.return_direct
    with pytest.raises(ConfigurationError, match=r"'sub': no tool of the session; there are add"):
        export_tools([add], return_direct=["sub"])
    with pytest.raises(ConfigurationError, match=r"type return_direct=\['add'\]"):
        export_tools([add], return_direct="add")


def test_cancelling_the_task_cancels_the_tool():
    seen = []

    async def wait() -> None:
        seen.append("started")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    async def main() -> None:
        task = asyncio.create_task(one(wait).ainvoke(asked("wait")))
        assert await asoon(lambda: seen)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert seen == ["started", "cancelled"]


class Ears(BaseCallbackHandler):
    def __init__(self) -> None:
        self.heard: list[Any] = []
        self.metadata: dict[str, Any] = {}
        self.call_ids: list[Any] = []

    def on_tool_start(self, serialized: Any, input_str: str, **kwargs: Any) -> None:
        self.heard.append(("start", serialized["name"], kwargs["inputs"]))
        self.metadata.update(kwargs.get("metadata") or {})
        self.call_ids.append(kwargs.get("tool_call_id"))

    def on_tool_end(self, output: Any, **kwargs: Any) -> None:
        self.heard.append(("end", getattr(output, "content", output)))

    def on_tool_error(self, error: BaseException, **kwargs: Any) -> None:
        self.heard.append(("error", type(error).__name__))

    def on_custom_event(self, name: str, data: Any, **kwargs: Any) -> None:
        self.heard.append((name, data["tool_name"], data["chunk"]))


def test_progress_is_told_to_the_runs_handlers_sync_and_async():
    def countdown(start: int):
        """Count down."""
        yield from range(start, 0, -1)
        return "lift-off"

    async def acountdown(start: int):
        """Count down."""
        for number in range(start, 0, -1):
            yield number

    sync, later = export_tools([countdown, acountdown])
    ears = Ears()
    sync.invoke({"start": 2}, {"callbacks": [ears]})
    assert ears.heard == [
        ("start", "countdown", {"start": 2}),
        ("altar_tool_progress", "countdown", 2),
        ("altar_tool_progress", "countdown", 1),
        ("end", "lift-off"),
    ]
    ears = Ears()
    asyncio.run(later.ainvoke({"start": 2}, {"callbacks": [ears]}))
    assert [said[-1] for said in ears.heard] == [{"start": 2}, 2, 1, [2, 1]]
    ears = Ears()
    asyncio.run(sync.ainvoke({"start": 2}, {"callbacks": [ears]}))
    assert [said[-1] for said in ears.heard] == [{"start": 2}, 2, 1, "lift-off"]


def test_an_interrupt_of_langgraph_passes_through():
    def ask() -> str:
        raise GraphInterrupt("may I?")

    tool = one(ask)
    with pytest.raises(GraphInterrupt, match="may I"):
        tool.invoke(asked("ask"))
    outer = export_tools(altar.Session(import_tools(lc_tool("ask", description="Ask.")(ask))))[0]
    with pytest.raises(GraphInterrupt, match="may I"):
        outer.invoke(asked("ask"))


def test_a_renamed_copy_calls_the_same_tool():
    tool = one(add).model_copy(update={"name": "plus"})
    message = tool.invoke(asked("plus", a=1))
    assert (message.name, message.content) == ("plus", "2")


def test_approval_outside_is_approval_inside():
    @altar.tool(approval=True)
    def erase() -> str:
        return "erased"

    outer = altar.Session(import_tools(one(erase)))
    assert outer.execute("erase", {}).error.type == "APPROVAL_REQUIRED"
    assert outer.execute("erase", {}, approved=True).content == "erased"


def test_without_the_library_the_line_to_type_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "langchain_core", None)
    monkeypatch.delitem(sys.modules, "altar_extras.langchain")
    with pytest.raises(ImportError, match=r'pip install "langchain-core>=1\.7"'):
        importlib.import_module("altar_extras.langchain")


# -- out: models and loops ---------------------------------------------------------------


class FakeModel(GenericFakeChatModel):
    """A fake chat model that binds tools as those of the vendors do."""

    seen: list[Any] = []

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self.bind(tools=[convert_to_openai_tool(tool) for tool in tools], **kwargs)

    def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any):
        self.seen.append(kwargs["tools"])
        return super()._generate(messages, stop, run_manager)


def script() -> FakeModel:
    calls = [
        {"type": "tool_call", "id": "1", "name": "add", "args": {"a": 20, "b": "22"}},
        {"type": "tool_call", "id": "2", "name": "add", "args": {"b": 1}},
    ]
    turns = [AIMessage(content="", tool_calls=calls), AIMessage(content="It is 42.")]
    return FakeModel(messages=iter(turns), seen=[])


def test_a_loop_over_a_chat_model_binds_altars_schemas_and_hands_results_back():
    session = altar.Session([add])
    tools = {tool.name: tool for tool in export_tools(session)}
    fake = script()
    model = fake.bind_tools(list(tools.values()))
    messages: list[Any] = [HumanMessage("20 and 22?")]
    while not messages[-1].content or messages[-1].type != "ai":
        reply = model.invoke(messages)
        messages += [reply, *(tools[call["name"]].invoke(call) for call in reply.tool_calls)]
    assert messages[-1].content == "It is 42."
    assert [m.status for m in messages if m.type == "tool"] == ["success", "error"]
    assert fake.seen[0] == export_declarations(session)


def test_a_loop_runs_async_as_well():
    async def main() -> Any:
        tools = {tool.name: tool for tool in export_tools([add])}
        model = script().bind_tools(list(tools.values()))
        reply = await model.ainvoke("20 and 22?")
        return await asyncio.gather(*(tools[c["name"]].ainvoke(c) for c in reply.tool_calls))

    answers = asyncio.run(main())
    assert [answer.tool_call_id for answer in answers] == ["1", "2"]
    assert answers[0].content == "42"


def test_declarations_bind_untouched_where_a_type_holds_itself():
    from tests.adapters.tools import depth

    (declared,) = export_declarations([depth])
    assert convert_to_openai_tool(declared) == declared
    assert "$defs" in declared["function"]["parameters"]


# -- in: schemas -------------------------------------------------------------------------


class Query(BaseModel):
    """What to look for."""

    text: str = Field(min_length=2, description="The words.")
    limit: int = 5

    @field_validator("limit")
    @classmethod
    def not_thirteen(cls, value: int) -> int:
        if value == 13:
            raise ValueError("never thirteen")
        return value


class OldQuery(pydantic_v1.BaseModel):
    text: str = pydantic_v1.Field(..., description="The words.")
    limit: int = 5

    @pydantic_v1.validator("limit")
    def not_thirteen(cls, value):  # noqa: N805
        if value == 13:
            raise ValueError("never thirteen")
        return value


def search(text: str, limit: int = 5) -> dict[str, Any]:
    """Search."""
    return {"text": text, "limit": limit}


class Searcher(BaseTool):
    name: str = "searcher"
    description: str = "Search."
    calls: int = 0

    def _run(self, text: str, limit: int = 5, run_manager: Any = None) -> dict[str, Any]:
        self.calls += 1
        return {"text": text, "limit": limit}

    async def _arun(self, text: str, limit: int = 5) -> Any:
        raise NotImplementedError("does not support async")


def forms() -> dict[str, BaseTool]:
    schema = {
        "type": "object",
        "properties": {"text": {"type": "string"}, "limit": {"type": "integer"}},
        "required": ["text"],
    }
    make = StructuredTool.from_function
    runnable: Any = RunnableLambda(lambda given: {"text": given["text"], "limit": given["limit"]})
    return {
        "decorated": lc_tool(search),
        "model": make(search, args_schema=Query),
        "old_model": make(search, args_schema=OldQuery),
        "dict": make(search, args_schema=schema),
        "subclass": Searcher(),
        "runnable": runnable.as_tool(
            name="r", description="Search.", arg_types={"text": str, "limit": int}
        ),
    }


@pytest.mark.filterwarnings("ignore:This API is in beta")  # as_tool
@pytest.mark.parametrize(
    "form", ["decorated", "model", "old_model", "dict", "subclass", "runnable"]
)
def test_every_form_of_tool_is_declared_checked_and_called(form: str):
    (tool,) = import_tools(forms()[form])
    declared = tool.declaration.to_dict("json-schema")
    assert set(declared["parameters"]["properties"]) == {"text", "limit"}
    assert "text" in declared["parameters"]["required"]
    with altar.Session([tool]) as session:
        name = declared["name"]
        good = session.execute(name, {"text": "abc", "limit": "7"})
        assert good.content == {"text": "abc", "limit": 7}, good.error
        bad = session.execute(name, {"text": 5, "limit": 7})
        assert bad.error.type == "PARAMETER_VALIDATION_FAILED"
        assert bad.error.details["problems"][0]["path"] == "$.text"
        again = asyncio.run(session.aexecute(name, {"text": "abc", "limit": 7}))
        assert again.content == good.content


def test_descriptions_and_defaults_of_a_schema_are_kept():
    (tool,) = import_tools(StructuredTool.from_function(search, args_schema=Query))
    properties = tool.declaration.to_dict("json-schema")["parameters"]["properties"]
    assert properties["text"]["description"] == "The words."
    assert properties["limit"]["default"] == 5


@pytest.mark.parametrize("schema", [Query, OldQuery])
def test_what_only_the_tools_own_validation_sees_is_a_refusal_with_its_path(schema):
    (tool,) = import_tools(StructuredTool.from_function(search, args_schema=schema))
    result = altar.Session([tool]).execute("search", {"text": "abc", "limit": 13})
    assert result.error.type == "PARAMETER_VALIDATION_FAILED"
    (problem,) = result.error.details["problems"]
    assert problem["path"] == "$.limit"
    assert "never thirteen" in problem["expected"]


def test_a_tool_that_words_its_validation_errors_is_quoted():
    tool = StructuredTool.from_function(search, args_schema=Query)
    tool.handle_validation_error = "Look again."
    result = altar.Session(import_tools(tool)).execute("search", {"text": "abc", "limit": 13})
    assert result.error.message == "Look again."
    assert result.error.details["problems"][0]["path"] == "$.limit"


def test_a_tool_of_one_text_is_taken_by_its_name_for_it():
    tool = Tool(name="shout", func=str.upper, description="Shout.")
    session = altar.Session(import_tools(tool))
    assert session.execute("shout", {"tool_input": "hey"}).content == "HEY"
    assert session.execute("shout", {"x": "hey"}).error.type == "PARAMETER_VALIDATION_FAILED"


def test_toolkits_and_lists_are_taken_apart():
    class Kit(BaseToolkit):
        def get_tools(self) -> list[BaseTool]:
            return [lc_tool(search), Searcher()]

    other = StructuredTool.from_function(add, name="my add!")
    names = [tool.declaration.name for tool in import_tools(Kit(), [other])]
    assert names[:2] == ["search", "searcher"]
    assert names[2] == "my_add_"


def test_what_is_no_tool_is_refused_with_what_to_type_all_at_once():
    with pytest.raises(DeclarationError) as caught:
        import_tools(RunnableLambda(len), add, {"type": "web_search"}, lc_tool(search), Searcher)
    said = str(caught.value)
    assert ".as_tool(" in said
    assert "altar.Session(tools=[...]) itself" in said
    assert "the model's vendor runs it" in said
    with pytest.raises(DeclarationError, match="same name"):
        import_tools(lc_tool(search), lc_tool(search))


def test_a_schema_that_cannot_be_told_is_a_refusal():
    class Handle(BaseModel):
        on: Callable[[], int]

    with pytest.raises(DeclarationError, match="use: it cannot be described"):
        import_tools(StructuredTool.from_function(add, name="use", args_schema=Handle))


def test_the_tools_own_object_is_what_runs():
    tool = Searcher()
    altar.Session(import_tools(tool)).execute("searcher", {"text": "abc"})
    assert tool.calls == 1


# -- in: what is injected ----------------------------------------------------------------


def remember(
    fact: str,
    call_id: Annotated[str, InjectedToolCallId],
    config: RunnableConfig,
    store: Annotated[dict[str, str], InjectedToolArg],
    mood: Annotated[str, InjectedToolArg] = "calm",
) -> list[Any]:
    """Remember a fact."""
    store[call_id] = fact
    return [fact, bool(call_id), "metadata" in config, mood]


def test_injected_arguments_are_filled_and_never_declared():
    store: dict[str, str] = {}
    (tool,) = import_tools(lc_tool(remember), injected={"store": store})
    assert set(tool.declaration.to_dict("json-schema")["parameters"]["properties"]) == {"fact"}
    with altar.Session([tool]) as session:
        result = session.execute("remember", {"fact": "x"})
        assert result.content == ["x", True, True, "calm"], result.error
        assert list(store.values()) == ["x"]
        refused = session.execute("remember", {"fact": "x", "store": {}, "mood": "wild"})
    assert refused.error.type == "PARAMETER_VALIDATION_FAILED"
    assert len(store) == 1


def test_a_function_gives_injected_arguments_by_the_call():
    (tool,) = import_tools(lc_tool(remember), injected=lambda ctx: {"store": ctx.deps})
    deps: dict[str, str] = {}
    with altar.Session([tool], deps=deps) as session:
        assert session.execute("remember", {"fact": "x"}).ok
    assert list(deps.values()) == ["x"]
    (bare,) = import_tools(lc_tool(remember), injected=lambda _: {})
    lacking = altar.Session([bare]).execute("remember", {"fact": "x"})
    assert lacking.error.type == "CONFIGURATION_ERROR"


def test_a_run_method_with_a_config_declares_nothing_of_it():
    class Tagged(BaseTool):
        name: str = "tagged"
        description: str = "Tagged."

        def _run(self, x: int, config: RunnableConfig) -> list[Any]:
            return [x, "metadata" in config]

    (tool,) = import_tools(Tagged())
    assert tool.declaration.to_dict("json-schema")["parameters"] == {
        "type": "object",
        "properties": {"x": {"title": "X", "type": "integer"}},
        "required": ["x"],
    }
    assert altar.Session([tool]).execute("tagged", {"x": 1}).content == [1, True]


def test_what_nobody_injects_is_refused_with_what_to_type():
    with pytest.raises(DeclarationError, match=r"injected=\{'store': ...\}"):
        import_tools(lc_tool(remember))
    with pytest.raises(ConfigurationError, match="a mapping of names"):
        import_tools(lc_tool(search), injected=5)


def test_a_model_cannot_give_an_injected_argument_past_an_open_schema():
    schema = {"type": "object", "properties": {"fact": {"type": "string"}}}
    foreign = StructuredTool.from_function(remember, args_schema=schema)
    (tool,) = import_tools(foreign, injected={"store": {}})
    session = altar.Session([tool])
    assert session.execute("remember", {"fact": "x"}).ok
    refused = session.execute("remember", {"fact": "x", "mood": "wild"})
    assert refused.error.type == "PARAMETER_VALIDATION_FAILED"
    assert refused.error.details["problems"][0]["path"] == "$.mood"


# -- in: what tools say ------------------------------------------------------------------


def outcome(function: Any, *, handles: Any = False, **options: Any) -> altar.ToolResult:
    tool = StructuredTool.from_function(function, description="It.", name="it", **options)
    tool.handle_tool_error = handles
    return altar.Session(import_tools(tool)).execute("it", {})


def raising(error: Any) -> Any:
    def it() -> str:
        raise error

    return it


def test_a_tool_exception_is_what_the_model_hears():
    error = outcome(raising(ToolException("no such row"))).error
    assert (error.type, error.message) == ("TOOL_EXECUTION_FAILED", "no such row")
    error = outcome(raising(ToolException("x")), handles=lambda e: f"sorry: {e}").error
    assert (error.type, error.message) == ("TOOL_EXECUTION_FAILED", "sorry: x")


def test_other_exceptions_are_hidden_from_the_model_and_whole_for_the_application():
    result = outcome(raising(KeyError("password=1")))
    assert result.error.type == "TOOL_EXECUTION_FAILED"
    assert "password" not in result.error.message
    assert isinstance(result.cause, KeyError)


def test_a_validation_error_from_within_the_tool_is_no_refusal_of_its_arguments():
    def it() -> Any:
        return Query(text="x")

    assert outcome(it).error.type == "TOOL_EXECUTION_FAILED"


@pytest.mark.parametrize(
    ("error", "kind"),
    [(GraphInterrupt("?"), "APPROVAL_REQUIRED"), (ParentCommand("x"), "INVALID_STATE")],
)
def test_what_steers_a_graph_is_a_typed_error(error, kind):
    said = outcome(raising(error)).error
    assert said.type == kind
    assert type(error).__name__ in said.message


def test_a_tool_with_no_implementation_at_all_says_so():
    class Nothing(BaseTool):
        name: str = "nothing"
        description: str = "Nothing."

        def _run(self) -> str:
            raise NotImplementedError

    result = altar.Session(import_tools(Nothing())).execute("nothing", {})
    assert result.error.type == "CONFIGURATION_ERROR"
    deep = outcome(raising(NotImplementedError("secret")))
    assert deep.error.type == "TOOL_EXECUTION_FAILED"


def test_an_async_tool_runs_from_sync_code_and_is_cancelled_with_its_task():
    seen, limits = [], []

    async def wait(seconds: float) -> str:
        """Wait."""
        if seconds:  # its time is up as soon as it has begun
            limits[0].reschedule(asyncio.get_running_loop().time())
        try:
            await (asyncio.Event().wait() if seconds else asyncio.sleep(0))
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise
        return "done"

    session = altar.Session(import_tools(lc_tool(wait)))
    assert session.execute("wait", {"seconds": 0}).content == "done"

    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(None) as limit:
                limits.append(limit)
                await session.aexecute("wait", {"seconds": 5})

    asyncio.run(main())
    assert seen == ["cancelled"]


def test_an_artifact_is_beside_the_text():
    result = outcome(lambda: ("2 rows", [1, 2]), response_format="content_and_artifact")
    assert result.content == "2 rows"
    assert result.value.artifact == [1, 2]


def test_messages_of_a_tool_are_read():
    good = outcome(lambda: ToolMessage("hi", tool_call_id="x"))
    assert good.content == "hi"
    bad = outcome(lambda: ToolMessage("no", tool_call_id="x", status="error"))
    assert (bad.error.type, bad.error.message) == ("TOOL_EXECUTION_FAILED", "no")


def test_a_command_is_read_for_its_message_and_refused_where_it_steers():
    message = ToolMessage("done", tool_call_id="x")
    assert outcome(lambda: Command({"messages": [message]})).content == "done"
    refused = outcome(lambda: Command({"messages": [message], "user": 1}, goto="b")).error
    assert refused.type == "INVALID_STATE"
    assert "user, goto" in refused.message


@pytest.mark.parametrize(
    "block",
    [
        {"type": "image", "base64": "cG5n", "mime_type": "image/png"},
        {"type": "image", "source_type": "base64", "data": "cG5n", "mime_type": "image/png"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,cG5n"}},
        {
            "type": "image",
            "source": {"type": "base64", "media_type": "image/png", "data": "cG5n"},
        },
    ],
)
def test_data_in_content_blocks_become_blobs(block):
    result = outcome(lambda: [{"type": "text", "text": "see"}, block])
    assert result.value == ["see", altar.Blob("image/png", b"png")]


def test_the_given_config_reaches_every_call():
    ears = Ears()
    tools = import_tools(lc_tool(search), config={"callbacks": [ears], "metadata": {"user": "ada"}})
    altar.Session(tools).execute("search", {"text": "abc"})
    assert [kind for kind, *_ in ears.heard] == ["start", "end"]
    assert ears.metadata["user"] == "ada"


def test_correlation_and_the_calls_id_reach_the_callbacks():
    ears = Ears()
    session = altar.Session(import_tools(lc_tool(search), config={"callbacks": [ears]}))
    call = altar.FunctionCall(name="search", args={"text": "abc"})
    session.invoke(call, CallContext(correlation_id="order 7"))
    assert ears.metadata["altar_correlation_id"] == "order 7"
    assert ears.call_ids == [call.call_id]


@pytest.mark.parametrize("is_async", [False, True])
def test_a_yes_that_came_through_langchain_is_for_one_call_alone(is_async):
    @altar.tool(approval=True)
    def wipe(what: str) -> str:
        return f"wiped {what}"

    inner = export_tools([wipe])[0]
    call = {"type": "tool_call", "id": "n1", "name": "wipe", "args": {"what": "all"}}

    @altar.tool(approval=True)
    def tidy() -> str:
        return str(inner.invoke(call).content)

    @altar.tool(approval=True)
    async def atidy() -> str:
        return str((await inner.ainvoke(call)).content)

    outer = atidy if is_async else tidy
    session = altar.Session(import_tools(export_tools([outer])))
    asked = altar.FunctionCall(name=outer.__name__, args={})
    result = session.invoke(asked, CallContext(approved=True))
    assert "APPROVAL_REQUIRED" in result.unwrap()


def test_a_yes_may_name_the_tool_that_it_is_for():
    @altar.tool(approval=True)
    def wipe(what: str = "all") -> str:
        return f"wiped {what}"

    tool = export_tools([wipe])[0]
    call = {"type": "tool_call", "id": "c1", "name": "wipe", "args": {}}
    for said, status in (
        ({"c1": "wipe"}, "success"),
        ({"c1": "shut"}, "error"),
        ({"c2": "wipe"}, "error"),
        ({}, "error"),
    ):
        assert tool.invoke(call, {"metadata": {"altar_approved": said}}).status == status


def test_a_tool_that_did_something_and_then_gave_up_is_not_run_again():
    done = []

    class Both(BaseTool):
        name: str = "it"
        description: str = "It."

        def _run(self) -> str:
            done.append("sync")
            return "x"

        async def _arun(self) -> str:
            done.append("async")
            raise NotImplementedError("not of this kind")

    assert altar.Session(import_tools(Both())).execute("it").error.type == "CONFIGURATION_ERROR"
    assert done == ["async"]


@pytest.mark.parametrize("is_async", [False, True])
def test_a_handler_that_fails_does_not_undo_what_a_tool_did(is_async):
    class Bad(BaseCallbackHandler):
        raise_error = True

        def on_custom_event(self, *_args: Any, **_more: Any) -> None:
            raise RuntimeError("broken")

    def it(ctx: altar.Context) -> str:
        ctx.progress(1)
        return "fine"

    tool = export_tools([it])[0]
    call = {"type": "tool_call", "id": "c1", "name": "it", "args": {}}
    config: Any = {"callbacks": [Bad()]}
    answer = asyncio.run(tool.ainvoke(call, config)) if is_async else tool.invoke(call, config)
    assert answer.content == "fine"
