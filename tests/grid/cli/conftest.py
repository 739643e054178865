"""What runs in this process gives a busy machine its time; what is to be short says so itself."""

from __future__ import annotations

import pytest

PATIENT = {
    "NatsSettings": {"connect_timeout": 30.0, "dead_after": 20.0},
    "ClientSettings": {"connect_timeout": 30.0, "ask_timeout": 10.0, "stop_wait": 20.0},
}


@pytest.fixture(scope="module", autouse=True)  # others mean the usual ones
def _patient():
    """The defaults of connections and clients here, as an operator of a slow network sets them."""
    try:
        from altar_extras.grid.client import ClientSettings  # noqa: PLC0415 - may be missing
        from altar_extras.grid.transport import NatsSettings  # noqa: PLC0415 - as above
    except ImportError:
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        for settings in (NatsSettings, ClientSettings):
            for name, value in PATIENT[settings.__name__].items():
                patch.setitem(settings.__init__.__kwdefaults__, name, value)
        assert (NatsSettings().dead_after, ClientSettings().connect_timeout) == (20.0, 30.0)
        yield
