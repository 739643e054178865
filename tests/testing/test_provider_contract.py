"""Every provider of altar keeps the contract of the protocol, over its own wire."""

from __future__ import annotations

from contextlib import suppress

import pytest

from altar.testing import FunctionProvider, ProviderContract
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


def _scripted(replies):
    script = iter(()) if callable(replies) else iter(replies)
    return FunctionProvider(replies if callable(replies) else lambda _: next(script))


def _tests_of(suite: type) -> list[str]:
    return sorted(name for name in dir(suite) if name.startswith("test_"))


@pytest.mark.parametrize("name", _tests_of(ProviderContract))
@pytest.mark.parametrize("broken", [False, True])
def test_whatever_the_contract_made_it_gives_back_to_be_closed(name: str, broken: bool):
    """Also after a test that fails: an author's server goes with its provider."""
    made, closed = [], []

    class Suite(ProviderContract):
        def make_provider(self, replies):
            made.append(_scripted([] if broken else replies))
            return made[-1]

        def close_provider(self, provider):
            closed.append(provider)

    with suppress(Exception):
        getattr(Suite(), name)()
    assert made
    assert len(closed) == len(made)
    assert {id(one) for one in closed} == {id(one) for one in made}
