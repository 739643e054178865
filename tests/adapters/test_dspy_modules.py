"""DSPy programs of every kind as tools: declared honestly, run in sync and async, typed failures."""

from __future__ import annotations

import asyncio
import json
from datetime import date
from types import MappingProxyType
from typing import Any

import pytest

pytest.importorskip("dspy", "3.4")

import dspy
from dspy.evaluate import CompleteAndGrounded, SemanticF1
from dspy.utils import DummyLM
from pydantic import BaseModel, Field

from altar import Session, ToolError
from altar.adm import Schema, is_name
from altar.errors import ConfigurationError, DeclarationError
from altar_extras.dspy import (
    declaration_of,
    export_tools,
    import_tools,
    prediction_of,
    program_tool,
)
from altar_extras.dspy_signatures import declaration_of as plain_declaration_of

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*[Ee]xperimental"),
]

QA = "question: str, tags: list[str] -> answer: float, mood: Literal['up','down']"
ASKED = {"question": "how much?", "tags": ["a"]}
ANSWER = {"answer": "3.5", "mood": "up"}
REASONED = {"reasoning": "because", **ANSWER}
SAID = {"answer": 3.5, "mood": "up"}


def lookup(word: str) -> str:
    """Look a word up."""
    return f"{word}!"


def good(args: Any, prediction: Any) -> float:
    return 1.0


class InProcess:
    """A code interpreter without a process of its own, for code that the tests wrote."""

    execution_instructions = "Python."

    def __init__(self) -> None:
        self.tools: dict[str, Any] = {}
        self.output_fields: Any = None
        self._names: dict[str, Any] = {}

    def start(self) -> None:
        pass

    def execute(self, code: str, variables: dict[str, Any] | None = None) -> Any:
        submitted: list[Any] = []
        self._names |= {
            **self.tools,
            **(variables or {}),
            "SUBMIT": lambda **k: submitted.append(k),
        }
        exec(code, self._names)
        return dspy.FinalOutput(submitted[0]) if submitted else "ran"

    def shutdown(self) -> None:
        pass


class Rag(dspy.Module):
    """Answers from what it finds."""

    def __init__(self) -> None:
        super().__init__()
        self.answer = dspy.ChainOfThought("question, day -> answer: float, mood")

    def forward(self, question: str, day: date, k: int = 3) -> dspy.Prediction:
        """Answer a question.

        Args:
            question: What is asked.
            k: How many passages to read.
        """
        assert isinstance(day, date)
        return self.answer(question=question, day=f"{day:%A}")


class Plain(dspy.Module):
    def forward(self, words: list[str], **rest: int) -> dict[str, int]:
        return {word: len(word) for word in words} | rest


class Whatever(dspy.Module):
    def forward(self, **inputs):
        return dspy.Prediction(got=inputs)


class Later(dspy.Module):
    async def aforward(self, word: str) -> str:
        await asyncio.sleep(0)
        return word.upper()


class Stricter(dspy.ChainOfThought):
    """Thinks twice."""


V2_CALL = {"next_thought": "t", "tool_calls": '{"tool_calls": [{"name": "submit", "args": %s}]}'}
CODE = {"reasoning": "r", "generated_code": "```python\na = 3.5\nSUBMIT(answer=a, mood='up')\n```"}
STEPS = [
    {"next_thought": "t", "next_tool_name": "lookup", "next_tool_args": '{"word": "x"}'},
    {"next_thought": "t", "next_tool_name": "finish", "next_tool_args": "{}"},
    REASONED,
]
COMPLETIONS = [{"reasoning": "r", "mood": "up"}, {"rationale": "s", "mood": "down"}]

# kind: how it is made, what its model says, the outputs beside QA's, its arguments beside ASKED
KINDS: dict[str, tuple[Any, list[Any], set[str], dict[str, Any]]] = {
    "Predict": (lambda: dspy.Predict(QA), [ANSWER], set(), {}),
    "ChainOfThought": (lambda: dspy.ChainOfThought(QA), [REASONED], {"reasoning"}, {}),
    "ReAct": (lambda: dspy.ReAct(QA, [lookup]), STEPS, {"reasoning", "trajectory"}, {}),
    "ReActV2": (
        lambda: dspy.ReActV2(QA, [lookup]),
        [{**V2_CALL, "tool_calls": V2_CALL["tool_calls"] % json.dumps(SAID)}],
        {"history", "termination_reason"},
        {},
    ),
    "ProgramOfThought": (
        lambda: dspy.ProgramOfThought(QA, interpreter_factory=InProcess),
        [CODE, REASONED],
        {"reasoning"},
        {},
    ),
    "CodeAct": (
        lambda: dspy.CodeAct(QA, [lookup], interpreter_factory=InProcess),
        [{"generated_code": "lookup('x')", "finished": "True"}, REASONED],
        {"reasoning", "trajectory"},
        {},
    ),
    "MultiChainComparison": (
        lambda: dspy.MultiChainComparison(QA, M=2),
        [{"rationale": "both", **ANSWER}],
        {"rationale"},
        {"completions": COMPLETIONS},
    ),
    "BestOfN": (
        lambda: dspy.BestOfN(dspy.ChainOfThought(QA), 2, good, 1.0),
        [REASONED],
        {"reasoning"},
        {},
    ),
    "Refine": (
        lambda: dspy.Refine(dspy.Predict(QA), 2, good, 1.0),
        [ANSWER],
        set(),
        {},
    ),
    "RLM": (
        lambda: dspy.RLM(QA, interpreter_factory=InProcess),
        [{"reasoning": "r", "code": "SUBMIT(answer=3.5, mood='up')"}],
        {"trajectory", "final_reasoning"},
        {},
    ),
}


def said(*answers: Any) -> Any:
    """Run under a model that says these things, one after the other."""
    return dspy.context(lm=DummyLM(list(answers)))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_module_is_valid_adm_with_honest_outputs(kind: str):
    make, _, more, extra = KINDS[kind]
    declaration = declaration_of(make())
    assert is_name(declaration.name)
    assert declaration.to_dict("adm-1.0")["description"]
    parameters = declaration.to_dict("json-schema")["parameters"]
    assert set(parameters["required"]) == {*ASKED, *extra}
    returns = declaration.extensions["x_returns"]
    assert set(returns["properties"]) == {*SAID, *more}
    assert returns["properties"]["mood"] == {"type": "string", "enum": ["up", "down"]}
    assert not declaration.check_args({**ASKED, **extra})


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_module_answers_as_it_declares_in_sync_and_async(kind: str):
    make, answers, _, extra = KINDS[kind]
    session = Session(import_tools({"ask": make()}))
    returns = Schema.trusted(session.declarations()[0].extensions["x_returns"])
    with said(*answers):
        result = session.execute("ask", {**ASKED, **extra})
    with said(*answers):
        later = asyncio.run(session.aexecute("ask", {**ASKED, **extra}))
    for one in (result, later):
        assert one.ok, one.error
        assert {name: one.content[name] for name in SAID} == SAID
        assert not returns.check(one.content)
        assert isinstance(prediction_of(one), dspy.Prediction)


def test_a_conversation_goes_on_from_the_json_of_its_history():
    def turn(name: str, **args: Any) -> dict[str, Any]:
        calls = {"tool_calls": [{"name": name, "args": args}]}
        return {"next_thought": "t", "tool_calls": json.dumps(calls)}

    agent = dspy.ReActV2("question -> answer", [lookup])
    session = Session(import_tools({"ask": agent}))
    model = DummyLM(
        [turn("lookup", word="x"), turn("submit", answer="1"), turn("submit", answer="2")]
    )
    with dspy.context(lm=model):
        first = session.execute("ask", {"question": "one?"})
        stored = json.loads(json.dumps(first.content["history"]))
        second = session.execute("ask", {"question": "two?", "history": stored})
    assert second.content["answer"] == "2"
    assert second.content["history"]["messages"][:2] == stored["messages"]
    told = json.dumps(model.history[-1]["messages"])
    assert "one?" in told
    assert "x!" in told  # what the tool answered in the first turn
    wrong = {"messages": [{"tool_calls": {"tool_calls": [{"name": 3}]}}]}
    refused = session.execute("ask", {"question": "three?", "history": wrong}).error
    assert refused.type == "PARAMETER_VALIDATION_FAILED", refused


def test_dspy_has_no_kind_of_module_beside_these():
    kinds = {name for name in dir(dspy) if _is_module(getattr(dspy, name))}
    assert kinds - {"Module"} <= {*KINDS, "Flex"}


def _is_module(thing: Any) -> bool:
    return isinstance(thing, type) and issubclass(thing, dspy.Module)


def test_flex_is_declared_by_its_signature():
    returns = declaration_of(dspy.Flex(QA)).extensions["x_returns"]
    assert set(returns["properties"]) == set(SAID)


def test_a_module_of_ones_own_is_declared_by_its_forward_and_gets_python_values():
    session = Session(import_tools(Rag()))
    (declaration,) = session.declarations()
    assert (declaration.name, declaration.extensions["x_returns"]) == ("Rag", {"type": "object"})
    parameters = declaration.to_dict("json-schema")["parameters"]
    assert parameters["properties"]["day"] == {"type": "string", "format": "date"}
    assert parameters["properties"]["k"] == {
        "type": "integer",
        "default": 3,
        "description": "How many passages to read.",
    }
    with said({"reasoning": "r", "answer": "2", "mood": "m"}):
        result = session.execute("Rag", {"question": "q", "day": "2026-12-24"})
    assert result.content == {"reasoning": "r", "answer": 2.0, "mood": "m"}


def test_modules_that_dspy_keeps_for_evaluation_are_declared_by_their_forward():
    found = [declaration_of(kind()) for kind in (SemanticF1, CompleteAndGrounded)]
    assert [one.name for one in found] == ["SemanticF1", "CompleteAndGrounded"]
    assert [one.parameters.required for one in found] == [("example", "pred")] * 2


def test_modules_that_answer_no_prediction_or_take_anything_or_are_only_async_run_too():
    session = Session(import_tools(Plain(), Whatever(), Later()))
    assert session.execute("Plain", {"words": ["ab"], "n": 1}).content == {"ab": 2, "n": 1}
    assert session.execute("Whatever", {"x": 1}).content == {"got": {"x": 1}}
    assert session.execute("Later", {"word": "w"}).content == "W"
    assert asyncio.run(session.aexecute("Later", {"word": "w"})).content == "W"


def test_names_are_the_signatures_the_class_or_made_up_and_never_clash():
    class Judge(dspy.Signature):
        """Judge it."""

        text: str = dspy.InputField()
        verdict: str = dspy.OutputField()

    tools = import_tools(Judge, dspy.Predict(QA), dspy.ChainOfThought(QA), Stricter(QA))
    names = [tool.declaration.name for tool in tools]
    assert names == ["Judge", "predict_answer_mood", "predict_answer_mood_2", "Stricter"]
    assert tools[0].declaration.description == "Judge it."
    kinds = [tool.declaration.extensions["x_dspy_module"] for tool in tools]
    assert kinds[2] == "dspy.predict.chain_of_thought.ChainOfThought"


class Person(BaseModel):
    name: str
    age: int = Field(ge=0)


class Rich(dspy.Signature):
    """Describe somebody."""

    who: Person = dspy.InputField(desc="Whom.")
    born: date = dspy.InputField()
    photo: bytes = dspy.InputField()
    count: int = dspy.InputField(ge=1, le=4, default=2)
    image: dspy.Image | None = dspy.InputField()
    history: dspy.History = dspy.InputField(default=None)
    code: dspy.Code["java"] = dspy.OutputField()  # noqa: F821 - a language
    friends: list[Person] = dspy.OutputField(min_length=1)


def test_fields_of_a_class_bring_their_types_words_bounds_and_defaults():
    seen: dict[str, Any] = {}

    class Spy(dspy.Predict):
        def __call__(self, **inputs):
            seen.update(inputs)
            return super().__call__(**inputs)

    session = Session([program_tool(Spy(Rich), name="describe")])
    (declaration,) = session.declarations()
    fields = declaration.to_dict("json-schema")["parameters"]["properties"]
    assert fields["who"]["description"] == "Whom."
    assert fields["count"] == {"type": "integer", "minimum": 1, "maximum": 4, "default": 2}
    assert fields["image"]["properties"] == {"url": {"type": "string"}}
    assert "default" not in fields["history"]
    returns = declaration.extensions["x_returns"]["properties"]
    assert returns["code"]["type"] == "string"
    assert returns["friends"]["minItems"] == 1
    args = {
        "who": {"name": "Ada", "age": 36},
        "born": "1815-12-10",
        "photo": "AAE=",
        "image": {"url": "https://example.org/a.png"},
        "history": {"messages": [{"who": "x"}]},
    }
    with said({"code": "```java\nint x;\n```", "friends": '[{"name": "Bo", "age": 4}]'}):
        result = session.execute("describe", args)
    assert result.content == {"code": "int x;", "friends": [{"name": "Bo", "age": 4}]}
    assert seen["who"] == Person(name="Ada", age=36)
    assert (seen["born"], seen["photo"]) == (date(1815, 12, 10), b"\0\1")
    assert isinstance(seen["image"], dspy.Image)
    assert isinstance(seen["history"], dspy.History)
    assert isinstance(prediction_of(result).code, dspy.Code)
    assert session.execute("describe", {**args, "count": 9}).error.details["problems"]


def test_what_json_cannot_carry_is_refused_with_every_reason():
    class Takes(dspy.Signature):
        tools: list[dspy.Tool] = dspy.InputField()
        answer: str = dspy.OutputField()

    class Nothing(dspy.Module):
        pass

    class Positional(dspy.Module):
        def forward(self, *words):
            return None

    with pytest.raises(DeclarationError) as caught:
        import_tools(Takes, Nothing(), Positional(), dspy.Predict("config, lm -> answer"))
    text = str(caught.value)
    for words in ("a dspy.Tool is code", "no forward", "by position", "'config'", "'lm'"):
        assert words in text
    for wrong in (dspy.Parallel(), "question -> answer", lookup, dspy.Predict):
        with pytest.raises(ConfigurationError, match="give a dspy.Tool, a dspy.Module"):
            import_tools(wrong)


def failing(error: Exception) -> Any:
    class Engine:
        def complete(self, request):
            raise error

        def stream(self, request):
            raise error

        def close(self):
            pass

    return dspy.LM("fake/one", engine=Engine(), cache=False, num_retries=0)


def test_what_dspy_raises_becomes_a_typed_error_without_the_text_of_it():
    session = Session(import_tools({"ask": dspy.Predict(QA)}))
    nobody = session.execute("ask", ASKED).error
    assert (nobody.type, nobody.details["error"]) == ("CONFIGURATION_ERROR", "LMNotConfiguredError")
    with said({"secret": "x"}, {"secret": "x"}, {"secret": "x"}):
        garbled = session.execute("ask", ASKED)
    assert garbled.error.type == "TOOL_EXECUTION_FAILED"
    assert garbled.error.details["expected"] == ["answer", "mood"]
    assert "secret" not in json.dumps(garbled.to_dict())
    assert isinstance(garbled.cause.__cause__, dspy.AdapterParseError)
    wire = dspy.lm15
    for raised, type_ in (
        (wire.RateLimitError("key=hunter2", retry_after=7), "RATE_LIMIT_EXCEEDED"),
        (wire.AuthError("key=hunter2"), "CONFIGURATION_ERROR"),
        (wire.TransportError("key=hunter2"), "SERVICE_UNAVAILABLE"),
        (wire.ContextLengthError("key=hunter2"), "RESOURCE_EXHAUSTED"),
    ):
        with dspy.context(lm=failing(raised)):
            result = session.execute("ask", ASKED)
        assert result.error.type == type_, result.error
        assert "hunter2" not in json.dumps(result.to_dict())
        if type_ == "RATE_LIMIT_EXCEEDED":
            assert result.error.retry_after_ms == 7000


def test_a_program_that_never_succeeds_says_so():
    session = Session(import_tools({"ask": dspy.BestOfN(dspy.Predict(QA), 1, good, 1.0)}))
    with said({"x": "1"}, {"x": "1"}):
        assert "none of its tries" in session.execute("ask", ASKED).error.message


def test_the_callers_settings_hold_in_every_thread_and_the_tools_own_before_them():
    model = DummyLM({"how much?": ANSWER})
    session = Session(import_tools({"ask": dspy.Predict(QA)}))
    with dspy.context(lm=model):
        assert session.execute("ask", ASKED, timeout=60).content == SAID
        many = session.execute_many([("ask", ASKED)] * 3)
        assert [one.content for one in many] == [SAID] * 3
        assert asyncio.run(session.aexecute("ask", ASKED, timeout=60)).content == SAID
    own = program_tool(dspy.Predict(QA), name="own", settings={"lm": model})
    assert Session([own]).execute("own", ASKED).content == SAID


def test_a_compiled_program_is_rebuilt_from_its_saved_state(tmp_path):
    compiled = dspy.ChainOfThought(QA)
    compiled.predict.demos = [dspy.Example(**ASKED, **REASONED).with_inputs(*ASKED)]
    compiled.predict.signature = compiled.predict.signature.with_instructions("Be brief.")
    path = tmp_path / "qa.json"
    compiled.save(str(path))
    untouched = dspy.ChainOfThought(QA)
    for program in (lambda: dspy.ChainOfThought(QA), untouched):
        for state in (str(path), path, compiled.dump_state()):
            tool = program_tool(program, name="ask", state=state)
            assert tool.declaration.description == "Be brief."
            model = DummyLM([REASONED])
            with dspy.context(lm=model):
                assert Session([tool]).execute("ask", ASKED).ok
            prompt = json.dumps(model.history[-1]["messages"])
            assert "Be brief." in prompt
            assert "because" in prompt
    assert untouched.predict.demos == []
    with pytest.raises(ConfigurationError, match="does not fit"):
        program_tool(dspy.Predict(QA), state={"predict": {}})
    with pytest.raises(ConfigurationError, match="builds one"):
        program_tool("question -> answer")
    with pytest.raises(ConfigurationError, match="it built int"):
        program_tool(lambda: 3)


def test_a_signature_may_be_given_to_a_program_that_says_nothing():
    tool = program_tool(Whatever(), signature=QA, name="ask")
    assert tool.declaration.parameters.required == ("question", "tags")
    assert Session([tool]).execute("ask", {"question": 1}).error.type == (
        "PARAMETER_VALIDATION_FAILED"
    )


def test_a_result_that_was_stored_is_a_prediction_again():
    session = Session(import_tools({"ask": dspy.Predict(QA)}))
    with said(ANSWER):
        result = session.execute("ask", ASKED)
    stored = type(result).from_dict(json.loads(json.dumps(result.to_dict())))
    assert prediction_of(stored).toDict() == prediction_of(result).toDict() == SAID


def test_a_field_with_a_factory_must_be_given_since_dspy_never_calls_it():
    made: list[int] = []

    class Dated(dspy.Signature):
        day: int = dspy.InputField(default_factory=lambda: made.append(1) or 1)
        note: str | None = dspy.InputField(default_factory=str)
        answer: str = dspy.OutputField()

    with Session(import_tools(Dated)) as session:
        parameters = session.declarations()[0].to_dict("json-schema")["parameters"]
        assert parameters["required"] == ["day"] and not made
        assert not any("default" in field for field in parameters["properties"].values())
        assert session.execute("Dated", {}).error.type == "PARAMETER_VALIDATION_FAILED"


def test_an_agents_answer_is_not_lost_for_steps_that_are_no_json():
    class Opaque:
        def __str__(self):
            raise RuntimeError("no text")

    def lookup(word: str) -> Any:
        """Look."""
        return {"raw": Opaque(), "when": date(2026, 1, 2), "list": [{1: {object}}]}

    with Session(import_tools({"agent": dspy.ReAct(QA, [lookup])})) as session, said(*STEPS):
        result = session.execute("agent", ASKED)
    assert result.content["answer"] == 3.5
    observed = result.content["trajectory"]["observation_0"]
    assert observed["raw"] == "<Opaque>" and observed["when"] == "2026-01-02"
    assert "object" in str(observed["list"])
    assert isinstance(prediction_of(result).trajectory["observation_0"]["raw"], Opaque)


def test_the_state_of_other_fields_is_refused_and_one_that_an_optimiser_reworded_is_not(tmp_path):
    def make() -> Any:
        return dspy.ChainOfThought("ticket, more -> team")

    others = ["x, y, z -> w", "p -> r", "ticket, more, most -> team"]
    states = [dspy.ChainOfThought(one).dump_state() for one in others]
    dspy.ChainOfThought("x -> y").save(str(tmp_path / "other.json"))
    for state in (*states, tmp_path / "other.json", dspy.Predict("a -> b").dump_state()):
        with pytest.raises(ConfigurationError, match=r"state=\.\.\."):
            program_tool(make, state=state)
    with pytest.raises(ConfigurationError, match="other fields"):
        program_tool(lambda: dspy.Predict("q -> a"), state=dspy.Predict("a -> b").dump_state())
    found = make()
    follows = found.predict.signature
    found.predict.signature = follows.with_updated_fields("team", prefix="The team is:")
    assert program_tool(make, state=MappingProxyType(found.dump_state()))


class Kept(dspy.Module):
    def forward(self, instance: str) -> str:
        return instance


def test_inputs_whose_names_dspy_takes_for_its_own_are_refused_by_kind():
    def agent(names: str, kind: Any) -> Any:
        return kind(f"{names}, q -> a", tools=[])

    refused = [
        *(dspy.Predict(f"{name}, q -> a") for name in ("self", "instance", "prediction: dict")),
        dspy.Predict("prediction: Optional[dict[str, str]] -> a"),
        *(agent(name, dspy.ReAct) for name in ("max_iters: int", "trajectory")),
        agent("max_iters: int", dspy.ReActV2),
        dspy.BestOfN(agent("max_iters", dspy.ReAct), 2, good, 1.0),
        dspy.MultiChainComparison("completions -> a"),
        Kept(),
    ]
    for module in refused:
        with pytest.raises(DeclarationError, match="DSPy keeps this name"):
            import_tools({"it": module})
    for text in ("max_iters: int, trajectory -> a", "prediction, q -> a"):
        with Session(import_tools({"it": dspy.Predict(text)})) as session, said({"a": "1"}):
            names = session.declarations()[0].to_dict("json-schema")["parameters"]["properties"]
            args = {name: 1 if name == "max_iters" else "x" for name in names}
            assert session.execute("it", args).content == {"a": "1"}


def test_a_failed_tool_inside_a_program_keeps_its_type_and_its_wait():
    def busy() -> str:
        """Be busy."""
        raise ToolError("try later", type="RATE_LIMIT_EXCEEDED", retry_after=3)

    (inner,) = export_tools([busy])

    class Asks(dspy.Module):
        def forward(self, question: str) -> str:
            return inner()

        async def aforward(self, question: str) -> str:
            return await inner.acall()

    session = Session(import_tools(Asks()))
    for result in (
        session.execute("Asks", {"question": "?"}),
        asyncio.run(session.aexecute("Asks", {"question": "?"})),
    ):
        error = result.error
        assert (error.type, error.message) == ("RATE_LIMIT_EXCEEDED", "try later")
        assert error.retry_after_ms == 3000


def test_code_is_text_for_a_module_of_ones_own_too():
    class Runs(dspy.Module):
        def forward(self, code: dspy.Code, why: dspy.Reasoning | None = None) -> dspy.Prediction:
            """Run it.

            Args:
                why: What for.
            """
            return dspy.Prediction(kind=type(code).__name__, code=code)

    session = Session(import_tools(Runs()))
    fields = session.declarations()[0].to_dict("json-schema")["parameters"]["properties"]
    assert fields["code"] == {"type": "string", "description": "Source code in python."}
    assert fields["why"]["description"] == "What for."
    content = session.execute("Runs", {"code": "a = 1"}).content
    assert content["code"] == "a = 1" and content["kind"].startswith("Code")


def test_settings_whose_model_is_none_are_refused_at_once():
    with pytest.raises(ConfigurationError, match=r"give a dspy\.LM"):
        program_tool(dspy.Predict("q -> a"), settings={"lm": "openai/x"})


@pytest.mark.parametrize(
    "text", ["x: dspy.Image -> y", "q: dspy.History, c: Optional[dspy.Code] -> r: dspy.Code"]
)
def test_a_string_that_names_types_of_dspys_declares_the_same_either_way(text: str):
    assert plain_declaration_of(text) == declaration_of(text)
