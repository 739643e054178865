"""One group of figures for one peer, in a process of its own; prints JSON.

python worker.py PEER GROUP
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parent.parent))

from benchmarks.harness._blocks import best_of, best_of_async, best_of_once, resident_kb
from benchmarks.harness._size import size_of
from benchmarks.workload import flat, many

Values = dict[str, float | None]
US = 1e6
MANY = 10_000
HELD = 4_000
TURNS = 20


def main() -> None:
    """Measure and print."""
    peer_name, group = sys.argv[1:3]
    peer = importlib.import_module(f"benchmarks.peers.{peer_name}")
    print(json.dumps(GROUPS[group](peer)))


def size(peer: Any) -> Values:
    """What is installed, and how many distributions it needs."""
    return size_of(peer.DISTRIBUTION)


def declare(peer: Any) -> Values:
    """Decoration alone, declarations, and the bytes of one."""
    from benchmarks.workload import nested

    values: Values = {}
    if hasattr(peer, "decorate"):
        blocks = [many.copies(flat.search_flights, 2_000) for _ in range(8)]
        values["decorate_us"] = best_of_once(peer.decorate, blocks) * US
    if not hasattr(peer, "declare"):
        return values
    blocks = [many.copies(flat.search_flights, 50) for _ in range(12)]
    values["declare_us"] = best_of_once(peer.declare, blocks) * US
    document = peer.document(peer.declare(flat.search_flights))
    if set(document) != {"name", "description", "parameters"}:
        raise RuntimeError(f"not a declaration: {document}")
    values["wire_bytes"] = len(json.dumps(document, separators=(",", ":")).encode())
    if "nested_us" not in getattr(peer, "SKIP", {}):
        values |= _declare_nested(peer, nested)
    return values


def _declare_nested(peer: Any, nested: Any) -> Values:
    blocks = [many.copies(nested.book, 8) for _ in range(10)]
    fresh = [[nested.make() for _ in range(8)] for _ in range(8)]
    long = _in_a_long_file(nested)
    long_blocks = [many.copies(long.book, 8) for _ in range(8)]
    return {
        "nested_us": best_of_once(peer.declare, blocks) * US,
        "nested_first_us": best_of_once(peer.declare, fresh) * US,
        "nested_long_us": best_of_once(peer.declare, long_blocks) * US,
    }


def _in_a_long_file(nested: Any) -> Any:
    """The same module with 1,600 lines of other functions above its classes."""
    source = Path(nested.__file__).read_text(encoding="utf-8")
    filler = "".join(f"def unused_{n}(value):\n    return value + {n}\n\n\n" for n in range(400))
    head, mark, rest = source.partition("@dataclass\n")
    folder = tempfile.mkdtemp(prefix="altar-bench-")
    Path(folder, "nested_long.py").write_text(head + filler + mark + rest, encoding="utf-8")
    sys.path.insert(0, folder)
    return importlib.import_module("nested_long")


def dispatch(peer: Any) -> Values:
    """One call found, checked and run; json.loads of its arguments beside it."""
    skip = getattr(peer, "SKIP", {})
    if not hasattr(peer, "dispatch"):
        return {}
    flat_case = (flat.FLAT_ARGS, flat.FLAT_TEXT, flat.FLAT_RESULT)
    values: Values = {}
    if "sync_us" not in skip:
        values |= _dispatched("sync", peer, peer.dispatch(flat.forecast), *flat_case)
    if hasattr(peer, "dispatch_async"):
        call = peer.dispatch_async(flat.forecast_async)
        values |= _dispatched("async", peer, call, *flat_case)
    if "record_us" not in skip:
        from benchmarks.workload import nested

        call = peer.dispatch(nested.place_order)
        case = (nested.NESTED_ARGS, nested.NESTED_TEXT, nested.NESTED_RESULT)
        values |= _dispatched("record", peer, call, *case)
        _check(nested.SEEN[0], nested.expected_order())
    return values


def _dispatched(
    key: str, peer: Any, call: Callable[[Any], Any], args: Any, text: str, expected: str
) -> Values:
    beside = (json.loads, text)

    async def awaited() -> list[float]:
        _check(peer.value(await call(args)), expected)
        return await best_of_async(call, args, beside)

    if key == "async" or inspect.iscoroutinefunction(call):
        own, base = asyncio.run(awaited())
    else:
        _check(peer.value(call(args)), expected)
        own, base = best_of([(call, args), beside])
    return {f"{key}_us": own * US, f"{key}_loads_us": base * US}


def _check(found: Any, expected: Any) -> None:
    if found != expected:
        raise RuntimeError(f"{expected!r} was expected, and {found!r} came")


def memory_lazy(peer: Any) -> Values:
    """Resident memory of 1,000 tools nobody has declared yet."""
    return {"lazy_mb": _held(getattr(peer, "hold_lazy", None))}


def memory_declared(peer: Any) -> Values:
    """Resident memory of 1,000 declared tools."""
    return {"declared_mb": _held(getattr(peer, "hold", None))}


def _held(hold: Callable[[list[Any]], Any] | None) -> float | None:
    if hold is None:
        return None
    warm = hold(many.functions(50, prefix="warm"))  # loads what is loaded on first use
    functions = many.functions(HELD)
    before = resident_kb()
    kept = hold(functions)
    after = resident_kb()
    del warm, kept
    return (after - before) / 1024 / (HELD / 1000)


def many_tools(peer: Any) -> Values:
    """Register, list and look up 10,000 tools."""
    if not hasattr(peer, "register"):
        return {}
    peer.register(many.functions(50, prefix="warm"))
    functions = many.functions(MANY)
    start = time.process_time()
    registry = peer.register(functions)
    values: Values = {"register_s": time.process_time() - start}
    if "register_s" in getattr(peer, "SKIP", {}):
        values = {}
    if hasattr(peer, "listing"):
        values |= asyncio.run(_listed(peer, registry))
    if hasattr(peer, "lookup"):
        find = peer.lookup(registry)
        if inspect.iscoroutinefunction(find):
            own, _ = asyncio.run(best_of_async(find, "flights_7777", (str, 1), blocks=4))
        else:
            (own,) = best_of([(find, "flights_7777")])
        values["lookup_us"] = own * US
    return values


async def _listed(peer: Any, registry: Any) -> Values:
    """The first listing, and the least of some more (one where a listing takes seconds)."""
    times: list[float] = []
    kept: list[Any] = []  # freeing a list is not part of making the next
    while len(times) < 2 or (sum(times) < 1 and len(times) < 50):
        start = time.process_time()
        made = peer.listing(registry)
        if inspect.isawaitable(made):
            made = await made
        times.append(time.process_time() - start)
        kept.append(made)
    return {"list_ms": times[0] * 1e3, "list_again_ms": min(times[1:]) * 1e3}


def loop(peer: Any) -> Values:
    """CPU per tool turn of the peer's own loop, a scripted model at the other end."""
    if not hasattr(peer, "loop"):
        return {}
    run = peer.loop(flat.lookup)
    done = run(TURNS)
    if done != TURNS:
        raise RuntimeError(f"the loop ran {done} tool calls, not {TURNS}")
    (own,) = best_of([(run, TURNS)], blocks=8, block_seconds=0.1)
    return {"turn_us": own / TURNS * US}


GROUPS: dict[str, Callable[[Any], Values]] = {
    "size": size,
    "declare": declare,
    "dispatch": dispatch,
    "memory_lazy": memory_lazy,
    "memory_declared": memory_declared,
    "many": many_tools,
    "loop": loop,
}

if __name__ == "__main__":
    main()
