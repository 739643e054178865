"""What OpenAI's models can do, by the family of their names."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING

from altar.llm import Capabilities

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["can", "efforts", "family", "is_reasoning"]

_BEFORE = re.compile(r"^.*[-_/.:](?=(?:gpt-?\d|chatgpt-|o\d(?:$|-)|davinci|babbage))")
_UNHYPHENED = re.compile(r"^gpt(?=\d)")
_DATE = re.compile(r"-(?:\d{4}-\d{2}-\d{2}|latest)$")
_PLAIN = re.compile(r"(?:gpt-[34]|chatgpt-|gpt-5-chat|davinci|babbage)")
_NO_SCHEMA = re.compile(r"(?:gpt-3|gpt-4(?:$|-\d|-turbo|-vision)|davinci|babbage)")
_SERIES_O = re.compile(r"o\d")
_NEWER = re.compile(r"gpt-5\.\d|gpt-[6-9]")
_MOST_TOOLS = 128
_DOCUMENTS = (
    "image/*",
    "application/pdf",
    "text/*",
    "application/json",
    "application/msword",
    "application/rtf",
    "application/vnd.*",
    "application/vnd.ms-excel",
    "application/vnd.ms-powerpoint",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
)
_ALL = ("none", "minimal", "low", "medium", "high")
_PLAIN_EFFORTS: Mapping[str, str] = MappingProxyType({name: name for name in _ALL})


def family(model: str) -> str:
    """The model without vendor, prefix and date of a snapshot, and of a fine-tuned one its base."""
    name = model.removeprefix("ft:").partition(":")[0] if model.startswith("ft:") else model
    return _DATE.sub("", _UNHYPHENED.sub("gpt-", _BEFORE.sub("", name)))


def is_reasoning(model: str, told: bool | None = None) -> bool:
    """Whether a model reasons before it answers: all but those of before 2025, and new ones too.

    ``told`` is what the application knows of a name that says nothing.
    """
    return told if told is not None else _PLAIN.match(family(model)) is None


def efforts(model: str) -> Mapping[str, str]:
    """How a model spells the levels of ``Sampling.reasoning``; the nearest where it lacks one."""
    name = family(model)
    if _SERIES_O.match(name):
        return {**_PLAIN_EFFORTS, "none": "low", "minimal": "low"}
    if _NEWER.match(name):
        return {**_PLAIN_EFFORTS, "minimal": "low"}
    if name.startswith("gpt-5"):
        return {**_PLAIN_EFFORTS, "none": "minimal"}
    return _PLAIN_EFFORTS


def can(model: str, *, chat: bool, reasoning: bool | None = None) -> Capabilities:
    """What a model can do by chat completions, or by the Responses API."""
    reasons = is_reasoning(model, reasoning)
    sampling = {"max_tokens", "reasoning"} if reasons else {"max_tokens", "temperature", "top_p"}
    if chat:
        sampling |= {"seed"} if reasons else {"seed", "stop"}
    blobs: tuple[str, ...] = ("image/*", "application/pdf") if chat else _DOCUMENTS
    if chat and "audio" in model:
        blobs = ("audio/wav", "audio/mpeg", "audio/mp3")
    if _NO_SCHEMA.match(family(model)) and "turbo" not in model:
        blobs = ()
    return Capabilities(
        native_output=_NO_SCHEMA.match(family(model)) is None,
        thinking=reasons,
        max_tools=_MOST_TOOLS,
        blobs=blobs,
        sampling=frozenset(sampling),
    )
