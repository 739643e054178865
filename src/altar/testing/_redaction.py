"""Secrets: what a recording must not hold, and how a text that lost one is compared."""

from __future__ import annotations

import os
import re
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any

from altar._secrets import SECRET, is_secret_name, is_secret_variable, redacted, spellings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["SECRET", "Secrets", "is_secret_name", "same_text"]

_SHORTEST_NAME = 8  # of a field: the short ones are words
_WORD = re.compile(r"[^\s\"'<>,;(){}\[\]]{12,}")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{12,}={0,2}")


class Secrets:
    """The secrets of this process: values of key variables, and those the caller names.

    A secret is found however often the JSON around it was escaped, and in
    base64.
    """

    __slots__ = ("_known", "_known_bytes")

    def __init__(self, named: Iterable[str] = ()) -> None:
        values = {
            value.strip()
            for name, value in os.environ.items()
            if is_secret_variable(name, value.strip())
        }
        values.update([value for value in named if value])
        longest_first = sorted(values, key=lambda value: (-len(value), value))
        pattern = "|".join(["".join(map(spellings, value)) for value in longest_first])
        self._known = re.compile(pattern) if values else None
        self._known_bytes = re.compile(pattern.encode("utf-8", "surrogatepass")) if values else None

    def asked(self, value: Any) -> Any:
        """JSON that goes to a model: without secrets, and without all that looks like one."""
        return self._mapped(value, self._asked_text)

    def answered(self, value: Any) -> Any:
        """JSON that a model said: without secrets, and without words shaped like a key.

        A word after "key:" stays, unlike in what is asked: a tool's argument
        may be called so, and a replay that changes it calls another function.
        """
        return self._mapped(value, self.answered_text)

    def answered_text(self, text: str) -> str:
        """As :meth:`answered`, for one text."""
        if self._known is not None:
            # data stays data, for a replay decodes it
            text = _BASE64.sub(lambda found: self._data(found[0], whole=False), text)
        return _WORD.sub(lambda found: redacted(found[0]), self.without_known(text))

    def without_known(self, text: str) -> str:
        """The text without the secrets that are known, whatever else it looks like."""
        return text if self._known is None else self._known.sub(SECRET, text)

    def blob(self, data: bytes) -> bytes:
        """Binary data without the secrets that are known."""
        known = self._known_bytes
        return data if known is None else known.sub(SECRET.encode(), data)

    def _asked_text(self, text: str) -> str:
        if self._known is not None:
            text = _BASE64.sub(lambda found: self._data(found[0], whole=True), text)
        return redacted(self.without_known(text))

    def _data(self, text: str, *, whole: bool) -> str:
        """Base64 without a secret inside; ``whole``: all of it gives way to the mark."""
        standard = text.replace("-", "+").replace("_", "/").rstrip("=")
        if len(standard) % 4 == 1:
            return text
        data = b64decode(standard + "=" * (-len(standard) % 4))
        clean = self.blob(data)
        if clean == data:
            return text
        return SECRET if whole else b64encode(clean).decode()

    def _mapped(self, value: Any, change: Callable[[str], str]) -> Any:
        if isinstance(value, str):
            return change(value)
        if isinstance(value, list):
            return [self._mapped(item, change) for item in value]
        if isinstance(value, dict):
            return {self._name(key): self._mapped(item, change) for key, item in value.items()}
        return value

    def _name(self, name: str) -> str:
        """A field's name; the short ones are words, whatever a caller calls a secret."""
        return name if len(name) < _SHORTEST_NAME else self.without_known(name)


def same_text(recorded: str, came: str) -> bool:
    """Whether ``came`` is the ``recorded`` text, in which a secret stands for any text."""
    if recorded == came:
        return True
    if SECRET not in recorded:
        return False
    pattern = ".*?".join(map(re.escape, recorded.split(SECRET)))
    return re.fullmatch(pattern, came, re.DOTALL) is not None
