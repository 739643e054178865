"""Fixtures of the adapters: the session that all of them are given."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import altar
from tests.adapters.tools import make_session


@pytest.fixture(scope="module")
def tools_session() -> Iterator[altar.Session]:
    """The thirty tools in one session."""
    with make_session() as session:
        yield session
