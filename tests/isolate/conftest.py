"""Pools that the tests of a module share, and short ways to ask them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from altar.adm import FunctionCall, ToolResult
from altar.isolate import ProcessPool, Target
from altar.runtime import CallContext

ROOT = str(Path(__file__).parents[2])
HERE = "tests.isolate.tools_here"


class RudePool(ProcessPool):
    _program = ("tests.isolate.rude_worker", ROOT)


def target(name: str, **options) -> Target:
    return Target(f"{HERE}:{name}", **options)


def ask(pool: ProcessPool, name: str, args: dict | None = None, **options) -> ToolResult:
    """One call; ``options`` are those of Target, and ``ctx``."""
    ctx = options.pop("ctx", None) or CallContext()
    return pool.invoke(FunctionCall(name=name, args=args), ctx, target=target(name, **options))


async def aask(pool: ProcessPool, name: str, args: dict | None = None, **options) -> ToolResult:
    ctx = options.pop("ctx", None) or CallContext()
    call = FunctionCall(name=name, args=args)
    return await pool.ainvoke(call, ctx, target=target(name, **options))


def settled(pool: ProcessPool) -> bool:
    """Whether it has all the workers it wants, and starts none."""
    roster = pool._crew.roster
    return not (any(roster.missing()) or roster.starting)


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPool]:
    with ProcessPool(size=2) as made:
        ask(made, "add", {"a": 1})  # a pool without a call has no workers yet: no test is its first
        yield made
