"""Tools take the fast lane from their third call on, so that few calls try both ways."""

from __future__ import annotations

import pytest

from altar.later import _executor


@pytest.fixture(autouse=True)
def _soon_warm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_executor, "_WARM", 2)
