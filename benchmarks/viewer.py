"""How fast the viewer opens 100,000 spans, and what its page weighs.

``python -m benchmarks.viewer`` prints a table; it says nothing on a busy machine.

``--pictures FOLDER`` makes the pictures of docs/viewer.md instead. Both need a
Chromium (found by name, or named by CHROMIUM).
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from altar.viewer import Viewer
from altar.viewer._page import page
from tests.viewer import chromium, specimen

SPANS = 100_000
ROUNDS = 3
MARKS = """(async () => {
  const paint = performance.getEntriesByName('first-contentful-paint')[0];
  const mark = performance.getEntriesByName('%s').at(-1);
  return {paint: paint && paint.startTime, mark: mark && mark.startTime};
})()"""
SCROLL = """(async () => {
  const rows = document.querySelector('.rows'), taken = [];
  for (let n = 0; n < 120; n++) {
    const begin = performance.now();
    rows.scrollTop += 1777;
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    taken.push(performance.now() - begin);
  }
  taken.sort((a, b) => a - b);
  return [taken[60], taken[119]];
})()"""


def resident() -> float:
    """Megabytes this process holds now."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 1e6


def opened(browser: chromium.Browser, path: Path) -> dict[str, float]:
    """Milliseconds from asking for the page, with a server that has just been started."""
    before = resident()
    with Viewer(path) as viewer:
        begin = time.perf_counter()
        browser.ask("Page.navigate", url=viewer.url)
        browser.until("document.querySelector('.traces .row .status')")
        browser.until("performance.getEntriesByName('first-contentful-paint').length")
        found = browser.run(MARKS % "altar-list")
        browser.until("!document.getElementById('live').innerText.includes('reading')")
        whole = time.perf_counter() - begin
        held = resident() - before
        trace = viewer.follower.store.traces[0].id
        browser.ask("Page.navigate", url="about:blank")
        browser.ask("Page.navigate", url=f"{viewer.url}#/trace/{trace}")
        browser.until("performance.getEntriesByName('altar-trace').length")
        browser.until("document.querySelector('.fall .row .label')")
        direct = browser.run(MARKS % "altar-trace")
        middle, worst = browser.run(SCROLL)
        heap = browser.run("performance.memory.usedJSHeapSize") / 1e6
        browser.ask("Page.navigate", url="about:blank")
    return {
        "first paint": found["paint"], "first traces listed": found["mark"],
        "all read and listed": whole * 1000, "a trace opened, from its address": direct["mark"],
        "a frame while scrolling, median": middle, "a frame while scrolling, worst": worst,
        "browser's script heap, MB": heap, "server's memory for the file, MB": held,
    }  # fmt: skip


def measure(browser: chromium.Browser, folder: Path) -> None:
    """Print a table: the median of a few rounds."""
    print(f"page weight: {len(page().encode()) / 1000:.1f} kB, one file, no request beside it\n")
    one = specimen.write(folder / "one.jsonl", specimen.flat(SPANS))
    many = specimen.many(folder / "many.jsonl", SPANS // 10)
    columns = []
    for path in (one, many):
        rounds = [opened(browser, path) for _ in range(ROUNDS)]
        columns.append({k: sorted(r[k] for r in rounds)[ROUNDS // 2] for k in rounds[0]})
    sizes = [path.stat().st_size / 1e6 for path in (one, many)]
    print(f"| milliseconds | one trace of {SPANS:,} spans | {SPANS // 10:,} traces of 10 |")
    print("|---|---:|---:|")
    print(f"| file, MB | {sizes[0]:.0f} | {sizes[1]:.0f} |")
    for name in columns[0]:
        print(f"| {name} | {columns[0][name]:.0f} | {columns[1][name]:.0f} |")


def pictures(browser: chromium.Browser, work: Path, folder: Path) -> None:
    """The list, a waterfall, a chat and a comparison."""
    folder.mkdir(parents=True, exist_ok=True)
    browser.size(1200, 720)
    with Viewer(specimen.lifelike(work / "trips.jsonl")) as viewer:
        failed = specimen.trip(2, 0)[0]["trace"]
        fine = specimen.trip(10, 0)[0]["trace"]

        def show(path: str, selector: str, *keys: str, then: str = "") -> None:
            browser.open(f"{viewer.url}#{path}")
            browser.until(f"document.querySelector({json.dumps(selector)})")
            browser.press(*keys)
            browser.until(f"document.querySelector({json.dumps(then or selector)})")

        def keep(name: str) -> None:
            time.sleep(0.3)
            size = browser.picture(folder / f"viewer-{name}.png").stat().st_size
            print(f"{folder / f'viewer-{name}.png'}: {size / 1000:.0f} kB")
            assert size < 150_000

        browser.size(1080, 470)
        show("/", ".traces .row .status", "Home", "ArrowDown")
        keep("list")
        browser.size(1200, 720)
        show(
            f"/trace/{failed}",
            ".fall .row .label",
            "Home",
            "e",
            "e",
            "Enter",
            "Escape",
            then=".fall",
        )
        browser.run("document.querySelector('.fall .row[aria-selected=true] .label').click(); 1")
        browser.until("document.querySelector('.detail .failure')")
        keep("waterfall")
        browser.scheme("dark")
        show(f"/trace/{fine}/chat", ".turn")
        browser.run("document.activeElement.blur(); 1")
        keep("chat")
        browser.scheme("light")
        show(f"/compare/{failed}/{fine}", ".versus .row .label", "e", "e", then=".diff .sides")
        keep("compare")
        if browser.errors:
            sys.exit(f"the page failed: {browser.errors}")


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", metavar="FOLDER", type=Path)
    chosen: Any = parser.parse_args(argv)
    path = chromium.find()
    if path is None:
        sys.exit("no Chromium found; name one: CHROMIUM=/path/to/chromium")
    browser = chromium.Browser(path)
    try:
        with tempfile.TemporaryDirectory() as work:
            if chosen.pictures:
                pictures(browser, Path(work), chosen.pictures)
            else:
                measure(browser, Path(work))
    finally:
        browser.close()


if __name__ == "__main__":
    main()
