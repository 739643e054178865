"""Which scenarios there are, the grid that each needs, and its line of the table."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple

from altar_extras.grid.transport import GridTransportError
from tests.grid.chaos import members, peers, servers
from tests.grid.chaos.ledger import Ledger, Row
from tests.grid.chaos.world import World


class Scenario(NamedTuple):
    """``bar`` is the longest outage in seconds; ``knows`` whether no answer may be "unknown"."""

    play: Callable[..., Awaitable[None]]
    nodes: int = 1
    hosts: int = 1
    bar: float | None = None
    knows: bool = True
    how: dict = {}


# a peer that says once that it is there, and has no heart that beats
_FROM_ONE_WORD = {"settings": {"heartbeat": 60.0}}

SCENARIOS: dict[str, Scenario] = {
    "server_restart": Scenario(servers.server_restart),
    "client_node_killed": Scenario(servers.client_node_killed, nodes=3, hosts=2, bar=0.1),
    "runtime_node_killed": Scenario(servers.runtime_node_killed, nodes=3, hosts=2, bar=0.1),
    "half_open": Scenario(servers.half_open, nodes=3, hosts=2, bar=2.5),
    "half_open_runtime": Scenario(servers.half_open_runtime, nodes=3, hosts=2, bar=2.5),
    "partition": Scenario(servers.partition),
    "partition_runtime": Scenario(servers.partition_runtime, bar=2.5),
    "runtime_killed": Scenario(members.runtime_killed),
    "runtime_first": Scenario(members.runtime_first, hosts=0),
    "runtime_drained": Scenario(members.runtime_drained),
    "every_role_killed": Scenario(members.every_role_killed),
    "host_killed": Scenario(members.host_killed, hosts=2),
    "host_silent": Scenario(members.host_silent, hosts=2),
    "poison": Scenario(members.poison),
    "clock_skew": Scenario(members.clock_skew),
    "cancelled": Scenario(members.cancelled),
    "full_disk": Scenario(members.full_disk),
    "slow_reader": Scenario(peers.slow_reader),
    "hostile_runtime": Scenario(peers.hostile_runtime, how=_FROM_ONE_WORD),
    "level_one": Scenario(peers.level_one, how=_FROM_ONE_WORD),
    "frames": Scenario(peers.frames),
    "storm": Scenario(peers.storm),
    "abandoned": Scenario(peers.abandoned),
    "rolling_restart": Scenario(servers.rolling_restart, nodes=3, hosts=2),
}


@asynccontextmanager
async def _silence() -> AsyncIterator[None]:
    """Faults are the point: no log of them, while they are played."""
    logger = logging.getLogger("altar")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


async def run_one(name: str, seconds: float, *, short: bool = False) -> Row:
    """Play one scenario on a grid of its own."""
    scenario = SCENARIOS[name]
    async with _silence(), World.open(scenario.nodes, scenario.hosts, **scenario.how) as world:
        world.short = short
        ledger = Ledger(world.marks, timeout=30.0 if short else 6.0)
        began = time.monotonic()
        try:
            await scenario.play(world, ledger, seconds)
        except (GridTransportError, OSError, TimeoutError, RuntimeError) as error:
            ledger.say(f"the scenario did not come to its end: {type(error).__name__}: {error}")
        ledger.killed |= {one.pid for one in world.members if one.was_killed}
        row = ledger.account()
        row.scenario, row.seconds = name, time.monotonic() - began
        if scenario.knows and row.knowable:
            row.broken.append(f"{row.knowable} answers are unknown that could be known")
        row.bar = scenario.bar
        if scenario.bar is not None:
            over = ", and the outage was longer" if row.is_over else ""
            row.notes.append(f"the bar for the outage is {scenario.bar * 1000:.0f} ms{over}")
        if not row.recovered:
            row.broken.append("no call succeeded after the fault")
        return row


def table(rows: list[Row], *, head: bool = True) -> str:
    """The lines of the table, and what failed how."""
    lines = [Row.HEAD] if head else []
    for row in rows:
        lines.append(row.line())
        lines += [f"    {number:>5}  {what}" for what, number in row.failures.most_common(8)]
        lines += [f"           {note}" for note in row.notes]
    return "\n".join(lines)
