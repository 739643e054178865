"""``altar check``: declare every tool of a file or module, and list every problem."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import altar
from altar.cli._target import HELP, load, named, place_of, tools_of
from altar.errors import DeclarationError
from altar.later import Registry, declare, mark_of
from altar.later._signature import read_signature

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from altar.cli._console import Console

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Say what may be typed."""
    parser.add_argument("target", metavar="FILE_OR_MODULE", help=HELP)
    parser.add_argument("--strict", action="store_true", help="count warnings as problems")


def run(arguments: argparse.Namespace, console: Console) -> int:
    """List them; 0 when there is no problem, 1 otherwise."""
    tools = tools_of(arguments.target)
    lost = _replaced(arguments.target)
    names: dict[str, Callable[..., Any]] = {}
    total = 0
    for tool in tools:
        name, function = named(tool)
        problems, noted = _examine(function)
        problems += lost.pop(name, [])
        if names.setdefault(name, function) is not function:
            problems.append(f"another tool is called {name!r} too; rename one: @tool(name=...)")
        if arguments.strict:
            problems, noted = [*problems, *noted], []
        total += len(problems)
        _show(console, name, problems, noted=noted)
    found = console.style(_count(total, "problem"), "red" if total else "green")
    console.print(f"{_count(len(tools), 'tool')}, {found}")
    return 1 if total else 0


def _replaced(target: str) -> dict[str, list[str]]:
    """For each tool that its file defines more than once: the definitions that are lost."""
    module = load(place_of(target))
    own = [thing for thing in vars(module).values() if isinstance(thing, Registry)]
    found: dict[str, list[str]] = {}
    for registry in dict.fromkeys([altar.registry, *own]):
        for one in registry.replaced():
            if one.file == module.__file__:
                found.setdefault(one.name, []).append(
                    f"the one defined on line {one.line} is lost: line {one.by_line} defines "
                    "it again; rename one of the functions"
                )
    return found


def _examine(tool: Callable[..., Any]) -> tuple[list[str], list[str]]:
    """The problems and the warnings of one tool."""
    noted: list[str] = []
    try:
        noted += read_signature(tool, mark=mark_of(tool)).warnings
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they are listed below
            declare(tool)
    except DeclarationError as error:
        problems = [one for one in error.problems if one not in noted]
        return problems or [str(error)], noted
    return [], noted


def _show(console: Console, name: str, problems: list[str], *, noted: list[str]) -> None:
    mark = console.style("✗", "red") if problems else console.style("✓", "green")
    console.print(f"{mark} {console.style(name, 'bold')}")
    for problem in problems:
        console.print(f"    {problem}")
    for warning in noted:
        console.print(f"    {console.style('warning', 'yellow')}: {warning}")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number or 'no'} {noun}s"
