"""The page and what it is given: hostile text, a growing file, a large one, and who reads it how."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import altar.viewer
from altar.errors import ConfigurationError
from altar.trace import JsonLinesSink, Tracer
from altar.viewer import Viewer, save
from tests.viewer import specimen
from tests.viewer.chromium import Browser

STYLE = (Path(altar.viewer.__file__).parent / "page" / "style.css").read_text(encoding="utf-8")


def settle(browser: Browser, selector: str) -> None:
    browser.until(f"document.querySelector({json.dumps(selector)})")


# hostile text


def looks_harmless(browser: Browser) -> None:
    assert browser.run("window.hacked === undefined && ({}).polluted === undefined")
    assert (
        browser.run("document.querySelectorAll('main img, main script, main iframe').length") == 0
    )
    assert browser.errors == []


def walk(browser: Browser, url: str, trace: str) -> None:
    """Through every view of a trace."""
    for tab, selector in (
        ("", ".fall .row .label"),
        ("/chat", ".turn"),
        ("/tables", ".left table"),
    ):
        browser.run(f"location.hash = '#/trace/{trace}{tab}'; 1")
        settle(browser, selector)
        looks_harmless(browser)
    browser.press("1", "Home", "Enter")
    for _ in range(4):
        settle(browser, ".detail h2")
        looks_harmless(browser)
        browser.press("Escape", "ArrowDown", "Enter")


def test_every_hostile_text_stays_text(browser: Browser, tmp_path: Path):
    spans = specimen.hostile()
    other = [span | {"trace": "f" * 32} for span in spans]
    with Viewer(
        specimen.write(tmp_path / "<img src=x onerror=hacked=1>.jsonl", spans, other)
    ) as viewer:
        browser.open(viewer.url)
        settle(browser, ".traces .row .status")
        assert "</script><script>window.hacked=1</script>" in browser.text(".title")
        looks_harmless(browser)
        walk(browser, viewer.url, spans[0]["trace"])
        browser.run("location.hash = '#/tables'; 1")
        settle(browser, "caption")
        looks_harmless(browser)
        browser.run(f"location.hash = '#/compare/{spans[0]['trace']}/{'f' * 32}'; 1")
        settle(browser, ".versus .label")
        browser.press("ArrowDown")
        settle(browser, ".diff:not([hidden])")
        looks_harmless(browser)


def test_an_address_made_up_by_somebody_else_is_harmless(browser: Browser, tmp_path: Path):
    with Viewer(specimen.write(tmp_path / "t.jsonl", specimen.trip(1, 0))) as viewer:
        for path in (
            "#/trace/<img src=x onerror=hacked=1>",
            "#/compare/__proto__/x",
            "#/trace/..%2Fstate",
            "#%",
        ):
            browser.open(viewer.url + path)
            browser.until(
                "document.querySelector('.notice') || document.querySelector('.traces .row')"
            )
            assert browser.run("window.hacked") is None


def test_spans_that_are_each_others_parents_are_shown_and_end(browser: Browser, tmp_path: Path):
    writer = specimen.Writer(1)
    a, b = writer.new_id(), writer.new_id()
    writer.span("custom", "hen", (0, 10), b, span=a)
    writer.span("custom", "egg", (1, 9), a, span=b)
    with Viewer(specimen.write(tmp_path / "t.jsonl", writer.spans)) as viewer:
        browser.open(f"{viewer.url}#/trace/{writer.trace}")
        settle(browser, ".fall .row .label")
        assert "hen" in browser.text(".fall")
        assert "egg" in browser.text(".fall")


# one file


def test_a_saved_trace_opens_from_disk_without_a_server(browser: Browser, tmp_path: Path):
    source = specimen.write(
        tmp_path / "t.jsonl", specimen.trip(2, 0, fails=True), specimen.trip(3, 0)
    )
    target = save(source, tmp_path / "saved.html", trace=specimen.trip(2, 0)[0]["trace"][:10])
    source.unlink()
    browser.open(target.as_uri())
    settle(browser, ".fall .row .label")
    assert "Quito" in browser.text("h1")
    browser.press("e", "Enter")
    settle(browser, ".detail .failure")
    browser.press("Escape", "2")
    settle(browser, ".turn")
    assert "Day one: old town of Quito" in browser.text(".chat")
    browser.press("3")
    settle(browser, ".left table")
    browser.press("1", "/")
    browser.type("museum")
    browser.until("document.querySelectorAll('.is-found').length > 0")
    assert browser.errors == []
    assert {url for url in browser.requests if not url.startswith(("data:", "about:"))} == {
        target.as_uri()
    }


def test_a_saved_hostile_trace_is_as_harmless(browser: Browser, tmp_path: Path):
    spans = specimen.hostile()
    target = save(
        specimen.write(tmp_path / "t.jsonl", spans), tmp_path / "s.html", trace=spans[0]["trace"]
    )
    browser.open(target.as_uri())
    settle(browser, ".fall .row .label")
    walk(browser, target.as_uri(), spans[0]["trace"])


def test_saving_what_is_not_there_says_so(tmp_path: Path):
    source = specimen.write(tmp_path / "t.jsonl", specimen.trip(2, 0), specimen.trip(3, 0))
    with pytest.raises(ConfigurationError, match="no traces"):
        save(source, tmp_path / "s.html", trace="zz")
    with pytest.raises(ConfigurationError, match="2 traces"):
        save(source, tmp_path / "s.html", trace="")
    with pytest.raises(ConfigurationError, match="no trace file"):
        save(tmp_path / "none", tmp_path / "s.html", trace="")


# while a program writes


def test_what_a_program_writes_shows_up(browser: Browser, tmp_path: Path):
    path = tmp_path / "live.jsonl"
    tracer = Tracer(JsonLinesSink(path))
    with tracer:
        with tracer.span("first"):
            pass
        tracer.flush()
        with Viewer(path) as viewer:
            browser.open(viewer.url)
            settle(browser, ".traces .row .status")
            with tracer.span("second run", kind="generate"):
                with tracer.span("execute_tool look", kind="tool"):
                    pass
                tracer.flush()
                browser.until("document.querySelector('.traces').innerText.includes('running')")
                browser.press("Home")
                browser.until("(t => t && (t.click(), true))([...document.querySelectorAll('.title')]"
                              ".find((t) => t.innerText.includes('(running)')))")  # fmt: skip
                browser.until("document.querySelector('.fall')?.innerText.includes('(running)')")
            tracer.flush()
            browser.until("document.querySelector('.fall').innerText.includes('second run')")
            assert "(running)" not in browser.text(".fall")
            browser.until("document.getElementById('announce').textContent === '2 spans now'")
            assert browser.errors == []


def test_losses_and_foreign_files_are_said_aloud(browser: Browser, tmp_path: Path):
    path = specimen.write(
        tmp_path / "t.jsonl",
        specimen.trip(1, 0),
        loss={"dropped": 3, "sink_lost": 0, "sampled_out": 0},
    )
    with open(path, "a") as file:
        file.write("no span\n{")
    with Viewer(path) as viewer:
        browser.open(viewer.url)
        settle(browser, "#losses")
        told = browser.text("#losses")
        assert "3 spans dropped" in told
        assert "1 line unreadable" in told
        assert "last line is cut" in told
        path.write_text('{"altar_trace": 9}\n')
        browser.until("document.querySelector('[role=alert]')?.innerText.includes('version 9')")


# many


@pytest.mark.slow
def test_a_trace_of_100_000_spans_opens_and_scrolls_to_its_end(browser: Browser, tmp_path: Path):
    spans = specimen.flat(100_000)
    browser.size(1280, 900)
    with Viewer(specimen.write(tmp_path / "big.jsonl", spans)) as viewer:
        browser.open(f"{viewer.url}#/trace/{spans[0]['trace']}")
        settle(browser, ".fall .row .label")
        browser.until("document.querySelector('.facts').innerText.includes('100,000 spans')")
        assert browser.run("document.querySelectorAll('.row').length") < 80  # only what is seen
        browser.press("End")
        settle(browser, ".fall .row[data-at='99999']")
        browser.press("e")
        browser.until("document.querySelector('.fall .row[aria-selected=true].is-error')")
        browser.press("_")
        browser.until("document.querySelector('.fall').getAttribute('aria-rowcount') < 20000")
        assert browser.errors == []


# who reads it how


def test_a_screen_reader_is_told_roles_names_and_places(page: Browser):
    nodes = page.accessible()
    (grid,) = [node for node in nodes if node["role"] == "grid"]
    assert grid["name"] == "Traces"
    wordless = [
        node for node in nodes
        if node["role"] in {"button", "textbox", "searchbox", "checkbox", "combobox", "link", "gridcell", "row", "columnheader"}
        and not node["name"].strip() and node["role"] not in {"gridcell", "row"}
    ]  # fmt: skip
    assert wordless == []
    roles = {node["role"] for node in nodes}
    assert {
        "banner",
        "navigation",
        "main",
        "search",
        "searchbox",
        "status",
        "row",
        "columnheader",
        "gridcell",
    } <= roles
    page.press("Home", "Enter")
    settle(page, ".fall .row .label")
    nodes = page.accessible()
    (tree,) = [node for node in nodes if node["role"] == "treegrid"]
    assert tree["name"] == "Spans of this trace"
    rows = [node for node in nodes if node["role"] == "row" and node.get("level")]
    assert [row["level"] for row in rows] == [1, 2, 3, 3, 3, 2, 3, 3, 2, 3]
    assert rows[0]["expanded"] is True
    assert any("error" in node["name"] for node in nodes if node["role"] == "gridcell")
    assert {"tablist", "tab", "tabpanel"} <= {node["role"] for node in nodes}


def test_the_focus_is_always_seen(page: Browser):
    for _ in range(12):
        page.press("Tab")
        style = page.run(
            "(e => e === document.body ? 'body' : getComputedStyle(e).outlineStyle + ' ' + e.className)(document.activeElement)"
        )
        assert not style.startswith("none") or "rows" in style, style  # a grid marks its row


def luminance(colour: str) -> float:
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, two: str) -> float:
    low, high = sorted((luminance(one), luminance(two)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_colours_have_the_contrast_of_wcag_aa(scheme: int):
    colours = dict(
        re.findall(
            r"--([\w-]+): (#\w{6});",
            STYLE.split("@media (prefers-color-scheme: dark)")[scheme].lower(),
        )
    )
    text = ["ink", "dim", "link", "bad", "warn", "good"]
    surfaces = ["paper", "panel", "sunk", "pick"]
    weak = [(a, b) for a in text for b in surfaces if contrast(colours[a], colours[b]) < 4.5]
    weak += [
        (a, f"{a}-soft")
        for a in ("bad", "warn")
        if contrast(colours[a], colours[f"{a}-soft"]) < 4.5
    ]
    kinds = ["generate", "round", "model", "tool", "runtime", "custom"]
    weak += [
        (k, "panel") for k in kinds if contrast(colours[k], colours["panel"]) < 4.5
    ]  # its letter
    weak += [
        (a, b)
        for a in ("focus", "firm")
        for b in ("paper", "panel", "pick")
        if contrast(colours[a], colours[b]) < 3
    ]
    weak += [("ink", b) for b in ("add", "cut") if contrast(colours["ink"], colours[b]) < 4.5]
    assert weak == []


def test_movement_is_only_for_those_who_do_not_mind_it():
    outside = STYLE.split("@media (prefers-reduced-motion: no-preference)")[0]
    assert "transition" not in outside
    assert "animation" not in STYLE
