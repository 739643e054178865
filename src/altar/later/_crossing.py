"""What can cross into a worker process: a function that a fresh interpreter can find again."""

from __future__ import annotations

import os
import sys
from importlib.machinery import ModuleSpec
from typing import Any, Protocol

from altar.later._mark import mark_of

__all__ = ["MAIN", "Way", "behind", "obstacle", "way_to"]

MAIN = "__mp_main__"  # multiprocessing's name for it: libraries know that one
_MOST_WRAPPERS = 100


class Crosser(Protocol):
    """What has a function and a tool's name: a Mark, an Entry."""

    @property
    def target(self) -> Any:
        """The function."""
        ...

    @property
    def name(self) -> str:
        """The tool's name."""
        ...

    @property
    def options(self) -> Any:
        """The tool's options, or None."""
        ...


class Way:
    """How a worker finds a function.

    ``path`` is "module:qualname", ``behind`` how many wrappers stand before it (None:
    the registry of tools knows it alone), ``main``
    the name of the module that was started with ``python -m``, ``file`` where a
    module was read that cannot be imported by its name.
    """

    __slots__ = ("behind", "file", "main", "path")

    def __init__(self, path: str, behind: int | None, main: str | None, file: str | None) -> None:
        self.path = path
        self.behind = behind
        self.main = main
        self.file = file


def obstacle(mark: Crosser) -> str | None:
    """Why a tool cannot run in a worker process, and what to do; None when it can."""
    found = way_to(mark)
    return found if isinstance(found, str) else None


def way_to(mark: Crosser) -> Way | str:
    """The way to a tool's function, or the reason for which there is none."""
    fn: Any = mark.target
    module_name = getattr(fn, "__module__", None)
    qualname = getattr(fn, "__qualname__", None)
    if not isinstance(module_name, str) or not isinstance(qualname, str):
        return f"{_kind(fn)} has no name under which a fresh interpreter finds it. {_INSTEAD}"
    if "<lambda>" in qualname or "<locals>" in qualname:
        what = "a lambda" if qualname.endswith("<lambda>") else f"{qualname} is local to a function"
        return f"{what}, which a fresh interpreter cannot import. {_INSTEAD}"
    owner = getattr(fn, "__self__", None)
    if owner is not None and not isinstance(owner, (type, type(sys))):
        return (
            f"{qualname} is a method of an object, and objects do not cross. Make it a function "
            "at the top level of a module that makes or finds the object itself"
        )
    module = sys.modules.get(module_name)
    if module is None:
        return f"its module {module_name} is not in sys.modules. {_INSTEAD}"
    main = None
    if module_name == "__main__":
        main = _spec_name(module)
        reason = _no_file(module) if main is None else None
        if reason is not None:
            return reason
    depth = _depth(module, qualname, fn)
    # a decorator that tells nothing may hide a tool, which its registry knows; not another tool
    if depth is None and (mark_of(fn) is None or mark_of(_attribute(module, qualname)) is not None):
        return (
            f"{module_name}.{qualname} is another object than the tool: leave the function under "
            "its own name at the top level of its module"
        )
    file = _file_of(module)
    if file is None and not isinstance(getattr(module, "__spec__", None), ModuleSpec):
        return f"its module {module_name} was made while the program runs. {_INSTEAD}"
    where = MAIN if module_name == "__main__" else module_name
    return Way(f"{where}:{qualname}", depth, main, file)


def behind(module: Any, qualname: str, depth: int) -> Any:
    """The function in ``module`` under ``qualname``, below ``depth`` wrappers, or None."""
    found = _attribute(module, qualname)
    for _ in range(depth):
        found = getattr(found, "__wrapped__", None)
    return found if callable(found) else None


def _depth(module: Any, qualname: str, fn: Any) -> int | None:
    """How many wrappers stand before ``fn`` under its name; None when it is not there."""
    found = _attribute(module, qualname)
    for depth in range(_MOST_WRAPPERS):
        if found is None:
            return None
        if found is fn or (found == fn and hasattr(fn, "__self__")):  # bound methods are made anew
            return depth
        found = getattr(found, "__wrapped__", None)
    return None


def _attribute(module: Any, qualname: str) -> Any:
    found = module
    for part in qualname.split("."):
        found = getattr(found, part, None)
    return found


def _spec_name(module: Any) -> str | None:
    """The module's own name where the program was started with ``python -m``."""
    spec = getattr(module, "__spec__", None)
    name = getattr(spec, "name", None)
    return name if isinstance(name, str) and name != "__main__" else None


def _no_file(module: Any) -> str | None:
    if _file_of(module) is not None:
        return None
    if os.path.isfile(os.path.dirname(getattr(module, "__file__", None) or "")):  # noqa: PTH113, PTH120
        return (
            "it stands in the `__main__` of a zip archive, which a worker cannot import. Put the "
            "tool in another module of the archive and import it there, or leave out isolate=True"
        )
    return (
        "it was typed into a prompt, a notebook, `python -c` or standard input, and a worker is a "
        "fresh interpreter that imports the file of a tool. Put it in a file and import it, or "
        "leave out isolate=True"
    )


def _file_of(module: Any) -> str | None:
    path = getattr(module, "__file__", None)
    if not isinstance(path, str) or not os.path.isfile(path):  # noqa: PTH113 - pathlib is heavy
        return None
    return os.path.abspath(path)  # noqa: PTH100 - a text


def _kind(fn: Any) -> str:
    name = type(fn).__name__
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


_INSTEAD = "Define it with `def` at the top level of a module"
