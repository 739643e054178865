"""DSPy's optimisers over a program that runs elsewhere: what they compile here, with no LM called here."""

from __future__ import annotations

import contextlib
import io
import logging

import pytest

from tests.vendors_here import installed

if not installed("dspy"):
    pytest.skip("needs dspy", allow_module_level=True)

import dspy

from altar.later import LocalRuntime, ProcessRuntime
from altar_extras.dspy import RemoteProgram
from tests.adapters import dspy_programs as programs

TRAIN, DEV = programs.examples(8), programs.examples(6, first=20)


@pytest.fixture(scope="module")
def workers():
    with ProcessRuntime([programs.two_steps, programs.typed], workers=2) as runtime:
        yield runtime


@pytest.fixture(params=["in this process", "in worker processes"])
def runtime(request):
    if request.param == "in this process":
        return LocalRuntime([programs.two_steps, programs.typed])
    return request.getfixturevalue("workers")


@pytest.fixture
def log(monkeypatch):
    """What the model of this process was asked; the optimisers' own words are not shown."""
    monkeypatch.setattr(logging.getLogger("dspy"), "level", logging.CRITICAL)
    asked: list[str] = []
    with (
        dspy.context(lm=programs.fake_lm(asked), adapter=None),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        yield asked


def compiled(optimise, program):
    """All that an optimiser made: state, score on other examples, and its own findings."""
    made = optimise(program)
    score = dspy.Evaluate(devset=DEV, metric=programs.right, num_threads=3)(made)
    candidates = [
        (found["score"], found["subscores"], found["seed"], found["program"].dump_state())
        for found in getattr(made, "candidate_programs", [])
        if isinstance(found, dict) and "seed" in found
    ]
    return {
        "state": made.dump_state(),
        "score": score.score,
        "predictions": [(prediction, score) for _, prediction, score in score.results],
        "candidates": candidates,
        "trials": getattr(getattr(made, "detailed_results", None), "val_aggregate_scores", None),
        "compiled": made._compiled,
    }


def bootstrap(program):
    optimiser = dspy.BootstrapFewShot(
        metric=programs.right, max_bootstrapped_demos=2, max_labeled_demos=3, max_rounds=2
    )
    return optimiser.compile(program, trainset=TRAIN)


def random_search(program):
    optimiser = dspy.BootstrapFewShotWithRandomSearch(
        metric=programs.right,
        max_bootstrapped_demos=2,
        max_labeled_demos=1,
        num_candidate_programs=2,
        num_threads=3,
    )
    return optimiser.compile(program, trainset=TRAIN, valset=DEV)


def gepa(program):
    pytest.importorskip("gepa")

    def metric(gold, pred, trace=None, pred_name=None, pred_trace=None):
        feedback = f"{pred_name} of {pred.answer}, and {gold.answer} is right"
        return dspy.Prediction(score=float(programs.right(gold, pred)), feedback=feedback)

    optimiser = dspy.GEPA(
        metric=metric,
        max_metric_calls=24,
        reflection_lm=programs.fake_lm(),
        reflection_minibatch_size=2,
        num_threads=3,
        track_stats=True,
        add_format_failure_as_feedback=True,
    )
    garbled = dspy.Example(question="garble", answer="").with_inputs("question")
    return optimiser.compile(program, trainset=[*TRAIN[:5], garbled], valset=DEV)


def copro(program):
    optimiser = dspy.COPRO(
        metric=programs.right, prompt_model=programs.fake_lm(), breadth=2, depth=1
    )
    options = {"num_threads": 3, "display_progress": False}
    return optimiser.compile(program, trainset=TRAIN[:4], eval_kwargs=options)


def mipro(program):
    pytest.importorskip("optuna")
    pytest.importorskip("numpy")
    optimiser = dspy.MIPROv2(
        metric=programs.right,
        prompt_model=programs.fake_lm(),
        task_model=dspy.settings.lm,
        auto=None,
        num_candidates=2,
        num_threads=3,
        max_bootstrapped_demos=2,
        max_labeled_demos=1,
    )
    options = {"num_trials": 2, "minibatch": False, "program_aware_proposer": False}
    return optimiser.compile(program, trainset=TRAIN, valset=DEV, **options)


def simba(program):
    pytest.importorskip("numpy")
    optimiser = dspy.SIMBA(
        metric=programs.right,
        bsize=4,
        num_candidates=2,
        max_steps=1,
        max_demos=2,
        prompt_model=programs.fake_lm(),
        num_threads=3,
    )
    return optimiser.compile(program, trainset=TRAIN, seed=1)


@pytest.mark.parametrize("optimise", [bootstrap, random_search, copro, gepa, mipro, simba])
def test_a_program_compiles_elsewhere_to_what_it_compiles_to_here(optimise, runtime, log):
    here = compiled(optimise, programs.TwoSteps())
    assert log
    log.clear()
    assert compiled(optimise, RemoteProgram(programs.two_steps, runtime)) == here
    assert not log  # the model of this process was not called


def test_an_evaluation_elsewhere_gives_each_result_as_here_failures_too(runtime, log):
    failing = [
        dspy.Example(question=q, answer="").with_inputs("question")
        for q in ("raise", "garble", "limit")
    ]
    evaluate = dspy.Evaluate(
        devset=[*DEV, *failing], metric=programs.right, num_threads=3, max_errors=9
    )
    here = evaluate(programs.TwoSteps())
    log.clear()
    there = evaluate(RemoteProgram(programs.two_steps, runtime))
    assert (there.score, there.results) == (here.score, here.results)
    assert 0 < here.score < 100


def test_demos_that_hold_objects_make_the_same_prompts_there(runtime, log):
    trainset = [
        dspy.Example(question=f"number {n}", like=[programs.Fruit(name=f"pear {n}")]).with_inputs(
            "question", "like"
        )
        for n in range(3)
    ]
    optimiser = dspy.BootstrapFewShot(metric=None, max_bootstrapped_demos=2, max_labeled_demos=0)
    here = optimiser.compile(dspy.Predict(programs.Typed), trainset=trainset)
    there = optimiser.compile(RemoteProgram(programs.typed, runtime), trainset=trainset)
    assert [dict(demo) for demo in there.demos] == [dict(demo) for demo in here.demos] != []
    like = [programs.Fruit(name="lime")]
    # the answer holds a digest of the prompt
    assert there(question="number 9", like=like) == here(question="number 9", like=like)
