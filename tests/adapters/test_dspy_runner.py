"""A DSPy program that runs elsewhere: the same answers, traces, failures and usage; one run each."""

from __future__ import annotations

import asyncio
import contextvars
import copy
import json
import pickle
import threading
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from tests.vendors_here import installed

if not installed("dspy"):
    pytest.skip("needs dspy", allow_module_level=True)

import dspy
from dspy import lm15
from dspy.utils import DummyLM
from pydantic import BaseModel, PrivateAttr

import altar
from altar.errors import ConfigurationError, DeclarationError, ErrorType
from altar.later import LocalRuntime, ProcessRuntime, SessionLimits
from altar_extras._dspy_runner_rollouts import Rollouts
from altar_extras._dspy_runner_state import with_settings
from altar_extras._dspy_runner_values import Values, types_of
from altar_extras.dspy import RemoteProgram, RemoteProgramError, import_tools, program_runner
from tests.adapters import dspy_programs as programs
from tests.waiting import PATIENCE, asoon, soon

SECRET = "sk-never-to-cross"


class Watched:
    """A Runtime that keeps the calls it carries out, and how many at once."""

    def __init__(self, inner):
        self.inner, self.calls, self.most, self._now = inner, [], 0, 0
        self._lock = threading.Lock()
        self.together = None  # a barrier at which calls wait for each other

    def invoke(self, call, ctx):
        with self._lock:
            self.calls.append(call)
            self._now += 1
            self.most = max(self.most, self._now)
        if self.together is not None:
            self.together.wait(PATIENCE)
        try:
            return self.inner.invoke(call, ctx)
        finally:
            with self._lock:
                self._now -= 1

    async def ainvoke(self, call, ctx):
        self.calls.append(call)
        return await self.inner.ainvoke(call, ctx)


@pytest.fixture(scope="module")
def workers():
    tools = [programs.two_steps, programs.typed, programs.counted]
    with ProcessRuntime(
        tools, workers=1, limits=SessionLimits(max_result_bytes=200_000)
    ) as runtime:
        yield runtime


@pytest.fixture
def log():
    """What the model of this process was asked."""
    asked: list[str] = []
    with dspy.context(lm=programs.fake_lm(asked), trace=[], adapter=None):
        yield asked


def runtimes(workers):
    inside = LocalRuntime([programs.two_steps, programs.typed])
    return [inside, workers, altar.Session(tools=[programs.two_steps, programs.typed])]


def outcome(program, **inputs):
    """What a run came to, and its trace by the program's own names."""
    names = {id(found): name for name, found in program.named_predictors()}
    with dspy.context(trace=[], track_usage=True):
        try:
            made = program(**inputs)
            told = (made, made.completions._completions, made.get_lm_usage())
        except Exception as error:
            text = "" if isinstance(error, dspy.LMError) else str(error)  # a provider's stays there
            told = (type(error), text, getattr(error, "retry_after", None))
        trace = [(names[id(found)], given, out) for found, given, out in dspy.settings.trace]
    return told, trace


QUESTIONS = ["number 3", "number 4", "raise", "garble", "limit"]


@pytest.mark.parametrize("words", QUESTIONS)
def test_a_run_elsewhere_is_the_run_here_answer_trace_usage_and_failure(words, workers, log):
    here = outcome(programs.TwoSteps(), question=words)
    asked = len(log)
    for runtime in runtimes(workers):
        remote = RemoteProgram(programs.two_steps, runtime)
        assert outcome(remote, question=words) == here
        assert len(log) == asked  # the model of this process was not called


def test_objects_cross_as_what_they_are_in_inputs_demos_and_outputs(workers, log):
    here = dspy.Predict(programs.Typed)
    here.demos = [
        dspy.Example(
            question="q", like=[programs.Fruit(name="pear")], fruit=programs.Fruit(name="fig")
        )
    ]
    like = [programs.Fruit(name="lime", taste="sour")]
    expected = here(question="which?", like=like)
    for runtime in runtimes(workers):
        found = RemoteProgram(here, runtime, tool="typed")(question="which?", like=like)
        assert found == expected
        assert type(found.fruit) is programs.Fruit and found.fruit.taste is programs.Taste.SOUR


@dataclass
class Point:
    x: int
    tags: frozenset


VALUES = [
    None, True, 3, 1 << 70, 0.5, float("inf"), "text", [1, (2, {"a": {3}})], {"$": 1}, {1: "a", (2,): "b"},
    datetime(2026, 1, 2, 3, tzinfo=UTC), date(2026, 1, 2), time(3, 4), timedelta(days=-1, microseconds=7),
    Decimal("1.10"), UUID(int=7), b"\x00\xff", programs.Taste.SOUR, programs.Fruit(name="fig", taste="sour"),
    Point(1, frozenset({"a", "b"})), dspy.Example(a=1, b=[date(2026, 1, 2)]).with_inputs("a"), dspy.Prediction(a=(1,)),
    dspy.History(messages=[{"question": "q", "answer": "a"}]), dspy.Image("https://example.org/a.png"),
    dspy.Prediction.from_completions({"answer": ["a", "b"], "n": [1, 2]}),
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_value_crosses_as_json_and_is_what_it_was(value):
    values = Values(types_of([programs.Typed], [Point]))
    found = values.load(json.loads(json.dumps(values.dump(value), allow_nan=False)))
    assert found == value and type(found) is type(value) and repr(found) == repr(value)
    assert getattr(found, "_input_keys", None) == getattr(value, "_input_keys", None)


def test_an_object_of_a_class_that_only_the_sender_knows_is_refused():
    sent = Values(types_of([], [programs.Fruit])).dump(programs.Fruit(name="fig"))
    with pytest.raises(ConfigurationError, match="programs:Fruit arrived"):
        Values([]).load(sent)


def test_an_input_that_cannot_cross_is_named_before_anything_is_sent(log):
    runtime = Watched(LocalRuntime([programs.two_steps]))
    with pytest.raises(ConfigurationError, match=r"inputs\.question is a builtins\.object"):
        RemoteProgram(programs.two_steps, runtime)(question=object())
    assert not runtime.calls


def test_neither_keys_nor_addresses_nor_classes_of_an_lm_are_shipped(workers, log):
    runtime = Watched(workers)
    remote = RemoteProgram(programs.two_steps, runtime)
    lm = dspy.LM(
        "openai/gpt-9",
        api_key=SECRET,
        api_base=f"http://{SECRET}",
        headers={"x": SECRET},
        temperature=0.5,
        rollout_id=2,
    )
    remote.set_lm(lm)
    remote.query.config = {"api_key": SECRET, "temperature": 0.1}
    with (
        dspy.context(lm=lm),
        pytest.raises(dspy.LMNotConfiguredError, match="no LM 'openai/gpt-9'"),
    ):
        remote(question="number 1")
    assert SECRET not in json.dumps(runtime.calls[0].args)
    record = {"model": "openai/gpt-9", "config": {"temperature": 0.5, "rollout_id": 2}}
    assert (
        runtime.calls[0].args["lm"] == record == runtime.calls[0].args["state"]["self.query"]["lm"]
    )


def test_the_model_and_adapter_there_are_held_to_what_is_in_force_here(workers):
    asked: list[str] = []
    runner = program_runner(programs.TwoSteps, lm=lambda: programs.fake_lm(asked, temperature=0.1))
    lm = programs.fake_lm()
    for follow, context in (
        (True, lm.copy(rollout_id=1, temperature=0.9)),
        (True, None),
        (False, lm),
    ):
        with dspy.context(lm=context):
            RemoteProgram(runner, LocalRuntime([runner]), follow_lm=follow)(question="number 1")
    assert [text.rpartition("\n")[2] for text in asked] == [
        "0.9",
        "0.9",
        "0.1",
        "0.1",
        "0.1",
        "0.1",
    ]
    with dspy.context(lm=lm, adapter=dspy.JSONAdapter()):
        with pytest.raises(
            ConfigurationError, match="adapter is JSONAdapter, and here it is ChatAdapter"
        ):
            RemoteProgram(programs.two_steps, workers)(question="number 1")


def test_a_teachers_model_is_found_there_by_its_name():
    asked: dict[str, list] = {"fake/one": [], "fake/two": []}
    lms = [programs.fake_lm(found, model) for model, found in asked.items()]
    runner = program_runner(programs.TwoSteps, lm=lms)
    remote = RemoteProgram(runner, LocalRuntime([runner]))
    teacher = {"lm": programs.fake_lm(model="fake/two")}
    optimiser = dspy.BootstrapFewShot(max_bootstrapped_demos=1, teacher_settings=teacher)
    with dspy.context(lm=programs.fake_lm()):
        compiled = optimiser.compile(remote, trainset=programs.examples(1))
        assert [len(found) for found in asked.values()] == [0, 2]
        compiled(question="number 1")
    assert [len(found) for found in asked.values()] == [2, 2]


def test_different_programs_on_the_two_sides_are_told_apart(log):
    remote = RemoteProgram(
        dspy.Predict("question -> answer"), LocalRuntime([programs.two_steps]), tool="two_steps"
    )
    with pytest.raises(ConfigurationError, match="run the same program on both sides"):
        remote(question="number 1")


def test_what_the_runtime_answers_itself_is_raised_with_altars_type():
    remote = RemoteProgram(programs.two_steps, LocalRuntime([]))
    with pytest.raises(RemoteProgramError) as caught:
        remote(question="number 1")
    assert caught.value.type == ErrorType.TOOL_NOT_FOUND
    assert isinstance(caught.value, dspy.DSPyError)
    assert pickle.loads(pickle.dumps(caught.value)).error == caught.value.error


class OwnError(Exception):
    pass


def test_exceptions_of_other_kinds_and_of_any_size_arrive_with_their_class_and_words(log):
    class Failing(dspy.Module):
        def __init__(self):
            super().__init__()
            self.step = dspy.Predict("question -> answer")

        def forward(self, question):
            self.step(question=question)
            if "own" in question:
                raise OwnError("mine")
            raise dspy.AdapterParseError("Chat", self.step.signature, "x" * 50_000)

    runner = program_runner(Failing, name="failing", lm=programs.fake_lm)
    remote = RemoteProgram(runner, LocalRuntime([runner]))
    with dspy.context(trace=[]), pytest.raises(RemoteProgramError) as caught:
        remote(question="own")
    assert (caught.value.kind, caught.value.type) == ("OwnError", ErrorType.TOOL_EXECUTION_FAILED)
    assert "mine" in str(caught.value) and "mine" not in caught.value.error.message
    with pytest.raises(dspy.AdapterParseError) as cut:
        remote(question="large")
    assert cut.value.signature is remote.step.signature and len(cut.value.lm_response) == 4_000

    def broken():
        raise FileNotFoundError("no such index")

    with pytest.raises(FileNotFoundError, match="no such index"):
        RemoteProgram(Failing(), LocalRuntime([program_runner(broken)]), tool="broken")(
            question="x"
        )


def test_a_run_that_takes_longer_than_its_timeout_is_ended(log):
    go = threading.Event()

    class Slow(dspy.Module):
        def forward(self, question):
            go.wait(PATIENCE)
            return dspy.Prediction(answer="late")

    runner = program_runner(Slow, name="slow", lm=programs.fake_lm)
    with pytest.raises(RemoteProgramError) as caught:
        RemoteProgram(runner, LocalRuntime([runner]), timeout=0.001)(question="wait")
    go.set()
    assert caught.value.type == ErrorType.TIMEOUT


def test_wrong_use_is_refused_with_what_to_type():
    runtime = LocalRuntime([programs.two_steps])
    for make, words in [
        (lambda: RemoteProgram(programs.TwoSteps(), runtime), 'type tool="answer"'),
        (lambda: RemoteProgram("program", runtime, tool="t"), "give the dspy.Module"),
        (lambda: RemoteProgram(programs.two_steps, object()), "give a Session or a Runtime"),
        (lambda: program_runner(dspy.Predict("a -> b")), 'name="answer"'),
        (lambda: program_runner(3), "@program_runner"),
        (lambda: program_runner(lambda: 3, name="three").program(), "return a dspy.Module"),
        (lambda: RemoteProgram(dspy.Flex("a -> b"), runtime, tool="t"), "source code"),
    ]:
        with pytest.raises(ConfigurationError) as caught:
            make()
        assert words in str(caught.value)
    with pytest.raises(DeclarationError, match="lambda"):
        ProcessRuntime([program_runner(lambda: programs.TwoSteps(), name="three")])


def test_an_answer_too_large_for_a_result_is_whole_in_process_and_named_elsewhere(workers, log):
    long, longer = ("number 3 " + "x" * size for size in (40_000, 120_000))
    inside, outside = (
        RemoteProgram(programs.two_steps, r) for r in (LocalRuntime([programs.two_steps]), workers)
    )
    assert inside(question=longer).answer == outside(question=long).answer == "30"
    with pytest.raises(dspy.DSPyError, match="max_result_bytes"):
        outside(question=longer)


def test_async_runs_and_positional_inputs_come_to_the_same(workers, log):
    expected = programs.TwoSteps()(question="number 3")
    for runtime in runtimes(workers):
        remote = RemoteProgram(programs.two_steps, runtime)
        assert remote("number 3") == expected

        async def two(remote=remote):
            with dspy.context(trace=[]):
                found = await asyncio.gather(*(remote.acall(question="number 3") for _ in range(2)))
                return found, len(dspy.settings.trace)

        assert asyncio.run(two()) == ([expected, expected], 4)


def test_copies_share_the_runtime_and_nothing_else(workers, log, tmp_path):
    remote = RemoteProgram(programs.two_steps, workers)
    for twin in (copy.deepcopy(remote), remote.deepcopy(), remote.reset_copy()):
        assert twin._link is remote._link and twin.program is not remote.program
        twin.answer.predict.signature = twin.answer.predict.signature.with_instructions(
            "Answer carefully."
        )
        assert twin(question="number 4").answer == "40" != remote(question="number 4").answer
    with pytest.raises(RuntimeError, match="save its state"):
        remote.save(tmp_path / "program", save_program=True)
    twin.save(tmp_path / "program.json")
    plain = programs.TwoSteps()
    plain.load(tmp_path / "program.json")
    assert plain(question="number 4").answer == "40"


def test_threads_of_an_evaluation_are_the_requests_in_flight(log):
    for threads in (1, 3):
        runtime = Watched(LocalRuntime([programs.two_steps]))
        runtime.together = threading.Barrier(threads)
        devset = [
            dspy.Example(question=f"wait {n}", answer="0").with_inputs("question") for n in range(6)
        ]
        remote = RemoteProgram(programs.two_steps, runtime)
        dspy.Evaluate(devset=devset, metric=programs.right, num_threads=threads)(remote)
        assert len(runtime.calls) == 6 and runtime.most == threads


def test_an_item_that_the_executor_sends_again_is_run_once(tmp_path, log):
    begun = threading.Event()

    def underway():
        return list(remote._link.rollouts._open.values())

    class Slow(dspy.Module):
        def __init__(self):
            super().__init__()
            self.step = dspy.Predict("question -> answer")

        def forward(self, question):
            if question == "number 1":
                # until the second request is there, which waits for this one
                if soon(lambda: any(run.waiting > 1 for run in underway())):
                    begun.set()
            return self.step(question=question)

    runner = program_runner(Slow, name="slow", lm=programs.fake_lm)
    runtime = Watched(LocalRuntime([runner]))
    remote = RemoteProgram(runner, runtime, straggler_after=0.001)
    questions = ["number 1", "wait, number 3", "wait, number 5"]
    items = [dspy.Example(question=question).with_inputs("question") for question in questions]
    found = remote.batch(
        items, num_threads=4, timeout=0.001, straggler_limit=3, disable_progress_bar=True
    )
    assert [made.answer for made in found] == ["10", "30", "50"]
    sent = [call.args["inputs"]["question"] for call in runtime.calls]
    assert begun.is_set() and sent.count("number 1") == 1


def test_a_slow_run_that_just_ended_answers_its_twins_and_no_later_request():
    now = [1.0]
    rollouts = Rollouts(patience=100, clock=lambda: now[0])

    def at(seconds, key="key"):
        now[0] = seconds
        run = rollouts.begin(key)
        run.answered(ok=True)
        rollouts.end(key)
        return run

    first = rollouts.begin("key")
    assert at(120.0) == first  # under way: a twin waits for it
    now[0] = 340.0
    rollouts.end("key")
    assert at(341.0) == at(342.0) == first  # sent at 240 s and later, begun when it had ended
    later = [at(343.0), at(343.0), at(344.0)]
    assert len({first, *later}) == 4
    slow = rollouts.begin("slow")
    now[0] = 500.0
    rollouts.end("slow")
    assert at(2_000.0, "slow") != slow


def test_rollouts_that_are_meant_all_run_those_of_other_ids_and_those_one_after_another(
    workers, tmp_path, log
):
    remote = RemoteProgram(programs.counted, workers)

    def run(lm):
        with dspy.context(lm=lm):
            return remote(question="wait number 1", folder=str(tmp_path))

    lms = [dspy.settings.lm.copy(rollout_id=n, temperature=1.0) for n in (1, 2, 3)]
    pairs = [(run, lm) for lm in lms for _ in range(2)]
    threads = [threading.Thread(target=f, args=(lm,)) for f, lm in pairs]
    with_context = [threading.Thread(target=t._target, args=t._args) for t in threads]
    for thread in with_context:
        thread.start()
    for thread in with_context:
        thread.join()
    at_once = len(list(tmp_path.iterdir()))
    assert 3 <= at_once <= 6  # three ids; equal requests at the same time are one run
    run(lms[0]), run(lms[0])
    assert len(list(tmp_path.iterdir())) == at_once + 2


def test_a_step_whose_predictor_was_made_during_the_run_is_traced_with_a_stand_in(log):
    class Fresh(dspy.Module):
        def forward(self, question):
            return dspy.Prediction(
                answer=dspy.Predict("question -> answer")(question=question).answer, raw=(1, {2})
            )

    runner = program_runner(Fresh, name="fresh", lm=programs.fake_lm)
    with dspy.context(trace=[]):
        made = RemoteProgram(runner, LocalRuntime([runner]))(question="number 3")
        ((predictor, given, out),) = dspy.settings.trace
    assert (
        made.raw == (1, {2})
        and made.answer == out.answer == "30"
        and given == {"question": "number 3"}
    )
    assert list(predictor.signature.output_fields) == ["answer"]


class Calling:
    """A model that calls the tool ``add``, then hands in the sum."""

    supports_function_calling = True

    def __init__(self):
        self.turns = iter([("add", {"a": 1, "b": 2}), ("submit", {"answer": "3"})])

    def complete(self, request):
        name, args = next(self.turns)
        message = lm15.Message.assistant([lm15.ToolCallPart(id=name, name=name, input=args)])
        usage = lm15.Usage(input_tokens=1, output_tokens=1)
        return lm15.Response(
            id=None, model="fake", message=message, finish_reason="tool_call", usage=usage
        )

    def close(self):
        pass


def test_an_agent_runs_elsewhere_with_its_tools_and_what_they_answered():
    def add(a: int, b: int) -> int:
        """Add."""
        return a + b

    def agent():
        return dspy.ReActV2("question -> answer", tools=[add])

    def calling():
        return dspy.LM("fake/calls", engine=Calling(), cache=False)

    runner = program_runner(agent, name="agent", lm=calling)
    adapter = dspy.ChatAdapter(use_native_function_calling=True)
    with dspy.context(lm=calling(), adapter=adapter, trace=[]):
        here = agent()(question="1 + 2")
        there = RemoteProgram(runner, LocalRuntime([runner]))(question="1 + 2")
        steps = dspy.settings.trace
    assert there == here and type(there.history) is dspy.History
    assert [out for _, _, out in steps[:2]] == [out for _, _, out in steps[2:]]


def test_a_program_that_is_async_alone_and_one_inside_another_run_too(log):
    class Later(dspy.Module):
        def __init__(self):
            super().__init__()
            self.step = dspy.Predict("question -> answer")

        async def aforward(self, question):
            return await self.step.acall(question=question)

    class Outer(dspy.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def forward(self, question):
            return self.inner(question=question)

    runner = program_runner(Later, name="later", lm=programs.fake_lm)
    outer = Outer(RemoteProgram(runner, LocalRuntime([runner])))
    assert outer(question="number 3").answer == "30"
    assert [name for name, _ in outer.named_predictors()] == ["inner.step"]


class Locked(dspy.Module):
    """Says how it stands; a lock keeps DSPy from copying the list that its step is in."""

    def __init__(self):
        super().__init__()
        self.lock = threading.Lock()
        self.step = dspy.Predict("question -> answer")

    def forward(self, question):
        before = self.step.signature.instructions, dict(self.step.config)
        threading.Event().wait(0.01)
        return dspy.Prediction(before=before, after=self.step.signature.instructions)


class Steps(dspy.Module):
    def __init__(self):
        super().__init__()
        self.steps = [Locked()]

    def forward(self, question):
        return self.steps[0](question=question)


def test_runs_of_a_program_that_dspy_cannot_copy_keep_to_their_own_state(log):
    runner = program_runner(Steps, name="steps", lm=programs.fake_lm)
    session = altar.Session([runner])
    found = {}

    def run(number):
        program = Steps()
        step = program.steps[0].step
        step.signature = step.signature.with_instructions(f"say {number}")
        step.config = {"temperature": number / 10}
        made = RemoteProgram(program, session, tool="steps")(question="x")
        found[number] = (*made.before, made.after)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {n: (f"say {n}", {"temperature": n / 10}, f"say {n}") for n in range(1, 5)}
    assert RemoteProgram(runner, session)(question="x").before[1] == {}  # nothing stays behind


def test_a_program_that_is_given_made_and_cannot_be_copied_is_refused():
    one = Steps()
    for given in (one, lambda: one):
        with pytest.raises(ConfigurationError, match="makes a new one each time"):
            program_runner(given, name="steps").program()


def test_a_program_that_is_given_keeps_its_model(log):
    program = dspy.Predict("question -> answer")
    program.lm = programs.fake_lm()
    runner = program_runner(lambda: program, name="mine")
    RemoteProgram(runner, LocalRuntime([runner]))(question="number 3")
    assert program.lm is not None


def test_the_state_of_a_single_predict_loads_into_the_plain_one_and_back(log, tmp_path):
    runner = program_runner(dspy.Predict("question -> answer"), name="one", lm=programs.fake_lm)
    remote = RemoteProgram(runner, LocalRuntime([runner]))
    optimiser = dspy.BootstrapFewShot(max_bootstrapped_demos=1, max_labeled_demos=0)
    compiled = optimiser.compile(remote, trainset=programs.examples(1))
    compiled.save(tmp_path / "one.json")
    plain, again = dspy.Predict("question -> answer"), remote.reset_copy()
    for program in (plain, again):
        program.load(tmp_path / "one.json")
        assert [demo["answer"] for demo in program.demos] == [compiled.demos[0]["answer"]]
    plain.save(tmp_path / "plain.json")
    again = remote.reset_copy()
    again.load(tmp_path / "plain.json")
    assert again.dump_state() == plain.dump_state() != remote.dump_state()


class Opaque:
    def __str__(self):
        raise RuntimeError("no text")


def test_an_agents_answer_is_not_lost_for_what_its_tools_gave_back():
    def look() -> dict:
        """Look."""
        return {"raw": Opaque(), "when": date(2026, 1, 2), "n": 1}

    said = [
        {"next_thought": "", "next_tool_name": "look", "next_tool_args": "{}"},
        {"next_thought": "", "next_tool_name": "finish", "next_tool_args": "{}"},
        {"reasoning": "", "answer": "seen"},
    ]
    runner = program_runner(
        lambda: dspy.ReAct("question -> answer", tools=[look]), name="agent", lm=DummyLM(said)
    )
    made = RemoteProgram(runner, LocalRuntime([runner]))(question="?")
    observed = {"raw": "<Opaque>", "when": date(2026, 1, 2), "n": 1}
    assert (made.answer, made.trajectory["observation_0"]) == ("seen", observed)


def test_options_of_a_call_ship_their_sampling_and_neither_keys_nor_models():
    asked: list[str] = []
    runner = program_runner(
        dspy.Predict("question -> answer"), name="one", lm=lambda: programs.fake_lm(asked)
    )
    runtime = Watched(LocalRuntime([runner]))
    remote = RemoteProgram(runner, runtime)
    remote(question="number 1", config={"api_key": SECRET, "temperature": 0.9})
    assert runtime.calls[0].args["inputs"]["config"] == {"temperature": 0.9}
    assert asked[0].endswith("0.9")
    for name, value in (("lm", programs.fake_lm()), ("signature", "question -> answer")):
        with pytest.raises(ConfigurationError, match=f"{name}= of a call cannot cross"):
            remote(question="number 1", **{name: value})


class Configured(dspy.Module):
    def forward(self, question, config):
        return dspy.Prediction(answer=config)


def test_an_input_that_a_program_itself_calls_config_crosses_as_it_is():
    runner = program_runner(Configured, name="configured")
    remote = RemoteProgram(runner, LocalRuntime([runner]))
    assert remote(question="?", config={"any": 1}).answer == {"any": 1}


def test_a_callers_sampling_is_the_whole_of_it_and_nothing_but_sampling_is_taken():
    asked: list[str] = []
    runner = program_runner(
        dspy.Predict("question -> answer", temperature=0.9),
        name="one",
        lm=lambda: programs.fake_lm(asked),
    )
    remote = RemoteProgram(runner, LocalRuntime([runner]))
    remote.program.config = {}
    remote(question="number 1")
    mine = dspy.LM("openai/x", api_key="k", api_base="http://here", cache=False)
    lm = with_settings(mine, {"api_base": "http://there", "temperature": 0.5})
    assert asked[0].endswith("None")
    assert (lm.kwargs["temperature"], lm.kwargs["api_base"]) == (0.5, "http://here")


def test_of_an_lms_error_neither_the_providers_text_nor_a_key_in_it_crosses(log):
    class Refused(dspy.Module):
        def forward(self, question):
            raise dspy.LMAuthError(f"wrong key {SECRET}", model="fake/one", status=401)

    runner = program_runner(Refused, name="refused")
    session = altar.Session([runner])
    with pytest.raises(dspy.LMAuthError, match="refuses the application's key") as caught:
        RemoteProgram(runner, session)(question="x")
    assert (caught.value.status, caught.value.model) == (401, "fake/one")
    error = session.execute("refused", {"state": {}, "inputs": {"question": "x"}}).error
    assert SECRET not in json.dumps(error.to_dict())


def test_a_slow_run_that_failed_answers_nobody_after_it(log):
    runs = []

    class Shaky(dspy.Module):
        def forward(self, question):
            runs.append(question)
            threading.Event().wait(0.02)
            if len(runs) == 1:
                raise dspy.LMServerError("down")
            return dspy.Prediction(answer="up")

    runner = program_runner(Shaky, name="shaky")
    remote = RemoteProgram(runner, LocalRuntime([runner]), straggler_after=0.01)
    with pytest.raises(dspy.LMServerError):
        remote(question="x")
    assert remote(question="x").answer == "up" and len(runs) == 2


def test_a_slow_run_that_was_cancelled_answers_nobody_after_it(log):
    begun = []

    class Shaky(dspy.Module):
        async def aforward(self, question):
            begun.append(question)
            if len(begun) == 1:
                await asyncio.Event().wait()
            return dspy.Prediction(answer="up")

    runner = program_runner(Shaky, name="shaky")
    remote = RemoteProgram(runner, LocalRuntime([runner]), straggler_after=0.001)

    async def main():
        task = asyncio.ensure_future(remote.acall(question="x"))
        assert await asoon(lambda: begun)
        await asyncio.sleep(0.002)  # longer than a straggler takes
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return await remote.acall(question="x")

    assert asyncio.run(main()).answer == "up"


def test_tokens_of_requests_that_are_one_run_are_counted_once(log):
    go = threading.Event()

    class Waits(dspy.Module):
        def __init__(self):
            super().__init__()
            self.step = dspy.Predict("question -> answer")

        def forward(self, question):
            go.wait(PATIENCE)
            return self.step(question=question)

    asked: list[str] = []
    runner = program_runner(Waits, name="waits", lm=lambda: programs.fake_lm(asked))
    remote = RemoteProgram(runner, LocalRuntime([runner]))
    with dspy.track_usage() as tracker:
        runs = [
            threading.Thread(
                target=contextvars.copy_context().run, args=(lambda: remote("number 1"),)
            )
            for _ in range(3)
        ]
        for run in runs:
            run.start()
        assert soon(lambda: [run.waiting for run in remote._link.rollouts._open.values()] == [3])
        go.set()
        for run in runs:
            run.join()
    assert len(asked) == 1 == sum(map(len, tracker.usage_data.values()))


def test_what_is_set_on_a_remote_program_is_set_on_the_program_that_is_shipped(log):
    runner = program_runner(dspy.Predict("question -> answer"), name="one", lm=programs.fake_lm)
    remote = RemoteProgram(runner, LocalRuntime([runner]))
    remote.signature = remote.signature.with_instructions("Answer carefully.")
    remote.demos = programs.examples(1)
    twin = remote.deepcopy()
    twin.note = "mine"
    for found in (remote, twin):
        assert found(question="number 4").answer == "40"
        assert found.program.demos == programs.examples(1)
    assert not hasattr(twin.program, "note")
    two = RemoteProgram(programs.two_steps, LocalRuntime([programs.two_steps]))
    two.query = step = dspy.Predict("question -> query")
    assert two.program.query is step and two._compiled is False


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_a_straggler_time_that_is_none_is_refused(seconds):
    with pytest.raises(ConfigurationError, match="straggler_after"):
        RemoteProgram(programs.two_steps, LocalRuntime([]), straggler_after=seconds)


class Named:
    def __init__(self, name):
        self.name, self.when = name, date(2026, 1, 2)


class Slotted:
    __slots__ = ("name",)


class Texts(list):
    pass


class Says(dspy.Module):
    def forward(self, question):
        return dspy.Prediction(answer=question.name, back=question)


def test_objects_of_plain_classes_cross_where_both_sides_name_them():
    runner = program_runner(Says, name="says", types=[Named])
    made = RemoteProgram(runner, LocalRuntime([runner]))(question=Named("fig"))
    assert made.answer == "fig" and type(made.back) is Named
    assert made.back.when == date(2026, 1, 2)


@pytest.mark.parametrize("kind", [Slotted, Texts, Exception, "Named"])
def test_classes_whose_objects_cannot_be_made_again_are_refused_when_they_are_named(kind):
    with pytest.raises(ConfigurationError, match="types="):
        RemoteProgram(Says(), LocalRuntime([]), tool="says", types=[kind])


def test_a_remote_program_is_a_tool_by_what_it_runs(log):
    for program in (programs.TwoSteps(), dspy.Predict(programs.Typed)):
        name = "two_steps" if isinstance(program, programs.TwoSteps) else "typed"
        tool = getattr(programs, name)
        remote = RemoteProgram(program, LocalRuntime([tool]), tool=name)
        here, there = (altar.Session(import_tools(one)) for one in (program, remote))
        (declared,), (expected,) = there.declarations(), here.declarations()
        assert declared.to_dict("json-schema") == expected.to_dict("json-schema")
        returns = [one.extensions.get("x_returns") for one in (declared, expected)]
        assert returns[0] == returns[1]
    with altar.Session(
        import_tools(RemoteProgram(programs.two_steps, LocalRuntime([programs.two_steps])))
    ) as session:
        (declared,) = session.declarations()
        asked = {"question": "number 3"}
        assert session.execute(declared.name, asked).content["answer"] == "30"
        assert asyncio.run(session.aexecute(declared.name, asked)).content["answer"] == "30"


class Guarded(BaseModel):
    name: str
    _lock: Any = PrivateAttr(default_factory=threading.Lock)
    _seen: int = PrivateAttr(default=0)


def test_private_attributes_of_a_model_cross_where_they_can():
    found = Guarded(name="fig")
    found._seen = 3
    values = Values(types_of([], [Guarded]))
    made = values.load(json.loads(json.dumps(values.dump(found))))
    assert (made.name, made._seen) == ("fig", 3)


def test_two_models_of_one_name_are_refused_where_they_run(log):
    lms = [programs.fake_lm(), programs.fake_lm()]
    runner = program_runner(programs.TwoSteps, name="two", lm=lms)
    with pytest.raises(ConfigurationError, match="two LMs of one model"):
        RemoteProgram(runner, LocalRuntime([runner]))(question="number 3")
