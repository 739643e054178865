"""What would wait for ever fails instead."""

from __future__ import annotations

import asyncio
import threading

import pytest

from tests.grid import ending as endings
from tests.grid.ending import ending


async def _for_ever() -> None:
    await asyncio.Event().wait()


async def _deaf() -> None:
    """Nothing ends it: as what takes each cancellation for itself."""
    for task in asyncio.all_tasks():  # which are left behind, and are not to be told of
        task._log_destroy_pending = False  # type: ignore[attr-defined]
    while True:
        try:
            await _for_ever()
        except asyncio.CancelledError:
            pass


@pytest.mark.parametrize(
    "wait",
    [
        lambda: threading.Event().wait(),
        lambda: asyncio.run(_for_ever()),
        lambda: asyncio.run(asyncio.wait_for(_deaf(), 0.01)),
    ],
    ids=["a lock", "a loop", "a loop that cannot be ended"],
)
def test_a_wait_without_an_end_fails(wait, monkeypatch):
    monkeypatch.setattr(endings, "_AGAIN", 0.3)
    with pytest.raises(pytest.fail.Exception, match="did not end within"), ending(0.3):
        wait()


def test_the_bound_around_one_that_ended_still_holds():
    with pytest.raises(pytest.fail.Exception, match="did not end"), ending(0.3):
        with ending(60.0):
            pass
        threading.Event().wait()
