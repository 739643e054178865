"""FunctionDeclaration: what a model is told of one function."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from altar.adm._canonical import digest
from altar.adm._check import Checker
from altar.adm._fields import Fields, check_extensions
from altar.adm._frozen import Frozen
from altar.adm._json import json_problems
from altar.adm._kinds import is_a, kind_of
from altar.adm._names import name_problem
from altar.adm._problem import Problem
from altar.adm._rendered import Loss, Rendered
from altar.adm._schema import Schema
from altar.errors import InvalidDataError

if TYPE_CHECKING:
    from altar.errors import ProblemLike

__all__ = ["FunctionDeclaration"]

_compact = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
_NO_PARAMETERS = '{"type":"object","properties":{}}'


class FunctionDeclaration(Frozen):
    """A function's name, description and parameters (a Schema of an OBJECT).

    ``parameters`` takes a Schema or any JSON Schema or ADM mapping; None
    declares no parameters. ``extensions`` holds fields named ``x_...`` or
    ``vendor_...``; ``x_returns`` is the schema of the result.

    A declaration keeps its parameters as one compact JSON text and makes the
    Schema when asked, so that thousands of them stay small.

    Raises InvalidDataError with every problem of name, description and schema.
    """

    __slots__ = ("_extensions", "_parameters", "description", "name")

    name: str
    description: str
    _parameters: str
    _extensions: str | None

    def __init__(
        self,
        *,
        name: str,
        description: str,
        parameters: Schema | Mapping[str, Any] | None = None,
        extensions: Mapping[str, Any] | None = None,
    ) -> None:
        problems = _name_problems(name, description)
        document = _object_schema(parameters, problems)
        fields = None if extensions is None else _extension_fields(dict(extensions), problems)
        if problems:
            subject = f"declaration of {name}" if is_a(name, str) else "declaration"
            raise InvalidDataError(ascii(subject)[1:-1][:100], problems)
        text = None if not fields else _compact(fields)
        _fill(self, str(name), str(description), _compact(document), text)

    @classmethod
    def trusted(
        cls, name: str, description: str, parameters_text: str, extensions_text: str | None = None
    ) -> FunctionDeclaration:
        """Take over checked parts as they are; the texts are compact ASCII JSON Schema."""
        made = cls.__new__(cls)
        _fill(made, name, description, parameters_text, extensions_text)
        return made

    @classmethod
    def from_dict(cls, doc: Mapping[str, Any]) -> FunctionDeclaration:
        """Read an ADM or JSON Schema declaration; unknown unprefixed fields are ignored.

        :func:`altar.adm.adopt` reads documents whose names or types are not
        those of the ADM.
        """
        fields = Fields("FunctionDeclaration", doc)
        parameters = fields.doc.get("parameters")
        return cls(
            name=fields.doc.get("name", ""),
            description=fields.doc.get("description", ""),
            parameters=parameters,
            extensions=fields.extensions(),
        )

    @property
    def parameters(self) -> Schema:
        """The parameters as a Schema; recently used ones are kept."""
        return _schema(self._parameters)

    @property
    def returns(self) -> Schema | None:
        """The schema of the result (``x_returns``), or None where none is declared."""
        document = self.extensions.get("x_returns")
        return None if document is None else Schema.trusted(document)

    @property
    def extensions(self) -> dict[str, Any]:
        """The prefixed fields; schemas in them are JSON Schema."""
        text = self._extensions
        return {} if text is None else dict(json.loads(text))

    @property
    def digest(self) -> str:
        """``sha256:...`` over the canonical bytes of the ADM document.

        Raises CanonicalError where the schema holds integers beyond 2^53-1.
        """
        return digest(self.to_dict())

    def render(self, dialect: str = "adm") -> Rendered:
        """``{name, description, parameters}`` in a dialect, and what the dialect could not say.

        "adm" and "adm-1.0" carry the extensions as well.
        """
        parameters = self.parameters.render(dialect)
        losses = [_moved(loss, "$.parameters") for loss in parameters.losses]
        document = {
            "name": self.name,
            "description": self.description,
            "parameters": parameters.document,
        }
        if dialect != "json-schema" and self._extensions is not None:
            for field, value in self.extensions.items():
                document[field] = value
                if field == "x_returns":
                    returns = Schema.trusted(value).render(dialect)
                    document[field] = returns.document
                    losses += [_moved(loss, "$.x_returns") for loss in returns.losses]
        return Rendered(document, tuple(losses))

    def to_dict(self, dialect: str = "adm") -> dict[str, Any]:
        """The document of :meth:`render`; the caller owns it."""
        return dict(self.render(dialect).document)

    def wire(self, dialect: str = "json-schema") -> bytes:
        """The document as compact JSON bytes, without a detour for "json-schema"."""
        if dialect != "json-schema":
            return _compact(self.to_dict(dialect)).encode()
        name, about = _compact(self.name), _compact(self.description)
        text = f'{{"name":{name},"description":{about},"parameters":{self._parameters}}}'
        return text.encode()

    def check_args(self, args: Any) -> tuple[Problem, ...]:
        """Every problem of a call's arguments; () when the function may be called with them.

        Arguments nobody declared are refused, with the nearest declared name,
        unless the schema itself speaks of additional properties. Integers
        are of 64 bits.
        """
        return _checker(self._parameters).check(args)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, FunctionDeclaration):
            return NotImplemented
        return (
            self.name == other.name
            and self.description == other.description
            and (self._parameters == other._parameters or self.parameters == other.parameters)
            and self.extensions == other.extensions
        )

    def __hash__(self) -> int:
        return hash((self.name, self.description))

    def __repr__(self) -> str:
        about = self.description if len(self.description) <= 60 else self.description[:57] + "..."
        return f"FunctionDeclaration(name={self.name!r}, description={about!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        parts = (self.name, self.description, self._parameters, self._extensions)
        return FunctionDeclaration.trusted, parts


def _fill(
    made: FunctionDeclaration, name: str, description: str, parameters: str, extensions: str | None
) -> None:
    put = object.__setattr__
    put(made, "name", name)
    put(made, "description", description)
    put(made, "_parameters", parameters)
    put(made, "_extensions", extensions)


@lru_cache(maxsize=64)
def _schema(text: str) -> Schema:
    return Schema.trusted(json.loads(text))


@lru_cache(maxsize=256)
def _checker(text: str) -> Checker:
    """The parameters as a call sees them: closed, unless they say otherwise."""
    document = json.loads(text)
    if not {"additionalProperties", "unevaluatedProperties", "patternProperties"} & set(document):
        gathered = {"$ref", "$dynamicRef", "allOf", "anyOf", "oneOf", "if"} & set(document)
        document["unevaluatedProperties" if gathered else "additionalProperties"] = False
    return Checker(document, int64=True)


def _name_problems(name: object, description: object) -> list[Problem]:
    wrong = name_problem(name)
    problems = [] if wrong is None else [wrong]
    if not isinstance(description, str) or not description.strip():
        expected = "a text that says what the function does"
        problems.append(Problem("$.description", expected, kind_of(description), keyword="type"))
    else:
        problems += json_problems(description, path=("description",))
    return problems


def _object_schema(parameters: object, problems: list[Problem]) -> Any:
    """The JSON Schema document of the parameters, as an object even when empty."""
    if parameters is None:
        return json.loads(_NO_PARAMETERS)
    document = _schema_document(parameters, "parameters", problems)
    if document is None:
        return None
    kind = document.get("type", "object") if isinstance(document, dict) else document
    if not isinstance(document, dict) or kind != "object":
        path = "$.parameters.type" if isinstance(document, dict) else "$.parameters"
        problems.append(Problem(path, "OBJECT", kind_of(kind), keyword="type"))
        return None
    return {"type": "object", **({} if "$ref" in document else {"properties": {}}), **document}


def _extension_fields(extensions: dict[str, Any], problems: list[Problem]) -> dict[str, Any]:
    returns = extensions.pop("x_returns", None)
    problems += check_extensions(extensions)
    if returns is not None:
        extensions["x_returns"] = _schema_document(returns, "x_returns", problems)
    return extensions


def _schema_document(source: object, field: str, problems: list[Problem]) -> Any:
    """The JSON Schema document of a field, or None when its problems have been noted."""
    if isinstance(source, Schema):
        return source.document
    document = dict(source) if isinstance(source, Mapping) else source
    faults = json_problems(document, path=(field,), any_integer=True)
    problems += faults
    if any(fault.keyword == "depth" for fault in faults):
        return None
    known = {fault.path for fault in faults}
    try:
        read = Schema.from_dict(document)
    except InvalidDataError as error:
        moved = (_below(problem, f"$.{field}") for problem in error.problems)
        problems += [problem for problem in moved if problem.path not in known]
        return None
    return None if faults else read.document


def _below(problem: ProblemLike, lead: str) -> Problem:
    return Problem(
        lead + problem.path[1:],
        problem.expected,
        problem.got,
        keyword=problem.keyword,
        nearest=problem.nearest,
    )


def _moved(loss: Loss, lead: str) -> Loss:
    return Loss(lead + loss.path[1:], loss.keyword, loss.reason)
