"""What may stand for a subject: a line break in one would be a command to the server."""

from __future__ import annotations

import re

from altar_extras.grid.transport._protocol import GridTransportError

__all__ = ["check_subject"]

_SUBJECT = re.compile(r"[^\s.]+(?:\.[^\s.]+)*")
_LONGEST = 1800  # a server reads lines of 4,096 bytes: subject, reply and figures


def check_subject(text: str) -> None:
    """Raises GridTransportError for what is no subject; nothing was sent then."""
    if len(text.encode()) > _LONGEST or not _SUBJECT.fullmatch(text):
        raise GridTransportError(
            f"{text[:80]!r} is no subject: words without spaces, joined by dots, "
            f"{_LONGEST} bytes at most"
        )
