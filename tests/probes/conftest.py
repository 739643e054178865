"""The probes need the libraries whose classes they declare; the short suite does without."""

from importlib.util import find_spec

import pytest

from altar.later import _executor

_NEEDED = ("jsonschema", "pydantic", "attrs", "msgspec", "annotated_types", "typing_extensions")

collect_ignore = [] if all(map(find_spec, _NEEDED)) else ["test_probes.py", "test_agreement.py"]


@pytest.fixture(autouse=True)
def _soon_warm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tools take the fast lane from their third call on, so that few calls try both ways."""
    monkeypatch.setattr(_executor, "_WARM", 2)
