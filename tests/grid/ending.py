"""A test that waits for ever fails, and says where: nobody else would ever hear of it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

LONGEST = 240.0  # seconds; no part of a test takes half of that on a busy machine
_AGAIN = 30.0  # and then what waits as it is broken off


@contextmanager
def ending(seconds: float = LONGEST) -> Iterator[None]:
    """Fail where this takes longer, whatever lock or event loop the main thread waits for."""
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or not hasattr(signal, "setitimer"):
        yield
        return

    def fail(*_: object) -> None:
        pytest.fail(f"it did not end within {seconds:g} s")

    before = signal.signal(signal.SIGALRM, fail)
    left, _ = signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, left, _AGAIN if left else 0.0)
        signal.signal(signal.SIGALRM, before)
