"""What adapters share: a session to lend out, and the way in for tools that others made."""

from __future__ import annotations

from altar.bridge._bearer import Bearer, NotAdmittedError, Verify
from altar.bridge._checked import CallCheck, Checked
from altar.bridge._effects import Effects
from altar.bridge._importer import Importer, Refused
from altar.bridge._out import as_session, model_text
from altar.bridge._problems import is_secret, problems_of, refusal
from altar.bridge._promise import as_declared

__all__ = [
    "Bearer",
    "CallCheck",
    "Checked",
    "Effects",
    "Importer",
    "NotAdmittedError",
    "Refused",
    "Verify",
    "as_declared",
    "as_session",
    "is_secret",
    "model_text",
    "problems_of",
    "refusal",
]
