"""Tools for DSPy's agents and DSPy's tools for altar: whose words refuse, who runs what, and how."""

from __future__ import annotations

import asyncio
import copy
import inspect
import json
import pickle
import threading
from typing import Any

import pytest

pytest.importorskip("dspy", "3.4")

import dspy
from dspy import lm15
from dspy.adapters.types.tool import convert_input_schema_to_tool_args
from dspy.utils import DummyLM
from dspy.utils.callback import BaseCallback
from pydantic import BaseModel, Field

from altar import Context, FunctionCall, Session, ToolError, tool
from altar.errors import DeclarationError
from altar.runtime import CallContext, Cancellation
from altar_extras.dspy import ToolFailed, export_tools, import_tools
from tests.waiting import PATIENCE, soon

pytestmark = pytest.mark.filterwarnings("ignore:.*[Ee]xperimental")

SECRET = "hunter2"


def add(a: int, b: int = 2) -> int:
    """Add."""
    return a + b


async def later(word: str) -> str:
    """Say it later."""
    await asyncio.sleep(0)
    return word


def taken(seat: str) -> str:
    """Take a seat."""
    raise ToolError(f"{seat} is taken", type="BUSINESS_RULE_VIOLATION")


def broken() -> str:
    """Fail."""
    raise RuntimeError(f"password={SECRET}")


def step(name: str, **args: Any) -> dict[str, Any]:
    return {"next_thought": "t", "next_tool_name": name, "next_tool_args": json.dumps(args)}


END = [step("finish"), {"reasoning": "r", "answer": "done"}]


def run(agent: Any, *answers: Any, is_async: bool = False) -> Any:
    with dspy.context(lm=DummyLM(list(answers))):
        if is_async:
            return asyncio.run(agent.acall(question="q"))
        return agent(question="q")


# -- out ---------------------------------------------------------------------------------


@pytest.mark.parametrize("is_async", [False, True])
def test_react_hears_missing_and_unknown_arguments_in_altars_words_and_goes_on(is_async: bool):
    agent = dspy.ReAct("question -> answer", export_tools([add]))
    steps = [step("add", b=1, c=3), step("add", a="4"), *END]
    seen = run(agent, *steps, is_async=is_async).trajectory
    assert "$.a: expected an integer (required), got nothing" in seen["observation_0"]
    assert "$.c: expected only a, b" in seen["observation_0"]
    assert seen["observation_1"] == 6


@pytest.mark.parametrize("is_async", [False, True])
def test_a_failure_reaches_the_model_without_traceback_paths_or_secrets(is_async: bool):
    agent = dspy.ReAct("question -> answer", export_tools([taken, broken]))
    steps = [step("taken", seat="1a"), step("broken"), *END]
    seen = run(agent, *steps, is_async=is_async).trajectory
    said = seen["observation_0"].partition("ToolFailed: ")[2]
    assert json.loads(said)["error"]["type"] == "BUSINESS_RULE_VIOLATION"
    for told in (seen["observation_0"], seen["observation_1"]):
        assert "Traceback" not in told
        assert ".py" not in told
        assert SECRET not in told


class Tree(BaseModel):
    label: str
    children: list[Tree] = []


class Native:
    """A model with native calls: it plays the scripted ones, and keeps what it was asked."""

    supports_function_calling = True

    def __init__(self, *calls: tuple[str, dict[str, Any]]) -> None:
        self.calls = list(calls)
        self.requests: list[Any] = []

    def complete(self, request: Any) -> Any:
        self.requests.append(request)
        name, args = self.calls.pop(0)
        parts = (lm15.ToolCallPart(id=f"c{len(self.calls)}", name=name, input=args),)
        return lm15.Response(
            id=None,
            model="fake",
            message=lm15.Message(role="assistant", parts=parts),
            finish_reason="tool_call",
            usage=lm15.Usage(input_tokens=1, output_tokens=1),
        )

    def stream(self, request: Any) -> Any:
        return lm15.response_to_events(self.complete(request))

    def close(self) -> None:
        pass


def test_react_v2_with_native_calls_sends_altars_schema_and_marks_refusals_as_errors():
    engine = Native(("add", {"b": 1}), ("add", {"a": 1}), ("submit", {"answer": "3"}))
    agent = dspy.ReActV2("question -> answer", export_tools([add]))
    lm = dspy.LM("fake/one", engine=engine, cache=False)
    with dspy.context(lm=lm, adapter=dspy.ChatAdapter(use_native_function_calling=True)):
        seen = agent(question="q")
    assert seen.answer == "3"
    (declared,) = Session([add]).declarations()
    (sent,) = [one for one in engine.requests[0].tools if one.name == "add"]
    assert sent.parameters == declared.to_dict("json-schema")["parameters"]
    results = [
        result
        for message in seen.history.messages
        for result in message["tool_calls"].tool_call_results.tool_call_results
    ]
    assert [(one.name, one.is_error) for one in results][:2] == [("add", True), ("add", False)]
    assert "$.a" in results[0].value
    assert results[1].value == 3


def test_a_failure_keeps_its_traceback_for_everybody_but_a_prompt():
    (exported,) = export_tools([taken])
    with pytest.raises(ToolFailed) as caught:
        exported(seat="1a")
    assert caught.value.__traceback__ is not None
    assert caught.value.with_traceback(None).__traceback__ is None
    again = pickle.loads(pickle.dumps(caught.value))
    assert again.result == caught.value.result


def test_code_that_an_rlm_writes_sees_a_signature_and_hears_altars_words():
    code = ["print(add(a=4), add(a=4, b=6))", "add(b=1, c=1)", "SUBMIT(answer='x')"]
    agent = dspy.RLM(
        "question -> answer", tools=export_tools([add]), interpreter_factory=dspy.LocalInterpreter
    )
    seen = run(agent, *[{"reasoning": "r", "code": line} for line in code]).trajectory
    assert seen[0]["output"].strip() == "6 10"
    assert "$.a: expected an integer (required)" in seen[1]["output"]
    function = export_tools([add])[0].func  # by position too, where an interpreter hands it on
    assert (function(1), function(1, 3), function(1, b=4)) == (3, 4, 5)
    assert str(inspect.signature(function)) == "(a, b=2, **kwargs)"
    with pytest.raises(TypeError, match="takes a, b"):
        function(1, 2, 3)


def test_calls_go_through_the_session_with_its_deps_and_end_with_it():
    def who(ctx: Context[str]) -> str:
        return ctx.deps

    with Session([who], deps="ada") as session:
        (exported,) = export_tools(session)
        assert exported() == "ada"
        assert asyncio.run(exported.acall()) == "ada"
    with pytest.raises(Exception, match="closed"):
        exported()


def test_an_async_tool_answers_sync_and_async_agents_inside_a_loop_and_outside():
    (exported,) = export_tools([later])
    assert exported(word="w") == "w"

    async def inside() -> tuple[str, str]:
        return exported(word="a"), await exported.acall(word="b")

    assert asyncio.run(inside()) == ("a", "b")


def test_cancelling_the_task_of_a_call_cancels_the_tool():
    ended: list[str] = []

    begun = asyncio.Event()

    async def forever() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("yes")

    async def main() -> None:
        task = asyncio.ensure_future(export_tools([forever])[0].acall())
        await asyncio.wait_for(begun.wait(), PATIENCE)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert ended == ["yes"]


def test_arguments_of_any_name_pass_and_shared_types_stand_by_themselves():
    def odd(self_: int, instance: int, kwargs: list[int], tree: Tree) -> list[Any]:
        return [self_, instance, kwargs, tree.children[0].label]

    (exported,) = export_tools([odd])
    tree = {"label": "a", "children": [{"label": "b"}]}
    args = {"self_": 1, "instance": 2, "kwargs": [3], "tree": tree}
    assert exported(**args) == [1, 2, [3], "b"]
    assert exported.func(**args) == [1, 2, [3], "b"]
    pointer = exported.args["tree"].get("$ref", "#/$defs/").removeprefix("#/$defs/")
    assert not pointer or pointer in exported.args["tree"]["$defs"]


def test_callbacks_of_dspy_see_exported_tools():
    seen: list[Any] = []

    class Watch(BaseCallback):
        def on_tool_start(self, call_id, instance, inputs):
            seen.append((instance.name, inputs))

        def on_tool_end(self, call_id, outputs, exception):
            seen.append(outputs if exception is None else type(exception))

    (exported,) = export_tools([add])
    with dspy.context(callbacks=[Watch()]):
        exported(a=1)
        asyncio.run(exported.acall(a=2))
        with pytest.raises(ToolFailed):
            exported()
    given = [("add", {"kwargs": args}) for args in ({"a": 1}, {"a": 2}, {})]
    assert seen == [given[0], 3, given[1], 4, given[2], ToolFailed]


def test_agents_with_exported_tools_can_be_copied_as_optimisers_do():
    agent = dspy.ReAct("question -> answer", export_tools([add]))
    for one in (agent.deepcopy(), copy.deepcopy(agent)):
        assert run(one, step("add", a=1), *END).trajectory["observation_0"] == 3


# -- in ----------------------------------------------------------------------------------


class Guest(BaseModel):
    name: str
    age: int = Field(ge=0)


def invite(guest: Guest, times: int = 1, *rest: int) -> str:
    """Invite a guest."""
    if guest.name == "nobody":
        raise ValueError(f"not {SECRET}")
    return f"{guest.name} x{times} {type(guest).__name__}"


def test_a_tool_of_dspys_keeps_its_schema_its_types_and_what_it_needs():
    session = Session(import_tools(dspy.Tool(invite)))
    (declaration,) = session.declarations()
    assert declaration.description == "Invite a guest."
    assert declaration.parameters.required == ("guest",)
    assert set(declaration.to_dict("json-schema")["parameters"]["properties"]) == {"guest", "times"}
    assert declaration.extensions["x_returns"]["type"] == "string"
    good = session.execute("invite", {"guest": {"name": "Bo", "age": 3}, "times": "2"})
    assert (good.content, good.metadata["coercions"][0]["path"]) == ("Bo x2 Guest", "$.times")
    for args in ({}, {"guest": {"name": "Bo", "age": 3}, "z": 1}, {"guest": {"name": "Bo"}}):
        assert session.execute("invite", args).error.type == "PARAMETER_VALIDATION_FAILED"


def test_what_dspy_itself_refuses_is_a_refusal_and_what_the_tool_raises_is_a_failure():
    loose = dspy.Tool(invite, args={"guest": {}, "times": {}}, arg_types={"guest": Guest})
    strict = dspy.Tool(add, name="strict", args={"a": {"type": "integer", "multipleOf": 3}})
    session = Session(import_tools(loose, strict))
    refused = session.execute("invite", {"guest": {"name": "Bo", "age": -1}, "times": 1})
    assert refused.error.type == "PARAMETER_VALIDATION_FAILED"
    assert refused.error.details["problems"][0]["path"] == "$.guest.age"
    assert session.execute("strict", {"a": 4}).error.type == "PARAMETER_VALIDATION_FAILED"
    failed = session.execute("invite", {"guest": {"name": "nobody", "age": 1}, "times": 1})
    assert failed.error.type not in {"PARAMETER_VALIDATION_FAILED", "CONFIGURATION_ERROR"}
    assert SECRET not in json.dumps(failed.to_dict())


def test_tools_that_dspy_took_from_elsewhere_know_what_they_require():
    schema = {
        "type": "object",
        "properties": {"path": {"type": "string"}, "depth": {"type": "integer"}},
        "required": ["path"],
    }

    async def func(*args: Any, **kwargs: Any) -> Any:
        return kwargs

    args, types, words = convert_input_schema_to_tool_args(schema)
    foreign = dspy.Tool(func, "list files", "Lists.", args=args, arg_types=types, arg_desc=words)
    session = Session(import_tools(foreign))
    (declaration,) = session.declarations()
    assert (declaration.name, declaration.extensions["x_foreign_name"]) == (
        "list_files",
        "list files",
    )
    assert declaration.parameters.required == ("path",)
    assert session.execute("list_files", {"path": "x"}).content == {"path": "x"}
    assert asyncio.run(session.aexecute("list_files", {"path": "x"})).content == {"path": "x"}
    assert session.execute("list_files", {"path": "x", "q": 1}).error is not None


def test_open_ended_silent_and_callable_tools_come_in_too():
    def anything(first: int, **more: Any) -> Any:
        return more or None

    class Where:
        """Says where."""

        def __call__(self) -> str:
            return threading.current_thread().name

    session = Session(import_tools([dspy.Tool(anything), dspy.Tool(Where(), name="where")]))
    assert session.execute("anything", {"first": 1, "x": 2}).content == {"x": 2}
    assert session.execute("anything", {"first": 1}).content is None
    assert session.execute("where", {}).ok


def test_duplicates_and_schemas_that_are_none_are_refused_by_name():
    wrong = dspy.Tool(add, name="wrong", args={"a": {"type": 7}})
    with pytest.raises(DeclarationError) as caught:
        import_tools(dspy.Tool(add), dspy.Tool(add), wrong, {"": dspy.Tool(add, name="")})
    assert "same name" in str(caught.value)
    assert "wrong" in str(caught.value)


def test_what_was_exported_comes_back_as_it_was_with_its_own_errors_and_approval():
    @tool(approval=True)
    def erase(path: str) -> str:
        """Erase."""
        return f"erased {path}"

    def report(ctx: Context[None]) -> int:
        """Tell how far it is."""
        ctx.progress("half")
        return 1

    first = Session([taken, erase, report])
    second = Session(import_tools(*export_tools(first)))
    before = {one.name: one.to_dict() for one in first.declarations()}
    assert {one.name: one.to_dict() for one in second.declarations()} == before
    failed = second.execute("taken", {"seat": "1a"}).error
    assert (failed.type, failed.message) == ("BUSINESS_RULE_VIOLATION", "1a is taken")
    assert second.execute("erase", {"path": "x"}).error.type == "APPROVAL_REQUIRED"

    call = FunctionCall(name="erase", args={"path": "x"})
    assert second.invoke(call, CallContext(approved=True)).content == "erased x"
    heard: list[Any] = []
    second.invoke(FunctionCall(name="report", args={}), CallContext(emit=heard.append))
    assert heard == ["half"]
    assert asyncio.run(second.aexecute("taken", {"seat": "2"})).error.message == "2 is taken"


def test_a_tool_inside_a_tool_that_refuses_is_no_refusal_of_the_outer_ones_arguments():
    def inner(n: int) -> int:
        """Count."""
        return n

    within = dspy.Tool(inner)

    def outer(city: str) -> int:
        """Ask."""
        return within(n="not a number")

    session = Session(import_tools(dspy.Tool(outer)))
    assert session.execute("outer", {"city": "Rome"}).error.type == "TOOL_EXECUTION_FAILED"


def test_words_about_arguments_do_not_make_them_optional():
    def anything(**kwargs: Any) -> Any:
        return kwargs

    args = {"a": {"type": "integer"}, "b": {"type": "integer", "default": 1}}
    tool = dspy.Tool(anything, "f", "Does.", args=args, arg_desc={"a": "an a", "b": "a b"})
    assert import_tools(tool)[0].declaration.parameters.required == ("a",)


def test_cancelling_a_sync_call_reaches_a_tool_that_was_exported_and_came_back():
    begun, seen = threading.Event(), []

    def slow(context: Context[Any]) -> str:
        """Run long."""
        begun.set()
        if soon(lambda: context.cancelled):
            seen.append("stopped")
        return "done"

    session = Session(import_tools(*export_tools([slow])))
    flag = Cancellation()
    call = FunctionCall(name="slow", args={})
    thread = threading.Thread(target=session.invoke, args=(call, CallContext(cancelled=flag)))
    thread.start()
    assert begun.wait(PATIENCE)
    flag.cancel("enough")
    thread.join()
    assert soon(lambda: seen == ["stopped"])
