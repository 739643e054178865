"""``python -m benchmarks.grid [row ...] [--seconds S] [--repeat N] [--write]``."""

from __future__ import annotations

import argparse
import logging
import os
import platform
import sys
import time
from pathlib import Path

from benchmarks.grid.rows import ROWS, Line, Options

PAGE = Path(__file__).resolve().parents[2] / "docs" / "grid-benchmarks.md"
START, END = "<!-- grid-bench:start -->", "<!-- grid-bench:end -->"


def main() -> int:
    """Measure, print the table, and with --write put it into the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.grid")
    parser.add_argument("rows", nargs="*", metavar="row", help=f"of {', '.join(ROWS)}; all")
    parser.add_argument("--seconds", type=float, default=1.5, help="of each measurement (1.5)")
    parser.add_argument("--repeat", type=int, default=3, help="turns; the table has medians (3)")
    parser.add_argument("--write", action="store_true", help=f"replace the table in {PAGE.name}")
    given = parser.parse_args()
    wrong = [name for name in given.rows if name not in ROWS]
    if wrong:
        parser.error(f"no such row: {wrong[0]}; there are {', '.join(ROWS)}")
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    begun, load = time.monotonic(), os.getloadavg()[0]
    lines: list[Line] = []
    for name in given.rows or ROWS:
        print(f"{name} ...", file=sys.stderr, flush=True)
        lines += ROWS[name](Options(given.seconds, given.repeat))
    text = table(lines, given, load, time.monotonic() - begun)
    print(text)
    if given.write:
        page = PAGE.read_text(encoding="utf-8")
        head, _, rest = page.partition(START)
        _, _, tail = rest.partition(END)
        PAGE.write_text(f"{head}{START}\n\n{text}\n\n{END}{tail}", encoding="utf-8")
    return 0


def table(lines: list[Line], given: argparse.Namespace, load: float, took: float) -> str:
    """The page's form."""
    rows = " ".join(given.rows)
    about = (
        f"Run of {time.strftime('%Y-%m-%d')}: {_processor()}, {os.cpu_count()} cores, "
        f"{platform.system()} {platform.machine()}, Python {platform.python_version()}; "
        f"load {load:.1f} at the start; {took:.0f} s; "
        f"`python -m benchmarks.grid{' ' + rows if rows else ''} "
        f"--seconds {given.seconds:g} --repeat {given.repeat}`."
    )
    out = [about, "", "| what | bar | measured | | beside |", "|---|---|---|---|---|"]
    for one in lines:
        mark = "" if one.holds is None else "holds" if one.holds else "FALLS SHORT"
        out.append(f"| {one.what} | {one.bar} | {one.figure} | {mark} | {one.beside} |")
    return "\n".join(out)


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or "processor unknown"
    names = [line for line in text.splitlines() if line.startswith("model name")]
    return names[0].partition(":")[2].strip() if names else platform.machine()


if __name__ == "__main__":
    sys.exit(main())
