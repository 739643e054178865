"""What of a DSPy program travels with each call: its predictors' state, and which LM runs them."""

from __future__ import annotations

import copy
import inspect
from typing import TYPE_CHECKING, Any

import dspy  # type: ignore[import-untyped]

from altar.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from altar_extras._dspy_runner_values import Values

__all__ = [
    "crossing",
    "dump_lm",
    "dump_state",
    "load_state",
    "predictors_of",
    "refuse_code",
    "with_settings",
]

# what of an LM's and a predictor's settings crosses: how to sample, and never where to or as whom
SAMPLING = (
    "frequency_penalty",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "n",
    "presence_penalty",
    "reasoning_effort",
    "rollout_id",
    "seed",
    "stop",
    "temperature",
    "top_k",
    "top_logprobs",
    "top_p",
    "verbosity",
)


def predictors_of(program: Any) -> dict[str, Any]:
    """Every ``dspy.Predict`` in a program by its path, those of compiled parts too."""
    return dict(program.named_sub_modules(dspy.Predict))


def refuse_code(program: Any) -> None:
    """Raise ConfigurationError where state is code: what a worker runs is its own."""
    flex: Any = dspy.Flex
    for name, module in program.named_sub_modules(dspy.Module):
        if isinstance(module, flex):
            raise ConfigurationError(
                f"{name} is a dspy.Flex, whose state is source code; what crosses is that of "
                "dspy.Predict (demos, instructions, sampling). Run a program with Flex where it is"
            )


def crossing(program: Any, inputs: dict[str, Any]) -> dict[str, Any]:
    """The inputs of a run without what DSPy would take for options of it: of those, the sampling.

    Raises ConfigurationError for an LM or a signature, which hold keys and code.
    """
    options = {"config", "lm", "signature"} & inputs.keys()
    if not options:
        return inputs
    kind = type(program)
    forward: Any = getattr(kind, "forward", None) or getattr(kind, "aforward", None)
    own = {} if forward is None else inspect.signature(forward).parameters
    options -= own.keys()  # named by the forward, so an input like others
    for name in options & {"lm", "signature"}:
        raise ConfigurationError(
            f"{name}= of a call cannot cross, since it holds more than JSON: "
            + (
                "give the LM to program_runner(lm=...), and type with dspy.context(lm=...): here"
                if name == "lm"
                else "set the signature of the predictor before the call"
            )
        )
    if "config" not in options:
        return inputs
    return {**inputs, "config": _sampling(inputs["config"] or {})}


def dump_state(predictors: Mapping[str, Any], values: Values) -> dict[str, Any]:
    """The predictors' state as JSON: what ``dump_state`` says of them, values unflattened.

    DSPy's own dump turns objects in demos into dicts, which a prompt shows
    otherwise, leaves out ``config``, and has the LM dump itself, addresses and all.
    """
    return {
        name: {
            "demos": values.dump([_plain(demo) for demo in predictor.demos], f"{name}.demos"),
            "signature": values.dump(predictor.signature.dump_state(), f"{name}.signature"),
            "fields": values.dump(dict(predictor.fields), f"{name}.fields"),
            "config": _sampling(predictor.config),
            "lm": None if predictor.lm is None else dump_lm(predictor.lm),
        }
        for name, predictor in predictors.items()
    }


def load_state(
    predictors: Mapping[str, Any], state: Mapping[str, Any], values: Values, lms: Any
) -> None:
    """Set predictors to what ``dump_state`` said; ``lms(record)`` finds an LM of this side.

    Raises ConfigurationError where the two programs are not the same.
    """
    if predictors.keys() != state.keys():
        raise ConfigurationError(
            f"the program here has the predictors {sorted(predictors)}, and the caller's has "
            f"{sorted(state)}: run the same program on both sides"
        )
    for name, found in state.items():
        predictor = predictors[name]
        signature = predictor.signature
        if signature.dump_state() != found["signature"]:
            predictor.signature = signature.load_state(found["signature"])
        predictor.demos = [values.load(demo) for demo in found["demos"]]
        predictor.fields = values.load(found["fields"])
        own = _sampling(predictor.config)
        kept = {key: one for key, one in predictor.config.items() if key not in own}
        predictor.config = kept | _sampling(found["config"])
        if found["lm"] is not None:
            predictor.lm = lms(found["lm"])


def dump_lm(lm: Any) -> dict[str, Any]:
    """An LM as it crosses: its model's name, and how to sample."""
    return {"model": str(getattr(lm, "model", lm)), "config": _sampling(getattr(lm, "kwargs", {}))}


def with_settings(lm: Any, config: Mapping[str, Any]) -> Any:
    """The LM, or a copy of it that samples as ``config`` says."""
    had, asked = _sampling(lm.kwargs), _sampling(config)
    if had == asked:
        return lm
    return lm.copy(**{**dict.fromkeys(had), **asked})


def _sampling(settings: Mapping[str, Any]) -> dict[str, Any]:
    found = {key: settings[key] for key in SAMPLING if settings.get(key) is not None}
    return copy.deepcopy({key: value for key, value in found.items() if _is_json(value)})


def _is_json(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(isinstance(item, str) for item in value)
    return isinstance(value, (str, int, float))


def _plain(demo: Any) -> Any:
    return demo if type(demo) in {dict, dspy.Example} else dict(demo.items())
