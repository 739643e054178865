"""The tails stay short: modules, functions, public signatures."""

from __future__ import annotations

import ast
import importlib
import inspect
import warnings

import pytest

from tests.gates._source import Module, modules

LONGEST_MODULE, LONG_MODULE, LONGEST_FUNCTION = 600, 400, 50
MOST_PARAMETERS, MOST_POSITIONAL = 7, 2

# Exceptions, each with its reason. Nouns take their fields, all by keyword.
WIDE = {
    "altar.later.ToolOptions": "one keyword per option of @tool",
    "altar.runtime.Policy": "one small value, all by keyword",
    "altar.bridge.Importer.add": "one keyword per part of a declaration",
    "altar.mcp.ClientOptions": "one small value, all by keyword: how a client treats its server",
    "altar.mcp.HttpOptions": "one small value, all by keyword: where to listen and whom to let in",
    "altar.Context": "one parameter per thing a tool may ask for; built by hand in tests alone",
    "altar.Options": "one small value per kind of knob, all by keyword",
    "altar.Param": "one parameter per JSON Schema keyword",
    "altar.Reply": "a noun, built by the loop",
    "altar.llm.Pending": "a noun, built by the loop",
    "altar.llm.Capabilities": "a noun: one parameter per thing a model can or cannot do",
    "altar.llm.Request": "a noun, built by the loop",
    "altar.llm.failure": "one keyword per fact of a failure",
    "altar.errors.ProviderError": "one keyword per fact of a failure",
    "altar.llm.openai_compatible.ChatDialect": "a noun: one field per way in which servers differ",
    "altar.llm.Sampling": "a noun: one parameter per knob of a model",
    "altar.llm.Usage": "a noun: one parameter per counter",
    "altar.runtime.CallContext": "a noun: one parameter per field",
    "altar.testing.ChatQuirks": "a noun: one field per way in which local servers differ",
    "altar.runtime.CallContext.replace": "one parameter per field that a wrapper may change",
    "altar.tool": "one knob per thing a decorator can say; all but the function by keyword",
}
MANY_POSITIONAL = {
    "altar.trace.Span": "made by a tracer, on the hot path",
    "altar.FunctionDeclaration.trusted": "the unchecked constructor of the hot path",
    "altar.adm.Problem": "path, expected, got: the order in which every message says them",
    "altar.later.Mark": "made in every decorator call, where keywords cost",
    "altar.runtime.ainvoke_many": "runtime, calls and a context for each",
    "altar.runtime.invoke_many": "runtime, calls and a context for each",
    "altar.testing.RuntimeContract.refused": "kind, name, args: read as a sentence in tests",
}
OPEN = {
    "altar.testing.RuntimeContract.both": "fields of a CallContext, passed on",
    "altar.testing.RuntimeContract.refused": "fields of a CallContext, passed on",
}
ALL = {**modules("altar"), **modules("altar_extras")}
PACKAGES = sorted(name for name, m in modules().items() if m.is_package or name.count(".") == 1)


@pytest.mark.parametrize("name", sorted(ALL))
def test_a_module_has_600_lines_at_most(name: str):
    lines = ALL[name].lines
    if lines > LONG_MODULE:
        warnings.warn(f"{ALL[name].where}: {lines} lines; what else has moved in?", stacklevel=1)
    assert lines <= LONGEST_MODULE


@pytest.mark.parametrize("name", sorted(ALL))
def test_a_function_has_50_lines_at_most_without_its_docstring(name: str):
    assert not [found for found in functions(ALL[name]) if found[0] > LONGEST_FUNCTION]


def functions(module: Module) -> list[tuple[int, str]]:
    found = []
    for node in ast.walk(module.tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            size = node.end_lineno - node.lineno + 1
            if ast.get_docstring(node, clean=False) is not None:
                size -= node.body[0].end_lineno - node.body[0].lineno + 1
            found.append((size, f"{module.where}:{node.lineno} {node.name}"))
    return found


def public_callables() -> dict[str, object]:
    """Every exported function, constructor and public method, by its shortest public path."""
    found: dict[str, object] = {}
    seen: set[int] = set()
    for package in sorted(PACKAGES, key=lambda name: name.count(".")):
        if package == "altar.__main__":
            continue
        module = importlib.import_module(package)
        for name in module.__all__:
            thing = getattr(module, name)
            is_code = inspect.isclass(thing) or inspect.isroutine(thing)
            if id(thing) in seen or not is_code:  # type aliases are callable too
                continue
            seen.add(id(thing))
            path = f"{package}.{name}"
            if not inspect.isclass(thing):
                found[path] = thing
                continue
            own = {
                key: getattr(thing, key)
                for key, value in vars(thing).items()
                if key[0] != "_" and callable(getattr(value, "__func__", value))
            }
            found.update({f"{path}.{key}": value for key, value in own.items()})
            if "__init__" in vars(thing):
                found[path] = thing
    return found


def parameters(thing: object) -> list[inspect.Parameter]:
    if getattr(thing, "_is_protocol", False):
        return []  # nobody constructs one
    try:
        found = list(inspect.signature(thing).parameters.values())
    except ValueError:  # exceptions and other types without one
        return []
    return [one for one in found if one.name not in {"self", "cls"}]


def test_public_signatures_are_narrow():
    """Seven parameters, two of them positional, and never an open **kwargs."""
    wide = set()
    for path, thing in public_callables().items():
        found = parameters(thing)
        positional = [p for p in found if p.kind in {p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD}]
        if len(found) > MOST_PARAMETERS and path not in WIDE:
            wide.add(f"{path}: {len(found)} parameters")
        if len(positional) > MOST_POSITIONAL and path not in MANY_POSITIONAL:
            wide.add(f"{path}: {len(positional)} positional parameters")
        if any(p.kind is p.VAR_KEYWORD for p in found) and path not in OPEN:
            wide.add(f"{path}: an open **kwargs")
    assert not wide


def test_the_lists_of_exceptions_name_only_what_exists():
    assert {*WIDE, *MANY_POSITIONAL, *OPEN} <= set(public_callables())
