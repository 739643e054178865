"""Every provider of altar keeps the contract of the protocol, over its own wire."""

from __future__ import annotations

import pytest

from altar.testing import ProviderContract
from tests.seats import SEATS


def _suite(seat):
    class Suite(ProviderContract):
        def make_provider(self, replies):
            if not seat.is_here:
                pytest.skip(f"{seat.library} is not installed")
            return seat.open(replies)

    Suite.__name__ = Suite.__qualname__ = "Test" + "".join(
        word.title() for word in seat.name.replace(".", "-").split("-")
    )
    return Suite


for _seat in SEATS:
    _made = _suite(_seat)
    globals()[_made.__name__] = _made
del _seat, _made
