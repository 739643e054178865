"""RemoteProgram: a DSPy program that runs wherever a Runtime of altar's carries out calls."""

from __future__ import annotations

import inspect
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Any, NoReturn, Self

import dspy  # type: ignore[import-untyped]

from altar.adm import FunctionCall, digest
from altar.errors import ConfigurationError, ErrorType
from altar.later import Session, SessionLimits
from altar.runtime import CallContext, Runtime
from altar_extras._dspy_runner import ProgramRunner
from altar_extras._dspy_runner_faults import FACTS, raised
from altar_extras._dspy_runner_rollouts import Rollouts
from altar_extras._dspy_runner_state import (
    crossing,
    dump_lm,
    dump_state,
    predictors_of,
    refuse_code,
)
from altar_extras._dspy_runner_values import Values, types_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from altar.adm import ToolResult
    from altar_extras._dspy_runner_rollouts import Run

__all__ = ["RemoteProgram"]

_REMEMBERED = 128  # answers, each of which may be large


class RemoteProgram(dspy.Module):  # type: ignore[misc, unused-ignore]
    """A ``dspy.Module`` that has another program run by a Runtime, and behaves as that program.

    ``program`` is the ``dspy.Module`` as it is here, with ``tool``, the name of
    the ``program_runner`` there; or that ProgramRunner itself, which has both.
    ``runtime`` is a Session or any Runtime. Each call ships the predictors'
    state (demos, instructions, how to sample) and the inputs; what comes back
    is the Prediction, and the steps for ``dspy.settings.trace``, with this
    side's predictors. So ``dspy.Evaluate`` and the optimisers work on it as on
    the program itself, and no LM is called here; ``num_threads`` is how many
    requests are in flight.

    Its predictors are the program's, by the same names: ``save`` here, and
    ``load`` into the plain program. Copies share the runtime, and none closes it.

    ``timeout`` is in seconds, for one run. With ``follow_lm`` the model's name
    and the sampling of ``dspy.settings.lm`` hold there too (``dspy.context`` and
    optimisers vary them); without, those of the other side do. ``types`` are
    classes that inputs and outputs may hold beside those of the signatures.

    Equal requests (state, inputs, model, sampling, rollout id) that are under way at
    the same time are one run. DSPy's executor sends again what has run for 120 s,
    and such a twin may begin late: so each ``straggler_after`` seconds that a run took
    let it answer one equal request after its end. Lower it together with ``timeout=``
    of ``dspy.Parallel``.

    A run that fails raises the program's own exception where it is one of
    DSPy's or Python's, else RemoteProgramError.
    """

    def __init__(
        self,
        program: Any,
        runtime: Runtime,
        *,
        tool: str | None = None,
        timeout: float | None = None,
        follow_lm: bool = True,
        types: Iterable[type] = (),
        straggler_after: float = 100.0,
    ) -> None:
        super().__init__()
        if isinstance(program, ProgramRunner):
            tool = tool or program.declaration.name
            types = (*program.types, *types)
            program = program.program()
        if not isinstance(program, dspy.Module) or isinstance(program, RemoteProgram):
            raise ConfigurationError(
                f"RemoteProgram({type(program).__name__}, ...): give the dspy.Module that is to "
                "run elsewhere, or its program_runner"
            )
        if not tool:
            raise ConfigurationError(
                'RemoteProgram(program, runtime): say which tool runs it; type tool="answer", the '
                "name of the program_runner there"
            )
        refuse_code(program)
        self.program = program
        signatures = [found.signature for found in predictors_of(program).values()]
        self._link = _Link(runtime, tool, Values(types_of(signatures, types)))
        self._link.timeout = timeout
        self._link.follow_lm = follow_lm
        self._link.rollouts = Rollouts(patience=straggler_after)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        predictors = predictors_of(self.program)
        request = self._link.request(predictors, self._inputs(args, kwargs))
        with self._link.rollout(request) as (call, run):
            result = self._link.session.invoke(call, self._link.context())
            first = run.answered(ok=result.ok)
        return self._replayed(result, predictors, first)

    async def aforward(self, *args: Any, **kwargs: Any) -> Any:
        predictors = predictors_of(self.program)
        request = self._link.request(predictors, self._inputs(args, kwargs))
        with self._link.rollout(request) as (call, run):
            result = await self._link.session.ainvoke(call, self._link.context())
            first = run.answered(ok=result.ok)
        return self._replayed(result, predictors, first)

    def named_parameters(self) -> list[tuple[str, Any]]:
        """The program's own, by its own names."""
        found: list[tuple[str, Any]] = self.program.named_parameters()
        return found

    def dump_state(self, json_mode: bool = True) -> dict[str, Any]:
        """The program's own: it loads into the plain program, and that one's loads here."""
        found: dict[str, Any] = self.program.dump_state(json_mode=json_mode)
        return found

    def load_state(self, state: dict[str, Any], *, allow_unsafe_lm_state: bool = False) -> None:
        """As the program's own."""
        self.program.load_state(state, allow_unsafe_lm_state=allow_unsafe_lm_state)

    def map_named_predictors(self, func: Any) -> Self:
        """As the program's own."""
        self.program.map_named_predictors(func)
        return self

    def __setattr__(self, name: str, value: Any) -> None:
        """Set what the program has on the program, which is what runs; the rest here."""
        program = self.__dict__.get("program")
        if program is None or name.startswith("_") or name in self.__dict__:
            super().__setattr__(name, value)
        elif name in vars(program):
            setattr(program, name, value)
        else:
            super().__setattr__(name, value)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name == "program":  # asked of a copy that is not yet filled
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self.program, name)

    def _inputs(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        return crossing(self.program, self._named(args, kwargs))

    def _named(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        if not args:
            return kwargs
        kind: Any = type(self.program)
        forward = kind.forward if hasattr(kind, "forward") else kind.aforward
        bound = inspect.signature(forward).bind(self.program, *args, **kwargs)
        found = list(bound.arguments.items())[1:]
        kinds = bound.signature.parameters
        named: dict[str, Any] = {}
        for name, value in found:
            if kinds[name].kind is inspect.Parameter.VAR_KEYWORD:
                named |= value
            elif kinds[name].kind is inspect.Parameter.VAR_POSITIONAL:
                raise TypeError("a RemoteProgram ships inputs by name: give them as keywords")
            else:
                named[name] = value
        return named

    def _replayed(self, result: ToolResult, predictors: dict[str, Any], first: bool) -> Any:
        """The Prediction of an answer, its steps traced here. Raises what the run came to.

        Of requests that are one run the ``first`` counts the tokens: they were spent once.
        """
        values = self._link.values
        if result.error is not None:
            facts = (result.error.details or {}).get(FACTS)
            if isinstance(facts, dict):
                _spend(facts.get("usage", {}) if first else {})
                _trace(_steps(facts.get("trace", []), predictors, values))
            raise raised(result, predictors, values)
        found = _whole(result)
        _spend(found["usage"] if first else {})
        steps = _steps(found["trace"], predictors, values)
        _trace(steps)
        return steps[found["step"]][2] if "step" in found else values.load(found["output"])


class _Link:
    """What copies of a RemoteProgram share: the session, and which runs are under way."""

    timeout: float | None
    follow_lm: bool
    rollouts: Rollouts

    def __init__(self, runtime: Any, tool: str, values: Values) -> None:
        if not isinstance(runtime, Runtime):
            raise ConfigurationError(
                f"RemoteProgram(program, {type(runtime).__name__}): give a Session or a Runtime"
            )
        limits = SessionLimits(max_remembered=_REMEMBERED)
        self.session = (
            runtime if isinstance(runtime, Session) else Session(runtime=runtime, limits=limits)
        )
        self.tool = tool
        self.values = values

    def request(self, predictors: dict[str, Any], inputs: dict[str, Any]) -> dict[str, Any]:
        """The arguments of a run: what it depends on, and nothing secret."""
        made: dict[str, Any] = {
            "state": dump_state(predictors, self.values),
            "inputs": {k: self.values.dump(v, f"inputs.{k}") for k, v in inputs.items()},
        }
        lm, adapter = dspy.settings.lm, dspy.settings.adapter
        if self.follow_lm and lm is not None:
            made["lm"] = dump_lm(lm)
        if adapter is not None:
            made["adapter"] = type(adapter).__name__
        return made

    @contextmanager
    def rollout(self, request: dict[str, Any]) -> Iterator[tuple[FunctionCall, Run]]:
        """The call of a request, under the id of its run, and that run."""
        key = digest([self.tool, request], big_integers="exact")
        run = self.rollouts.begin(key)
        try:
            call = FunctionCall(name=self.tool, args=request, call_id=_call_id(key, run.nonce))
            yield call, run
        finally:
            self.rollouts.end(key)

    def context(self) -> CallContext:
        deadline = None if self.timeout is None else monotonic() + self.timeout
        return CallContext(deadline=deadline)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "a RemoteProgram is bound to a session of this process: save its state, "
            'program.save("program.json"), and load it into the plain program'
        )


def _call_id(key: str, nonce: str) -> str:
    return f"dspy-{key.rpartition(':')[2][:64]}-{nonce}"


def _whole(result: ToolResult) -> dict[str, Any]:
    """The answer; where it was too large for a result, the whole of it if it is in this process."""
    found = result.value if (result.metadata or {}).get("truncated") else result.content
    if isinstance(found, dict) and "usage" in found:
        return found
    raise dspy.DSPyError(
        f"{result.name}: the run's answer was larger than a result may be where it ran, and was "
        "cut: type limits=SessionLimits(max_result_bytes=16_000_000) for the session or the "
        "ProcessRuntime there",
        code=ErrorType.RESOURCE_EXHAUSTED.lower(),
    )


def _steps(
    found: list[Any], predictors: dict[str, Any], values: Values
) -> list[tuple[Any, dict[str, Any], Any]]:
    """A trace as DSPy keeps it, with the predictors of this side."""
    steps = []
    for step in found:
        predictor = predictors.get(step["predictor"])
        if predictor is None:
            text, instructions = step["signature"]
            make: Any = dspy.Signature
            predictor = dspy.Predict(make(text, instructions))
        steps.append((predictor, values.load(step["inputs"]), values.load(step["outputs"])))
    return steps


def _trace(steps: list[tuple[Any, dict[str, Any], Any]]) -> None:
    trace, most = dspy.settings.trace, dspy.settings.max_trace_size
    if trace is None or most <= 0:
        return
    for step in steps:
        if len(trace) >= most:
            trace.pop(0)
        trace.append(step)


def _spend(usage: dict[str, list[dict[str, Any]]]) -> None:
    tracker = dspy.settings.usage_tracker
    if tracker is not None:
        for lm, entries in usage.items():
            for entry in entries:
                tracker.add_usage(lm, entry)
