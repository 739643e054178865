"""schema_of: what a Python type asks for, as a Schema."""

from __future__ import annotations

from typing import Any

from altar.adm import Schema
from altar.errors import DeclarationError
from altar.later._declare import declare

__all__ = ["schema_of"]


def schema_of(annotation: Any) -> Schema:
    """The Schema of a type: of anything that a parameter of a tool may be annotated with.

    Raises DeclarationError, which says what to write instead, for a type that
    JSON cannot say and for what is no type.
    """

    def argument(value: Any) -> None: ...

    shown = getattr(annotation, "__name__", None) or repr(annotation)
    argument.__annotations__["value"] = annotation
    argument.__name__ = argument.__qualname__ = str(shown)  # what a warning calls it
    try:
        parameters = declare(argument).to_dict(dialect="json-schema")["parameters"]
    except DeclarationError as error:
        problems = [text.removeprefix("parameter 'value'").lstrip(":, ") for text in error.problems]
        raise DeclarationError(str(shown), problems) from None
    if "value" not in parameters["properties"]:
        raise DeclarationError(str(shown), ["a Context is injected, it has no schema"])
    document = dict(parameters["properties"]["value"])
    if "$defs" in parameters:
        document["$defs"] = parameters["$defs"]
    return Schema.trusted(document)
