"""What the security layer answers to a document it does not believe."""

from __future__ import annotations

from altar.errors import AltarError

__all__ = ["ManifestRefused", "Refused", "TokenRefused"]


class Refused(AltarError):  # noqa: N818 - a refusal is an answer, not a fault
    """A signed document that is not believed; ``reason`` is one lower_snake word.

    The message never holds the document's secrets.
    """

    def __init__(self, reason: str, message: str) -> None:
        self.reason = reason
        self.message = message
        super().__init__(message)

    def __reduce__(self) -> tuple[type[Refused], tuple[str, str]]:
        return type(self), (self.reason, self.message)


class ManifestRefused(Refused):
    """A manifest that may not be used."""


class TokenRefused(Refused):
    """A session token or a local grant that may not be used."""
