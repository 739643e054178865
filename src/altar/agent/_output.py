"""What ``output=`` may be, and how a model's JSON becomes an object of it."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from typing import Any

from altar.adm import Problem, Schema
from altar.errors import ConfigurationError, DeclarationError, InvalidDataError
from altar.later import Session
from altar.llm import OutputSpec

__all__ = ["output_spec"]


def output_spec(output: Any) -> OutputSpec:
    """The schema of ``output`` and the way from JSON to it: a Schema, or any type a tool takes.

    Raises ConfigurationError for what is no type, and DeclarationError for a
    type that JSON cannot say.
    """
    if isinstance(output, Schema):
        return _schema_output(output)
    if isinstance(output, str):
        raise ConfigurationError(
            f"output={output!r} is a text; give the type itself, without quotes: output={output}"
        )
    if isinstance(output, Mapping):
        raise ConfigurationError(
            "output= takes a type or a Schema, not a dict; for a JSON Schema type "
            "output=altar.adm.Schema.from_dict({...})"
        )
    return _typed_output(output)


def _schema_output(schema: Schema) -> OutputSpec:
    def check(value: Any) -> Any:
        problems = schema.check(value)
        if problems:
            raise InvalidDataError("output", problems)
        return value

    document = schema.document if isinstance(schema.document, dict) else {}
    return OutputSpec(name="answer", schema=document, load=check)


def _typed_output(output: Any) -> OutputSpec:
    """A type is read as the argument of a tool is: declared, checked and built by one rule."""
    kept: list[Any] = []
    guard = Lock()

    def answer(value: Any) -> None:
        kept.append(value)

    shown = getattr(output, "__name__", None) or repr(output)
    answer.__annotations__["value"] = output
    answer.__name__ = answer.__qualname__ = "output"  # what a warning calls it
    try:
        reader = Session(tools=[answer], runtime=lambda local: local)  # read where it is asked
    except DeclarationError as error:
        raise DeclarationError(f"output={shown}", map(_own_words, error.problems)) from None
    parameters = reader.declarations()[0].to_dict(dialect="json-schema")["parameters"]
    if "value" not in parameters["properties"]:
        raise ConfigurationError(f"output={shown}: a Context is injected, no model can write one")
    schema = dict(parameters["properties"]["value"])
    if "$defs" in parameters:
        schema["$defs"] = parameters["$defs"]

    def load(value: Any) -> Any:
        with guard:
            result = reader.execute("output", {"value": value})
            if result.error is None:
                return kept.pop()
        found = (result.error.details or {}).get("problems", ())
        problems = [Problem(**{**item, "path": _below(item["path"])}) for item in found]
        raise InvalidDataError("output", problems or [Problem("$", "a value", "none that fits")])

    name = getattr(output, "__name__", "answer")
    return OutputSpec(name=name, schema=schema, load=load)


def _own_words(problem: str) -> str:
    """A problem of the argument ``value``, as one of the type itself."""
    return problem.removeprefix("parameter 'value'").lstrip(":, ")


def _below(path: str) -> str:
    """A path under the argument ``value``, as a path of the answer itself."""
    return "$" + path.removeprefix("$.value")
