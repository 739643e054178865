"""The worker's own program; where coverage is measured, what it saw is saved before it ends."""

from __future__ import annotations

import os
import sys
import threading
from typing import NoReturn

from altar.later import _worker, _worker_calls

_worker_calls._PATIENCE = 60.0  # a thread that ends when it is told to is given the time to


def main(fd: int) -> NoReturn:
    coverage = sys.modules.get("coverage")
    measured = coverage.Coverage.current() if coverage is not None else None
    leave = os._exit

    def save_and_leave(code: int) -> NoReturn:
        if measured is not None:
            measured.stop()
            measured.save()
        leave(code)

    os._exit = save_and_leave  # a worker ends by it alone, which would leave nothing behind
    if measured is not None:
        sys.settrace = lambda trace: None  # a worker stops every trace after a call, this one too
        threading.settrace = lambda trace: None
    _worker.main(fd)
