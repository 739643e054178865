"""The price table: who is found in it, that its figures are right, and what runs cost by it."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import altar
from altar.errors import ConfigurationError, InvalidDataError
from altar.llm import (
    Limits,
    Message,
    Options,
    Origin,
    Price,
    PriceTable,
    Response,
    Usage,
    fallback,
    prices,
)
from altar.testing import FunctionProvider, ScriptedProvider

CHEAP = Price(input=Decimal(1), output=Decimal(2))
DEAR = Price(input=Decimal(10), output=Decimal(20), cached=Decimal("0.5"))
DAY = date(2026, 1, 2)
MILLION = 1_000_000


def table(**given: Price) -> PriceTable:
    return PriceTable({name.replace("__", ":"): price for name, price in given.items()}, date=DAY)


# -- finding -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("provider", "model", "key"),
    [
        ("openai", "gpt-5.5", "openai:gpt-5.5"),
        ("openai", "gpt-5.5-2026-04-01", "openai:gpt-5.5"),
        ("openai-chat", "gpt-5.5-2026-04-01", "openai:gpt-5.5"),
        ("openai", "gpt-5.6", "openai:gpt-5.6-sol"),
        ("openai", "gpt-4o-2024-05-13", "openai:gpt-4o-2024-05-13"),
        ("openai", "gpt-4o-mini-2024-07-18", "openai:gpt-4o-mini"),
        ("anthropic", "claude-opus-5-5-20260801", "anthropic:claude-opus-5-5"),
        ("anthropic", "claude-opus-5-20260301", "anthropic:claude-opus-5"),
        ("anthropic", "claude-opus-5-5@20260801", "anthropic:claude-opus-5-5"),
        ("anthropic", "claude-3-5-haiku-latest", "anthropic:claude-3-5-haiku"),
        ("gemini", "models/gemini-2.5-pro-preview-05-06", "gemini:gemini-2.5-pro"),
        ("gemini", "gemini-2.0-flash-001", "gemini:gemini-2.0-flash"),
        ("gemini-interactions", "gemini-3.8-flash", "gemini:gemini-3.8-flash"),
        ("vertex", "publishers/google/models/gemini-3.8-flash", "gemini:gemini-3.8-flash"),
    ],
)
def test_a_model_is_found_by_the_name_that_requests_and_answers_give_it(
    provider: str, model: str, key: str
):
    assert prices().find(provider, model) is prices()[key]


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "gpt-5.5-mini"),
        ("openai", "gpt-5.50"),
        ("openai", "gpt-7"),
        ("openai", "ft:gpt-4o-2024-08-06:me::x"),
        ("anthropic", "claude-opus-5-6"),
        ("anthropic", "gpt-5.5"),
        ("gemini", "gemini-2.5-flash-image"),
        ("local", "qwen3"),
        ("local", "gpt-5.5"),
        ("offline", ""),
        ("", ""),
    ],
)
def test_a_model_nobody_knows_has_no_price(provider: str, model: str):
    """Neither nothing nor that of a relation: "-mini" is another model."""
    assert prices().find(provider, model) is None


def test_the_longest_family_wins():
    found = table(x__big=CHEAP, **{"x__big-2026-01-01": DEAR})
    assert found.find("x", "big-2026-01-01") is DEAR
    assert found.find("x", "big-2026-01-01-preview") is DEAR
    assert found.find("x", "big-2026-01-02") is CHEAP


def test_a_prefix_of_its_own_goes_before_the_one_it_stands_for():
    found = table(**{"gemini__g": CHEAP, "vertex__g": DEAR})
    assert found.find("vertex", "g-001") is DEAR
    assert found.find("gemini", "g-001") is CHEAP
    assert table(gemini__g=CHEAP).find("vertex", "g") is CHEAP


def test_a_name_without_a_prefix_is_a_model_of_any_provider():
    assert table(g=CHEAP).find("azure", "g-2026-01-01") is CHEAP


# -- the table as a value ----------------------------------------------------------------------


def test_a_table_is_a_mapping_that_never_changes():
    first = table(x__a=CHEAP)
    second = first.with_prices({"x:a": DEAR, "x:b": CHEAP}, date=date(2027, 1, 1))
    assert (dict(first), first.date) == ({"x:a": CHEAP}, DAY)
    assert (dict(second), second.date) == ({"x:a": DEAR, "x:b": CHEAP}, date(2027, 1, 1))
    assert first.with_prices({}).date == DAY
    assert "2026-01-02" in repr(first)
    with pytest.raises(TypeError):
        first["x:c"] = CHEAP  # type: ignore[index]


def test_a_table_holds_prices_alone():
    with pytest.raises(ConfigurationError, match="each name has a Price"):
        PriceTable({"x:a": 3}, date=DAY)  # type: ignore[dict-item]


amounts = st.decimals(0, 1000, places=4)
flat = st.builds(
    Price,
    input=amounts,
    output=amounts,
    cached=st.none() | amounts,
    cache_write=st.none() | amounts,
)
any_price = flat | st.builds(
    Price, input=amounts, output=amounts, long_above=st.integers(0, MILLION), long=flat
)


@given(st.dictionaries(st.text(max_size=9), any_price, max_size=4), st.dates())
def test_a_table_survives_json(rows: dict[str, Price], day: date):
    """Amounts stay exact."""
    found = PriceTable(rows, date=day)
    again = PriceTable.from_json(found.to_json())
    assert (dict(again), again.date) == (rows, day)


def test_a_table_is_read_from_a_file(tmp_path: Any):
    path = tmp_path / "prices.json"
    path.write_text(prices().to_json(), encoding="utf-8")
    assert PriceTable.read(path) == prices()


def test_amounts_may_be_numbers():
    text = '{"date": "2026-01-02", "prices": {"x:a": {"input": 0.1, "output": 2}}}'
    found = PriceTable.from_json(text)
    assert found["x:a"] == Price(input=Decimal("0.1"), output=Decimal(2))


@pytest.mark.parametrize(
    ("document", "paths"),
    [
        ([], ["$.prices", "$.date"]),
        ({"date": "soon", "prices": []}, ["$.prices", "$.date"]),
        ({"date": "2026-01-02", "prices": {"a": 1}}, ["$.prices['a']"]),
        ({"date": "2026-01-02", "prices": {"a": {}}}, ["$.prices['a'].input", "$.prices['a'].output"]),
        (
            {"date": "2026-01-02", "prices": {"a": {"input": -1, "output": "x", "inputs": 1}}},
            ["$.prices['a'].inputs", "$.prices['a'].input", "$.prices['a'].output"],
        ),
        (
            {"date": "2026-01-02", "prices": {"a": {"input": True, "output": "NaN", "long_above": "1"}}},
            ["$.prices['a'].input", "$.prices['a'].output", "$.prices['a']", "$.prices['a'].long_above"],
        ),
    ],
)  # fmt: skip
def test_every_problem_of_a_file_is_told(document: Any, paths: list[str]):
    with pytest.raises(InvalidDataError) as caught:
        PriceTable.from_json(json.dumps(document))
    assert [problem.path for problem in caught.value.problems] == paths


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000])
def test_a_file_that_is_no_json_says_so(text: str):
    with pytest.raises(InvalidDataError):
        PriceTable.from_json(text)


# -- the figures -------------------------------------------------------------------------------


def test_altar_s_own_table_has_a_date_and_the_current_models():
    assert prices() is prices()
    assert prices().date >= date(2026, 11, 1)
    assert {name.partition(":")[0] for name in prices()} == {"gemini", "anthropic", "openai"}
    for price in prices().values():
        assert 0 < price.input < price.output
        assert price.cached is None or price.cached < price.input
        assert price.cache_write is None or price.cache_write > price.input
        assert (price.long is None) == (price.long_above is None)


@pytest.mark.parametrize("name", sorted(prices()))
@pytest.mark.parametrize("tokens", [1000, 250_000, 900_000])
def test_genai_prices_agrees(name: str, tokens: int):
    """Each model costs what another collection of the same price lists says, cache and all."""
    genai = pytest.importorskip("genai_prices", minversion="0.2.3")
    from datetime import UTC, datetime

    provider, _, model = name.partition(":")
    if model.startswith("claude-3-") and model.count("-") == 3:
        model += "-latest"
    ids = {"gemini": "google", "anthropic": "anthropic", "openai": "openai"}
    usage = Usage(
        input_tokens=tokens,
        output_tokens=500,
        cached_tokens=tokens // 2,
        cache_write_tokens=tokens // 4 if prices()[name].cache_write else 0,
    )
    theirs = genai.calc_price(
        genai.Usage(
            input_tokens=tokens,
            output_tokens=500,
            cache_read_tokens=usage.cached_tokens,
            cache_write_tokens=usage.cache_write_tokens,
        ),
        model_ref=model,
        provider_id=ids[provider],
        genai_request_timestamp=datetime.combine(prices().date, datetime.min.time(), tzinfo=UTC),
    )
    assert usage.priced(prices()[name]) == theirs.total_price


# -- what runs cost ----------------------------------------------------------------------------


def answer(provider: str, model: str) -> Response:
    message = Message("assistant", (), origin=Origin(provider=provider, model=model))
    usage = Usage(input_tokens=MILLION // 10, output_tokens=0)
    return Response(message=message, usage=usage)


def asked(provider: Any, **given: Any) -> Decimal | None:
    return altar.generate("Hi", model=provider, options=Options(**given)).usage.cost


class Named(ScriptedProvider):
    """A script under the name of a real model."""

    def __init__(self, name: str, model: str, origin: str = "") -> None:
        super().__init__([answer(name, origin or model)], model=model)
        self.name = name


def test_a_run_costs_what_the_table_says():
    assert asked(Named("openai", "gpt-4.1")) == Decimal("0.2")
    assert asked(Named("openai", "gpt-4.1-2025-04-14")) == Decimal("0.2")


def test_the_application_s_prices_go_before_the_table_and_may_be_a_table():
    """A mapping is looked up as a table is: by family, with or without a prefix."""
    model = "gpt-4.1-2025-04-14"
    for known in (
        table(openai__gpt_4=DEAR).with_prices({"openai:gpt-4.1": DEAR}),
        {"gpt-4.1": DEAR},
    ):
        assert asked(Named("openai", model), prices=known) == Decimal(1)
    assert asked(Named("openai", model), prices=table(x__y=DEAR)) == Decimal("0.2")


def test_what_nobody_knows_costs_nothing_that_is_known():
    """None, never 0; and a run that is limited by its cost does not begin."""
    assert asked(Named("local", "qwen3")) is None
    with pytest.raises(ConfigurationError, match="needs the price"):
        asked(Named("local", "qwen3"), limits=Limits(cost=Decimal(1)))


def test_the_offline_demo_costs_0_because_it_says_so():
    assert asked("offline:") == 0


def test_a_provider_s_own_price_goes_before_the_table():
    model = Named("openai", "gpt-4.1")
    from dataclasses import replace

    model.capabilities = replace(model.capabilities, price=CHEAP)
    assert asked(model) == Decimal("0.1")
    model = Named("openai", "gpt-4.1")
    model.capabilities = replace(model.capabilities, price=CHEAP)
    assert asked(model, prices={"openai:gpt-4.1": DEAR}) == Decimal(1)


def test_a_chain_costs_what_its_member_that_answered_costs():
    """By the origin of each answer, the date of its snapshot included."""

    def broken(request: Any) -> Any:
        raise altar.errors.QuotaError("spent", provider="x")

    first = FunctionProvider(broken, model="claude-opus-5-5")
    for model, cost in (("gpt-4.1", "0.2"), ("gpt-4.1-mini", "0.04")):
        second = Named("openai", model, f"{model}-2025-04-14")
        assert asked(fallback(first, second)) == Decimal(cost)


def test_a_price_of_long_requests_holds_for_the_whole_request():
    price = prices()["openai:gpt-5.5"]
    short = Usage(input_tokens=272_000, output_tokens=1000)
    long = Usage(input_tokens=272_001, output_tokens=1000)
    assert short.priced(price) == Decimal("1.39")
    assert long.priced(price) == Decimal("2.76501")


@pytest.mark.parametrize("value", [3.0, "3", "three", None, -1, Decimal("NaN"), Decimal(-1), True])
@pytest.mark.parametrize("name", ["input", "output"])
def test_a_price_is_an_exact_amount_and_says_what_to_type(name, value):
    known = {"input": Decimal(1), "output": Decimal(1), name: value}
    with pytest.raises(ConfigurationError, match=r"Decimal\(\""):
        Price(**known)


def test_a_price_may_leave_its_cache_unsaid_but_not_say_it_wrongly():
    assert Price(input=Decimal(0), output=Decimal(0)).cached is None
    with pytest.raises(ConfigurationError, match="cached"):
        Price(input=Decimal(1), output=Decimal(1), cached=0.5)  # type: ignore[arg-type]
