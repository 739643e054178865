"""PriceTable: what models cost, by the families of their names; and altar's own table."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import fields
from datetime import date as Date  # noqa: N812 - a table has a field of that name
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from altar.adm import Problem
from altar.errors import ConfigurationError, InvalidDataError
from altar.llm._price_data import DATE, ROWS
from altar.llm._usage import Price

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from os import PathLike

__all__ = ["PriceTable", "price_of", "prices"]

# what a vendor puts behind the name of a family and charges the same for: a date, a word
_SNAPSHOT = re.compile(
    r"(?:[-@](?:latest|preview|exp|experimental|\d{8}|\d{4}-\d\d-\d\d|\d\d-\d\d(?:-\d{4})?"
    r"|\d\d-\d{4}|\d{3,4}))*"
)
_PATHS = re.compile(r"(?:publishers/[^/]+/)?models/")
# prefixes that reach the models of another, at its prices
_SAME = {
    "google-genai": "gemini",
    "gemini-interactions": "gemini",
    "vertex": "gemini",
    "openai-chat": "openai",
}
_MOST_REMEMBERED = 256
_AMOUNTS = ("input", "output", "cached", "cache_write")


class PriceTable(Mapping[str, Price]):
    """Prices by "prefix:model" or "prefix:family", as they were on ``date``; never changes.

    :meth:`find` looks a model up as requests name it. ``Options(prices=...)``
    takes a table, or any mapping like it.
    """

    __slots__ = ("_date", "_found", "_prices")

    def __init__(self, prices: Mapping[str, Price], *, date: Date) -> None:
        given: Mapping[Any, object] = prices
        for name, price in given.items():
            if not isinstance(name, str) or not isinstance(price, Price):
                raise ConfigurationError(
                    f"PriceTable({{{name!r}: {price!r}}}): each name has a Price; type "
                    'PriceTable({"prefix:name": Price(input=Decimal(1), output=Decimal(2))}, ...)'
                )
        self._prices = dict(prices)
        self._date = date
        self._found: dict[tuple[str, str], Price | None] = {}

    @property
    def date(self) -> Date:
        """The day the prices are of."""
        return self._date

    def __getitem__(self, name: str) -> Price:
        return self._prices[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._prices)

    def __len__(self) -> int:
        return len(self._prices)

    def __repr__(self) -> str:
        return f"<PriceTable of {self._date}: {len(self)} prices>"

    def find(self, provider: str, model: str) -> Price | None:
        """The price of a model by its provider's prefix, or None where nobody knows it.

        A name is that of its family when a date, a number of a release,
        "latest" or "preview" is all it has more ("gpt-5.5-2026-04-23",
        "models/gemini-2.5-pro-001"); the longest family wins. Other endings
        ("-mini") are other models, and one that is not in the table has no
        price. "openai-chat:" costs what "openai:" does, and "vertex:" and
        "gemini-interactions:" what "gemini:" does, unless the table has
        prices of their own.
        """
        asked = (provider, model)
        if asked not in self._found:
            if len(self._found) >= _MOST_REMEMBERED:
                self._found = {}
            self._found[asked] = _match(self._prices, provider, model)
        return self._found[asked]

    def with_prices(self, prices: Mapping[str, Price], *, date: Date | None = None) -> PriceTable:
        """The table with ``prices`` in it, of the same date unless another is given."""
        return PriceTable({**self._prices, **prices}, date=date or self._date)

    def to_json(self) -> str:
        """The table as JSON text, which :meth:`from_json` and :meth:`read` read back equal."""
        prices = {name: _dump(price) for name, price in self._prices.items()}
        return json.dumps({"date": self._date.isoformat(), "prices": prices}, indent=1)

    @classmethod
    def from_json(cls, text: str) -> PriceTable:
        """The table in a JSON text: ``{"date": "2026-11-21", "prices": {name: price}}``.

        A price is ``{"input": "2.50", "output": "10"}`` with, where they
        differ, "cached", "cache_write", "long_above" (tokens) and "long",
        another price; amounts are texts or numbers, in dollars for a million
        tokens. Raises InvalidDataError with every problem.
        """
        try:
            document = json.loads(text, parse_float=Decimal)
        except (ValueError, RecursionError) as error:
            problem = Problem("$", "JSON", str(error)[:100], keyword="syntax")
            raise InvalidDataError("price table", [problem]) from error
        problems: list[Problem] = []
        about = document if isinstance(document, dict) else {}
        found = about.get("prices")
        if not isinstance(found, dict):
            problems.append(Problem("$.prices", "an object of prices", repr(found)[:60]))
            found = {}
        date = _date(about.get("date"), problems)
        prices = {
            name: _load(price, f"$.prices[{name!r}]", problems) for name, price in found.items()
        }
        if problems or date is None:
            raise InvalidDataError("price table", problems)
        return cls(prices, date=date)

    @classmethod
    def read(cls, path: str | PathLike[str]) -> PriceTable:
        """The table in a JSON file; raises as :meth:`from_json`, or OSError."""
        return cls.from_json(Path(path).read_text(encoding="utf-8"))


@cache
def prices() -> PriceTable:
    """Altar's own table: the current models of Gemini, Anthropic and OpenAI; see its ``date``.

    Standard service, in US dollars for a million tokens; input written to a
    cache at the price of the shortest time. The figures are those of the
    vendors' price lists, collected by genai-prices 0.2.3, on 2026-11-21.
    Prices change: ``prices().with_prices({...})``, or a table of your own in
    ``Options(prices=...)``, goes before it. Nothing is ever fetched.
    """
    table: dict[str, Price] = {}
    prefix = ""
    for line in ROWS.strip().splitlines():
        if line.endswith(":"):
            prefix = line
            continue
        names, base, *rest = line.split(" | ")
        price = _row(base.split())
        if rest:
            above, *amounts = rest[0].split()
            price = _row(base.split(), int(above), _row(amounts))
        table.update({f"{prefix}{name}": price for name in names.split()})
    return PriceTable(table, date=Date.fromisoformat(DATE))


def _row(words: Sequence[str], above: int | None = None, long: Price | None = None) -> Price:
    read, written = (None if word == "-" else Decimal(word) for word in words[2:])
    return Price(
        input=Decimal(words[0]),
        output=Decimal(words[1]),
        cached=read,
        cache_write=written,
        long_above=above,
        long=long,
    )


def price_of(
    known: Mapping[str, Price], provider: str, model: str, *, own: Price | None = None
) -> Price | None:
    """What a model costs: by ``known``, the application's; else its ``own``; else altar's table."""
    if isinstance(known, PriceTable):
        found = known.find(provider, model)
    else:
        found = _match(known, provider, model) if known else None
    if found is not None or own is not None:
        return found or own
    return prices().find(provider, model)


def _match(known: Mapping[str, Price], provider: str, model: str) -> Price | None:
    name = _PATHS.sub("", model) if "/" in model else model
    homes = [f"{provider}:", ""]
    if provider in _SAME:
        homes.insert(1, f"{_SAME[provider]}:")
    for home in homes:
        found = known.get(home + name)
        if found is not None:
            return found
        families = [
            key
            for key in known
            if key.startswith(home)
            and len(key) > len(home)
            and name.startswith(key[len(home) :])
            and _SNAPSHOT.fullmatch(name, len(key) - len(home))
        ]
        if families:
            return known[max(families, key=len)]
    return None


def _dump(price: Price) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for field in fields(price):
        value = getattr(price, field.name)
        if isinstance(value, Price):
            out[field.name] = _dump(value)
        elif value is not None:
            out[field.name] = value if isinstance(value, int) else str(value)
    return out


def _load(document: Any, path: str, problems: list[Problem]) -> Price:
    about: dict[str, Any] = document if isinstance(document, dict) else {}
    if about is not document:
        problems.append(Problem(path, "an object", repr(document)[:60], keyword="type"))
    for name in set(about) - {field.name for field in fields(Price)}:
        names = ", ".join([field.name for field in fields(Price)])
        problems.append(Problem(f"{path}.{name}", f"one of {names}", name))
    amounts = {name: _amount(about.get(name), f"{path}.{name}", problems) for name in _AMOUNTS}
    problems += [
        Problem(f"{path}.{name}", "an amount", "nothing", keyword="required")
        for name in ("input", "output")
        if name not in about and about is document
    ]
    above, long = about.get("long_above"), about.get("long")
    if (above is None) != (long is None):
        problems.append(Problem(path, "long_above and long together", "one of them"))
    if above is not None and (not isinstance(above, int) or isinstance(above, bool) or above < 0):
        expected = "a number of tokens"
        problems.append(Problem(f"{path}.long_above", expected, repr(above)[:60]))
        above = None
    return Price(
        input=amounts["input"] or Decimal(0),
        output=amounts["output"] or Decimal(0),
        cached=amounts["cached"],
        cache_write=amounts["cache_write"],
        long_above=above,
        long=None if long is None else _load(long, f"{path}.long", problems),
    )


def _amount(value: Any, path: str, problems: list[Problem]) -> Decimal | None:
    if value is None:
        return None
    try:
        amount = Decimal(value) if isinstance(value, (str, int, Decimal)) else Decimal("NaN")
    except InvalidOperation:
        amount = Decimal("NaN")
    if isinstance(value, bool) or not amount.is_finite() or amount < 0:
        problems.append(Problem(path, "an amount of 0 or more", repr(value)[:60]))
        return None
    return amount


def _date(value: Any, problems: list[Problem]) -> Date | None:
    try:
        return Date.fromisoformat(value)
    except (TypeError, ValueError):
        expected = 'a day, as "2026-11-21"'
        problems.append(Problem("$.date", expected, repr(value)[:60], keyword="format"))
        return None
