"""What a repair costs, beside its peers: ratios to json.loads, growth, hostile inputs, streams.

    python -m benchmarks.repair.speed                        everything, into docs/benchmarks.md
    python -m benchmarks.repair.speed --peers altar --quick  altar alone, printed, in seconds
    python -m benchmarks.repair.speed --only growth --shape quotes --peers altar --quick
    python -m benchmarks.repair.speed --from results.json    the tables again, from a saved run

Parts: ratio, growth, hostile, stream, quality. A run asserts nothing.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.repair._report import plain
from benchmarks.repair._tables import document as tables
from benchmarks.repair._workers import NPM, NodeWorker, Worker, command_of, version_of
from benchmarks.repair.documents import DAMAGES, SIZES
from benchmarks.repair.peers import PEERS
from benchmarks.repair.shapes import HOSTILE, SHAPES

ROOT = Path(__file__).resolve().parents[2]
START, END = "<!-- bench:repair:start -->", "<!-- bench:repair:end -->"
PARTS = ("ratio", "growth", "hostile", "stream", "quality")
KB = 1024
GROWTH: tuple[int, ...] = (8 * KB, 16 * KB, 32 * KB, 64 * KB, 128 * KB, 256 * KB)
STREAMS = {"valid": "valid", "broken": "trailing commas"}
STREAM_SIZES = (4 * KB, 8 * KB, 16 * KB, 32 * KB, 64 * KB, 256 * KB)
STREAM_PEER_SIZES = STREAM_SIZES[:-1]
QUALITY = ("corpus", "cases", "mutations")

Values = dict[str, Any]
Ask = Callable[[Values], list[Values]]


def main() -> int:
    """Measure, and write or print the tables."""
    options = _options()
    if options.source:
        run = json.loads(Path(options.source).read_text(encoding="utf-8"))
    else:
        run = _measure(options)
        options.envs.mkdir(parents=True, exist_ok=True)
        saved = options.envs / ("repair-quick.json" if options.quick else "repair.json")
        saved.write_text(json.dumps(run, indent=1), encoding="utf-8")
        _say(f"saved {saved}; {run['seconds']:.0f} s")
    if options.quick:
        print(plain(run))
    elif options.print:
        print(tables(run))
    else:
        _write(options.out, tables(run))
    return 0


def _write(path: Path, body: str) -> None:
    text = path.read_text(encoding="utf-8")
    head, start, rest = text.partition(START)
    _, end, tail = rest.partition(END)
    if not start or not end:
        raise SystemExit(f"{path} needs the two lines {START} and {END}, in this order")
    path.write_text(f"{head}{START}\n\n{body}\n{END}{tail}", encoding="utf-8")
    _say(f"written {path}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.repair.speed")
    default = ROOT / ".nox" / "tmp" / "bench-envs"
    add = parser.add_argument
    add("--envs", type=Path, default=default, help="where the peers' environments live")
    add("--peers", default=",".join(PEERS), help="comma-separated")
    add("--only", default=",".join(PARTS), help="comma-separated parts")
    add("--shape", default="", help="only what has this in its name")
    add("--size", default="", help=f"only this size of the ratios: {', '.join(SIZES)}")
    add("--quick", action="store_true", help="fewer and shorter figures, printed plainly")
    add("--limit", type=float, default=10.0, help="seconds a figure may take")
    add("--fresh", action="store_true", help="ask the indexes for newer versions")
    add("--out", type=Path, default=ROOT / "docs" / "benchmarks.md")
    add("--print", action="store_true", help="print the tables, write no document")
    add("--from", dest="source", help="a saved repair.json")
    return parser.parse_args()


def _measure(options: argparse.Namespace) -> Values:
    started = time.monotonic()
    options.limit = min(options.limit, 4.0) if options.quick else options.limit
    peers: dict[str, Values] = {}
    workers: dict[str, Worker] = {}
    for name in options.peers.split(","):
        command = command_of(name, folder=options.envs, fresh=options.fresh)
        if command is None:
            _say(f"{name} is left out: node or npm is missing")
            continue
        kind = NodeWorker if name == NPM else Worker
        workers[name] = kind(command, limit=options.limit)
        peers[name] = {"version": version_of(name, folder=options.envs)}
    try:
        for part in options.only.split(","):
            for name, worker in workers.items():
                _say(f"{time.monotonic() - started:5.0f} s  {part} of {name}")
                peers[name][part] = _MEASURES[part](worker, name, options)
    finally:
        for worker in workers.values():
            worker.close()
    return {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "machine": _machine(),
        "limit": options.limit,
        "seconds": time.monotonic() - started,
        "peers": peers,
    }


def _ratio(worker: Worker, name: str, options: argparse.Namespace) -> Values:
    """Damage and size -> seconds and, in the same process, those of json.loads."""
    found: Values = {}
    for label, size in SIZES.items():
        if options.size not in label or (options.quick and label == "100 KB"):
            continue
        for damage in DAMAGES:
            large_only = name == "altar_log" or damage.endswith("indented")
            if options.shape not in damage or (large_only and label != "1 MB"):
                continue
            budget = 0.4 if name.startswith("altar") and not options.quick else 0.15
            job = {"kind": "ratio", "damage": damage, "size": size, "budget": budget}
            answered = worker.ask(job)
            known = [figure for figure in answered if figure["seconds"] is not None]
            found[f"{damage}|{label}"] = (known or answered)[-1]
    return found


def _growth(worker: Worker, name: str, options: argparse.Namespace) -> Values:
    """Shape -> figures by size."""
    if name == "altar_log":
        return {}
    sizes = list(GROWTH[2:] if name == "altar" else GROWTH)
    budget, stop = (1.0, 4.0) if name == "altar" else (0.2, 0.3)
    if options.quick:
        sizes, budget = list(GROWTH[2:5]), 0.3
    return {
        shape: _grow(worker, shape, sizes, budget=budget, stop=stop)
        for shape in SHAPES
        if options.shape in shape
    }


def _hostile(worker: Worker, name: str, options: argparse.Namespace) -> Values:
    """Input -> figures at a quarter, a half and all of it."""
    if name == "altar_log":
        return {}
    budget = 0.6 if name == "altar" and not options.quick else 0.1
    return {
        case: _grow(
            worker, case, [most // 4, most // 2, most], budget=budget, stop=1e9, hostile=True
        )
        for case, (most, _) in HOSTILE.items()
        if options.shape in case
    }


def _grow(
    worker: Worker,
    shape: str,
    sizes: list[int],
    *,
    budget: float,
    stop: float,
    hostile: bool = False,
) -> list[Values]:
    job = {"shape": shape, "hostile": hostile, "sizes": sizes, "budget": budget, "stop": stop}
    best: dict[Any, Values] = {}
    for figure in worker.ask({"kind": "growth", **job}):
        at = figure.get("at", "next")  # what ended the process had no time to say where
        known = best.get(at)
        if known is None or figure["seconds"] <= known["seconds"]:
            best[at] = figure
    if "next" in best and len(best) > len(sizes):
        del best["next"]  # every size was answered; only the rounds to better them took long
    return list(best.values())


def _stream(worker: Worker, name: str, options: argparse.Namespace) -> Values:
    """Kind of stream -> figures by size."""
    if not PEERS[name].stream:
        return {}
    sizes = list(STREAM_SIZES if name == "altar" else STREAM_PEER_SIZES)
    if options.quick:
        sizes = [16 * KB, 32 * KB, 64 * KB]
    found: Values = {}
    for kind, damage in STREAMS.items():
        chosen = sizes if name == "altar" or kind == "valid" else sizes[:3]
        budget = 0.5 if name == "altar" else 0.05
        job = {"kind": "stream", "damage": damage, "sizes": chosen, "budget": budget}
        found[kind] = worker.ask(job)
        if found[kind] and "at" not in found[kind][-1]:
            found[kind][-1]["at"] = chosen[len(found[kind]) - 1]
    return found


def _quality(worker: Worker, name: str, options: argparse.Namespace) -> Values:
    """Part -> how many were right, raised, or lost words without a word."""
    if name == "altar_log" or options.quick:
        return {}
    if isinstance(worker, NodeWorker):
        from benchmarks.repair.worker import scores

        return {part: scores(worker.read, part) for part in QUALITY}
    return {part: worker.ask({"kind": "quality", "part": part}, limit=60)[-1] for part in QUALITY}


_MEASURES: dict[str, Callable[[Worker, str, argparse.Namespace], Values]] = {
    "ratio": _ratio,
    "growth": _growth,
    "hostile": _hostile,
    "stream": _stream,
    "quality": _quality,
}


def _machine() -> Values:
    from benchmarks.run import _machine as machine

    return machine()


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
