"""Names that a package offers without importing what defines them (PEP 562)."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import FrameType
    from typing import Any

__all__ = ["lazy_names"]


def _is_import(frame: FrameType) -> bool:
    """Whether it is at ``from package import name``, which hides the text of an AttributeError."""
    from opcode import opmap  # noqa: PLC0415 - only for an error

    return frame.f_code.co_code[frame.f_lasti] == opmap.get("IMPORT_FROM")


def lazy_names(
    package: str, homes: Mapping[str, str], *, below: Mapping[str, str] | None = None
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return the package's ``__getattr__`` and ``__dir__``.

    ``homes`` maps each name to the module that defines it, and the name of a
    submodule to that submodule's own path. What is asked for is imported then,
    and kept in the package. The error for a name of ``below`` says where it is.
    """

    def find(name: str) -> Any:
        home = homes.get(name)
        if home is None:
            if below is not None and name in below:
                text = f"{package} has no {name}; it is {below[name]}.{name}"
                if _is_import(sys._getframe(1)):  # noqa: SLF001 - see there
                    raise ImportError(f"{text}: type from {below[name]} import {name}")
                raise AttributeError(text)
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = __import__(home, fromlist=[name])
        value = module if home == f"{package}.{name}" else getattr(module, name)
        setattr(sys.modules[package], name, value)
        return value

    def names() -> list[str]:
        return sorted(homes)

    return find, names
