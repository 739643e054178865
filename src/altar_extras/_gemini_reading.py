"""What the readers of both Gemini APIs share: counts, faults, and answers in no known form."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from altar.errors import ProviderError, StreamBrokenError
from altar.llm import failure

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["answer_fault", "count", "cut_off", "guarded", "text_of"]


def count(raw: dict[str, Any], key: str) -> int | None:
    """A counter; None where it is missing, null or no number."""
    value = raw.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def text_of(value: Any) -> str | None:
    """A text, or None for anything else."""
    return value if isinstance(value, str) else None


@contextmanager
def guarded(name: str, *, in_stream: bool = False) -> Iterator[None]:
    """Inside, an answer whose form no reader foresaw is a StreamBrokenError."""
    try:
        yield
    except ProviderError:
        raise
    except (TypeError, ValueError, AttributeError, LookupError, RecursionError) as error:
        raise StreamBrokenError(
            f"{name}: the answer is not in the form of this API ({type(error).__name__})",
            provider=name,
            in_stream=in_stream,
            hint="Check the base URL, and proxies on the way.",
        ) from error


def cut_off(name: str, *, in_stream: bool) -> StreamBrokenError:
    """The error for an answer without its end."""
    told = "the stream stopped before the answer was complete"
    return StreamBrokenError(f"{name}: {told}", provider=name, in_stream=in_stream)


def answer_fault(error: Any, name: str, *, in_stream: bool) -> ProviderError:
    """The error for ``{"error": ...}`` where an answer, or an event of one, belongs."""
    told = error if isinstance(error, dict) else {"message": str(error or "")}
    number, word = told.get("code"), told.get("status")
    return failure(
        name,
        str(told.get("message") or ""),
        status=number if isinstance(number, int) else None,
        code=word if isinstance(word, str) else number if isinstance(number, str) else None,
        body={"error": told},
        in_stream=in_stream,
    )
