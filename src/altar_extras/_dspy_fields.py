"""Fields of a DSPy signature, and the declaration they make. Needs no DSPy."""

from __future__ import annotations

import re
import types
from typing import Any, Literal, NamedTuple, NotRequired, TypedDict, Union, get_args, get_origin

from altar.adm import FunctionDeclaration, adopt, json_problems, legal_name
from altar.errors import DeclarationError, InvalidDataError
from altar.later import schema_of

__all__ = ["ABSENT", "Field", "allows_none", "declare_fields", "instructions_for", "name_for"]

ABSENT: Any = type("_Absent", (), {"__repr__": lambda _: "ABSENT"})()
_PLACEHOLDER = re.compile(r"\$\{[^{}]*\}")  # what DSPy writes where nobody described a field


class Field(NamedTuple):
    """One field: its name, the type it is annotated with, what it says and its default."""

    name: str
    annotation: Any
    description: str = ""
    default: Any = ABSENT

    @property
    def required(self) -> bool:
        """Whether a caller must give it: it has no default, and None is no value of it."""
        return self.default is ABSENT and not allows_none(self.annotation)


_record: Any = TypedDict  # called with fields that are only known at run time


def allows_none(annotation: Any) -> bool:
    """Whether None is a value of this type, as DSPy sees it."""
    if annotation is None or annotation is type(None):
        return True
    origin = get_origin(annotation)
    if origin is Union or origin is types.UnionType:
        return any(map(allows_none, get_args(annotation)))
    if origin is Literal:
        return None in get_args(annotation)
    return False


def instructions_for(inputs: list[str], outputs: list[str]) -> str:
    """What DSPy tells a model where nobody gave instructions."""
    given = ", ".join(f"`{name}`" for name in inputs)
    asked = ", ".join(f"`{name}`" for name in outputs)
    return f"Given the fields {given}, produce the fields {asked}."


def name_for(outputs: list[str]) -> str:
    """The name of a tool that has none: by what it predicts."""
    return legal_name("_".join(["predict", *outputs]))


def declare_fields(
    name: str, description: str, *, inputs: list[Field], outputs: list[Field]
) -> FunctionDeclaration:
    """Inputs as parameters, outputs as the object that ``x_returns`` describes.

    DeclarationError with every field whose type JSON cannot say.
    """
    problems: list[str] = []
    documents = [
        _object(fields, side, problems) for fields, side in ((inputs, "input"), (outputs, "output"))
    ]
    if problems:
        raise DeclarationError(f"the DSPy signature {name!r}", problems)
    parameters, returns = documents
    document = {
        "name": name,
        "description": description,
        "parameters": parameters,
        "x_returns": returns,
    }
    try:
        return adopt(document).declaration
    except InvalidDataError as error:
        raise DeclarationError(f"the DSPy signature {name!r}", map(str, error.problems)) from None


def _object(fields: list[Field], side: str, problems: list[str]) -> dict[str, Any]:
    """The schema of an object of these fields; what cannot be said is added to ``problems``."""
    asked: dict[str, Any] = {}
    for field in fields:
        needed = field.required or side == "output"
        kept = field.annotation
        asked[field.name] = kept if needed else NotRequired[kept]
    shape: Any = _record("shape", asked)
    try:
        document = dict(schema_of(shape).to_dict("json-schema"))
    except DeclarationError as error:
        problems += [
            text.replace(f" of {__name__}.shape", "").replace("field", side, 1)
            for text in error.problems
        ]
        return {}
    document["properties"] = {
        field.name: _told(document["properties"][field.name], field) for field in fields
    }
    return document


def _told(schema: Any, field: Field) -> Any:
    """The schema of one field, with what it says and its default."""
    more: dict[str, Any] = {}
    said = field.description.strip()
    if said and not _PLACEHOLDER.fullmatch(said):
        more["description"] = said
    stands_for_absence = field.default is None and not allows_none(field.annotation)
    if field.default is not ABSENT and not stands_for_absence and not json_problems(field.default):
        more["default"] = field.default
    return {**schema, **more} if more else schema
