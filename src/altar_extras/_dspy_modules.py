"""Faces of DSPy modules: what every kind of program takes, and what it answers."""

from __future__ import annotations

import inspect
from types import MethodType, UnionType
from typing import TYPE_CHECKING, Any, NamedTuple, Union, get_args, get_origin, get_type_hints

import dspy  # type: ignore[import-untyped]

from altar import declare
from altar.adm import adopt, legal_name
from altar.errors import DeclarationError
from altar.later import schema_of
from altar_extras._dspy_fields import Field, declare_fields, instructions_for, name_for
from altar_extras._dspy_runner_remote import RemoteProgram
from altar_extras._dspy_types import fields_of, said_in_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar.adm import FunctionDeclaration

__all__ = ["Face", "face_of", "face_of_signature", "is_async"]

# inputs of these names would be taken for options of the call
_PRIVILEGED = frozenset(("config", "demos", "lm", "new_signature", "signature"))
_EVERYWHERE = frozenset(("instance", "self"))  # what DSPy's wrappers call the module itself
_STRING = "StringSignature"  # the class name of a signature that was a string
_THOUGHTS = frozenset(("reasoning", "rationale"))
_TRAJECTORY = Field(
    "trajectory", dict[str, Any], "What was thought, called and observed, in order."
)


class Face(NamedTuple):
    """What a program shows: its declaration, and the Python types of what it takes."""

    declaration: FunctionDeclaration
    annotations: dict[str, Any]


class _Shape(NamedTuple):
    """Inputs and outputs of a kind of module, and the signature that it follows."""

    signature: Any
    inputs: list[Field]
    outputs: list[Field]
    annotations: dict[str, Any]
    kept: frozenset[str] = frozenset()  # names of inputs that this kind takes for its own


def face_of(module: Any, *, name: str | None = None, description: str | None = None) -> Face:
    """The face of a module of any kind; DeclarationError, with why, for one that has none."""
    module = _behind(module)
    shape = _shape_of(module)
    cls = type(module)
    if name is None and not cls.__module__.startswith("dspy."):
        name = legal_name(cls.__name__)
    if shape is None:
        return _introspected(module, name, description)
    return _faced(shape, name, description)


def face_of_signature(
    signature: Any, *, name: str | None = None, description: str | None = None
) -> Face:
    """The face of a program that follows a signature to the letter."""
    return _faced(_by(signature), name, description)


def is_async(module: Any) -> bool:
    """Whether a module has an async form that belongs to its forward, not to what it replaced."""
    ranks: dict[str, int] = {}
    for rank, cls in enumerate(type(module).__mro__):
        for method in ("forward", "aforward"):
            if method in cls.__dict__:
                ranks.setdefault(method, rank)
    code_act = getattr(dspy, "CodeAct", None)
    if code_act is not None and isinstance(module, code_act):
        ranks.pop("aforward", None)  # inherited from a kind whose predictors it does not have
    return "aforward" in ranks and ranks["aforward"] <= ranks.get("forward", ranks["aforward"])


def _faced(shape: _Shape, name: str | None, description: str | None) -> Face:
    signature = shape.signature
    own = list(signature.output_fields)
    if name is None:
        plain = [field for field in own if field not in _THOUGHTS] or own
        class_name = signature.__name__
        name = name_for(plain) if class_name == _STRING else legal_name(class_name)
    taken = (_PRIVILEGED | _EVERYWHERE | shape.kept) & {*signature.input_fields}
    if "prediction" in shape.annotations and _may_be_dict(shape.annotations["prediction"]):
        taken |= {"prediction"}  # DSPy hands some dicts of this name to the model as an option
    if taken:
        raise DeclarationError(
            f"the DSPy program {name!r}",
            [f"input {one!r}: DSPy keeps this name for itself, rename it" for one in sorted(taken)],
        )
    text = description or signature.instructions or instructions_for([*signature.input_fields], own)
    declaration = declare_fields(name, text, inputs=shape.inputs, outputs=shape.outputs)
    return Face(declaration, shape.annotations)


def _may_be_dict(annotation: Any) -> bool:
    kind = get_origin(annotation) or annotation
    if kind is Union or kind is UnionType:
        return any(map(_may_be_dict, get_args(annotation)))
    return kind is Any or (isinstance(kind, type) and issubclass(dict, kind))


# -- the kinds that DSPy has -------------------------------------------------------------


def _by(signature: Any, answered: Any = None, *more: Field) -> _Shape:
    """The shape of a signature, whose outputs may be those of ``answered`` and ``more``."""
    outputs = fields_of((answered or signature).output_fields)
    known = {field.name for field in outputs}
    outputs += [field for field in more if field.name not in known]
    return _Shape(
        signature,
        fields_of(signature.input_fields),
        outputs,
        {name: info.rebuild_annotation() for name, info in signature.input_fields.items()},
    )


def _react(module: Any) -> _Shape:
    return _by(module.signature, module.extract.predict.signature, _TRAJECTORY)


def _code_act(module: Any) -> _Shape:
    return _by(module.signature, module.extractor.predict.signature, _TRAJECTORY)


def _react_v2(module: Any) -> _Shape:
    talk = Field("history", said_in_json(dspy.History), "The conversation, with all calls.")
    why = Field("termination_reason", str, "submit, or forced_submit after the last round.")
    shape = _by(module.signature, None, talk, why)
    shape.inputs.append(
        Field("history", said_in_json(dspy.History), "A conversation to go on with.", None)
    )
    shape.annotations["history"] = dspy.History | None
    return shape


def _program_of_thought(module: Any) -> _Shape:
    return _by(module.signature, module.generate_output.predict.signature)


def _comparison(module: Any) -> _Shape:
    shape = _by(module.predict.signature)
    attempts = {f"reasoning_attempt_{number + 1}" for number in range(module.M)}
    inputs = [field for field in shape.inputs if field.name not in attempts]
    said = (
        f"{module.M} attempts to compare: objects with 'reasoning' (or 'rationale') "
        f"and {module.last_key!r}."
    )
    inputs.append(Field("completions", list[dict[str, Any]], said))
    kept = {key: one for key, one in shape.annotations.items() if key not in attempts}
    return shape._replace(inputs=inputs, annotations={**kept, "completions": list[dict[str, Any]]})


def _rlm(module: Any) -> _Shape:
    steps = Field("trajectory", list[dict[str, Any]], "The code that ran, step by step.")
    return _by(module.signature, None, steps, Field("final_reasoning", str))


# the first that fits, where this DSPy has it; each with the forward that it describes
_KINDS: dict[str, Callable[[Any], _Shape | None]] = {
    "Predict": lambda module: _by(module.signature),
    "ChainOfThought": lambda module: _by(module.predict.signature),
    "CodeAct": _code_act,
    "ReAct": _react,
    "ReActV2": _react_v2,
    "ProgramOfThought": _program_of_thought,
    "MultiChainComparison": _comparison,
    "RLM": _rlm,
    "Flex": lambda module: _by(module.signature),
    "BestOfN": lambda module: _shape_of(module.module),
    "Refine": lambda module: _shape_of(module.module),
}


# what they pop from their inputs, or add to those of the predictors inside
_KEPT = {
    "CodeAct": frozenset(("max_iters", "trajectory")),
    "ReAct": frozenset(("max_iters", "trajectory")),
    "ReActV2": frozenset(("max_iters",)),
    "MultiChainComparison": frozenset(("completions",)),
    "RLM": frozenset(("interpreter_factory",)),
}


def _shape_of(module: Any) -> _Shape | None:
    """The shape of a module of DSPy's own kinds; None for one with a forward of its own."""
    module = _behind(module)
    for name, shape in _KINDS.items():
        kind = getattr(dspy, name, None)
        if kind is not None and isinstance(module, kind) and _same_forward(module, kind):
            found = shape(module)
            return found and found._replace(kept=found.kept | _KEPT.get(name, frozenset()))
    return None


def _behind(module: Any) -> Any:
    """The program that a module is the face of, where it runs elsewhere."""
    return module.program if isinstance(module, RemoteProgram) else module


def _same_forward(module: Any, kind: Any) -> bool:
    return getattr(type(module), "forward", None) is kind.forward


# -- everybody's own ---------------------------------------------------------------------


def _introspected(module: Any, name: str | None, description: str | None) -> Face:
    """The face of a module by the signature of its forward."""
    inner = module
    while isinstance(inner, (dspy.BestOfN, dspy.Refine)) and _same_forward(inner, type(inner)):
        inner = _behind(inner.module)  # they take and answer what the module inside does
    cls = type(inner)
    shown = name or legal_name(cls.__name__)
    forward = getattr(cls, "forward", None) or getattr(cls, "aforward", None)
    if forward is None:
        raise DeclarationError(
            f"the DSPy module {shown!r}", ["it has no forward, so it cannot run"]
        )
    try:
        hints = get_type_hints(forward)
    except Exception:  # noqa: BLE001 - a name that only a type checker sees
        hints = {}
    asked = [*inspect.signature(forward).parameters.values()][1:]
    if any(one.kind in (one.VAR_POSITIONAL, one.POSITIONAL_ONLY) for one in asked):
        raise DeclarationError(
            f"the DSPy module {shown!r}", ["forward takes arguments by position: name them"]
        )
    if any(one.name in _EVERYWHERE for one in asked):
        raise DeclarationError(
            f"the DSPy module {shown!r}", ["input 'instance': DSPy keeps this name, rename it"]
        )
    described = description or (None if forward.__doc__ else _own_doc(cls))
    if not [one for one in asked if one.kind != one.VAR_KEYWORD]:
        follows = getattr(inner, "signature", None)
        if isinstance(follows, type) and issubclass(follows, dspy.Signature) and asked:
            face = face_of_signature(follows, name=shown, description=described)
            inputs = face.declaration.to_dict("json-schema")  # what it answers, it does not say
            return face._replace(declaration=adopt(inputs).declaration)
    document = declare(MethodType(forward, inner), name=shown, description=described)
    told = {**document.to_dict("json-schema"), **_returns(hints.get("return"))}
    told["parameters"] = _with_texts(told["parameters"], hints)
    if any(one.kind == one.VAR_KEYWORD for one in asked):
        told["parameters"] = {"additionalProperties": True, **told["parameters"]}
    annotations = {one.name: hints[one.name] for one in asked if one.name in hints}
    return Face(adopt(told).declaration, annotations)


def _with_texts(parameters: dict[str, Any], hints: dict[str, Any]) -> dict[str, Any]:
    """The parameters, those that are dspy.Code or dspy.Reasoning as the text that they are."""
    told: dict[str, Any] = dict(parameters["properties"])
    for name, schema in told.items():
        hint = hints.get(name)
        parts = [one for one in get_args(hint) or (hint,) if isinstance(one, type)]
        if not any(issubclass(one, (dspy.Code, dspy.Reasoning)) for one in parts):
            continue
        said = dict(schema_of(said_in_json(hint)).to_dict("json-schema"))
        own = {key: schema[key] for key in ("default", "description") if key in schema}
        if own.get("description") in {inspect.getdoc(one) for one in parts}:
            del own["description"]  # of the class, and long
        told[name] = said | own
    return {**parameters, "properties": told}


def _own_doc(cls: type) -> str | None:
    return inspect.cleandoc(cls.__doc__) if cls.__doc__ else None


def _returns(annotation: Any) -> dict[str, Any]:
    """What a return annotation says; nothing where it says nothing that JSON could."""
    if isinstance(annotation, type) and issubclass(annotation, dspy.Example):
        return {"x_returns": {"type": "object"}}
    if annotation is None or annotation is Any:
        return {}
    try:
        return {"x_returns": schema_of(annotation).to_dict("json-schema")}
    except DeclarationError:
        return {}
