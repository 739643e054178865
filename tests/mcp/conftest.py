"""What holds for the tests of MCP: what is given up on after a while in earnest gets more time."""

from __future__ import annotations

import pytest

MORE = {
    "altar.mcp._client_negotiate._PROBE": 60.0,  # a server that starts slowly is of its era
    "altar.mcp._transport_stdio._LAST_WORDS": 60.0,  # how a server ended is known
    "altar.mcp._transport_http._LAST": 30.0,  # the last word to a server is heard
    "altar.mcp._http_link._LINGER": 30.0,  # who is refused reads why
}


@pytest.fixture(scope="module", autouse=True)
def _patience():
    with pytest.MonkeyPatch.context() as patch:
        for name, seconds in MORE.items():
            patch.setattr(name, seconds)
        yield
