"""Options: what cannot work is refused where it is written, with the line to type."""

from __future__ import annotations

from decimal import Decimal

import pytest

from altar.adm import ToolConfig
from altar.errors import ConfigurationError
from altar.llm import Limits, Options, Price, Retry, Sampling
from altar.runtime import Cancellation


@pytest.mark.parametrize(
    ("kind", "given", "said"),
    [
        (Limits, {"rounds": "3"}, "(rounds='3'): a whole number, 1 or more, or None; type Limits(rounds=3)"),
        (Limits, {"rounds": 0}, "type Limits(rounds=1)"),
        (Limits, {"calls": True}, "Limits(calls=True): a whole number"),
        (Limits, {"tokens": 1.5}, "type Limits(tokens=1)"),
        (Limits, {"tokens": float("inf")}, "type Limits(tokens=1)"),
        (Limits, {"calls": "x" * 99}, "Limits(calls='xxx"),
        (Limits, {"repeats": 1}, "2 or more, or None; type Limits(repeats=2)"),
        (Limits, {"max_concurrency": None}, "1 or more; type Limits(max_concurrency=1)"),
        (Limits, {"seconds": "1"}, "a number of seconds above 0, or None; type Limits(seconds=30)"),
        (Limits, {"seconds": 0}, "type Limits(seconds=30)"),
        (Limits, {"seconds": float("nan")}, "type Limits(seconds=30)"),
        (Limits, {"cost": 0.5}, 'from decimal import Decimal, then Limits(cost=Decimal("0.5"))'),
        (Limits, {"cost": 2}, 'Limits(cost=Decimal("2"))'),
        (Limits, {"cost": "much"}, 'Limits(cost=Decimal("0.50"))'),
        (Limits, {"cost": Decimal("NaN")}, "above 0, or None"),
        (Limits, {"cost": Decimal(-1)}, 'Limits(cost=Decimal("0.50"))'),
        (Retry, {"attempts": 0}, "Retry(attempts=0): a whole number, 1 or more; type"),
        (Retry, {"max_delay": None}, "0 or more; type Retry(max_delay=60)"),
        (Retry, {"max_delay": -1}, "0 or more; type Retry(max_delay=60)"),
        (Retry, {"clock": 3}, "a Clock; type Retry(clock=Clock())"),
        (Sampling, {"max_tokens": 0}, "type Sampling(max_tokens=1)"),
        (Sampling, {"temperature": "hot"}, "type Sampling(temperature=0.5)"),
        (Sampling, {"top_p": -1}, "type Sampling(top_p=0.5)"),
        (Sampling, {"seed": "7"}, "type Sampling(seed=7)"),
        (Sampling, {"stop": "END"}, 'a tuple of texts; type Sampling(stop=("END",))'),
        (Sampling, {"stop": (1,)}, "a tuple of texts"),
        (Sampling, {"reasoning": "max"}, "one of 'none', 'minimal', 'low', 'medium', 'high'"),
        (Options, {"limits": 3}, "Options(limits=3): a Limits; type Options(limits=Limits("),
        (Options, {"sampling": {}}, "type Options(sampling=Sampling(temperature=0.0))"),
        (Options, {"retry": 3}, "type Options(retry=Retry(attempts=1))"),
        (Options, {"settings": []}, 'type Options(settings={"name": value})'),
        (Options, {"prices": 3}, "type Options(prices={"),
        (Options, {"prices": {"a:b": 3}}, "each price is a Price; type Price(input="),
        (Options, {"tool_choice": "any"}, 'Options(tool_choice=ToolConfig(mode="ANY"))'),
        (Options, {"cancel": True}, "type Options(cancel=Cancellation())"),
    ],
)  # fmt: skip
def test_an_option_that_cannot_work_is_refused_with_the_line_to_type(kind, given, said):
    with pytest.raises(ConfigurationError) as caught:
        kind(**given)
    assert said in str(caught.value)
    assert len(str(caught.value)) < 250


def test_every_limit_may_be_lifted_or_small():
    Limits(rounds=None, calls=None, tokens=None, cost=None, seconds=None, repeats=None)
    Limits(rounds=1, calls=1, tokens=1, cost=Decimal("0.01"), seconds=0.5, repeats=2)
    Retry(attempts=1, max_delay=0)
    Sampling(temperature=0, top_p=1, top_k=1, stop=("END",), seed=-1, reasoning="low")
    price = Price(input=Decimal(1), output=Decimal(2))
    Options(tool_choice=ToolConfig(mode="ANY"), prices={"a:b": price}, cancel=Cancellation())
