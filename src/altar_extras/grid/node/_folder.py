"""StateFolder: where a development grid keeps its files, and that only one runs in it."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from altar.errors import ConfigurationError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

__all__ = ["FOLDER", "StateFolder"]

FOLDER = ".altar-grid"
_STATE, _LOCK, _PORT = "grid.json", "lock", "port"


class StateFolder:
    """The folder of one development grid, for its owner alone (mode 0700).

    ``lock`` holds it for this process until ``unlock``, or until the process ends however it does.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self.path = Path(FOLDER if path is None else path)
        self._held: int | None = None

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    def make(self) -> None:
        """Make it where it is not there, closed to others. Raises ConfigurationError."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path.chmod(0o700)
            (self / ".gitignore").write_text("*\n", "ascii")  # it holds seeds
        except OSError as error:
            raise ConfigurationError(
                f"the folder {self.path} cannot be made: {error.strerror}; name another with --dir"
            ) from error

    def lock(self) -> None:
        """Hold it. Raises ConfigurationError where a grid runs in it already."""
        number = os.open(self / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if sys.platform == "win32":
                msvcrt.locking(number, msvcrt.LK_NBLCK, 1)
            else:
                fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(number)
            found = self.state() or {}
            who = f" (process {found['pid']}, {found['url']})" if found else ""
            raise ConfigurationError(
                f"a grid runs in {self.path} already{who}: stop it with Ctrl-C, "
                "or start another with --dir OTHER_FOLDER"
            ) from None
        self._held = number

    def unlock(self) -> None:
        """Let go of it; again is nothing."""
        if self._held is not None:
            os.close(self._held)
            self._held = None

    @property
    def is_in_use(self) -> bool:
        """Whether a process holds it now."""
        if not (self / _LOCK).exists():
            return False
        other = StateFolder(self.path)
        try:
            other.lock()
        except ConfigurationError:
            return True
        other.unlock()
        return False

    def state(self) -> dict[str, Any] | None:
        """What the grid in it said of itself (pid, url, tools, ...); None without one."""
        try:
            found = json.loads((self / _STATE).read_text("utf-8"))
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) and {"pid", "url"} <= found.keys() else None

    @property
    def last_port(self) -> int:
        """The port that the last grid in it had, 0 where there was none."""
        try:
            port = int((self / _PORT).read_text("ascii"))
        except (OSError, ValueError):
            return 0
        return port if 0 < port < 65536 else 0

    def remember_port(self, port: int) -> None:
        """Have the next grid in it take the same one, so that altar.toml stays true."""
        (self / _PORT).write_text(f"{port}\n", "ascii")

    def tell(self, state: dict[str, Any] | None) -> None:
        """Say what runs here, or (None) that nothing does any more."""
        path = self / _STATE
        if state is None:
            path.unlink(missing_ok=True)
            return
        draft = path.with_suffix(".tmp")
        draft.write_text(json.dumps(state, indent=2) + "\n", "utf-8")
        draft.replace(path)
