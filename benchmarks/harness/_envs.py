"""One virtual environment per peer, kept between runs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Environment", "prepare"]

_NEWEST = re.compile(r"^Available versions: ([^,\s]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """An environment: its interpreter, the version installed, the newest one listed."""

    python: Path
    version: str
    newest: str | None


def _run(*command: str | Path) -> str:
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def _newest(python: Path, distribution: str) -> str | None:
    try:
        listing = _run(python, "-m", "pip", "index", "versions", distribution)
    except RuntimeError:
        return None  # pip's listing is experimental, and an index may not offer it
    found = _NEWEST.search(listing)
    return found.group(1) if found else None


def prepare(
    name: str, distribution: str, *, folder: Path, tree: Path | None = None, fresh: bool = False
) -> Environment:
    """The environment of a peer, made if it is not there; ``tree`` installs from a checkout.

    pip picks the newest version that can be installed here. What ``folder``
    holds already is used as it is, unless ``fresh`` asks for the newest again;
    a tree is always installed again, without its dependencies if it was there.
    Raises RuntimeError with pip's words when that fails.
    """
    home = folder / name
    python = home / "bin" / "python"
    made = not python.exists()
    if made:
        _run(sys.executable, "-m", "venv", home)
    pip = (python, "-m", "pip", "install", "-q", "--disable-pip-version-check")
    if tree is not None:
        _run(*pip, "--upgrade", "--force-reinstall", "--no-deps", tree)
    elif made or fresh or not _installed(python, distribution):
        _run(*pip, "--upgrade", distribution)
    version = _installed(python, distribution)
    newest = None if tree is not None else _remembered(home, python, distribution, made or fresh)
    return Environment(python=python, version=version or "?", newest=newest)


def _installed(python: Path, distribution: str) -> str | None:
    code = (
        "import importlib.metadata as m, sys\n"
        "try: print(m.version(sys.argv[1]))\n"
        "except m.PackageNotFoundError: pass"
    )
    return _run(python, "-I", "-c", code, distribution).strip() or None


def _remembered(home: Path, python: Path, distribution: str, again: bool) -> str | None:
    note = home / "newest.json"
    if again or not note.exists():
        note.write_text(json.dumps(_newest(python, distribution)), encoding="utf-8")
    known = json.loads(note.read_text(encoding="utf-8"))
    return known if isinstance(known, str) else None


def add(environment: Environment, *extra: str) -> None:
    """Install what a worker needs beside the peer, where it is missing."""
    missing = [name for name in extra if not _installed(environment.python, name)]
    if missing:
        _run(environment.python, "-m", "pip", "install", "-q", *missing)
