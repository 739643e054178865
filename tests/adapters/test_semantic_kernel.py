"""Semantic Kernel: what its kernels, filters and streams see of altar's, and altar of its."""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
from typing import Annotated, Any

import pytest

pytest.importorskip("semantic_kernel")

from pydantic import BaseModel
from semantic_kernel import Kernel
from semantic_kernel.connectors.ai.function_choice_behavior import FunctionChoiceBehavior
from semantic_kernel.contents import ChatHistory, FunctionCallContent, ImageContent
from semantic_kernel.exceptions import (
    KernelInvokeException,
    OperationCancelledException,
    ServiceResponseException,
)
from semantic_kernel.filters import FilterTypes
from semantic_kernel.functions import KernelArguments, KernelFunction, KernelPlugin
from semantic_kernel.functions.kernel_function_decorator import kernel_function

import altar
from altar.errors import ConfigurationError, DeclarationError
from altar_extras.semantic_kernel import (
    AltarFunction,
    CallFailedError,
    export_tools,
    import_tools,
)
from tests.waiting import asoon


def add(a: int, b: int = 1) -> int:
    """Add two whole numbers.

    Args:
        a: The first.
    """
    return a + b


def lent(*tools: Any) -> Kernel:
    kernel = Kernel()
    kernel.add_plugin(export_tools(list(tools)))
    return kernel


def asked(kernel: Kernel, name: str, args: Any, **options: Any) -> Any:
    """The answer to a model's call, as the history has it."""
    history = ChatHistory()
    text = args if isinstance(args, str) else json.dumps(args)
    call = FunctionCallContent(id="call_1", name=f"altar-{name}", arguments=text)
    asyncio.run(kernel.invoke_function_call(call, history, **options))
    (item,) = history.messages[-1].items
    return item


def invoked(kernel: Kernel, name: str, **args: Any) -> Any:
    return asyncio.run(kernel.invoke(plugin_name="altar", function_name=name, **args))


# -- out ---------------------------------------------------------------------------------


def test_a_models_call_is_answered_with_text_and_the_whole_result_beside():
    item = asked(lent(add), "add", {"a": "41"})
    assert (item.result, item.id) == ("42", "call_1")
    result = altar.ToolResult.from_dict(item.metadata["altar"])
    assert (result.content, result.name) == (42, "add")


def test_what_is_missing_or_wrong_is_refused_in_altars_words():
    said = json.loads(asked(lent(add), "add", {"b": [2]}).result)["error"]
    assert said["type"] == "PARAMETER_VALIDATION_FAILED"
    assert {problem["path"] for problem in said["details"]["problems"]} == {"$.a", "$.b"}


def test_a_history_with_answers_is_written_and_read_again():
    history = ChatHistory()
    call = FunctionCallContent(id="1", name="altar-add", arguments='{"a": 1}')
    asyncio.run(lent(add).invoke_function_call(call, history))
    again = ChatHistory.restore_chat_history(history.serialize())
    assert again.messages[-1].items[0].result == "2"


def test_a_call_of_ones_own_gives_the_content_and_raises_what_failed():
    def words() -> list[str]:
        return ["a", "b"]

    kernel = lent(add, words)
    assert invoked(kernel, "words").value == ["a", "b"]
    assert invoked(kernel, "add", a=1).value == 2
    with pytest.raises(KernelInvokeException) as caught:
        invoked(kernel, "add", a="x")
    failed = caught.value.__cause__
    assert isinstance(failed, CallFailedError)
    assert failed.result.error.type == "PARAMETER_VALIDATION_FAILED"


def test_what_else_lies_in_the_kernels_arguments_is_no_argument_of_the_tool():
    def label(**labels: str) -> dict[str, str]:
        return labels

    kernel = lent(add, label)
    bag = KernelArguments(chat_history="...", b=5)
    assert asked(kernel, "add", {"a": 1}, arguments=bag).result == "6"
    assert invoked(kernel, "add", a=1, chat_history="...").value == 2
    assert invoked(kernel, "label", x="1").value == {"x": "1"}
    assert asked(kernel, "label", {}, arguments=bag).result == "{}"


def test_a_model_is_shown_altars_schema_of_every_parameter():
    kernel = lent(add)
    (shown,) = FunctionChoiceBehavior.Auto().get_config(kernel).available_functions
    (declared,) = altar.Session([add]).declarations()
    schema = declared.to_dict("json-schema")["parameters"]
    assert {one.name: one.schema_data for one in shown.parameters} == schema["properties"]
    assert [one.name for one in shown.parameters if one.is_required] == schema["required"]
    assert shown.return_parameter.schema_data == {"type": "integer"}


def test_a_type_that_holds_itself_is_whole_inside_its_parameter():
    from tests.adapters.tools import depth

    (shown,) = lent(depth).get_full_list_of_function_metadata()
    (parameter,) = shown.parameters
    assert parameter.schema_data["$ref"] == "#/properties/tree/$defs/Tree"
    inner = parameter.schema_data["$defs"]["Tree"]["properties"]["children"]["items"]
    assert inner == {"$ref": "#/properties/tree/$defs/Tree"}


def test_the_models_call_id_is_the_correlation_id_and_never_deduplicates():
    seen = []

    def count(ctx: altar.Context[None]) -> int:
        seen.append(ctx.correlation_id)
        return len(seen)

    kernel = lent(count)
    assert [asked(kernel, "count", {}).result for _ in range(2)] == ["1", "2"]
    assert seen == ["call_1", "call_1"]


def test_a_persons_yes_is_the_kernels_to_say_and_not_the_models():
    @altar.tool(approval=True)
    def erase(**what: Any) -> str:
        return "erased"

    kernel = lent(erase)
    refused = asked(kernel, "erase", {})
    assert json.loads(refused.result)["error"]["type"] == "APPROVAL_REQUIRED"
    for yes in (True, ["call_1"], {"call_1": "erase"}):
        bag = KernelArguments(altar_approved=yes)
        assert asked(kernel, "erase", {}, arguments=bag).result == "erased"
    for no in (["call_2"], {"call_1": "other"}, {}):
        bag = KernelArguments(altar_approved=no)
        assert "error" in asked(kernel, "erase", {}, arguments=bag).metadata["altar"]
    assert "altar" not in asked(kernel, "erase", {"altar_approved": True}).metadata


def test_filters_see_the_call_and_may_answer_it():
    kernel = lent(add)
    seen = []

    @kernel.filter(FilterTypes.FUNCTION_INVOCATION)
    async def watch(context: Any, next: Any) -> None:  # noqa: A002 - its name counts
        await next(context)
        seen.append((context.function.name, context.result.value))

    assert asked(kernel, "add", {"a": 1}).result == "2"
    assert seen == [("add", "2")]


def test_a_stream_yields_progress_and_else_the_content():
    def countdown(start: int):
        """Count down."""
        yield from range(start, 0, -1)

    async def main(name: str, **args: Any) -> list[Any]:
        kernel = lent(countdown, add)
        function = kernel.get_function("altar", name)
        return [chunk async for chunk in function.invoke_stream(kernel, KernelArguments(**args))]

    assert asyncio.run(main("countdown", start=3)) == [3, 2, 1]
    assert asyncio.run(main("add", a=1)) == [2]
    with pytest.raises(CallFailedError):
        asyncio.run(main("add"))


def test_blobs_are_content_of_the_library():
    def chart() -> list[Any]:
        return ["a chart", altar.Blob("image/png", b"png")]

    text, image = invoked(lent(chart), "chart").value
    assert text == "a chart"
    assert isinstance(image, ImageContent)
    assert (image.mime_type, image.data) == ("image/png", b"png")


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
        kernel = lent(wait)
        task = asyncio.create_task(kernel.get_function("altar", "wait").invoke(kernel))
        assert await asoon(lambda: seen)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert seen == ["started", "cancelled"]


def test_a_plugin_has_its_name_and_copies_share_the_session():
    session = altar.Session([add])
    plugin = export_tools(session, plugin_name="maths")
    function = plugin["add"].function_copy("other")
    assert (plugin.name, function.fully_qualified_name) == ("maths", "other-add")
    assert isinstance(function, AltarFunction)
    assert function.session is session
    with pytest.raises(ConfigurationError, match="letters, digits and underscores"):
        export_tools(session, plugin_name="my plugin")


def test_a_parameter_name_that_the_library_refuses_is_named():
    def measure(größe: int) -> int:  # noqa: PLC2401
        return größe

    with pytest.raises(DeclarationError, match="measure: .*'größe'"):
        export_tools([measure])


def test_without_the_library_the_line_to_type_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "semantic_kernel", None)
    for name in [name for name in sys.modules if "altar_extras." in name and "semantic" in name]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ImportError, match=r'pip install "semantic-kernel>=1\.40"'):
        importlib.import_module("altar_extras.semantic_kernel")


# -- in ----------------------------------------------------------------------------------


class Point(BaseModel):
    x: int
    y: int = 0


class Maths:
    """A plugin."""

    @kernel_function(description="Multiply.")
    def times(
        self, a: Annotated[int, "The first."], b: int = 2, kernel: Kernel | None = None
    ) -> int:
        assert kernel is not None
        return a * b

    @kernel_function
    async def move(self, point: Point, by: int) -> Point:
        """Move a point."""
        return Point(x=point.x + by, y=point.y)


def run(foreign: Any, name: str, args: dict[str, Any], **options: Any) -> altar.ToolResult:
    with altar.Session(import_tools(foreign, **options)) as session:
        return session.execute(name, args)


def raising(error: Exception) -> Any:
    @kernel_function
    def it() -> str:
        raise error

    return it


def test_functions_plugins_objects_and_kernels_are_taken():
    plugin = KernelPlugin.from_object("maths", Maths())
    kernel = Kernel()
    kernel.add_plugin(plugin)
    for foreign in (Maths(), plugin, kernel, [plugin["times"], plugin["move"]]):
        tools = import_tools(foreign)
        assert sorted(tool.declaration.name for tool in tools) == ["move", "times"]
        with altar.Session(tools) as session:
            assert session.execute("times", {"a": "21"}).content == 42
    assert isinstance(plugin["times"], KernelFunction)


def test_the_schema_is_the_one_a_kernel_shows_without_what_it_gives_itself():
    tools = {tool.declaration.name: tool.declaration for tool in import_tools(Maths())}
    schema = tools["times"].to_dict("json-schema")["parameters"]
    assert set(schema["properties"]) == {"a", "b"}
    assert schema["properties"]["a"] == {"type": "integer", "description": "The first."}
    assert schema["required"] == ["a"]
    assert tools["move"].description == "Move a point."


def test_what_has_no_type_takes_anything():
    @kernel_function
    def kind(value, also: Any = 0) -> str:
        return type(value).__name__

    for value in ("x", 5, [1], {"a": 1}):
        assert run(kind, "kind", {"value": value}).content == type(value).__name__


def test_models_are_made_and_read_and_the_unknown_is_refused():
    moved = run(Maths(), "move", {"point": {"x": 1, "y": 5}, "by": 2})
    assert moved.content == {"x": 3, "y": 5}, moved.error
    refused = run(Maths(), "move", {"point": {"x": 1}, "by": 2, "z": 0})
    assert refused.error.type == "PARAMETER_VALIDATION_FAILED"
    assert any(item["path"] == "$.z" for item in refused.error.details["problems"])


def test_what_only_the_function_can_refuse_is_a_refusal_with_its_path():
    @kernel_function
    def mood(word: Annotated[Any, {"type_object": dict[str, int]}]) -> str:
        return ""

    function = KernelFunction.from_method(mood)
    function.metadata.parameters[0].schema_data = {"type": "string"}
    function.metadata.parameters[0].type_object = Point
    refused = run(function, "mood", {"word": "x"})
    assert refused.error.type == "PARAMETER_VALIDATION_FAILED"
    assert refused.error.details["problems"][0]["path"] == "$.word"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (OperationCancelledException("stop"), "CANCELLED"),
        (ServiceResponseException("key=1"), "SERVICE_UNAVAILABLE"),
        (ValueError("key=1"), "TOOL_EXECUTION_FAILED"),
        (altar.ToolError("gone", type="RESOURCE_NOT_FOUND"), "RESOURCE_NOT_FOUND"),
    ],
)
def test_what_a_function_raises_is_a_typed_error(error, kind):
    result = run(raising(error), "it", {})
    assert result.error.type == kind
    assert "key=1" not in result.error.message


def test_a_prompt_without_a_service_says_what_is_missing():
    prompt = KernelFunction.from_prompt("ask", "p", prompt="Say {{$word}}.")
    (tool,) = import_tools(prompt)
    assert set(tool.declaration.to_dict("json-schema")["parameters"]["properties"]) == {"word"}
    result = altar.Session([tool]).execute("ask", {"word": "hi"})
    assert result.error.type == "CONFIGURATION_ERROR"


def test_the_given_kernels_filters_run_and_may_end_a_call():
    kernel = Kernel()

    @kernel.filter(FilterTypes.FUNCTION_INVOCATION)
    async def stop(context: Any, next: Any) -> None:  # noqa: A002 - its name counts
        if context.arguments["a"] > 5:
            return
        context.arguments["b"] = 10
        await next(context)

    plugin = KernelPlugin.from_object("maths", Maths())
    assert run(plugin, "times", {"a": 1}, kernel=kernel).content == 10
    assert run(plugin, "times", {"a": 6}, kernel=kernel).error.type == "INVALID_STATE"


def test_arguments_that_no_model_gives_are_the_applications():
    @kernel_function
    def who(
        greeting: str,
        user: Annotated[str, {"include_in_function_choices": False}] = "nobody",
    ) -> str:
        return f"{greeting} {user}"

    assert run(who, "who", {"greeting": "hi"}).content == "hi nobody"
    assert run(who, "who", {"greeting": "hi"}, arguments={"user": "ada"}).content == "hi ada"
    refused = run(who, "who", {"greeting": "hi", "user": "eve"}, arguments={"user": "ada"})
    assert refused.error.type == "PARAMETER_VALIDATION_FAILED"


def test_content_of_the_library_becomes_text_and_blobs():
    @kernel_function
    def chart() -> list[Any]:
        return ["see", ImageContent(data=b"png", mime_type="image/png", data_format="base64")]

    assert run(chart, "chart", {}).value == ["see", altar.Blob("image/png", b"png")]


def test_names_that_clash_are_told_apart_by_their_plugins():
    kernel = Kernel()
    for name in ("one", "two"):
        kernel.add_plugin(KernelPlugin.from_object(name, Maths()))
    names = {tool.declaration.name for tool in import_tools(kernel)}
    assert names == {"one-times", "one-move", "two-times", "two-move"}


class Broken:
    @property
    def lamp(self) -> str:
        raise RuntimeError("no current")


def test_what_is_no_function_is_refused():
    with pytest.raises(DeclarationError, match="add: nothing in it is marked"):
        import_tools(add)
    with pytest.raises(DeclarationError, match="object: nothing in it is marked"):
        import_tools(object())
    with pytest.raises(DeclarationError, match="Broken: it cannot be read"):
        import_tools(Broken())
    with pytest.raises(ConfigurationError, match="give a semantic_kernel.Kernel"):
        import_tools(Maths(), kernel=5)
    with pytest.raises(ConfigurationError, match="give KernelArguments"):
        import_tools(Maths(), arguments=5)
