"""From pydantic to altar: models and validated functions as tools."""

from __future__ import annotations

import inspect
import re
from functools import partial
from types import MethodType
from typing import TYPE_CHECKING, Any, get_args, get_origin, get_type_hints

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.errors import PydanticInvalidForJsonSchema
from pydantic_core import to_json

import altar
from altar.adm import FunctionCall
from altar.bridge import Effects, Importer, Refused, problems_of, refusal
from altar.errors import ConfigurationError, DeclarationError
from altar.later import ToolOptions, schema_of
from altar.runtime import CallContext
from altar_extras._pydantic_out import ToolModel, error_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from altar import Context
    from altar.later import SchemaTool

__all__ = ["import_tools", "is_strict"]

# a validator says so in its repr alone; of texts it does not matter, since nothing is made one
_STRICT = re.compile(
    r"(?:Int|Float|Bool|Decimal|Date|DateTime|List|Dict|Set|Tuple)Validator \{\s*strict: true"
)


def import_tools(*foreign: Any) -> list[SchemaTool]:
    """Models and ``validate_call`` functions as tools, for ``Session(tools=[...])``.

    A model class is a tool whose arguments are the model's fields (by their
    aliases). It gives the validated model; where the class has a ``__call__``, the
    result of that, which may be async and may take an :class:`altar.Context`.
    pydantic validates after altar has checked the schema; what it refuses is
    PARAMETER_VALIDATION_FAILED, with the path of each problem.

    Lists of them are taken too. Raises DeclarationError, with all reasons, for
    what has no JSON schema, and ConfigurationError for anything else.
    """
    importer = Importer("pydantic")
    for one in _flat(foreign):
        try:
            if isinstance(one, type) and issubclass(one, ToolModel):
                _add_tool(importer, one)
            elif isinstance(one, type) and issubclass(one, BaseModel):
                _add_model(importer, one)
            else:
                _add_function(importer, one)
        except DeclarationError as error:
            importer.refused.append(Refused(one.__name__, "; ".join(error.problems)))
    return importer.tools()


def _flat(foreign: Any) -> Iterator[Any]:
    for one in foreign:
        if isinstance(one, (list, tuple)):
            yield from _flat(one)
        elif (isinstance(one, type) and issubclass(one, BaseModel)) or hasattr(one, "raw_function"):
            yield one
        else:
            raise ConfigurationError(
                f"import_tools({one!r}): give BaseModel classes and functions decorated with "
                "pydantic.validate_call; other functions go into Session(tools=[...]) as they are"
            )


# -- a tool of altar's that comes back ---------------------------------------------------


def _add_tool(importer: Importer, model: type[ToolModel]) -> None:
    declaration, session = model.altar_declaration, model.altar_session

    def call(args: dict[str, Any], context: Context[Any]) -> Any:
        result = session.invoke(
            FunctionCall(name=declaration.name, args=args),
            CallContext(
                correlation_id=context.correlation_id,
                deadline=context.deadline,
                approved=context.approved,
                emit=context.progress,
            ),
        )
        if result.error is not None:
            raise error_of(result)
        return result.content

    importer.add(
        declaration.name,
        call,
        description=declaration.description,
        parameters=declaration.to_dict("json-schema")["parameters"],
        options=Effects.of(declaration).options(),
        extensions=declaration.extensions,
    )


# -- models ------------------------------------------------------------------------------


def _add_model(importer: Importer, model: type[BaseModel]) -> None:
    name = model.__name__
    runs = any("__call__" in vars(base) for base in model.__mro__)
    hints = _hints(model.__call__) if runs else {"return": model}
    parameters = _object(schema_of(model).document)
    takes = _context_of(model.__call__) if runs else None

    def built(args: dict[str, Any]) -> Any:
        try:
            return model.model_validate_json(to_json(args))
        except ValidationError as error:
            raise refusal(problems_of(error, args, name=name, schema=parameters)) from error

    def call(args: dict[str, Any], context: Context[Any]) -> Any:
        instance = built(args)
        if not runs:
            return instance
        return instance() if takes is None else instance(**{takes: context})

    async def acall(args: dict[str, Any], context: Context[Any]) -> Any:
        return await call(args, context)

    is_async = runs and inspect.iscoroutinefunction(model.__call__)
    importer.add(
        name,
        acall if is_async else call,
        description=inspect.cleandoc(vars(model).get("__doc__") or ""),
        parameters=parameters,
        returns=_returned(hints),
        options=ToolOptions(strict=is_strict(model.__pydantic_validator__)),
    )


def _context_of(call: Any) -> str | None:
    """The parameter of a ``__call__`` that takes the Context; it can ask for nothing else."""
    hints, found, others = _hints(call), None, []
    _, *parameters = inspect.signature(call).parameters.values()
    for one in parameters:
        said = hints.get(one.name, one.annotation)
        kinds = {said, get_origin(said), *get_args(said)}
        text = said.rpartition(".")[2] if isinstance(said, str) else ""
        if altar.Context in kinds or text.partition("[")[0] == "Context":
            found = one.name
        elif one.default is one.empty and one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD):
            others.append(f"nobody gives __call__ its {one.name!r}: make it a field of the model")
    if others:
        raise DeclarationError(call.__qualname__, others)
    return found


def is_strict(validator: Any) -> bool:
    """Whether a number or a list is taken strictly, by its field, type or configuration."""
    return _STRICT.search(repr(validator)) is not None


def _object(document: Any) -> Any:
    """The schema of the object itself, where a recursive one stands behind a reference."""
    reference = document.get("$ref") if isinstance(document, dict) else None
    if reference is None:
        return document
    body = document["$defs"][reference.rpartition("/")[2]]
    return {**body, "$defs": document["$defs"]}


def _hints(function: Any) -> dict[str, Any]:
    try:
        return get_type_hints(function, include_extras=True)
    except (NameError, TypeError, AttributeError):  # names that only a type checker sees
        return {}


def _returned(hints: dict[str, Any]) -> dict[str, Any] | None:
    if "return" not in hints:
        return None

    def result() -> Any: ...

    result.__annotations__["return"] = hints["return"]
    try:
        found = altar.declare(result).returns
    except DeclarationError:  # the result is declared where it can be, and not otherwise
        return None
    document = None if found is None else found.document
    return document if isinstance(document, dict) else None


# -- functions ---------------------------------------------------------------------------


def _add_function(importer: Importer, function: Any) -> None:
    raw = function.raw_function
    owner = getattr(function, "__self__", None)
    if owner is not None:
        raw = MethodType(raw, owner)
    parameters = inspect.signature(raw).parameters
    schema = _parameters(raw)
    name = function.__name__
    checker = getattr(
        inspect.getclosurevars(_plain(function)).nonlocals.get("wrapper"), "__self__", None
    )

    def refused(error: ValidationError, args: dict[str, Any], order: list[str]) -> Exception:
        """The refusal, where it is the arguments' error; else the error, which came later."""
        if _has_run(error, _plain(raw)):
            return error
        listed = _Named(error, order if owner is None else ["", *order])
        if any(not item["loc"] or item["loc"][0] not in parameters for item in listed.items):
            return error  # the result did not pass
        return refusal(problems_of(listed, args, name=name, schema=schema))

    def call(args: dict[str, Any], _: Context[Any]) -> Any:
        given, named, order = _arranged(args, parameters)
        try:
            return function(*given, **named)
        except ValidationError as error:
            raise refused(error, args, order) from error

    async def acall(args: dict[str, Any], _: Context[Any]) -> Any:
        given, named, order = _arranged(args, parameters)
        try:
            return await function(*given, **named)
        except ValidationError as error:
            raise refused(error, args, order) from error

    importer.add(
        name,
        acall if inspect.iscoroutinefunction(raw) else call,
        description=inspect.cleandoc(function.__doc__ or ""),
        parameters=schema,
        returns=_returned(_hints(raw)),
        options=ToolOptions(strict=is_strict(getattr(checker, "__pydantic_validator__", None))),
    )


def _plain(function: Any) -> Any:
    """The function itself, below what binds it or fills in some of its arguments."""
    while isinstance(function, (MethodType, partial)):
        function = function.func if isinstance(function, partial) else function.__func__
    return function


def _has_run(error: ValidationError, raw: Any) -> bool:
    """Whether the body raised the error, or its result did not pass."""
    code = getattr(inspect.unwrap(raw), "__code__", None)
    trace = error.__traceback__
    while trace is not None:
        frame = trace.tb_frame
        if frame.f_code is code:
            return True
        if frame.f_globals.get("__name__") == "pydantic._internal._validate_call" and (
            frame.f_code.co_name == "return_val_wrapper" or "res" in frame.f_locals
        ):
            return True  # pydantic has the result in hand
        trace = trace.tb_next
    return False


class _Named:
    """A ValidationError whose places are parameters, where they were given by position."""

    def __init__(self, error: ValidationError, order: list[str]) -> None:
        self.items: list[Any] = []
        for item in error.errors(include_url=False):
            first, *rest = item["loc"] or (None,)
            if isinstance(first, int) and first < len(order):
                first = order[first]
            kind = {"missing_argument": "missing"}.get(item["type"], item["type"])
            loc = () if first is None else (first, *rest)
            self.items.append({**item, "type": kind, "loc": loc})

    def errors(self, *, include_url: bool = True) -> list[Any]:
        """What pydantic lists."""
        del include_url
        return self.items


def _arranged(args: dict[str, Any], parameters: Any) -> tuple[list[Any], dict[str, Any], list[str]]:
    """Positional arguments, named ones, and the parameters of the positional ones."""
    named = dict(args)
    given: list[Any] = []
    order: list[str] = []
    spread = any(
        one.kind is one.VAR_POSITIONAL and args.get(name) for name, one in parameters.items()
    )
    for name, parameter in parameters.items():
        before = spread and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
        if parameter.kind is parameter.VAR_POSITIONAL:
            values = named.pop(name, ())
        elif not before and parameter.kind is not parameter.POSITIONAL_ONLY:
            continue
        elif name in named:
            values = (named.pop(name),)
        else:
            values = () if parameter.default is parameter.empty else (parameter.default,)
        given += values
        order += [name] * len(values)
    return given, named, order


def _parameters(raw: Any) -> dict[str, Any]:
    """The schema pydantic makes, with the descriptions of the docstring; altar's where it has none.

    It has none of ``*args`` beside named arguments, and of positional-only ones
    it makes an array.
    """
    first = next(iter(inspect.signature(raw).parameters.values()), None)
    if first is not None and first.name in ("self", "cls") and first.annotation is first.empty:
        reason = f"nobody gives it its {first.name!r}: give a bound method, as Class().method"
        raise DeclarationError(raw.__name__, [reason])
    declared: dict[str, Any] | None = None
    try:
        declared = altar.declare(raw).to_dict("json-schema")["parameters"]
        document = _document(raw)
    except DeclarationError:
        document = _document(raw)
    except PydanticInvalidForJsonSchema:
        document = {}
    if document.get("type") != "object":
        if declared is None:
            raise DeclarationError(raw.__name__, ["pydantic has no JSON schema of its arguments"])
        return declared
    found: dict[str, Any] = _untitled(document)
    said = {} if declared is None else declared["properties"]
    for name, node in found.get("properties", {}).items():
        if isinstance(node, dict) and "description" in said.get(name, ()):
            node.setdefault("description", said[name]["description"])
    return found


def _document(raw: Any) -> dict[str, Any]:
    """What pydantic says of a function; of a method without what it is bound to."""
    function: Any = raw.__func__ if isinstance(raw, MethodType) else raw  # whose names are found
    found = TypeAdapter(function).json_schema(ref_template="#/$defs/{model}")
    if function is not raw and found.get("type") == "object":
        bound = next(iter(inspect.signature(function).parameters))
        found["properties"].pop(bound, None)
        found["required"] = [name for name in found.get("required", ()) if name != bound]
    return found


def _untitled(node: Any, *, names: bool = False) -> Any:
    if isinstance(node, list):
        return [_untitled(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: item
        if key in ("default", "const", "enum", "examples")
        else _untitled(item, names=not names and key in ("properties", "$defs"))
        for key, item in node.items()
        if names or key != "title"
    }
