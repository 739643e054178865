"""What a Gemini model can do and how it is told to think, by its family."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from altar.llm import Capabilities

__all__ = [
    "API",
    "Kind",
    "capabilities",
    "family",
    "interactions_capabilities",
    "kind_of",
    "thinking",
]

API = "generate_content"

_VERSION = re.compile(r"gemini-(\d+)(?:\.(\d+))?")
_NEWEST: tuple[int, int] = (
    3,
    0,
)  # what an alias such as gemini-flash-latest stands for, at the least
_KNOBS = frozenset({"max_tokens", "temperature", "top_p", "top_k", "stop", "seed"})
_BLOBS = ("image/*", "audio/*", "video/*", "application/pdf", "text/*")
_MOST_TOOLS = 512
# tokens of thought for 2.5, whose range is 512 (or 0) to 24576 in every size
_BUDGETS = {"none": 0, "minimal": 512, "low": 1024, "medium": 8192, "high": 24576}
_LEAST_OF_PRO = 128

Thinks: TypeAlias = Literal["level", "budget", "no"]


@dataclass(frozen=True, slots=True)
class Kind:
    """A family, and what sets it apart on the wire.

    ``signed``: it refuses a current turn whose first call carries no thought
    signature. ``thinks``: told by a level, by a budget, or not at all.
    """

    family: str
    signed: bool
    thinks: Thinks
    is_gemini: bool = True


def kind_of(model: str) -> Kind:
    """The kind of ``model``, which may be a resource name ("models/...", "publishers/...")."""
    name = model.rpartition("/")[2]
    found = _VERSION.match(name)
    if found is None and not name.startswith("gemini"):
        return Kind(name, signed=False, thinks="no", is_gemini=False)
    version: tuple[int, int] = _NEWEST if found is None else (int(found[1]), int(found[2] or 0))
    thinks: Thinks = "level" if version >= (3, 0) else "budget" if version >= (2, 5) else "no"
    if "-tts" in name or ("-image" in name and thinks == "budget"):
        thinks = "no"  # speech, and the pictures of 2.5, come without a thought
    return Kind(f"gemini-{version[0]}", signed=version >= (3, 0), thinks=thinks)


def family(model: str) -> str:
    """Models that read each other's thought signatures."""
    return kind_of(model).family


def capabilities(model: str) -> Capabilities:
    """What ``model`` can do; native output beside tools came with Gemini 3."""
    kind = kind_of(model)
    return Capabilities(
        native_output=kind.is_gemini,
        output_with_tools=kind.signed,
        thinking=kind.thinks != "no",
        max_tools=_MOST_TOOLS,
        blobs=_BLOBS,
        sampling=_KNOBS if kind.thinks == "no" else _KNOBS | {"reasoning"},
    )


def interactions_capabilities(model: str) -> Capabilities:
    """The same, by the Interactions API, which has no top_k."""
    can = capabilities(model)
    return replace(can, sampling=(can.sampling or _KNOBS) - {"top_k"})


def thinking(
    model: str, reasoning: str | None, *, is_level: bool = False
) -> tuple[str | int | None, str]:
    """The level or the budget for ``reasoning``, and why it is another than was asked for.

    ``is_level`` asks for a level whatever the family: an API that has no budgets.
    """
    kind = kind_of(model)
    if reasoning is None or kind.thinks == "no":
        return None, ""
    is_pro = "-pro" in model
    if kind.thinks == "budget" and not is_level:
        if reasoning == "none" and is_pro:
            return _LEAST_OF_PRO, f"{model} always thinks: its least budget is {_LEAST_OF_PRO}"
        return _BUDGETS[reasoning], ""
    if reasoning in ("none", "minimal") and is_pro:
        return "LOW", f"{model} always thinks: its least level is LOW"
    if reasoning == "none":
        return "MINIMAL", f"{model} always thinks: its least level is MINIMAL"
    return reasoning.upper(), ""
