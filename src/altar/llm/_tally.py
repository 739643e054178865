"""Tally: what the replies of a run took, summed as they come."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from altar.llm._prices import price_of
from altar.llm._usage import Usage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from altar.llm._messages import Message
    from altar.llm._parts import Origin
    from altar.llm._provider import Provider
    from altar.llm._request import Response
    from altar.llm._usage import Price

__all__ = ["Tally"]


class Tally:
    """Counts what each reply took, at the price of the model that gave it.

    A cost is settled when its reply comes: one that nobody knew then stays
    unknown, here and in what is built from it. Asking for the sums takes the
    same time however many replies there are.
    """

    __slots__ = (
        *("_chain", "_cost", "_costs", "_known", "_length", "_measured", "_origin", "_own"),
        *("_provider", "_summed", "_theirs", "_tokens", "_usages"),
    )

    def __init__(self, provider: Provider, known: Mapping[str, Price]) -> None:
        self._provider = provider
        self._known = known  # the application's prices
        self._chain = bool(getattr(provider, "members", None))
        self._own: tuple[Price | None] | None = None  # looked up when it is first needed
        self._origin: Origin | None = None  # who answered last, and
        self._theirs: Price | None = None  # the price of that model
        self._usages: list[Usage] = []
        self._costs: list[Decimal | None] = []  # of each of them
        self._summed = 0  # how many of them are in the sums
        self._tokens: int | None = 0
        self._cost: Decimal | None = Decimal(0)
        self._measured = 0  # messages whose length is in the estimate
        self._length = 0

    def __bool__(self) -> bool:
        """Whether any reply was counted."""
        return bool(self._usages)

    def count(self, response: Response) -> Decimal | None:
        """Count a reply of the run's own model, or of a member of its chain: what it cost."""
        cost = self._cost_of(response)
        self._usages.append(response.usage)
        self._costs.append(cost)
        return cost

    def count_other(self, usage: Usage, provider: Provider) -> Decimal | None:
        """Count what another model took: what that cost."""
        cost = usage.cost
        if cost is None:
            cost = usage.priced(_price(self._known, provider))
        self._usages.append(usage)
        self._costs.append(cost)
        return cost

    def take_up(self, usage: Usage) -> None:
        """Go on from the sum of a run that was left; its cost is known by now, or never."""
        self._usages.append(usage)
        self._costs.append(usage.cost)

    def total(self) -> Usage:
        """The sum of all replies."""
        self._sum()
        return replace(Usage.total(self._usages), cost=self._cost if self._usages else None)

    def spent(self) -> tuple[int | None, Decimal | None]:
        """Tokens and cost so far; None where a reply left them unknown."""
        self._sum()
        return self._tokens, self._cost

    def estimate(self, messages: Sequence[Message]) -> int:
        """The tokens of a history that nobody counted, four characters for one."""
        for message in messages[self._measured :]:
            self._length += len(repr(message.parts))
        self._measured = len(messages)
        return self._length // 4

    def _sum(self) -> None:
        for at in range(self._summed, len(self._usages)):
            tokens, cost = self._usages[at].total_tokens, self._costs[at]
            both = self._tokens is not None and tokens is not None
            self._tokens = self._tokens + tokens if both else None  # type: ignore[operator]
            known = self._cost is not None and cost is not None
            self._cost = self._cost + cost if known else None  # type: ignore[operator]
        self._summed = len(self._usages)

    def _cost_of(self, response: Response) -> Decimal | None:
        usage = response.usage
        if usage.cost is not None or usage.input_tokens is None or usage.output_tokens is None:
            return usage.cost
        if not self._chain:  # the label of a chain is no model, and has no price
            if self._own is None:
                self._own = (_price(self._known, self._provider),)
            if self._own[0] is not None:
                return usage.priced(self._own[0])
        origin = response.message.origin
        if origin is None:
            return None
        if origin is not self._origin:
            self._origin = origin
            self._theirs = price_of(self._known, origin.provider, origin.model)
        return usage.priced(self._theirs)


def _price(known: Mapping[str, Price], provider: Provider) -> Price | None:
    """The price of a model: the application's, the provider's, altar's."""
    own = provider.capabilities.price
    return price_of(known, provider.name, provider.model, own=own)
