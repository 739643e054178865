"""Targets: from "module:qualname" to a tool that can be run, in a fresh interpreter."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import traceback
import warnings
from types import CodeType, ModuleType
from typing import TYPE_CHECKING, Any

from altar.adm import FunctionDeclaration
from altar.later._crossing import MAIN, behind
from altar.later._entry import entry_of
from altar.later._executor import LocalRuntime
from altar.later._failure import clean
from altar.later._limits import SessionLimits
from altar.later._mark import ToolOptions, mark_for
from altar.later._registry import registry
from altar.later._schema_tool import SchemaTool
from altar.runtime._inside import inside

if TYPE_CHECKING:
    from altar.later._context import Context
    from altar.later._mark import Mark
    from altar.later._plan import Plan

__all__ = ["RefusedError", "Targets", "Tool"]

_SHOWN = 12  # entries of sys.path
_LONGEST = 1500  # characters of the traceback of an import
_ANYTHING = {"type": "object", "additionalProperties": True}


class RefusedError(Exception):
    """The target cannot be had here; the text says why, and what to type."""


class Tool(LocalRuntime):
    """One tool, run here by the same code as in the process that asks.

    ``kind`` is the entry's; ``deadline``, ``deps`` and ``session`` are what
    the next call's Context shows.
    """

    def __init__(self, mark: Mark, limits: SessionLimits, *, strict: bool) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # said where the tool was declared
            super().__init__([mark], limits=limits, strict=strict)
        self.kind = entry_of(mark).kind
        self.deadline: float | None = None
        self.deps: Any = None
        self.session: Any = None

    def _context(self, plan: Plan) -> Context[Any] | None:
        context = super()._context(plan)
        if context is not None:
            # the time is kept by the process that asks; here it is only told
            context.deadline = self.deadline
            context.deps = self.deps
            context.session = self.session
        return context


class Targets:
    """The tools that were asked for so far; each is loaded once."""

    def __init__(self, main: str | None) -> None:
        self._main = main
        self._program: ModuleType | None = None
        self._tools: dict[tuple[str, str], tuple[dict[str, Any], Tool]] = {}

    def get(self, path: str, name: str, extra: dict[str, Any]) -> Tool | None:
        """The tool under ``path``, if it was loaded with these very options."""
        known = self._tools.get((path, name))
        return known[1] if known is not None and known[0] == extra else None

    def load(self, path: str, name: str, extra: dict[str, Any]) -> Tool:
        """Import it. Raises RefusedError; what the module itself raises is told by its class."""
        module_name, _, qualname = path.partition(":")
        module = self._module(module_name, extra)
        depth = extra.get("behind")
        function = _hidden(module, qualname) if depth is None else behind(module, qualname, depth)
        if function is None:
            raise RefusedError(
                f"{_spoken(module_name, self._main)} was imported, but holds no {qualname} there: "
                "define the tool at the top level of its module, whatever the process is"
            )
        tool = Tool(_mark(function, name, extra), _limits(extra), strict=extra.get("strict", False))
        self._tools[path, name] = (extra, tool)
        return tool

    def _module(self, name: str, extra: dict[str, Any]) -> ModuleType:
        # multiprocessing, once imported, says that this very program is MAIN
        known = self._program if name == MAIN else sys.modules.get(name)
        if known is not None:
            return known
        inside.loading = _spoken(name, self._main)
        try:
            if name == MAIN:
                self._program = _run_main(self._main, extra.get("main"))
                return self._program
            return _imported(name, extra.get("file"))
        except BaseException as error:
            if isinstance(error, RefusedError):
                raise
            raise RefusedError(_why(error, name, inside.loading)) from error
        finally:
            inside.loading = None


def _imported(name: str, file: str | None) -> ModuleType:
    """The module of that name; read from ``file`` where no folder of sys.path holds it."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name or file is None or "." in name:
            raise
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module


def _hidden(module: ModuleType, qualname: str) -> Any:
    """The tool of that module and name, where a decorator above ``@tool`` hid the function."""
    for mark in registry.snapshot().marks.values():
        target: Any = mark.target
        where = getattr(target, "__module__", None), getattr(target, "__qualname__", None)
        if where == (module.__name__, qualname):
            return target
    return None


def _run_main(path: str | None, spec: str | None) -> ModuleType:
    """Import the file that is ``__main__`` in the parent, under another name."""
    if path is None and spec is None:
        raise RefusedError("the program has no file that a worker could import")
    module = ModuleType(MAIN)
    if spec is None:
        with open(str(path), "rb") as file:  # noqa: PTH123 - pathlib is not loaded yet
            code = compile(file.read(), str(path), "exec", dont_inherit=True)
        module.__file__ = path
    else:
        code = _code_of(spec, module)
    before = sys.modules["__main__"]
    sys.modules["__main__"] = sys.modules[MAIN] = module  # as multiprocessing's children see it
    try:
        exec(code, module.__dict__)  # noqa: S102 - what the user started, once more
    except BaseException:
        sys.modules["__main__"] = before
        del sys.modules[MAIN]
        raise
    return module


def _code_of(name: str, module: ModuleType) -> CodeType:
    """The code of a module that was started with ``python -m``."""
    spec = importlib.util.find_spec(name)
    get_code = getattr(getattr(spec, "loader", None), "get_code", None)
    code = get_code(name) if get_code is not None else None
    if spec is None or code is None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    module.__spec__, module.__package__, module.__file__ = spec, spec.parent, spec.origin
    found: CodeType = code
    return found


def _mark(function: Any, name: str, extra: dict[str, Any]) -> Mark:
    """A mark for this process: what concerns the parent alone is left out."""
    options = ToolOptions(
        inline=True,
        expose_errors=bool(extra.get("expose_errors")),
        idempotent=bool(extra.get("idempotent")),
        strict=bool(extra.get("tool_strict")),
    )
    if extra.get("schema"):  # the parent has checked the arguments
        declaration = FunctionDeclaration(name=name, description=name, parameters=dict(_ANYTHING))
        takes_context = extra.get("context") is True
        tool = SchemaTool(declaration, function, options=options, takes_context=takes_context)
        return tool.mark()
    return mark_for(function, name=name, options=options)


def _limits(extra: dict[str, Any]) -> SessionLimits:
    return SessionLimits(
        max_result_bytes=extra.get("max_result_bytes", 65_536),
        max_chunks=extra.get("max_chunks", 100_000),
    )


def _spoken(module: str, main: str | None) -> str:
    return str(main or "the program") if module == MAIN else f"the module {module}"


def _why(error: BaseException, name: str, what: str | None) -> str:
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    if missing is not None and (name == missing or name.startswith(f"{missing}.")):
        paths = ", ".join(map(repr, sys.path[:_SHOWN]))
        return (
            f"a fresh interpreter cannot import {what}: it is not below any folder of sys.path "
            f"({paths}). Install it, or put its folder on sys.path before the first isolated call"
        )
    from altar.errors import ConfigurationError  # noqa: PLC0415 - only on failure

    if isinstance(error, ConfigurationError):
        return str(error)
    text = "".join(traceback.format_exception(error))[-_LONGEST:]
    return f"importing {what} raised {type(error).__name__}\n{clean(text)}"
