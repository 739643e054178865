"""The runtime's own numbers, one after the other: ``python -m benchmarks.holding``.

Runs the benchmarks of wrappers, isolation, tracing and the viewer as they
are, and writes what they print between the markers in docs/benchmarks.md
(``--print``: to the terminal alone). It needs a machine with nothing else to
do, ``opentelemetry-sdk`` for the peer of tracing, and Chromium for the viewer;
what is missing is said in its place.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import platform
import subprocess
import sys
from pathlib import Path

from benchmarks.harness._table import replace_between

ROOT = Path(__file__).resolve().parents[1]
PARTS = {
    "wrappers": "Wrappers and decisions",
    "isolation": "Worker processes",
    "tracing": "Tracing",
    "viewer": "The viewer",
}
START, END = "<!-- bench:holding:start -->", "<!-- bench:holding:end -->"


def main(argv: list[str] | None = None) -> int:
    """Run each part and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--print", action="store_true", help="write no file")
    parser.add_argument("--only", choices=sorted(PARTS), help="one part, printed")
    options = parser.parse_args(argv)
    parts = [options.only] if options.only else list(PARTS)
    said = {part: ran(part) for part in parts}
    body = page(said)
    if options.print or options.only:
        print(body)
    else:
        path = ROOT / "docs" / "benchmarks.md"
        text = path.read_text(encoding="utf-8")
        path.write_text(replace_between(text, body, START, END), encoding="utf-8")
        print(f"written {path}")
    return 0


def ran(part: str) -> str:
    """What one benchmark prints; why it could not run, otherwise."""
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{part}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no word"])[-1]
        return f"not measured: {last}"
    return done.stdout.strip()


def page(said: dict[str, str]) -> str:
    """The sections, with the day and the machine they were measured on."""
    day = dt.datetime.now(tz=dt.UTC).date().isoformat()
    machine = f"{platform.system()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    lines = [f"Measured on {day}: {machine}."]
    for part, text in said.items():
        lines += ["", f"### {PARTS[part]}", "", f"`python -m benchmarks.{part}`", ""]
        lines += ["```text", text, "```"]
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
