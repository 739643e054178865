"""From altar to pydantic: one model per tool, checked and run by the session."""

from __future__ import annotations

import json
from keyword import iskeyword
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, cast

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
    create_model,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from altar import ToolError
from altar.adm import json_steps
from altar.bridge import CallCheck, as_session, is_secret

if TYPE_CHECKING:
    from collections.abc import Iterable

    from altar import FunctionDeclaration, Session, ToolResult

__all__ = ["ToolModel", "error_of", "export_tools", "field_names", "line_of"]


class ToolModel(BaseModel):
    """The arguments of one tool: valid where altar takes them, and ready to run.

    A subclass is named as its tool and has a field per parameter. A parameter
    whose name a model cannot have as an attribute (``schema``, ``x-y``) is a field
    of a similar name and keeps its own as the alias. What altar refuses raises
    pydantic's ValidationError, with altar's words and paths; what it coerces is
    found coerced. ``altar_declaration`` and ``altar_session`` are the tool's.
    """

    model_config = ConfigDict(extra="allow", protected_namespaces=())

    altar_declaration: ClassVar[FunctionDeclaration]
    altar_session: ClassVar[Session]
    altar_check: ClassVar[CallCheck]

    @model_validator(mode="before")
    @classmethod
    def altar_validate(cls, data: Any) -> Any:
        """Arguments as altar takes them; everything else raises, each problem at its place."""
        if not isinstance(data, dict):
            return data
        looked = cls.altar_check(cls.altar_declaration.name, data)
        if looked.refused is None:
            return looked.args
        error = looked.refused.error
        problems = ((error.details or {}) if error else {}).get("problems")
        if not problems:
            raise PydanticCustomError("refused", "{why}", {"why": error.message if error else ""})
        lines = [
            _line(problem, data, cls.altar_declaration.parameters.document) for problem in problems
        ]
        raise ValidationError.from_exception_data(cls.__name__, lines)

    @classmethod
    def model_json_schema(cls, *_: Any, **__: Any) -> dict[str, Any]:
        """Exactly the schema that altar declares, whatever is asked for."""
        return cast("dict[str, Any]", cls.altar_declaration.to_dict("json-schema")["parameters"])

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: Any, handler: Any, /) -> dict[str, Any]:
        document = cls.model_json_schema()
        if "$defs" in document:  # its references mean nothing inside another document
            return cast("dict[str, Any]", handler(core_schema))
        return document

    def altar_args(self) -> dict[str, Any]:
        """The arguments that were given, by the names of the parameters."""
        fields, given = type(self).model_fields, self.__dict__
        found = {fields[name].alias or name: given[name] for name in fields if name in given}
        unset = {fields[name].alias or name for name in fields.keys() - self.model_fields_set}
        return {
            **{name: value for name, value in found.items() if name not in unset},
            **(self.model_extra or {}),
        }

    def run(self, *, approved: bool = False) -> ToolResult:
        """Run the tool: its result, good or bad. ``approved`` says that a person allowed it."""
        name = self.altar_declaration.name
        return self.altar_session.execute(name, self.altar_args(), approved=approved)

    async def arun(self, *, approved: bool = False) -> ToolResult:
        """Run the tool without blocking the event loop."""
        name = self.altar_declaration.name
        return await self.altar_session.aexecute(name, self.altar_args(), approved=approved)

    def __call__(self) -> Any:
        """The content of the result; raises :class:`altar.ToolError` where the tool failed."""
        result = self.run()
        if result.error is not None:
            raise error_of(result)
        return result.content


def error_of(result: ToolResult) -> ToolError:
    """The error with which another session says again what a result says."""
    error = result.error
    if error is None:
        raise ValueError("the result is no error")
    waits = error.retry_after_ms
    return ToolError(
        error.message,
        type=error.type,
        retry_after=None if waits is None else waits / 1000,
        details=error.details,
    )


def export_tools(session_or_tools: Any) -> list[type[ToolModel]]:
    """A pydantic model per tool: its JSON schema, its validation and its run are altar's.

    ``session_or_tools`` is a Session, whose limits, dependencies and policies
    hold for every run, or anything that ``Session(tools=...)`` takes. A model is
    called with ``Model.model_validate(args).run()``, or ``await ...arun()``.
    """
    session = as_session(session_or_tools)
    check = CallCheck(session)
    return [_model(one, session, check) for one in session.declarations()]


def _model(declaration: FunctionDeclaration, session: Session, check: CallCheck) -> type[ToolModel]:
    document = declaration.to_dict("json-schema")["parameters"]
    properties: dict[str, Any] = document.get("properties", {})
    required = document.get("required", ())
    fields: dict[str, Any] = {}
    for name, attribute in field_names(properties, ToolModel).items():
        node = properties[name]
        node = node if isinstance(node, dict) else {}
        default = ... if name in required else node.get("default")
        options: dict[str, Any] = {} if name == attribute else {"alias": name}
        if "description" in node:
            options["description"] = node["description"]
        shown = {} if "$ref" in json.dumps(node) else node
        annotation = Annotated[Any, WithJsonSchema(shown)]
        fields[attribute] = (annotation, Field(default, **options))
    made: type[ToolModel] = create_model(
        declaration.name, __base__=ToolModel, __doc__=declaration.description, **fields
    )
    made.altar_declaration, made.altar_session, made.altar_check = declaration, session, check
    return made


def field_names(names: Iterable[str], base: type[BaseModel]) -> dict[str, str]:
    """For each name an attribute that a subclass of ``base`` can have: itself, or one like it."""
    wanted = list(names)
    found: dict[str, str] = {}
    for name in wanted:
        attribute = "".join(char if char.isalnum() else "_" for char in name).lstrip("_")
        if not attribute.isidentifier():
            attribute = f"field_{attribute}"
        while (
            iskeyword(attribute)
            or hasattr(base, attribute)
            or attribute in found.values()
            or (attribute != name and attribute in wanted)
        ):
            attribute += "_"
        found[name] = attribute
    return found


def line_of(problem: dict[str, Any]) -> PydanticCustomError:
    """A problem of altar's as an error of pydantic's."""
    nearest = problem.get("nearest")
    hint = "" if nearest is None else f"; did you mean {nearest!r}?"
    text = f"expected {problem['expected']}, got {problem['got']}{hint}"
    return PydanticCustomError(problem.get("keyword") or "refused", "{said}", {"said": text})


def _line(problem: dict[str, Any], data: Any, schema: Any) -> InitErrorDetails:
    """The problem with what came at its place, unless that is a secret."""
    steps = json_steps(problem["path"])
    # of a secret no more than its kind is told, and whatever has an unknown name may be one
    quiet = problem.get("keyword") == "unknown" or is_secret(problem["path"], schema)
    came = "**********" if quiet else _at(data, steps)
    return InitErrorDetails(type=line_of(problem), loc=steps, input=came)


def _at(value: Any, steps: tuple[int | str, ...]) -> Any:
    """What stands there, or None."""
    for step in steps:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
    return value
