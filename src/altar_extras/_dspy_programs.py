"""Programs as tools: a DSPy module that runs when the tool is called."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dspy  # type: ignore[import-untyped]

from altar.bridge import Importer
from altar.errors import ConfigurationError
from altar_extras._dspy_errors import typed
from altar_extras._dspy_modules import Face, face_of, face_of_signature, is_async
from altar_extras._dspy_results import outputs_of
from altar_extras._dspy_signature import parse_signature
from altar_extras._dspy_types import Reader

if TYPE_CHECKING:
    from os import PathLike

    from altar.later import SchemaTool, ToolOptions

__all__ = ["add_program", "declaration_of", "program_tool"]

MODULE_FIELD = "x_dspy_module"


class _Program:
    """A module as the function of a tool; async callers get its async form, where it has one."""

    __slots__ = ("_module", "_reader", "_settings")

    def __init__(self, module: Any, face: Face, settings: Mapping[str, Any]) -> None:
        self._module = module
        self._reader = Reader(face.annotations)
        self._settings = settings

    def __call__(self, args: dict[str, Any], context: Any) -> Any:
        inputs = self._reader.read(args)
        try:
            if self._settings:
                with dspy.context(**self._settings):
                    return outputs_of(self._module(**inputs))
            return outputs_of(self._module(**inputs))
        except Exception as error:
            known = typed(error)
            if known is None:
                raise
            raise known from error

    async def _later(self, args: dict[str, Any]) -> Any:
        inputs = self._reader.read(args)
        try:
            with dspy.context(**self._settings):
                return outputs_of(await self._module.acall(**inputs))
        except Exception as error:
            known = typed(error)
            if known is None:
                raise
            raise known from error


class _AsyncProgram(_Program):
    __slots__ = ()

    async def __altar_async__(self, args: dict[str, Any], context: Any) -> Any:
        return await self._later(args)


class _OnlyAsync(_Program):
    __slots__ = ()

    async def __call__(self, args: dict[str, Any], context: Any) -> Any:
        return await self._later(args)


def add_program(
    importer: Importer,
    module: Any,
    face: Face,
    *,
    settings: Mapping[str, Any] | None = None,
    options: ToolOptions | None = None,
) -> SchemaTool | None:
    """Take a module in under its face; None where the importer refused it."""
    if not is_async(module):
        kind = _Program
    else:
        kind = _AsyncProgram if hasattr(type(module), "forward") else _OnlyAsync
    document = face.declaration.to_dict("json-schema")
    cls = type(module)
    return importer.add(
        face.declaration.name,
        kind(module, face, settings or {}),
        description=face.declaration.description,
        parameters=document["parameters"],
        options=options,
        extensions={
            **face.declaration.extensions,
            MODULE_FIELD: f"{cls.__module__}.{cls.__qualname__}",
        },
    )


def program_tool(
    program: Any,
    *,
    name: str | None = None,
    description: str | None = None,
    signature: Any = None,
    state: Mapping[str, Any] | str | PathLike[str] | None = None,
    settings: Mapping[str, Any] | None = None,
    options: ToolOptions | None = None,
) -> SchemaTool:
    """A whole DSPy program as one tool, for ``Session(tools=[...])``.

    ``program`` is a :class:`dspy.Module`, compiled or not, or a function (or
    class) without arguments that builds one. ``state`` is what
    ``program.save("x.json")`` or ``program.dump_state()`` gave; it is loaded
    into a program that was just built, and into a copy of one that was given.
    ``signature`` (a string or class) declares inputs and outputs where its
    forward does not say them. ``settings`` hold around each call, as those of
    :func:`dspy.context` (``{"lm": dspy.LM(...)}``); without them those of the
    caller do, in whatever thread the tool runs.

    ConfigurationError for what is no program and for a state that does not fit;
    DeclarationError for a program that JSON cannot declare.
    """
    lm = (settings or {}).get("lm")
    if isinstance(lm, str):
        raise ConfigurationError(
            f"program_tool(settings={{'lm': {lm!r:.60}}}): give a dspy.LM, dspy.LM({lm!r:.60})"
        )
    module = _built(program, state)
    if signature is None:
        face = face_of(module, name=name, description=description)
    else:
        follows = dspy.signatures.ensure_signature(signature)
        face = face_of_signature(
            follows, name=name or type(module).__name__, description=description
        )
    importer = Importer("DSPy")
    add_program(importer, module, face, settings=settings, options=options)
    return importer.tools()[0]


def _built(program: Any, state: Any) -> Any:
    module: Any = program
    if not isinstance(program, dspy.Module):
        if not callable(program) or (isinstance(program, type) and not _is_module(program)):
            raise ConfigurationError(
                f"program_tool({program!r:.80}): give a dspy.Module, or a function that builds one"
            )
        module = program()
        if not isinstance(module, dspy.Module):
            raise ConfigurationError(
                f"program_tool({program!r:.80}): it built {type(module).__name__}, "
                "not a dspy.Module"
            )
    if state is None:
        return module
    if module is program:
        module = module.deepcopy()
    _load(module, state)
    return module


def _is_module(cls: type) -> bool:
    return issubclass(cls, dspy.Module)


def _load(module: Any, state: Any) -> None:
    try:
        if isinstance(state, Mapping):
            _refuse_others(module, state)
            named = {name for name, _ in module.named_parameters()}
            extra = {"metadata"} - named
            module.load_state({key: one for key, one in state.items() if key not in extra})
        else:
            if Path(state).suffix == ".json":
                _refuse_others(module, json.loads(Path(state).read_bytes()))
            module.load(state)
    except (KeyError, ValueError, TypeError, AttributeError, OSError) as error:
        raise ConfigurationError(
            f"program_tool({type(module).__name__}, state=...): the state does not fit "
            f"({type(error).__name__}: {error!s:.200}); give what save('x.json') of the same "
            "program wrote"
        ) from error


def _refuse_others(module: Any, state: Any) -> None:
    """Raise ConfigurationError for the state of other fields: DSPy takes it, and prompts so."""
    for name, found in module.named_parameters():
        of_it = state if module is found else state.get(name)
        if not isinstance(found, dspy.Predict) or not isinstance(of_it, Mapping):
            continue
        follows: Any = found.signature
        was, says = _prefixes(follows.dump_state()), _prefixes(of_it.get("signature"))
        # the last is what optimisers reword
        if says and (len(says) != len(was) or says[:-1] != was[:-1]):
            raise ConfigurationError(
                f"program_tool({type(module).__name__}, state=...): the state is of other fields: "
                f"{name} has {' '.join(was)}, and the state {' '.join(says)}; give the state of "
                "the same program, or load it yourself and give the program"
            )


def _prefixes(signature: Any) -> list[str]:
    """The fields of a signature's state, as a prompt names them; [] where it is none."""
    fields = signature.get("fields") if isinstance(signature, Mapping) else None
    return [str(field.get("prefix")) for field in fields or [] if isinstance(field, Mapping)]


def declaration_of(program: Any, *, name: str | None = None, description: str | None = None) -> Any:
    """The ADM declaration of a signature (a string or a class) or of a module of any kind.

    Of a string the same as :func:`altar_extras.dspy_signatures.declaration_of`
    makes without DSPy. DeclarationError, with every reason, for what JSON cannot say.
    """
    if isinstance(program, dspy.Module):
        return face_of(program, name=name, description=description).declaration
    is_class = isinstance(program, type) and issubclass(program, dspy.Signature)
    if not is_class and not isinstance(program, str):
        raise ConfigurationError(
            f"declaration_of({program!r:.80}): give a signature, as a string or a class, "
            "or a module"
        )
    follows = _read(program) if isinstance(program, str) else program
    return face_of_signature(follows, name=name, description=description).declaration


def _read(text: str) -> Any:
    parse_signature(text)  # every problem at once, in altar's words
    return dspy.make_signature(text)
