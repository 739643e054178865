"""The catalogue of tools: words find them, rare words better, and ten thousand are no burden."""

from __future__ import annotations

from enum import Enum

import pytest
from hypothesis import given
from hypothesis import strategies as st

import altar
from altar.adm import FunctionDeclaration
from altar.llm._ranking import Catalogue, words_of


class Unit(Enum):
    KELVIN = "kelvin"
    RANKINE = "rankine"


def tool(name: str, description: str, **parameters: str) -> FunctionDeclaration:
    properties = {key: {"type": "STRING", "description": text} for key, text in parameters.items()}
    document = {
        "name": name,
        "description": description,
        "parameters": {"type": "OBJECT", "properties": properties},
    }
    return FunctionDeclaration.from_dict(document)


SHOP = [
    tool("create_invoice", "Create an invoice for a customer.", customer="Who pays."),
    tool("list_invoices", "List the invoices of a customer.", customer="Who pays."),
    tool("cancelOrder", "Stop an order before it is shipped.", order="Number of the order."),
    tool("get_weather", "Current weather for a city.", city="Name of the city."),
    tool("HTTPProbe", "Ask a server whether it is up.", address="Where it is."),
]


def best(query: str, tools=SHOP) -> str | None:
    found = Catalogue(tools).search(query, 1)
    return found[0][0] if found else None


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("create an invoice", "create_invoice"),
        ("creating invoices", "create_invoice"),
        ("listing of what we invoiced", "list_invoices"),
        ("please cancel the orders", "cancelOrder"),
        ("cancelled", "cancelOrder"),
        ("weather in the cities", "get_weather"),
        ("http", "HTTPProbe"),
        ("probing a server's address", "HTTPProbe"),
        ("sing me a song", None),
        ("the of and", None),
        ("", None),
    ],
)
def test_words_in_any_form_find_the_tool(query, name):
    assert best(query) == name


def test_a_rare_word_outweighs_a_common_one():
    tools = [tool(f"get_{n}", "Get a thing.") for n in range(9)] + [tool("zebra", "Fetch a zebra.")]
    assert best("get zebra", tools) == "zebra"


def test_a_word_of_the_name_outweighs_one_of_the_description():
    about = tool("news", "News, also about the weather.")
    assert best("weather", [about, tool("weather", "The forecast and other news.")]) == "weather"


def test_choices_of_a_parameter_are_words_of_the_tool():
    def measure(unit: Unit | None = None) -> float:
        """Measure heat."""
        return 0.0

    assert best("in kelvin", [*SHOP, altar.declare(measure)]) == "measure"


def test_words_of_other_scripts_count_too():
    assert best("какая погода?", [*SHOP, tool("pogoda", "Текущая погода.")]) == "pogoda"


def test_numbers_are_matched_whole():
    tools = [tool("row_471", "A row."), tool("row_4711", "A row.")]
    assert best("4711", tools) == "row_4711"


def test_equals_come_in_a_fixed_order_the_shorter_and_then_the_first():
    tools = [
        tool("a_one", "Bake bread with much butter."),
        tool("a_two", "Bake bread."),
        tool("a_six", "Bake bread."),
    ]
    assert [name for name, _ in Catalogue(tools).search("bake bread")] == [
        "a_two",
        "a_six",
        "a_one",
    ]


def test_no_more_than_the_limit_are_found_and_scores_fall():
    found = Catalogue([tool(f"get_{n}", "Get a user." if n % 3 else "Get it.") for n in range(40)])
    scores = [score for _, score in found.search("get the user", 7)]
    assert len(scores) == 7
    assert scores == sorted(scores, reverse=True)
    assert min(scores) > 0


def test_an_empty_catalogue_finds_nothing():
    assert Catalogue([]).search("anything") == []


def test_a_search_reads_the_tools_that_share_a_word_and_no_others():
    """What a search looks at is the postings of its words: counted, not timed."""
    catalogue = Catalogue([tool(f"thing_{n}", "Do one thing.") for n in range(10_000)])
    looked_up: list[str] = []

    class Watched(dict):
        def get(self, key, default=None):
            looked_up.append(key)
            return super().get(key, default)

        def __iter__(self):
            raise AssertionError("the index was gone through")

        items = values = keys = __iter__

    catalogue._users = Watched(catalogue._users)
    assert catalogue.search("the number 4711") == [("thing_4711", pytest.approx(18.4, abs=0.1))]
    assert sorted(looked_up) == sorted(words_of("number 4711"))


@given(st.text(max_size=40), st.integers(0, 6))
def test_any_text_is_a_query(query, limit):
    found = Catalogue(SHOP).search(query, limit)
    assert len(found) <= limit
    assert found == Catalogue(SHOP).search(query, limit)
    assert {name for name, _ in found} <= {one.name for one in SHOP}
