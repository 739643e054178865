"""Arguments for the thirty tools: good ones, ones that need a coercion, and bad ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.adapters.tools import TOOLS

__all__ = ["BAD", "CASES", "GOOD", "Case"]

UUID_1 = "00000000-0000-4000-8000-000000000001"
INVALID = "PARAMETER_VALIDATION_FAILED"


@dataclass(frozen=True)
class Case:
    """One call. ``error`` is the type it fails with, or None; ``coerces`` needs a coercion first."""

    tool: str
    label: str
    args: dict[str, Any]
    error: str | None = None
    coerces: bool = False
    at: tuple[str, ...] = ()  # JSON paths that a refusal names

    @property
    def id(self) -> str:
        return f"{self.tool}-{self.label}"


def good(tool: str, label: str = "plain", /, **args: Any) -> Case:
    return Case(tool, label, args)


def lax(tool: str, label: str, /, **args: Any) -> Case:
    return Case(tool, label, args, coerces=True)


def bad(tool: str, label: str, at: str | tuple[str, ...], /, **args: Any) -> Case:
    return Case(tool, label, args, INVALID, at=(at,) if isinstance(at, str) else at)


def fails(tool: str, label: str, error: str, /, **args: Any) -> Case:
    return Case(tool, label, args, error)


_tree = {"label": "a", "children": [{"label": "b", "children": [{"label": "c"}]}]}
_order = {"customer": "Ada", "items": [{"fruit": "pear", "crates": 2}, {"fruit": "fig"}]}
_stay = {"from": "2026-12-24", "nights": 2, "guests": [{"name": "Ada", "age": 36}]}

_ALL: list[Case] = [
    good("add", a=1, b=2),
    good("add", "large", a=2**53 + 1, b=-(2**40)),
    lax("add", "texts", a="42", b=3.0),
    bad("add", "missing", "$.b", a=1),
    bad("add", "unknown", "$.c", a=1, b=2, c=3),
    bad("add", "misspelt", ("$.b", "$.bb"), a=1, bb=2),
    bad("add", "wrong_type", ("$.a", "$.b"), a="one", b=[2]),
    bad("add", "bool", "$.a", a=True, b=1),
    bad("add", "null", "$.a", a=None, b=1),
    good("greet", name="Ada", title="Dr", excited=True),
    good("greet", "defaults", name='O"Neil\n'),
    good("greet", "null", name="Ada", title=None),
    lax("greet", "text_bool", name="Ada", excited="true"),
    bad("greet", "wrong_type", "$.name", name=5),
    good("nothing"),
    bad("nothing", "unknown", "$.x", x=1),
    good("either", key=1, other=[1, 2]),
    good("either", "text", key="1"),
    good("either", "null", key=None, other=2),
    bad("either", "neither", "$.key", key={"a": 1}),
    good("paint", color="red", tone="dark"),
    good("paint", "number", color="green", tone=3),
    lax("paint", "case", color="RED"),
    bad("paint", "no_such", "$.color", color="blue"),
    bad("paint", "no_literal", "$.tone", color="red", tone="pale"),
    good("rate", stars=5, score=10, note="so good"),
    lax("rate", "text", stars=1, score="7"),
    bad("rate", "bounds", ("$.score", "$.note"), stars=1, score=11, note="SHOUTED, LOUDLY"),
    bad("rate", "enum", "$.stars", stars=2, score=1),
    good("total", numbers=[1, 2, 3]),
    good("total", "empty", numbers=[]),
    lax("total", "json_text", numbers="[1, 2]"),
    lax("total", "inner", numbers=["1", 2.0]),
    bad("total", "inner", "$.numbers[1]", numbers=[1, "x"]),
    bad("total", "scalar", "$.numbers", numbers=5),
    good("unique", words=["b", "a"], most=1),
    bad("unique", "inner", "$.words[0]", words=[1]),
    good("swap", pair=[1, "a"]),
    bad("swap", "short", "$.pair", pair=[1]),
    bad("swap", "inner", "$.pair[1]", pair=[1, 2]),
    good("tally", stock={"pear": 2, "fig": 3}, extra={"red": [0.5, 1]}),
    good("tally", "empty", stock={}),
    lax("tally", "inner", stock={"pear": "2"}),
    bad("tally", "inner", "$.stock.pear", stock={"pear": "many"}),
    good("profile", user={"name": "Ada", "tags": ["x"]}),
    bad("profile", "missing", "$.user.name", user={"email": "a@b.c"}),
    bad("profile", "inner", "$.user.tags[0]", user={"name": "Ada", "tags": [None]}),
    good("place_order", order=_order, urgent=True),
    lax(
        "place_order",
        "inner",
        order={"customer": "Ada", "items": [{"fruit": "fig", "crates": "3"}]},
    ),
    lax("place_order", "json_text", order='{"customer": "Ada", "items": []}'),
    bad("place_order", "missing", "$.order.items", order={"customer": "Ada"}),
    bad(
        "place_order",
        "deep",
        ("$.order.items[0].fruit", "$.order.items[1].crates"),
        order={"customer": "Ada", "items": [{"crates": 1}, {"fruit": "fig", "crates": "many"}]},
    ),
    good("locate", point=[1, 2.5]),
    bad("locate", "inner", "$.point[0]", point=["west", 1, "x"]),
    good(
        "schedule", at="2026-12-24T08:00:00+01:00", day="2027-01-01", hour="09:15:00", long="PT2H"
    ),
    good("schedule", "defaults", at="2026-12-24T08:00:00"),
    bad("schedule", "no_date", ("$.at", "$.day"), at="tomorrow", day="2026-02-30"),
    good("lookup_by_uuid", id=UUID_1),
    bad("lookup_by_uuid", "no_uuid", "$.id", id="not-an-id"),
    good("price", amount="10.10", rate="0.07"),
    bad("price", "no_number", "$.amount", amount="ten"),
    good("store_under_path", data="aGVsbG8=", path="a/b"),
    bad("store_under_path", "no_base64", "$.data", data="?!"),
    good("area", shape={"kind": "circle", "radius": 2}),
    good("area", "other", shape={"kind": "square", "side": 1.5}),
    bad("area", "no_such", "$.shape.kind", shape={"kind": "blob", "side": 1}),
    bad("area", "inner", "$.shape.side", shape={"kind": "square", "side": "wide"}),
    good("depth", tree=_tree),
    bad(
        "depth", "deep", "$.tree.children[0].label", tree={"label": "a", "children": [{"label": 5}]}
    ),
    good("join", sep="-", parts=["a", "b"], x=1, y=2),
    good("join", "none", sep="-"),
    bad("join", "inner", ("$.parts[0]", "$.x"), sep="-", parts=[1], x="one"),
    good("power", base=3),
    good("power", "infinite", base=1e300, exponent=4),
    bad("power", "missing", "$.base", exponent=2),
    good("fetch", page=7),
    fails("fetch", "tool_error", "RESOURCE_NOT_FOUND", page=7, fail=True),
    bad("fetch", "wrong_type", "$.page", page="last"),
    good("countdown", start=3),
    bad("countdown", "missing", "$.start"),
    good("trickle", words=["a", "b"]),
    bad("trickle", "inner", "$.words[0]", words=[0]),
    good("whoami", polite=True),
    bad("whoami", "context", "$.ctx", ctx={}),
    good("reserve", seat="1a"),
    fails("reserve", "tool_error", "BUSINESS_RULE_VIOLATION", seat="9c"),
    fails("broken", "exception", "TOOL_EXECUTION_FAILED"),
    fails("erase_for_good", "approval", "APPROVAL_REQUIRED", path="a.txt"),
    bad("erase_for_good", "missing", "$.path"),
    good("odd", schema="s", args=[1], model_config={"a": [None, 1.5]}, name="x", config={"k": 1}),
    bad("odd", "missing", ("$.schema", "$.args"), name="x"),
    good("book", stay=_stay, room="red"),
    good("book", "defaults", stay={"from": "2026-12-24"}),
    lax("book", "inner", stay={"from": "2026-12-24", "nights": "3"}),
    bad("book", "alias", "$.stay.from", stay={"nights": 2}),
    bad("book", "bounds", "$.stay.nights", stay={"from": "2026-12-24", "nights": 31}),
    bad(
        "book", "deep", "$.stay.guests[0].age", stay={**_stay, "guests": [{"name": "A", "age": -1}]}
    ),
    bad("book", "validator", "$.stay.nights", stay={"from": "2026-12-24", "nights": 13}),
]
_here = {fn.__name__ for fn in TOOLS}

CASES = [case for case in _ALL if case.tool in _here]
GOOD = [case for case in CASES if case.error is None]
BAD = [case for case in CASES if case.error is not None]
