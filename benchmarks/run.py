"""The benchmark: altar and its peers, side by side in one run.

    python benchmarks/run.py                       all of it, into docs/benchmarks.md
    python benchmarks/run.py --peers altar,anthropic --metrics dispatch --rounds 1 --print
    python benchmarks/run.py --from results.json   the tables again, from a saved run

Every peer lives in a virtual environment of its own under --envs, made on
first use from the package index. A run asserts nothing; it fails only when a
worker does.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[1]))

from benchmarks.harness._catalogue import METRICS, ONCE
from benchmarks.harness._envs import Environment, add, prepare
from benchmarks.harness._table import constants, document, merge, replace_between

HERE = Path(__file__).resolve().parent
PEERS = (
    "altar",
    "pydantic_ai",
    "anthropic",
    "openai_agents",
    "langchain_core",
    "fastmcp",
    "google_genai",
    "toolregistry",
    "llm",
)
STARTS = 5
_PROBE = """
import sys as _sys, time as _time
_cpu = _time.process_time()
_file = open("/proc/self/statm")
_pages = int(_file.read().split()[1])
print(_cpu, _pages, len(_sys.modules))
"""


def main() -> int:
    """Measure, and write the tables."""
    options = _options()
    if options.source:
        run = json.loads(Path(options.source).read_text(encoding="utf-8"))
    else:
        options.envs.mkdir(parents=True, exist_ok=True)
        run = _measure(options)
        saved = options.envs / "results.json"
        saved.write_text(json.dumps(run, indent=1), encoding="utf-8")
        _say(f"saved {saved}")
    body = document(run)
    if options.print:
        print(body)
    else:
        text = options.out.read_text(encoding="utf-8")
        options.out.write_text(replace_between(text, body), encoding="utf-8")
        _say(f"written {options.out}")
    for failure in run["failures"]:
        _say(failure)
    return 1 if run["failures"] else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = HERE.parent / ".nox" / "tmp" / "bench-envs"
    parser.add_argument("--envs", type=Path, default=default, help="where the environments live")
    parser.add_argument("--peers", default=",".join(PEERS), help="comma-separated")
    parser.add_argument("--metrics", default=",".join(METRICS), help="comma-separated")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--fresh", action="store_true", help="ask the index for newer versions")
    parser.add_argument("--out", type=Path, default=HERE.parent / "docs" / "benchmarks.md")
    parser.add_argument("--print", action="store_true", help="print the tables, write no document")
    parser.add_argument("--from", dest="source", help="a saved results.json")
    return parser.parse_args()


def _measure(options: argparse.Namespace) -> dict[str, Any]:
    modules = {name: _describe(name) for name in options.peers.split(",")}
    places = {name: _prepare(name, about, options) for name, about in modules.items()}
    answers: dict[str, list[dict[str, float | None]]] = {name: [] for name in modules}
    failures: list[str] = []
    machine = _machine()
    for number in range(options.rounds):
        for metric in options.metrics.split(","):
            if number and metric in ONCE:
                continue
            for name, place in places.items():
                _say(f"round {number + 1}: {metric} of {name}")
                try:
                    answers[name].append(_one(name, metric, modules[name], place))
                except RuntimeError as error:
                    failures.append(f"{name} {metric}: {error}")
                    _say(failures[-1])
    return {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "machine": machine,
        "rounds": options.rounds,
        "failures": failures,
        "peers": [
            {
                "name": name,
                **modules[name],
                "version": places[name].version,
                "newest": places[name].newest,
                "values": merge(answers[name]),
            }
            for name in modules
        ],
    }


def _describe(name: str) -> dict[str, Any]:
    """The constants a peer's module opens with, read without importing what it imports."""
    file = HERE / "peers" / f"{name}.py"
    about = constants(file.read_text(encoding="utf-8"))
    return {
        "title": about["TITLE"],
        "distribution": about["DISTRIBUTION"],
        "entry": about["ENTRY"],
        "notes": {**about.get("NOTES", {}), **about.get("SKIP", {})},
        "source": about["SOURCE"],
        "extra": about.get("EXTRA", []),
    }


def _prepare(name: str, about: dict[str, Any], options: argparse.Namespace) -> Environment:
    _say(f"environment of {name}")
    place = prepare(
        name,
        about["distribution"],
        folder=options.envs,
        tree=HERE.parent if name == "altar" else None,
        fresh=options.fresh,
    )
    add(place, *about["extra"])
    return place


def _one(
    name: str, metric: str, about: dict[str, Any], place: Environment
) -> dict[str, float | None]:
    if metric == "import":
        return _import(about["source"], place.python)
    output = _worker(place.python, str(HERE / "worker.py"), name, metric)
    answer: dict[str, float | None] = json.loads(output.splitlines()[-1])
    return answer


def _import(source: str, python: Path) -> dict[str, float | None]:
    """The least over some fresh processes, above the least of a bare interpreter."""
    with tempfile.TemporaryDirectory() as folder:
        bare, full = Path(folder, "bare.py"), Path(folder, "full.py")
        bare.write_text(_PROBE, encoding="utf-8")
        full.write_text(source + _PROBE, encoding="utf-8")
        runs = [(_probe(python, bare), _probe(python, full)) for _ in range(STARTS + 1)][1:]
    page = os.sysconf("SC_PAGESIZE")
    above = [min(run[1][at] for run in runs) - min(run[0][at] for run in runs) for at in range(3)]
    return {
        "import_ms": above[0] * 1e3,
        "import_mb": above[1] * page / 2**20,
        "import_modules": above[2],
    }


def _probe(python: Path, file: Path) -> list[float]:
    return [float(word) for word in _worker(python, str(file)).split()[-3:]]


def _worker(python: Path, *arguments: str) -> str:
    done = subprocess.run(
        [str(python), "-I", "-W", "ignore", *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError("\n".join(done.stderr.strip().splitlines()[-4:]))
    return done.stdout


def _machine() -> dict[str, Any]:
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                cpu = line.partition(":")[2].strip()
                break
    return {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "load": f"{os.getloadavg()[0]:.1f}",
    }


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
