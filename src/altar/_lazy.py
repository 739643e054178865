"""Names that a package offers without importing what defines them (PEP 562)."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

__all__ = ["lazy_names"]


def lazy_names(
    package: str, homes: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return the package's ``__getattr__`` and ``__dir__``.

    ``homes`` maps each name to the module that defines it; a name that maps
    to a module ending in ``.`` plus itself is that submodule. A name is
    imported when it is first asked for and then kept in the package.
    """

    def find(name: str) -> Any:
        home = homes.get(name)
        if home is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = __import__(home, fromlist=[name])
        value = module if home == f"{package}.{name}" else getattr(module, name)
        setattr(__import__(package, fromlist=["*"]), name, value)
        return value

    def names() -> list[str]:
        return sorted(homes)

    return find, names
