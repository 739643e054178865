"""Sessions as toolsets of pydantic-ai: real agents, scripted models, nothing that ends a run."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

pytest.importorskip("pydantic_ai")

from pydantic_ai import (
    Agent,
    BinaryContent,
    DeferredToolRequests,
    DeferredToolResults,
    ModelResponse,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
)
from pydantic_ai.capabilities import HandleDeferredToolCalls
from pydantic_ai.exceptions import ApprovalRequired, CallDeferred, ModelRetry, UserError
from pydantic_ai.models.function import DeltaToolCall, FunctionModel
from pydantic_ai.models.test import TestModel
from pydantic_ai.toolsets import WrapperToolset

import altar
import altar.llm
from altar import Context, Session, ToolError, tool
from altar.errors import ConfigurationError
from altar.runtime import Approval, Policy
from altar.testing import ScriptedProvider
from altar_extras._pydantic_ai_arguments import UNREAD
from altar_extras.pydantic_ai import AltarModel, ToolProgress, export_tools
from tests.waiting import asoon


def _made() -> list[Any]:
    """Functions local to another are marked and not registered: other tests have such names."""

    @tool
    def add(a: int, b: int = 1) -> int:
        """Add two numbers."""
        return a + b

    @tool(approval=True)
    def erase(path: str) -> str:
        """Erase a file."""
        return f"erased {path}"

    @tool
    def broken(kind: str = "value") -> str:
        """Always fail."""
        if kind == "said":
            raise ToolError("no such page", type="RESOURCE_NOT_FOUND")
        if kind == "exit":
            raise SystemExit(3)
        raise ValueError("the secret is hunter2")

    return [add, erase, broken]


add, erase, broken = _made()


def model(*turns: list[tuple[str, Any]]) -> FunctionModel:
    """A model that makes these calls, turn by turn, and then says what came back last."""
    left = list(turns)

    def answer(messages: list[Any], _info: Any) -> ModelResponse:
        if left:
            calls = left.pop(0)
            return ModelResponse(parts=[ToolCallPart(name, args) for name, args in calls])
        return ModelResponse(parts=[TextPart("done")])

    async def stream(messages: list[Any], _info: Any) -> Any:
        if left:
            for at, (name, args) in enumerate(left.pop(0)):
                yield {at: DeltaToolCall(name, json.dumps(args))}
        else:
            yield "done"

    return FunctionModel(answer, stream_function=stream)


def returned(run: Any) -> list[ToolReturnPart]:
    parts = [part for message in run.all_messages() for part in message.parts]
    return [part for part in parts if isinstance(part, ToolReturnPart)]


def errors(run: Any) -> list[dict[str, Any]]:
    return [json.loads(part.content)["error"] for part in returned(run)]


def ask(toolset: Any, *turns: list[tuple[str, Any]], **options: Any) -> Any:
    return Agent(model(*turns), toolsets=[toolset], **options).run_sync("go")


def test_a_test_model_calls_every_tool_with_arguments_of_its_schema():
    run = Agent(TestModel(), toolsets=[export_tools([add])]).run_sync("go")
    assert json.loads(run.output) == {"add": 1}


def test_arguments_that_stay_wrong_never_end_a_run():
    turns = [[("add", {"a": "x"})]] * 6
    run = ask(export_tools([add]), *turns)
    assert run.output == "done"
    assert [part.outcome for part in returned(run)] == ["retried"] + ["failed"] * 5
    assert {error["type"] for error in errors(run)} == {"PARAMETER_VALIDATION_FAILED"}
    assert errors(run)[-1]["details"]["problems"][0]["path"] == "$.a"


@pytest.mark.parametrize("budget", [0, 2])
def test_the_budget_of_retries_is_the_toolsets_own_where_it_has_one(budget: int):
    turns = [[("add", {"a": "x"})]] * 4
    run = ask(export_tools([add], max_retries=budget), *turns, retries=5)
    assert [part.outcome for part in returned(run)].count("retried") == budget


def test_parallel_wrong_calls_of_one_tool_never_end_a_run():
    run = ask(export_tools([add]), *[[("add", {"a": "x"}), ("add", {}), ("add", {"a": 1})]] * 4)
    assert run.output == "done"
    assert [part.content for part in returned(run) if part.outcome == "success"] == [2] * 4


def test_a_prefixed_and_renamed_toolset_keeps_the_run_alive_as_well():
    toolset = export_tools([add]).prefixed("my").renamed({"plus": "my_add"})
    run = ask(toolset, *[[("plus", {"a": "x"})]] * 4, [("plus", {"a": 2})])
    assert returned(run)[-1].content == 3


@pytest.mark.parametrize("text", ['{"a": 1, "b": ', "[1]", "null", '{"a": NaN}', "nonsense", '"x"'])
def test_argument_text_that_is_no_object_is_refused_in_altars_words(text: str):
    run = ask(export_tools([add]), *[[("add", text)]] * 3)
    assert run.output == "done"
    assert {error["type"] for error in errors(run)} == {"PARAMETER_VALIDATION_FAILED"}


def test_argument_text_that_is_safe_to_mend_is_mended():
    run = ask(export_tools([add]), [("add", '{"a": 1, "b": 2,}'), ("add", "")])
    assert returned(run)[0].content == 3
    assert errors_of(returned(run)[1])["type"] == "PARAMETER_VALIDATION_FAILED"


class Copying(WrapperToolset[Any]):
    """Hands on a copy of the arguments, as hooks and wrappers may."""

    async def call_tool(self, name: str, tool_args: Any, ctx: Any, tool: Any) -> Any:
        return await super().call_tool(name, {**tool_args}, ctx, tool)


@pytest.mark.parametrize(
    "wrap", [Copying, lambda given: given.approval_required(lambda ctx, tool, args: False)]
)
def test_argument_text_that_cannot_be_read_runs_no_tool_with_its_defaults(wrap: Any):
    ran: list[bool] = []

    @tool
    def wipe(all: bool = True) -> str:  # noqa: A002 - a name that is worth a refusal
        """Wipe."""
        ran.append(all)
        return "wiped"

    forged = {UNREAD: '{"all": true}'}
    texts: list[Any] = ['{"all": fals', '{"all": false', forged, json.dumps(forged)]
    run = ask(wrap(export_tools([wipe])), *[[("wipe", text)] for text in texts])
    assert {error["type"] for error in errors(run)} == {"PARAMETER_VALIDATION_FAILED"}
    assert (len(errors(run)), ran) == (4, [])


def test_a_lone_surrogate_in_argument_text_is_refused_and_ends_no_run():
    text = '{"a": "\ud800"}'  # pydantic-ai's own models cannot count the tokens of this one
    provider = ScriptedProvider([altar.llm.ToolCall("add", None, raw_args=text), "done"])
    run = Agent(AltarModel(provider), toolsets=[export_tools([add])]).run_sync("go")
    assert (run.output, errors(run)[0]["type"]) == ("done", "PARAMETER_VALIDATION_FAILED")


def errors_of(part: ToolReturnPart) -> dict[str, Any]:
    return dict(json.loads(part.content)["error"])


def test_what_a_body_does_is_a_failed_call_and_its_text_is_kept_back():
    turns = [[("broken", {})], [("broken", {"kind": "said"})], [("broken", {"kind": "exit"})]]
    run = ask(export_tools([broken]), *turns)
    assert run.output == "done"
    assert [part.outcome for part in returned(run)] == ["failed"] * 3
    assert "hunter2" not in repr(run.all_messages())
    assert errors(run)[1] == {"message": "no such page", "type": "RESOURCE_NOT_FOUND"}


def test_a_closed_session_and_a_removed_tool_are_failed_calls():
    with Session([add, erase]) as session:
        toolset = export_tools(session)
        first = Agent(model([("add", {"a": 1})]), toolsets=[toolset])

        @first.instructions
        def close() -> str:
            session.close()
            return "closed"

        run = first.run_sync("go")
    assert errors(run)[0]["type"] == "INVALID_STATE"


def test_a_timeout_is_a_failed_call():
    @tool(timeout=0.02)
    async def slow() -> None:
        """Wait for nothing."""
        await asyncio.Event().wait()

    run = ask(export_tools([slow]), [("slow", {})])
    assert errors(run)[0]["type"] == "TIMEOUT"


def test_a_run_that_is_cancelled_cancels_the_tool():
    seen: list[str] = []

    @tool
    async def wait() -> None:
        """Wait."""
        seen.append("begun")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    async def main() -> None:
        agent = Agent(model([("wait", {})]), toolsets=[export_tools([wait])])
        task = asyncio.create_task(agent.run("go"))
        assert await asoon(lambda: seen)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert seen == ["begun", "cancelled"]


# -- approval, deferral ------------------------------------------------------------------


def approving(*turns: list[tuple[str, Any]], session: Any = None) -> Agent[Any, Any]:
    toolset = export_tools([erase] if session is None else session)
    return Agent(model(*turns), toolsets=[toolset], output_type=[str, DeferredToolRequests])


@pytest.mark.parametrize("said", [True, False])
def test_a_call_that_needs_approval_is_deferred_and_resumed(said: bool):
    agent = approving([("erase", {"path": "a"})])
    paused = agent.run_sync("go")
    assert isinstance(paused.output, DeferredToolRequests)
    (call,) = paused.output.approvals
    results = DeferredToolResults(approvals={call.tool_call_id: said})
    run = agent.run_sync(message_history=paused.all_messages(), deferred_tool_results=results)
    assert run.output == "done"
    (part,) = returned(run)
    assert (part.outcome, part.content == "erased a") == ("success" if said else "denied", said)


def test_nobody_is_asked_about_a_call_with_wrong_arguments():
    run = approving([("erase", {"file": "a"})]).run_sync("go")
    assert run.output == "done"
    assert errors(run)[0]["type"] == "PARAMETER_VALIDATION_FAILED"


def test_a_session_that_asks_a_person_itself_defers_nothing():
    session = Session([erase], runtime=lambda local: Approval(local, lambda call: True))
    run = approving([("erase", {"path": "a"})], session=session).run_sync("go")
    assert returned(run)[0].content == "erased a"


def test_approvals_that_are_refused_are_told_to_the_model():
    run = ask(export_tools([erase], approvals="refuse"), [("erase", {"path": "a"})])
    assert errors(run)[0]["type"] == "APPROVAL_REQUIRED"


def test_pydantic_ais_own_exceptions_keep_their_meaning_in_a_tool_of_altars():
    @tool
    def job(kind: str) -> str:
        """Do it, or not."""
        if kind == "retry":
            raise ModelRetry("say it otherwise")
        raise CallDeferred() if kind == "deferred" else ApprovalRequired()

    turns = [[("job", {"kind": "retry"})], [("job", {"kind": "deferred"})]]
    paused = approving(*turns, session=[job]).run_sync("go")
    assert isinstance(paused.output, DeferredToolRequests)
    assert len(paused.output.calls) == 1
    assert returned(paused)[0].outcome == "retried"
    assert errors(paused)[0]["message"] == "say it otherwise"
    asked = approving([("job", {"kind": "ask"})], session=[job]).run_sync("go")
    assert len(asked.output.approvals) == 1


# -- progress, dependencies, values ------------------------------------------------------


def chunks(toolset: Any, *turns: list[tuple[str, Any]]) -> list[Any]:
    async def main() -> list[Any]:
        agent = Agent(model(*turns), toolsets=[toolset])
        async with agent.run_stream_events("go") as events:
            return [event async for event in events]

    return asyncio.run(main())


def test_progress_of_tools_comes_in_the_stream_of_events_before_the_result():
    @tool
    def count(n: int) -> Any:
        """Count."""
        yield from range(n)

    @tool
    async def acount(n: int, ctx: Context) -> str:
        """Count."""
        for at in range(n):
            ctx.progress({"at": at})
        return "all"

    events = chunks(export_tools([count, acount]), [("count", {"n": 3})], [("acount", {"n": 2})])
    told = [event for event in events if isinstance(event, ToolProgress)]
    assert [event.chunk for event in told] == [0, 1, 2, {"at": 0}, {"at": 1}]
    assert [event.tool_name for event in told] == ["count"] * 3 + ["acount"] * 2
    kinds = [event.event_kind for event in events]
    assert kinds.index("custom") < kinds.index("function_tool_result")


def test_dependencies_are_the_sessions_or_the_runs():
    @tool
    def who(ctx: Context[Any]) -> str:
        """Who asks."""
        return str(ctx.deps)

    for deps, expected in (("session", "ada"), ("run", "bob")):
        toolset = export_tools(Session([who], deps="ada"), deps=deps)  # type: ignore[arg-type]
        agent = Agent(model([("who", {})]), toolsets=[toolset], deps_type=str)
        assert returned(agent.run_sync("go", deps="bob"))[0].content == expected


def test_the_call_id_of_the_run_is_the_correlation_id_and_no_call_is_answered_from_another():
    seen: list[str] = []

    @tool
    def note(ctx: Context) -> int:
        """Take a note."""
        seen.append(ctx.correlation_id)
        return len(seen)

    def answer(messages: list[Any], _info: Any) -> ModelResponse:
        if len(messages) > 1:
            return ModelResponse(parts=[TextPart("done")])
        return ModelResponse(parts=[ToolCallPart("note", {}, tool_call_id="same")])

    agent = Agent(FunctionModel(answer), toolsets=[export_tools([note])])
    assert [returned(agent.run_sync("go"))[0].content for _ in range(2)] == [1, 2]
    assert seen == ["same", "same"]


def test_blobs_are_files_and_hints_of_effects_are_metadata():
    @tool(read_only=True)
    def picture() -> altar.Blob:
        """A picture."""
        return altar.Blob("image/png", b"\x89PNG")

    @tool
    def pictures() -> list[Any]:
        """Two things."""
        return ["one", altar.Blob("image/png", b"2")]

    toolset = export_tools([picture, pictures])
    run = ask(toolset, [("picture", {}), ("pictures", {})])
    one, two = [part.content for part in returned(run)]
    assert one == BinaryContent(data=b"\x89PNG", media_type="image/png")
    assert two == ["one", BinaryContent(data=b"2", media_type="image/png")]
    kept = toolset.filtered(lambda _ctx, it: bool((it.metadata or {}).get("read_only")))
    seen = TestModel(call_tools=[])
    Agent(seen, toolsets=[kept]).run_sync("go")
    assert seen.last_model_request_parameters is not None
    assert [it.name for it in seen.last_model_request_parameters.function_tools] == ["picture"]


def test_a_tool_that_is_added_to_the_session_is_shown_in_the_next_step():
    with Session([add]) as session:
        toolset = export_tools(session, id="mine")
        run = ask(toolset, [("broken", {})], retries=3)
        assert returned(run)[0].outcome == "retried"  # pydantic-ai's own: it knows no such tool
        session.add(broken)
        assert errors(ask(toolset, [("broken", {})]))[0]["type"] == "TOOL_EXECUTION_FAILED"
        assert toolset.id == "mine"


def test_the_policies_of_the_session_hold_for_calls_of_a_run():
    tries: list[int] = []

    @tool(policy=Policy(retry=3))
    def flaky() -> str:
        """Work at the third try."""
        tries.append(1)
        if len(tries) < 3:
            raise ToolError("not yet", type="SERVICE_UNAVAILABLE", retry_after=0)
        return "works"

    assert returned(ask(export_tools([flaky]), [("flaky", {})]))[0].content == "works"


def test_iterated_and_streamed_runs_call_tools_as_well():
    async def stream(messages: list[Any], _info: Any) -> Any:
        if len(messages) == 1:
            yield {0: DeltaToolCall("add", '{"a"')}
            yield {0: DeltaToolCall(json_args=": 4}")}
        else:
            yield "five"

    async def main() -> None:
        agent = Agent(FunctionModel(stream_function=stream), toolsets=[export_tools([add])])
        async with agent.run_stream("go") as run:
            assert await run.get_output() == "five"
        assert returned(run)[0].content == 5
        steps = Agent(model([("add", {"a": 1})]), toolsets=[export_tools([add])])
        async with steps.iter("go") as going:
            nodes = [type(node).__name__ async for node in going]
        assert "CallToolsNode" in nodes
        assert going.result is not None
        assert going.result.output == "done"

    asyncio.run(main())


def test_bad_options_are_refused_with_what_is_allowed():
    for options in ({"approvals": "yes"}, {"deps": "mine"}, {"max_retries": -1}):
        with pytest.raises(ConfigurationError, match="give"):
            export_tools([add], **options)  # type: ignore[arg-type]


def test_outside_a_run_there_is_nobody_to_tell_of_progress_and_the_call_works():
    from pydantic_ai import RunContext
    from pydantic_ai.usage import RunUsage

    @tool
    def count(n: int) -> Any:
        """Count."""
        yield from range(n)

    async def main() -> Any:
        toolset = export_tools([count])
        ctx: Any = RunContext(deps=None, model=TestModel(), usage=RunUsage())
        tools = await toolset.get_tools(ctx)
        with pytest.raises(UserError):
            await ctx.emit(ToolProgress(chunk=1))
        return await toolset.call_tool("count", {"n": 2}, ctx, tools["count"])

    assert asyncio.run(main()) == [0, 1]


def test_a_capability_that_handles_deferred_calls_approves_within_the_run():
    async def yes(_ctx: Any, requests: DeferredToolRequests) -> DeferredToolResults:
        return DeferredToolResults(approvals={it.tool_call_id: True for it in requests.approvals})

    capabilities = [HandleDeferredToolCalls(handler=yes)]
    run = ask(export_tools([erase]), [("erase", {"path": "a"})], capabilities=capabilities)
    assert returned(run)[0].content == "erased a"


def test_the_end_of_a_runs_time_is_the_deadline_of_its_calls():
    @tool
    def left(ctx: Context) -> bool:
        """Whether there is an end."""
        seconds = ctx.remaining()
        return seconds is not None and 0 < seconds <= 60

    async def main(**options: Any) -> Any:
        agent = Agent(model([("left", {})]), toolsets=[export_tools([left])])
        return returned(await agent.run("go", **options))[0].content

    assert asyncio.run(main(timeout=60)) is True
    assert asyncio.run(main()) is False


def test_a_name_that_stands_twice_in_argument_text_is_refused_and_nested_values_are_read():
    @tool
    def keep(value: dict[str, int]) -> dict[str, int]:
        """Keep it."""
        return value

    text = ['{"value": {"a": 1}}', '{"value": {"a": 1, "a": 2}}', '{"value": {}, "value": {}}']
    run = ask(export_tools([keep]), *[[("keep", one)] for one in text])
    first, *others = returned(run)
    assert first.content == {"a": 1}
    assert {errors_of(part)["type"] for part in others} == {"PARAMETER_VALIDATION_FAILED"}


def test_a_deferred_call_is_told_to_the_model_where_approvals_are_refused():
    @tool
    def later() -> int:
        """Later."""
        raise CallDeferred

    run = ask(export_tools([later], approvals="refuse"), [("later", {})])
    assert (run.output, errors(run)[0]["type"]) == ("done", "INVALID_STATE")


def test_a_run_without_dependencies_never_lends_those_of_the_session():
    @tool
    def who(context: Context[Any]) -> str:
        """Who."""
        return str(context.deps)

    toolset = export_tools(Session([who], deps="admin"), deps="run")
    with pytest.raises(UserError, match="this run has none"):
        ask(toolset, [("who", {})])
    assert returned(ask(export_tools([who], deps="run"), [("who", {})]))[0].content == "None"
