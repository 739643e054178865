"""Imports run downhill, without a cycle, and the core stays alone."""

from __future__ import annotations

import sys

import pytest

from tests.gates._source import Import, imports, modules

# Reading order, import order and running order agree: a floor imports only floors below it,
# or its own without a cycle. Those kept APART meet over the nouns of altar.adm.
FLOORS = {
    "altar.errors": 0,
    "altar._lazy": 0,
    "altar._secrets": 0,
    "altar.adm": 1,
    "altar.repair": 1,
    "altar.config": 2,
    "altar.isolate": 2,
    "altar.live": 2,
    "altar.plugins": 2,
    "altar.resilience": 2,
    "altar.runtime": 2,
    "altar.trace": 2,
    "altar.later": 3,
    "altar.llm": 3,
    "altar.agent": 4,
    "altar.bridge": 4,
    "altar.mcp": 4,
    "altar.viewer": 5,
    "altar": 6,
    "altar.__main__": 6,
    "altar.cli": 6,
    "altar.testing": 6,
}
APART = {frozenset({"altar.adm", "altar.repair"}), frozenset({"altar.later", "altar.llm"})}

# GRID's own house: roles never import each other, they meet over the wire.
GRID_FLOORS = {
    "wire": 0,
    "security": 1,
    "server": 1,
    "transport": 1,
    "audit": 2,
    "operate": 2,
    "client": 3,
    "host": 3,
    "runtime": 3,
    "node": 4,
    "testing": 4,
    "cli": 5,
}
ROLES = {"client", "host", "runtime"}

LATER_STANDARD = {"annotationlib", "compression"}  # new in Python 3.14

CORE = modules("altar")
EXTRAS = modules("altar_extras")
CORE_IMPORTS = [found for module in CORE.values() for found in imports(module, CORE)]
INNER = [found for found in CORE_IMPORTS if found.target.split(".")[0] == "altar"]


def part_of(name: str) -> str:
    """The entry of FLOORS a module belongs to."""
    return "altar" if name == "altar" else ".".join(name.split(".")[:2])


def test_every_module_has_its_floor():
    assert {part_of(name) for name in CORE} <= set(FLOORS), "give the new part a floor in FLOORS"


@pytest.mark.parametrize("name", sorted(CORE))
def test_imports_run_downhill(name: str):
    uphill = [
        f"{found.where} imports {found.target}"
        for found in INNER
        if found.source == name and FLOORS[part_of(found.target)] > FLOORS[part_of(name)]
    ]
    assert not uphill


def test_parts_kept_apart_never_import_each_other():
    crossed = [
        f"{found.where} imports {found.target}"
        for found in INNER
        if frozenset({part_of(found.source), part_of(found.target)}) in APART
    ]
    assert not crossed


def test_no_modules_import_each_other_in_a_cycle():
    assert cycles(INNER) == []


def test_the_core_never_imports_its_extras():
    assert not [found for found in CORE_IMPORTS if found.target.startswith("altar_extras")]


def test_the_core_imports_only_the_standard_library():
    foreign = [
        f"{found.where} imports {found.target}"
        for found in CORE_IMPORTS
        if found.target.split(".")[0] not in {*sys.stdlib_module_names, *LATER_STANDARD, "altar"}
    ]
    assert not foreign


def test_extras_import_only_public_paths_of_the_core():
    private = [
        f"{found.where} imports {found.target}"
        for module in EXTRAS.values()
        for found in imports(module, CORE)
        if found.target.startswith("altar.") and "._" in found.target
    ]
    assert not private


GRID = "altar_extras.grid."
GRID_IMPORTS = [
    found
    for module in EXTRAS.values()
    for found in imports(module, EXTRAS)
    if found.source.startswith(GRID) and found.target.startswith(GRID)
]


def room_of(name: str) -> str:
    """The package of GRID that a module belongs to."""
    return name.removeprefix(GRID).split(".")[0]


def test_grids_rooms_import_downhill_and_its_roles_not_each_other():
    uphill = [
        f"{found.where} imports {found.target}"
        for found in GRID_IMPORTS
        if (here := room_of(found.source)) != (there := room_of(found.target))
        and (GRID_FLOORS[there] > GRID_FLOORS[here] or {here, there} <= ROLES)
    ]
    assert not uphill


def test_grids_rooms_show_their_names_and_keep_their_files():
    private = [
        f"{found.where} imports {found.target}"
        for found in GRID_IMPORTS
        if room_of(found.source) != room_of(found.target) and "._" in found.target
    ]
    assert not private


def test_grids_modules_never_import_each_other_in_a_cycle():
    assert cycles(GRID_IMPORTS) == []


def test_the_gate_sees_a_cycle():
    """A gate that cannot fail is none: a made-up cycle is found, with every module in it."""
    made_up = [
        Import("a", "b", ""),
        Import("b", "c", ""),
        Import("c", "a", ""),
        Import("c", "d", ""),
    ]
    assert cycles(made_up) == [["a", "b", "c"]]


def cycles(found: list[Import]) -> list[list[str]]:
    """The sets of modules that reach each other, each sorted."""
    graph: dict[str, set[str]] = {}
    for one in found:
        if one.source != one.target:
            graph.setdefault(one.source, set()).add(one.target)
            graph.setdefault(one.target, set())
    reach = {name: _reachable(graph, name) for name in graph}
    groups = {
        tuple(sorted(other for other in reach[name] if name in reach[other]))
        for name in graph
        if name in reach[name]
    }
    return sorted(map(list, groups))


def _reachable(graph: dict[str, set[str]], start: str) -> set[str]:
    seen: set[str] = set()
    todo = list(graph[start])
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += graph[name]
    return seen
