"""What an installed distribution weighs, dependencies included."""

from __future__ import annotations

import importlib.metadata as metadata
import re

__all__ = ["size_of"]


def _closure(distribution: str) -> set[str]:
    """The names of a distribution and all it needs here, without optional extras of its own."""
    from pip._vendor.packaging.requirements import Requirement

    seen: set[tuple[str, str]] = set()
    found: set[str] = set()
    queue = [(distribution, "")]
    while queue:
        name, extra = queue.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        try:
            requires = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue  # for another platform, or optional
        found.add(name)
        for line in requires:
            need = Requirement(line)
            if need.marker is None or need.marker.evaluate({"extra": extra}):
                key = re.sub(r"[-_.]+", "-", need.name).lower()
                queue.extend((key, more) for more in ("", *need.extras))
    return found


def _bytes(name: str) -> tuple[int, int]:
    """All files without byte code, and the Python source of the package of that name."""
    total = source = 0
    for file in metadata.files(name) or []:
        path = file.locate()
        if "__pycache__" in file.parts or not path.is_file():
            continue
        length = path.stat().st_size
        total += length
        if file.suffix == ".py" and file.parts[0] == name:
            source += length
    return total, source


def size_of(distribution: str) -> dict[str, float | None]:
    """MB installed (with dependencies), MB of its package's own source, dependencies."""
    names = _closure(distribution)
    return {
        "disk_mb": sum(_bytes(name)[0] for name in names) / 1e6,
        "source_mb": _bytes(distribution)[1] / 1e6,
        "dependencies": len(names) - 1,
    }
