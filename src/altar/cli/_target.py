"""Targets: from FILE_OR_MODULE, or FILE_OR_MODULE:NAME, to the tools that live there."""

from __future__ import annotations

import functools
import inspect
import sys
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from altar.cli._console import CliError
from altar.later import Registry, mark_of
from altar.later._mark import default_name

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

__all__ = [
    "DEPS_HELP",
    "HELP",
    "Tool",
    "deps_of",
    "load",
    "named",
    "place_of",
    "tools_in",
    "tools_of",
]

Tool: TypeAlias = "Callable[..., Any] | dict[str, Callable[..., Any]]"

HELP = "a Python file, a module, or either with :NAME of one tool in it"
DEPS_HELP = "what tools find as Context.deps: an object, or a function or class that makes it"


def tools_of(target: str) -> list[Tool]:
    """The tools a target names, as a session takes them; raises CliError when there are none."""
    place, name = _split(target)
    module = load(place)
    if name is None:
        found = tools_in(module)
        if not found:
            raise CliError(f"{place} holds no tools: put @altar.tool above a function in it")
        return [*found]
    thing = _attribute(module, name, f"{place} has no {name!r}; {_known(module)}")
    if isinstance(thing, Registry):
        return [{name: mark.target} for name, mark in thing.snapshot().marks.items()]
    if isinstance(thing, (list, tuple)):
        return list(thing)
    if not callable(thing) and not _methods(thing):
        raise CliError(f"{target} is a {type(thing).__name__}, not a tool; {_known(module)}")
    return [thing] if callable(thing) else _methods(thing)


def deps_of(target: str | None) -> Any:
    """The object a target names, made first where it names a function or a class."""
    if target is None:
        return None
    place, name = _split(target)
    if name is None:
        raise CliError(f"--deps {target} names no object; write --deps {target}:NAME")
    thing = _attribute(load(place), name, f"{place} has no {name!r} to be the deps")
    if not (inspect.isroutine(thing) or isinstance(thing, (type, functools.partial))):
        return thing
    try:
        inspect.signature(thing).bind()
    except (TypeError, ValueError) as error:
        raise CliError(
            f"--deps {target} cannot be called without arguments: {error}; "
            "name an object, or a function that takes none"
        ) from error
    try:
        made = thing()
    except Exception as error:
        where = _line_in(error, place)
        raise CliError(f"--deps {target} fails{where}: {type(error).__name__}: {error}") from error
    if inspect.iscoroutine(made):
        made.close()
        raise CliError(f"--deps {target} is async; name an object, or a plain function")
    return made


def named(tool: Tool) -> tuple[str, Callable[..., Any]]:
    """The name a tool is called by, and its function."""
    if isinstance(tool, dict):
        return next(iter(tool.items()))
    mark = mark_of(tool)
    return (default_name(tool) if mark is None else mark.name), tool


def tools_in(module: ModuleType) -> list[Callable[..., Any]]:
    """Every marked function of a module, and every marked method of the objects it holds."""
    found: dict[int, Callable[..., Any]] = {}
    for name, thing in vars(module).items():
        if name.startswith("__") or isinstance(thing, type(sys)):
            continue
        if mark_of(thing) is not None:
            found.setdefault(id(thing), thing)
        elif not isinstance(thing, type) and type(thing).__module__ == module.__name__:
            for method in _methods(thing):
                found.setdefault(id(method.__func__), method)
    return list(found.values())


def place_of(target: str) -> str:
    """The file or module of a target."""
    return _split(target)[0]


def load(place: str) -> ModuleType:
    """Import a file by its path or a module by its dotted name."""
    path = Path(place)
    try:
        if path.suffix == ".py" or path.is_file():
            return _load_file(path)
        sys.path.insert(0, str(Path.cwd()))
        return import_module(place)
    except CliError:
        raise
    except ModuleNotFoundError as error:
        if error.name and place.partition(".")[0] == error.name.partition(".")[0]:
            hint = f"; did you mean {place}.py?" if Path(f"{place}.py").is_file() else ""
            raise CliError(f"no file and no module is called {place!r}{hint}") from error
        raise CliError(f"{place} needs the module {error.name!r}, which is missing") from error
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:  # a module may raise anything, SystemExit too
        where = _line_in(error, place)
        raise CliError(f"{place} fails{where}: {type(error).__name__}: {error}") from error


def _load_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise CliError(f"there is no file {path}")
    full = path.resolve()
    name = full.stem.replace("-", "_")
    known = sys.modules.get(name)
    if known is not None:
        if getattr(known, "__file__", None) == str(full):
            return known
        name = f"altar_target_{name}"  # a file may be called like a module that is in use
    spec = spec_from_file_location(name, full)
    if spec is None or spec.loader is None:
        raise CliError(f"{path} is not a Python file")
    sys.path.insert(0, str(full.parent))
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _split(target: str) -> tuple[str, str | None]:
    place, colon, name = target.rpartition(":")
    if not colon or "/" in name or "\\" in name:  # no name, or the colon of a drive
        return target, None
    return place, name


def _attribute(module: ModuleType, name: str, missing: str) -> Any:
    thing: Any = module
    for part in name.split("."):
        try:
            thing = getattr(thing, part)
        except AttributeError:
            raise CliError(missing) from None
    return thing


def _methods(thing: object) -> list[Any]:
    names = [name for name in dir(type(thing)) if not name.startswith("__")]
    return [
        getattr(thing, name) for name in names if mark_of(getattr(type(thing), name)) is not None
    ]


def _known(module: ModuleType) -> str:
    names = ", ".join(getattr(fn, "__name__", "?") for fn in tools_in(module))
    return f"its tools: {names}" if names else "it holds no tools"


def _line_in(error: BaseException, place: str) -> str:
    if isinstance(error, SyntaxError):
        return f" on line {error.lineno}"
    line = None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename.endswith(place):
            line = trace.tb_lineno
        trace = trace.tb_next
    return f" on line {line}" if line else ""
