"""program_runner: the tool that holds a DSPy program, where the program is to run."""

from __future__ import annotations

import sys
from threading import Lock
from typing import TYPE_CHECKING, Any

import dspy  # type: ignore[import-untyped]

from altar.adm import FunctionDeclaration
from altar.errors import ConfigurationError
from altar.later import SchemaTool
from altar_extras._dspy_runner_faults import NoSuchLM, told
from altar_extras._dspy_runner_state import (
    crossing,
    load_state,
    predictors_of,
    refuse_code,
    with_settings,
)
from altar_extras._dspy_runner_values import Values, types_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from altar import ToolOptions

__all__ = ["ProgramRunner", "program_runner"]

_OBJECT = {"type": "object"}
_PARAMETERS = {
    "type": "object",
    "properties": {
        "state": {**_OBJECT, "description": "State of each predictor, by its path."},
        "inputs": {**_OBJECT, "description": "The program's inputs."},
        "lm": {**_OBJECT, "description": "Name of the model, and how to sample."},
        "adapter": {"type": "string", "description": "Class of the adapter in force."},
    },
    "required": ["state", "inputs"],
    "additionalProperties": False,
}


class ProgramRunner(SchemaTool):
    """A tool of altar's that runs one DSPy program: ``program_runner`` makes it.

    ``program()`` is a fresh copy of the program, as a :class:`RemoteProgram` needs it.
    """

    __slots__ = ("__wrapped__", "_host")

    def __init__(self, host: _Host, declaration: FunctionDeclaration, options: Any) -> None:
        def run(args: dict[str, Any]) -> dict[str, Any]:
            return host.run(args)

        run.__module__, run.__qualname__ = host.module, host.qualname
        self.__wrapped__ = run  # how a worker process finds it, below this object
        self._host = host
        super().__init__(declaration, run, options=options)

    @property
    def types(self) -> tuple[type, ...]:
        """The classes that were given as ``types=``."""
        return self._host.types

    def program(self) -> Any:
        """A fresh copy of the program."""
        return self._host.fresh()


def program_runner(
    program: Any = None,
    *,
    name: str | None = None,
    description: str | None = None,
    lm: Any = None,
    adapter: Any = None,
    types: Iterable[type] = (),
    options: ToolOptions | None = None,
) -> Any:
    """A tool that runs a DSPy program for a ``RemoteProgram`` elsewhere: a ProgramRunner.

    ``program`` is a function without parameters that makes it (so this is a
    decorator, and the tool takes its name), or a ``dspy.Module`` with a ``name``.
    To run in worker processes the tool stands at the top level of a module
    under that name.

    ``lm`` is what runs it here: a ``dspy.LM``, several of them, or a function
    that makes them, called once in each process, so that keys are read where
    they are; None leaves it to ``dspy.configure`` and the program. ``adapter``
    is the ``dspy.Adapter``, ``types`` are classes that inputs and outputs may
    hold beside those of the program's signatures.

    Each call runs a fresh copy of the program under the state that came with it.
    Raises ConfigurationError for anything else.
    """
    caller = sys._getframe(1).f_globals.get("__name__", "__main__")  # noqa: SLF001 - as namedtuple does

    def made(given: Any) -> ProgramRunner:
        host = _Host(given, name, caller, lm, adapter, types)
        declaration = FunctionDeclaration(
            name=host.qualname.rpartition(".")[2] if name is None else name,
            description=description or (host.doc or "Run a DSPy program."),
            parameters=_PARAMETERS,
            extensions={"x_dspy_program": True},
        )
        return ProgramRunner(host, declaration, options)

    return made if program is None else made(program)


class _Host:
    """The program, and the LMs that run it here; both are made when first needed."""

    def __init__(
        self,
        given: Any,
        name: str | None,
        caller: str,
        lm: Any,
        adapter: Any,
        types: Iterable[type],
    ) -> None:
        self.types = tuple(types)
        self._lock = Lock()
        self._made: tuple[Any, Values, dict[str, Any]] | None = None
        self._copies = True  # whether a copy is the program again, or each run makes it anew
        self._lm = lm
        self._lms: dict[str, Any] | None = None
        self._adapter = adapter
        self._make: Callable[[], Any]
        if isinstance(given, dspy.Module):
            if name is None:
                raise ConfigurationError(
                    "program_runner(module): say under which name it stands in its file; type "
                    'answer = program_runner(module, name="answer")'
                )
            self._make = given.deepcopy
            self.module, self.qualname, self.doc = caller, name, type(given).__doc__
        elif callable(given) and not isinstance(given, dspy.BaseLM):
            self._make = given
            self.module = getattr(given, "__module__", caller)
            self.qualname = str(getattr(given, "__qualname__", name or "program"))
            self.doc = None if isinstance(given, type) else given.__doc__
        else:
            raise ConfigurationError(
                f"program_runner({type(given).__name__}): give a dspy.Module with name=, or put "
                "@program_runner(lm=...) above a function that returns one"
            )

    def fresh(self) -> Any:
        """A copy of the program, with the LMs of its own."""
        program, _, pinned = self._program()
        copy = program.deepcopy() if self._copies else self._make()
        for name, predictor in predictors_of(copy).items():
            predictor.lm = pinned.get(name)
        return copy

    def run(self, args: dict[str, Any]) -> dict[str, Any]:
        """One run, under the state that came: outputs, trace and usage. Raises ToolError."""
        trace: list[Any] = []
        predictors: dict[str, Any] = {}
        usage: dict[str, Any] = {}
        values = Values(())  # until the program is there
        try:
            values, program = self._program()[1], self.fresh()
            predictors = predictors_of(program)
            load_state(predictors, args["state"], values, self._find)
            inputs = crossing(program, values.load(args["inputs"]))
            with dspy.context(**self._settings(args), trace=trace), dspy.track_usage() as tracker:
                try:
                    output = _call(program, inputs)
                finally:
                    usage = dict(tracker.usage_data)
            return self._answer(output, trace, predictors, values) | {"usage": _usage(usage)}
        except Exception as error:
            beside = {"trace": _steps(trace, predictors, values), "usage": _usage(usage)}
            raise told(error, predictors, values, beside) from error

    def _answer(
        self, output: Any, trace: list[Any], predictors: dict[str, Any], values: Values
    ) -> dict[str, Any]:
        steps = _steps(trace, predictors, values)
        same = next((i for i, (_, _, made) in enumerate(trace) if made is output), None)
        if same is not None:
            return {"trace": steps, "step": same}
        return {"trace": steps, "output": values.dump(output, "output")}

    def _settings(self, args: dict[str, Any]) -> dict[str, Any]:
        """What holds around a run here, whatever the caller's thread has set."""
        found: dict[str, Any] = {
            "usage_tracker": None,
            "send_stream": None,
            "stream_listeners": [],
            "caller_modules": [],
        }
        adapter = self._adapter or dspy.settings.adapter or dspy.ChatAdapter()
        asked = args.get("adapter", type(adapter).__name__)
        if asked != type(adapter).__name__:
            raise ConfigurationError(
                f"the caller's adapter is {asked}, and here it is {type(adapter).__name__}: type "
                f"program_runner(adapter=dspy.{asked}())"
            )
        found["adapter"] = adapter
        if "lm" in args:
            found["lm"] = self._find(args["lm"])
        else:
            lms = self._all_lms()
            if lms:
                found["lm"] = next(iter(lms.values()))
        return found

    def _find(self, record: dict[str, Any]) -> Any:
        """The LM of that model here, sampling as the record says."""
        lms = dict(self._all_lms())
        for lm in (dspy.settings.lm, *self._program()[2].values()):
            if isinstance(lm, dspy.BaseLM):
                lms.setdefault(lm.model, lm)
        found = lms.get(record["model"])
        if found is None:
            raise NoSuchLM(
                f"no LM {record['model']!r} where the program runs; it has {sorted(lms)}: give it "
                "to program_runner(lm=...), or type RemoteProgram(..., follow_lm=False)"
            )
        return with_settings(found, record["config"])

    def _program(self) -> tuple[Any, Values, dict[str, Any]]:
        """The program without its LMs, its values, and those LMs by predictor."""
        with self._lock:
            if self._made is None:
                program = self._make()
                if not isinstance(program, dspy.Module):
                    raise ConfigurationError(
                        f"{self.qualname}() made a {type(program).__name__}: return a dspy.Module"
                    )
                refuse_code(program)
                predictors = predictors_of(program)
                values = Values(types_of((p.signature for p in predictors.values()), self.types))
                pinned = {name: p.lm for name, p in predictors.items() if p.lm is not None}
                self._made = self._pattern(program, predictors), values, pinned
            return self._made

    def _pattern(self, program: Any, predictors: dict[str, Any]) -> Any:
        """What each run copies. DSPy's copy shares what cannot be copied, and all it lies in."""
        pinned = {name: predictor.lm for name, predictor in predictors.items()}
        for predictor in predictors.values():
            predictor.lm = None  # clients and locks are not to be copied with each run
        pattern = program.deepcopy()
        if _share(program, pattern):
            self._copies = False
            pattern = self._make()
        for name, predictor in predictors.items():  # the program may be in use elsewhere
            predictor.lm = pinned[name]
        if not self._copies and _share(program, pattern):
            raise ConfigurationError(
                f"{self.qualname}: copies of the {type(program).__name__} share predictors, since "
                "a list or dict of it holds what cannot be copied (a lock, a client), and runs at "
                "the same time would mix: put @program_runner(lm=...) above a function that makes "
                "a new one each time"
            )
        return pattern

    def _all_lms(self) -> dict[str, Any]:
        with self._lock:
            if self._lms is None:
                lm = self._lm
                if callable(lm) and not isinstance(lm, dspy.BaseLM):
                    lm = lm()
                several: Any = lm if isinstance(lm, (list, tuple)) else [] if lm is None else [lm]
                if wrong := [one for one in several if not isinstance(one, dspy.BaseLM)]:
                    raise ConfigurationError(
                        f"program_runner(lm=...) gave a {type(wrong[0]).__name__}: give a dspy.LM, "
                        "a list of them, or a function that returns one"
                    )
                named = {one.model: one for one in several}
                if len(named) < len(several):
                    raise ConfigurationError(
                        f"program_runner(lm=...) gave two LMs of one model, of {sorted(named)}: "
                        "callers say which by its name, so give one of each"
                    )
                self._lms = named
            return self._lms


def _share(one: Any, other: Any) -> bool:
    mine = {id(found) for found in predictors_of(one).values()}
    return any(id(found) in mine for found in predictors_of(other).values())


def _call(program: Any, inputs: dict[str, Any]) -> Any:
    kind = type(program)
    if hasattr(kind, "forward") or not hasattr(kind, "aforward"):
        return program(**inputs)
    return dspy.syncify(program)(**inputs)  # a program that is async alone


def _steps(trace: list[Any], predictors: dict[str, Any], values: Values) -> list[Any]:
    """A trace as JSON. Inputs that cannot cross (functions, say) are their text there."""
    names = {id(found): name for name, found in predictors.items()}
    return [
        {
            "predictor": names.get(id(predictor)),
            "signature": None if id(predictor) in names else _shape(predictor.signature),
            "inputs": values.dump(dict(inputs), "trace", lossy=True),
            "outputs": values.dump(outputs, "trace", lossy=True),
        }
        for predictor, inputs, outputs in trace
    ]


def _shape(signature: Any) -> list[str]:
    """What a predictor that the caller cannot know (made during the run) is rebuilt from."""
    ins, outs = ", ".join(signature.input_fields), ", ".join(signature.output_fields)
    return [f"{ins} -> {outs}", signature.instructions]


def _usage(found: dict[str, Any]) -> dict[str, Any]:
    plain = Values(())
    return {lm: plain.dump(list(entries), "usage", lossy=True) for lm, entries in found.items()}
