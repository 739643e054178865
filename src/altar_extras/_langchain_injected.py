"""Arguments that a framework gives to its tools and no model does."""

from __future__ import annotations

import inspect
import typing
from typing import TYPE_CHECKING, Any, NamedTuple

from langchain_core.runnables import RunnableConfig
from langchain_core.tools import InjectedToolArg, InjectedToolCallId

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from langchain_core.tools import BaseTool

__all__ = ["Injected", "injected_into"]

_DIRECT = "_DirectlyInjectedToolArg"  # the base of LangGraph's ToolRuntime


class Injected(NamedTuple):
    """Which arguments of a tool come from elsewhere, by name.

    ``call_ids`` take the id of the call; ``values`` take what the application
    gives, ``required`` are those of them without a default; ``configs`` are
    filled by LangChain.
    """

    call_ids: frozenset[str]
    values: frozenset[str]
    required: frozenset[str]
    configs: frozenset[str]

    @property
    def hidden(self) -> frozenset[str]:
        """All of them: no model may give one."""
        return self.call_ids | self.values | self.configs


def injected_into(tool: BaseTool) -> Injected:
    """What is injected into a tool, by the annotations of its schema and of its functions."""
    call_ids, values, required, configs = set(), set(), set(), set()
    found = [*_of_schema(tool.args_schema)]
    for function in _functions(tool):
        found += _of_function(function)
    for name, annotation, needed in found:
        if annotation is RunnableConfig:
            configs.add(name)
        elif _is_marked(annotation, InjectedToolCallId):
            call_ids.add(name)
        elif _is_marked(annotation, InjectedToolArg):
            values.add(name)
            if needed:
                required.add(name)
    return Injected(*map(frozenset, (call_ids, values, required, configs)))


def _functions(tool: BaseTool) -> list[Callable[..., Any]]:
    """What a call of the tool runs in the end."""
    given = [getattr(tool, name, None) for name in ("func", "coroutine")]
    if any(given):
        return [one for one in given if one is not None]
    return [tool._run, tool._arun]  # noqa: SLF001 - what its author writes


def _of_function(function: Callable[..., Any]) -> Iterator[tuple[str, Any, bool]]:
    try:
        parameters = inspect.signature(function).parameters
    except Exception:  # noqa: BLE001 - builtins; from Python 3.14 names that nobody knows
        return
    wrapped = getattr(function, "func", function)  # of functools.partial
    for name, parameter in parameters.items():
        annotation = parameter.annotation
        if isinstance(annotation, str):
            annotation = _resolved(annotation, wrapped)
        yield name, annotation, parameter.default is parameter.empty


def _of_schema(schema: Any) -> Iterator[tuple[str, Any, bool]]:
    """The fields of a pydantic model of either version, under the names that arguments have."""
    if not isinstance(schema, type):
        return
    try:
        hints = typing.get_type_hints(schema, include_extras=True)
    except Exception:  # noqa: BLE001 - names that only a type checker sees
        hints = dict(schema.__annotations__)
    of_v2 = getattr(schema, "model_fields", None)  # the other one warns in pydantic 2
    fields: Any = getattr(schema, "__fields__", {}) if of_v2 is None else of_v2
    for name, field in fields.items():
        is_required = getattr(field, "is_required", None)
        needed = is_required() if is_required is not None else field.required
        yield name, hints.get(name), bool(needed)


def _resolved(annotation: str, function: Any) -> Any:
    """One annotation that is text, alone: another's unknown name does not matter to it."""
    target = inspect.unwrap(getattr(function, "__func__", function))
    space = getattr(target, "__globals__", {})
    holder = type("holder", (), {"__annotations__": {"it": annotation}})
    try:
        return typing.get_type_hints(holder, globalns=space, include_extras=True)["it"]
    except Exception:  # noqa: BLE001 - it may be any text
        return annotation


def _is_marked(annotation: Any, mark: type) -> bool:
    """Annotated with the mark, or an object of it; or a type that is injected as such."""
    if mark is InjectedToolArg:
        kind = typing.get_origin(annotation) or annotation
        if isinstance(kind, type) and any(base.__name__ == _DIRECT for base in kind.__mro__):
            return True
    if typing.get_origin(annotation) is not typing.Annotated:
        return False
    return any(
        isinstance(said, mark) or (isinstance(said, type) and issubclass(said, mark))
        for said in annotation.__metadata__
    )
