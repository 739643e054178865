"""Secrets: what a recording must not hold, and how a text that lost one is compared."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from altar.llm import redacted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["SECRET", "Secrets", "is_secret_name", "same_text"]

SECRET = "[secret]"  # noqa: S105 - what stands where one was

_VARIABLES = re.compile(r"_(?:API_KEY|ACCESS_KEY|SECRET_KEY|SECRET|TOKEN|PASSWORD)$")
_NAMES = re.compile(
    r"(?i)^(?:authorization|proxy-authorization|cookie|set-cookie|x-api-key|x-goog-api-key|api-key"
    r"|api_?key|key|access_?token|auth_?token|refresh_?token|token|secret|client_?secret|password)$"
)
_WORD = re.compile(r"[^\s\"'<>,;(){}\[\]]{12,}")
_SHORTEST = 8  # a shorter value of a variable ("test", "none") is a word, not a secret


class Secrets:
    """The secrets of this process: values of key variables, and those the caller names."""

    __slots__ = ("_known",)

    def __init__(self, named: Iterable[str] = ()) -> None:
        values = {
            value.strip()
            for name, value in os.environ.items()
            if _VARIABLES.search(name) and len(value.strip()) >= _SHORTEST
        }
        values.update([value for value in named if value])
        longest_first = sorted(values, key=lambda value: (-len(value), value))
        self._known = re.compile("|".join(map(re.escape, longest_first))) if values else None

    def asked(self, value: Any) -> Any:
        """JSON that goes to a model: without secrets, and without all that looks like one."""
        return _mapped(value, lambda text: redacted(self._without_known(text)))

    def answered(self, value: Any) -> Any:
        """JSON that a model said: without secrets, and without words shaped like a key.

        A word after "key:" stays, unlike in what is asked: a tool's argument
        may be called so, and a replay that changes it calls another function.
        """
        return _mapped(value, self.answered_text)

    def answered_text(self, text: str) -> str:
        """As :meth:`answered`, for one text."""
        return _WORD.sub(lambda found: redacted(found[0]), self._without_known(text))

    def _without_known(self, text: str) -> str:
        return text if self._known is None else self._known.sub(SECRET, text)


def is_secret_name(name: object) -> bool:
    """Whether a header or a setting of this name holds a secret."""
    return isinstance(name, str) and _NAMES.match(name) is not None


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_mapped(item, change) for item in value]
    if isinstance(value, dict):
        return {key: _mapped(item, change) for key, item in value.items()}
    return value


def same_text(recorded: str, came: str) -> bool:
    """Whether ``came`` is the ``recorded`` text, in which a secret stands for any text."""
    if recorded == came:
        return True
    if SECRET not in recorded:
        return False
    pattern = ".*?".join(map(re.escape, recorded.split(SECRET)))
    return re.fullmatch(pattern, came, re.DOTALL) is not None
