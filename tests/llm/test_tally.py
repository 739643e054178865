"""What a run took: counted as replies come, at the price of the model that gave each."""

from __future__ import annotations

from decimal import Decimal

import altar
from altar.errors import OverloadedError
from altar.llm import (
    Limits,
    Mender,
    Message,
    Options,
    Origin,
    Pending,
    Price,
    Repair,
    Response,
    Text,
    ToolCall,
    Usage,
)
from altar.testing import FunctionProvider, ScriptedProvider

CHEAP, DEAR = (Price(input=Decimal(price), output=Decimal(price)) for price in (1, 100))


class Desk:
    """Two tools, of which one needs a person."""

    @altar.tool
    def look(self, word: str) -> str:
        """Look."""
        return word

    @altar.tool(approval=True)
    def pay(self, word: str) -> str:
        """Pay."""
        return word


def test_the_label_of_a_chain_has_no_price():
    origin = Origin(provider="scripted", model="dear")
    message = Message("assistant", (Text("so"),), origin=origin)
    answer = Response(message=message, usage=Usage(input_tokens=1_000_000, output_tokens=0))
    chain = altar.fallback(
        ScriptedProvider([OverloadedError("busy")], model="cheap"),
        ScriptedProvider([answer], model="dear"),
    )
    prices = {
        "scripted:cheap": CHEAP,
        "scripted:dear": DEAR,
        "fallback:scripted:cheap, scripted:dear": CHEAP,
    }
    reply = altar.generate("go", model=chain, options=Options(prices=prices))
    assert reply.usage.cost == 100


def test_a_chain_in_a_chain_is_priced_by_who_answered():
    message = Message("assistant", (Text("so"),), origin=Origin(provider="scripted", model="dear"))
    answer = Response(message=message, usage=Usage(input_tokens=1_000_000, output_tokens=0))
    inner = altar.fallback(
        ScriptedProvider([OverloadedError("busy")], model="cheap"),
        ScriptedProvider([answer], model="dear"),
    )
    prices = {"scripted:cheap": CHEAP, "scripted:dear": DEAR, "scripted:last": CHEAP}
    options = Options(prices=prices, limits=Limits(cost=Decimal(500)))
    chain = altar.fallback(inner, ScriptedProvider([], model="last"))
    assert altar.generate("go", model=chain, options=options).usage.cost == 100


def mended_run(**options):
    """A run that asks a mender whose price nobody knows, and one that pauses after it."""
    replies = [[ToolCall("look", raw_args="word -- so!"), ToolCall("pay", {"word": "x"})], "end"]
    mender = Mender(FunctionProvider(lambda request: '{"word": "so"}', model="unpriced"))
    made = Options(repair=Repair(mender=mender), prices={"scripted:script": DEAR}, **options)
    return ScriptedProvider(replies), made


def test_a_cost_that_nobody_knew_stays_unknown_over_a_pause():
    model, options = mended_run()
    pending = altar.generate("go", model=model, tools=[Desk()], options=options).pending
    again = Pending.from_dict(pending.to_dict()).approve()
    resumed = altar.generate(again, model=model, tools=[Desk()], options=options)
    model, options = mended_run(approve=lambda call: True)
    straight = altar.generate("go", model=model, tools=[Desk()], options=options)
    assert straight.usage.requests == resumed.usage.requests == 3
    assert straight.usage.cost is None
    assert resumed.usage.cost is None


class Seen(str):
    """A text that counts how often it was spelt out."""

    __slots__ = ("times",)

    def __new__(cls, text):
        made = super().__new__(cls, text)
        made.times = 0
        return made

    def __repr__(self):
        self.times += 1
        return super().__repr__()


def test_an_estimate_does_not_read_the_history_again_each_round():
    said = [Seen(f"word {at}") for at in range(30)]
    calls = [ToolCall("look", {"word": word}) for word in said]
    uncounted = [
        Response(message=Message("assistant", (Text(text), call)), usage=Usage())
        for text, call in zip(said, calls, strict=True)
    ]
    limits = Limits(tokens=10**9, rounds=None, repeats=None)
    model = ScriptedProvider([*uncounted, "end"])
    reply = altar.generate("go", model=model, tools=[Desk()], options=Options(limits=limits))
    assert reply.finish == "stop"
    assert max(text.times for text in said) < 5  # not in each of the rounds that follow


def test_the_estimate_of_a_history_that_nobody_counted_ends_the_run():
    uncounted = [
        Response(
            message=Message("assistant", (Text("x" * 400), ToolCall("look", {"word": f"{at}"}))),
            usage=Usage(),
        )
        for at in range(9)
    ]
    options = Options(limits=Limits(tokens=500))
    reply = altar.generate("go", model=ScriptedProvider(uncounted), tools=[Desk()], options=options)
    assert reply.finish == "budget"
    assert 3 <= reply.usage.requests <= 5
    assert [one.what for one in reply.adaptations] == ["limits.tokens"]
