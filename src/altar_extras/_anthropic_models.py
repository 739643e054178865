"""What is known of Claude's model families: how they think, what they refuse, how much they write.

The facts are those of the vendor's model pages and of its 400 errors. A model
that is not listed is taken for one of the newest, whose rules are the
strictest: what they accept, the others accept too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

__all__ = ["Family", "base_name", "family_of"]

# The most a model writes unless asked for more. The vendor's client counts on 128,000 tokens an
# hour, so this is what fits into the ten minutes that a request may take.
_USUAL = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """What a model takes.

    ``limit``: the most tokens it writes. ``thinking``: "adaptive" (it decides,
    steered by an effort), "budget" (told how many tokens) or "none". ``off``:
    the type that turns thinking off, None where nothing does. ``shown``:
    thinking comes with its text unless asked otherwise. ``forced``: it can be
    made to call. ``strict``: it holds itself to schemas. ``bound``: its
    thinking is valid only behind the very prefix it was thought behind.
    """

    limit: int = 128_000
    thinking: Literal["adaptive", "budget", "none"] = "adaptive"
    off: Literal["disabled", "between_tools"] | None = None
    shown: bool = False
    forced: bool = False
    strict: bool = True
    bound: bool = True

    @property
    def max_tokens(self) -> int:
        """What ``max_tokens`` says when nobody does."""
        return min(_USUAL, self.limit)


_NEWEST = Family()
_FIVE = Family(off="disabled", forced=True, bound=False)
_FOUR_SIX = Family(off="disabled", forced=True, bound=False, shown=True)
_FOUR_FIVE = Family(
    limit=64_000, thinking="budget", off="disabled", shown=True, forced=True, bound=False
)
_FOUR = Family(
    limit=64_000,
    thinking="budget",
    off="disabled",
    shown=True,
    forced=True,
    strict=False,
    bound=False,
)
_FOUR_OPUS = Family(
    limit=32_000,
    thinking="budget",
    off="disabled",
    shown=True,
    forced=True,
    strict=False,
    bound=False,
)
_THREE_FIVE = Family(limit=8_192, thinking="none", forced=True, strict=False, bound=False)
_THREE = Family(limit=4_096, thinking="none", forced=True, strict=False, bound=False)

_FAMILIES: dict[str, Family] = {
    "claude-sonnet-5-5": Family(off="between_tools"),
    "claude-haiku-5-5": Family(off="disabled", forced=True),
    "claude-fable-5": Family(forced=True, bound=False),
    "claude-mythos-5": Family(forced=True, bound=False),
    "claude-mythos-preview": Family(strict=False, bound=False),
    "claude-opus-5": _FIVE,
    "claude-sonnet-5": _FIVE,
    "claude-opus-4-8": _FIVE,
    "claude-opus-4-7": _FIVE,
    "claude-opus-4-6": _FOUR_SIX,
    "claude-sonnet-4-6": _FOUR_SIX,
    "claude-opus-4-5": _FOUR_FIVE,
    "claude-sonnet-4-5": _FOUR_FIVE,
    "claude-haiku-4-5": _FOUR_FIVE,
    "claude-opus-4-1": _FOUR_OPUS,
    "claude-opus-4": _FOUR_OPUS,
    "claude-sonnet-4": _FOUR,
    "claude-3-7-sonnet": _FOUR,
    "claude-3-5-sonnet": _THREE_FIVE,
    "claude-3-5-haiku": _THREE_FIVE,
    "claude-3-opus": _THREE,
    "claude-3-haiku": _THREE,
}
_BEFORE = re.compile(r"^.*(?=claude-)")  # "us.anthropic.", "vendor/"
_AFTER = re.compile(r"(?:-0|-latest|[-@]\d{8}.*|\[1m\])$")  # "-20250929-v1:0"


def base_name(model: str) -> str:
    """The model without vendor, region, date and "-latest": two names with one base are one."""
    return _AFTER.sub("", _BEFORE.sub("", model))


def family_of(model: str) -> Family:
    """The family of ``model``; the newest for a name that is not known."""
    return _FAMILIES.get(base_name(model), _NEWEST)
