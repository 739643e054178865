"""Sampling: how a model writes its answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from altar.llm._checks import check_count, check_number, refuse

__all__ = ["Sampling"]

_Reasoning: TypeAlias = Literal["none", "minimal", "low", "medium", "high"]
_REASONING: tuple[str, ...] = get_args(_Reasoning)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How the model writes; None leaves it to the provider.

    What a model does not take is left out and told in ``reply.adaptations``;
    under ``strict`` it is refused with UnsupportedError.
    """

    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    reasoning: _Reasoning | None = None
    strict: bool = False

    def __post_init__(self) -> None:
        check_count("Sampling", "max_tokens", self.max_tokens, 1)
        check_count("Sampling", "top_k", self.top_k, 1)
        for name in ("temperature", "top_p"):
            allowed = f"a number, 0 or more, or None; type Sampling({name}=0.5)"
            if getattr(self, name) != 0:
                check_number("Sampling", name, getattr(self, name), allowed)
        if self.seed is not None and not isinstance(self.seed, int):
            raise refuse("Sampling", "seed", self.seed, "a whole number; type Sampling(seed=7)")
        stop: object = self.stop  # a text is a sequence of texts, and would stop at each letter
        if not isinstance(stop, (tuple, list)) or not all(isinstance(text, str) for text in stop):
            raise refuse("Sampling", "stop", stop, 'a tuple of texts; type Sampling(stop=("END",))')
        if self.reasoning is not None and self.reasoning not in _REASONING:
            allowed = f"one of {', '.join(map(repr, _REASONING))}, or None"
            raise refuse("Sampling", "reasoning", self.reasoning, allowed)
