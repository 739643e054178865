"""The served API, one for all tests of a module."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def api():
    """``(base URL, application)`` of the API that is served for real."""
    pytest.importorskip("uvicorn")
    pytest.importorskip("starlette")
    from tests.openapi.served import serving

    with serving() as served:
        yield served
