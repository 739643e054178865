"""One definition, every framework: equal schemas, results and refusals, out and back again.

Each test asks one adapter about every tool and tells all differences at once:
the case, what altar says, what came through the adapter.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

import altar
from tests.adapters.cases import CASES, Case
from tests.adapters.seats import Absent, Outcome, all_seats
from tests.adapters.tools import DEPS

SEATS = all_seats()
SAID_AGAIN = ("details", "retry_after_ms")


@dataclass
class Taken:
    """One seat with the tools exported through it."""

    seat: Any
    session: altar.Session
    exported: Any
    back: altar.Session | None = None

    @property
    def returned(self) -> altar.Session:
        """A session of what ``import_tools`` made of the exported tools."""
        if self.back is None:
            self.back = altar.Session(self.seat.back(self.exported), deps=DEPS)
        return self.back


@pytest.fixture(scope="module", params=SEATS, ids=lambda seat: seat.name)
def taken(request, tools_session) -> Iterator[Taken]:
    seat = request.param
    if isinstance(seat, Absent):
        (pytest.skip if seat.skips else pytest.fail)(f"the seat {seat.name}: {seat.reason}")
    try:
        found = Taken(seat, tools_session, seat.export(tools_session))
        yield found
        if found.back is not None:
            found.back.close()
    finally:
        seat.close()


# -- what is compared --------------------------------------------------------------------


def report(taken: Taken, kind: str, differences: dict[str, str]) -> None:
    """Fail with each difference the seat does not declare, and each it declares in vain."""
    lead = f"{kind}:" if kind else ""
    short = {key for key in taken.seat.falls_short if key.rpartition(":")[0] == kind}
    met, left = set(), []
    for one, said in differences.items():
        declared = short & {f"{lead}{one}", f"{lead}{one.partition('-')[0]}"}
        met |= declared
        if not declared:
            left.append(f"{taken.seat.name}, {lead}{one}: {said}")
    left += [
        f"{taken.seat.name}: falls_short names {key!r}, and nothing differs there"
        for key in sorted(short - met)
    ]
    assert not left, "\n" + "\n".join(left)


def differing(expected: Any, got: Any) -> str:
    """Both sides; of two objects only what differs."""
    if isinstance(expected, dict) and isinstance(got, dict):
        keys = sorted({*expected, *got}, key=str)
        parts = [
            f"{key}: {differing(expected.get(key, '(nothing)'), got.get(key, '(nothing)'))}"
            for key in keys
            if not same(expected.get(key, "(nothing)"), got.get(key, "(nothing)"))
        ]
        return "{" + "; ".join(parts) + "}"
    return f"altar has {shown(expected)}, here it is {shown(got)}"


def shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=repr)[:400]


def same(expected: Any, got: Any) -> bool:
    """Equal as JSON: True is not 1; but 2.0 is 2, which many a wire makes of it."""
    if isinstance(expected, bool) or isinstance(got, bool):
        return expected is got
    if isinstance(expected, dict) and isinstance(got, dict):
        return expected.keys() == got.keys() and all(same(expected[key], got[key]) for key in got)
    if isinstance(expected, list) and isinstance(got, list):
        return len(expected) == len(got) and all(map(same, expected, got))
    return bool(expected == got)


def attempt(call: Callable[..., Any], *args: Any) -> Any:
    """What the call gives, or what it raised, which no call of a model may."""
    try:
        return call(*args)
    except Exception as error:  # noqa: BLE001 - told as a difference
        return f"{type(error).__name__} was raised: {error}"


# -- out ---------------------------------------------------------------------------------


def test_every_tool_has_altars_own_schema_in_the_framework(taken: Taken):
    declared = {one.name: one for one in taken.session.declarations()}
    schemas = taken.seat.schemas(taken.exported)
    assert set(schemas) == set(declared), taken.seat.name
    expected = {name: one.to_dict("json-schema")["parameters"] for name, one in declared.items()}
    report(
        taken,
        "schema",
        {
            name: differing(schema, schemas[name])
            for name, schema in expected.items()
            if not same(schema, schemas[name])
        },
    )


def test_every_tool_has_altars_own_description_in_the_framework(taken: Taken):
    said = taken.seat.descriptions(taken.exported)
    if said is None:
        pytest.skip(f"{taken.seat.name} cannot be asked what it says of a tool")
    expected = {one.name: one.description for one in taken.session.declarations()}
    report(
        taken,
        "description",
        {
            name: differing(text, said.get(name))
            for name, text in expected.items()
            if said.get(name) != text
        },
    )


def test_every_call_through_the_framework_answers_as_altar_does(taken: Taken):
    found = {}
    for case in CASES:
        expected = Outcome.of(taken.session.execute(case.tool, case.args))
        got = attempt(taken.seat.call, taken.exported, case.tool, case.args)
        said = unlike(expected, got)
        if said:
            found[case.id] = said
    report(taken, "", found)


def unlike(expected: Outcome, got: Any) -> str:
    """How the outcomes differ; an empty text where they do not."""
    if not isinstance(got, Outcome):
        return f"altar has {shown(told(expected))}, here {got}"
    if expected.ok and got.ok:
        equal = same(expected.content, got.content)
        return "" if equal else differing(expected.content, got.content)
    first, second = told(expected), told(got)
    return "" if first == second else differing(first, second)


def told(outcome: Outcome) -> dict[str, Any]:
    if outcome.ok:
        return {"content": outcome.content}
    return {"type": outcome.error_type, "message": outcome.error_message}


# -- and back ----------------------------------------------------------------------------


def test_every_tool_that_comes_back_is_declared_as_it_was(taken: Taken):
    found = {one.name: one for one in taken.returned.declarations()}
    declared = {one.name: one for one in taken.session.declarations()}
    assert set(found) == set(declared), taken.seat.name
    differences = {}
    for name, one in declared.items():
        first, second = (
            {key: it.to_dict("json-schema")[key] for key in ("description", "parameters")}
            for it in (one, found[name])
        )
        if not same(first, second):
            differences[name] = differing(first, second)
    report(taken, "back-schema", differences)


def test_every_call_of_what_came_back_answers_as_altar_does(taken: Taken):
    """Where a schema alone refuses, the words are its own; the type and the paths are equal."""
    found = {}
    for case in CASES:
        expected = taken.session.execute(case.tool, case.args)
        got = attempt(taken.returned.execute, case.tool, case.args)
        said = unlike_back(case, expected, got)
        if said:
            found[case.id] = said
    report(taken, "back", found)


def unlike_back(case: Case, expected: altar.ToolResult, got: Any) -> str:
    if isinstance(got, str):
        return f"altar has {shown(told(Outcome.of(expected)))}, here {got}"
    if expected.ok or got.ok:
        return unlike(Outcome.of(expected), Outcome.of(got))
    first, second = expected.error.to_dict(), got.error.to_dict()
    if first["type"] != second["type"]:
        return differing(first, second)
    if case.at and first["message"] != second["message"]:
        return unlike_paths(first, second)
    first, second = (
        {key: it.get(key) for key in ("message", *SAID_AGAIN)} for it in (first, second)
    )
    return "" if first == second else differing(first, second)


def unlike_paths(first: dict[str, Any], second: dict[str, Any]) -> str:
    wanted, named = (
        {problem["path"] for problem in (it.get("details") or {}).get("problems", ())}
        for it in (first, second)
    )
    if wanted == named:
        return ""
    return f"altar refuses {sorted(wanted)}, here it is {sorted(named)}: {second['message']}"
