"""The page in a browser: every view is reached, and says what the file holds."""

from __future__ import annotations

import json

from altar.viewer import Viewer
from tests.viewer import specimen
from tests.viewer.chromium import Browser
from tests.waiting import soon

ROWS = (
    "[...document.querySelectorAll('.rows .body .row')].sort((a, b) => a.dataset.at - b.dataset.at)"
)
QUITO = specimen.trip(2, 0)[0]["trace"]


def shown(page: Browser, selector: str = ".cell") -> list[str]:
    """The text of the first such cell of each row that is drawn."""
    return page.run(f"{ROWS}.map((row) => row.querySelector('{selector}')?.innerText ?? '')")


def active(page: Browser) -> str:
    """What the row says that the keys are at, found as a screen reader finds it."""
    return page.run(
        "document.getElementById(document.activeElement.getAttribute('aria-activedescendant'))?.innerText ?? ''"
    )


def go(page: Browser, path: str, until: str) -> None:
    page.run(f"location.hash = {json.dumps('#' + path)}; 1")
    page.until(f"document.querySelector({json.dumps(until)})")


def open_trace(page: Browser, tab: str = "", trace: str = QUITO) -> None:
    until = {"": ".fall .body .row .label", "chat": ".turn", "tables": ".left table"}[tab]
    go(page, f"/trace/{trace}{'/' + tab if tab else ''}", until)


# the list


def test_failed_traces_come_first_and_say_so_in_words(page: Browser):
    said = shown(page, ".status")
    assert said[:6] == ["failed", "failed", "failed", "1 error", "1 error", "ok"]
    assert "running" in said
    assert "24 traces" in page.text(".sum")
    assert "118 sampled out" in page.text("#live")


def test_filters_narrow_the_list(page: Browser):
    page.click(".tools .check:nth-of-type(1)")
    page.until("document.querySelector('.sum').innerText === '5 traces'")
    page.run("(s => { s.value = 'gpt-5-mini-2026-01'; s.dispatchEvent(new Event('change')) })"
             "(document.querySelector('select[aria-label=Model]')); 1")  # fmt: skip
    page.until("document.querySelector('.sum').innerText === '1 trace'")
    assert "1 error" in shown(page, ".status")


def test_slash_searches_arguments_results_and_messages(page: Browser):
    page.press("/")
    page.type("Nairobi harbour")
    page.until("document.querySelector('.sum').innerText === '2 traces'")
    assert all("Nairobi" in title for title in shown(page, ".title"))
    page.press("Escape")
    page.until("document.querySelector('.sum').innerText === '24 traces'")
    page.press("/")
    page.type("no such words")
    page.until("document.querySelector('.empty').innerText.includes('No trace passes')")
    page.press("Escape")


def test_a_column_orders_the_list_and_says_how(page: Browser):
    page.click(".head .of-duration button")
    page.until("document.querySelector('.of-duration').getAttribute('aria-sort') === 'descending'")
    page.until(f"{ROWS}[0].innerText.includes('13.4 s')")
    page.click(".head .of-duration button")
    page.until("document.querySelector('.of-duration').getAttribute('aria-sort') === 'ascending'")
    page.until(f"{ROWS}.at(-1).innerText.includes('13.4 s')")


# one trace


def test_the_keyboard_alone_reaches_everything(page: Browser):
    assert page.run("document.activeElement.getAttribute('role')") == "grid"
    page.press("Home")
    page.press("ArrowDown")
    assert soon(lambda: "Lisbon" in active(page))
    page.press("Enter")
    page.until("document.activeElement.getAttribute('role') === 'treegrid'")
    page.press("Home", "ArrowDown")
    assert soon(lambda: "round 1" in active(page))
    page.press("ArrowRight")
    assert soon(lambda: "chat" in active(page))
    page.press("ArrowLeft")
    assert soon(lambda: "round 1" in active(page))
    page.press("ArrowLeft")  # collapse
    page.until(
        "document.querySelector('.fall .row[aria-selected=true]').getAttribute('aria-expanded') === 'false'"
    )
    assert soon(lambda: "+3" in active(page))
    assert soon(lambda: "1 error" in active(page))  # what is hidden does not hide that it failed
    page.press("ArrowDown")
    assert soon(lambda: "round 2" in active(page))
    page.press("ArrowUp", " ")
    page.press("e")
    assert soon(lambda: "error" in active(page))
    page.press("Enter")
    page.until("document.activeElement.classList.contains('detail')")
    page.press("Escape")
    page.until("document.activeElement.getAttribute('role') === 'treegrid'")
    page.press("2")
    page.until("document.querySelector('.turn')")
    page.press("3")
    page.until("document.querySelector('.left table')")
    page.press("1", "Escape")
    page.until("document.querySelector('.traces .body .row')")
    page.press("t")
    page.until("document.querySelector('caption')")
    page.press("?")
    page.until("document.querySelector('dialog[open] kbd')")
    page.press("Escape")
    page.until("!document.querySelector('dialog[open]')")
    page.press("g")
    page.until("document.querySelector('.traces .body .row')")


def test_bars_stand_to_scale_and_zoom(page: Browser):
    open_trace(page)
    spans = specimen.trip(2, 2 * 7_300, fails=True)
    total = spans[-1]["end"] - spans[-1]["start"]
    (hotels,) = [s for s in spans if s["name"] == "execute_tool hotels"]
    bar = f"{ROWS}.find((r) => r.innerText.includes('hotels')).querySelector('.lane i').style"
    width = float(page.run(f"{bar}.getPropertyValue('--w')").rstrip("%"))
    left = float(page.run(f"{bar}.getPropertyValue('--l')").rstrip("%"))
    assert abs(width - 100 * (hotels["end"] - hotels["start"]) / total) < 0.01
    assert abs(left - 100 * (hotels["start"] - spans[-1]["start"]) / total) < 0.01
    page.press("Home", "+")
    page.until(f"parseFloat({bar}.getPropertyValue('--w')) > {width * 1.9}")
    page.press("0")
    page.until(f"Math.abs(parseFloat({bar}.getPropertyValue('--w')) - {width}) < 0.01")


def test_details_show_arguments_result_error_events_and_raw(page: Browser):
    open_trace(page)
    page.press("Home", "e", "Enter")
    page.until("document.querySelector('.detail .failure')")
    text = page.text(".detail")
    for said in ("execute_tool weather", "INVALID_ARGUMENTS", "got 'seven'", "Arguments", '"city": "Quito"',
                 "Result", "cache", "hit false", "altar.session.id", "Raw JSON"):  # fmt: skip
        assert said in text
    page.run("document.querySelector('.raw').open = true")
    raw = json.loads(page.run("document.querySelector('.raw pre').textContent"))
    assert raw["name"] == "execute_tool weather"
    page.click(".raw button")
    page.until("document.getElementById('announce').textContent === 'raw span copied'")


def test_finding_in_a_trace_marks_and_walks_the_matches(page: Browser):
    open_trace(page)
    page.press("/")
    page.type("museum harbour")
    page.until("document.querySelectorAll('.is-found').length > 0")
    page.press("Enter")
    page.until("document.activeElement.getAttribute('role') === 'treegrid'")
    assert soon(lambda: active(page))
    assert "round 2" not in active(page)
    first = active(page)
    page.press("n")
    assert soon(lambda: active(page) != first)


def test_a_chat_tells_the_run_in_order_once(page: Browser):
    open_trace(page, "chat")
    turns = page.run(
        "[...document.querySelectorAll('.turn')].map((t) => t.getAttribute('aria-label'))"
    )
    assert turns == ["System", "User", "Assistant", "Assistant", "Assistant"]
    text = page.text(".chat")
    parts = ["You plan trips", "Plan two days in Quito", "Round 1: what do I still need", "weather", "INVALID_ARGUMENTS",
             "hotels", "Round 2", "route", "museum", "Round 3", "Day one: old town of Quito"]  # fmt: skip
    places = [text.index(part) for part in parts]
    assert places == sorted(places)
    assert text.count("Day one") == text.count("Round 2: what") == 1
    assert page.run("document.querySelectorAll('.call pre').length") == 6  # arguments and results
    page.click(".call button")
    page.until("document.querySelector('.fall .row[aria-selected=true]')")
    assert soon(lambda: "weather" in active(page))


def test_a_chat_shows_tools_even_where_messages_were_not_recorded(page: Browser, tmp_path):
    spans = specimen.trip(3, 0)
    for span in spans:
        for name in [name for name in span["attributes"] if name.endswith("messages")]:
            del span["attributes"][name]
    with Viewer(specimen.write(tmp_path / "bare.jsonl", spans)) as bare:
        page.open(f"{bare.url}#/trace/{spans[0]['trace']}/chat")
        page.until("document.querySelector('.turn')")
        text = page.text(".chat")
        assert "was not recorded" in text
        assert [name in text for name in ("weather", "hotels", "route")] == [True] * 3
    page.requests.clear()


def test_tables_of_tools_and_models(page: Browser):
    page.press("t")
    page.until("document.querySelectorAll('table').length === 2")
    text = page.text("main")
    for word in ("p50", "p90", "p99", "weather", "gpt-5-mini-2026-01", "Tokens in", "Cost"):
        assert word in text
    page.click("th button")
    page.until("document.querySelector('th').getAttribute('aria-sort') === 'ascending'")
    assert page.run(
        "[...document.querySelector('tbody').children].map((r) => r.firstChild.innerText)"
    ) == ["hotels", "route", "weather"]
    page.click("tbody th button")  # its traces
    page.until("document.querySelector('.sum')?.innerText === '24 traces'")


def test_two_traces_are_laid_over_each_other(page: Browser):
    page.press("Home", "c", "End", "c", "C")
    page.until("document.querySelector('.versus .row .label')")
    text = page.text("main")
    assert "Two traces compared" in text
    assert "Lisbon" in page.text(".pair")
    results = page.run(f"{ROWS}.map((row) => row.lastElementChild.innerText)")
    assert "same" in results
    assert {"differs"} <= set(results)
    page.press("e")
    page.until("document.querySelector('.diff .sides pre')")
    page.click(".check input")
    page.until(f"{ROWS}.every((row) => row.lastElementChild.innerText !== 'same')")


def test_a_root_that_has_not_ended_is_shown_as_running(page: Browser):
    trace = specimen.running()[0]["trace"]
    open_trace(page, trace=trace)
    assert "(running)" in page.text(".fall")
    page.press("Home", "Enter")
    page.until("document.querySelector('.detail h2')")
    assert "has not ended" in page.text(".detail")


def test_a_narrow_window_needs_no_sideways_scrolling(page: Browser):
    page.size(400, 800)
    page.run("(s => { s.value = 'duration'; s.dispatchEvent(new Event('change')) })"
             "(document.querySelector('select[aria-label=Order]')); 1")  # fmt: skip
    page.until(f"{ROWS}[0].innerText.includes('13.4 s')")
    for path, until in [("/", ".traces .row .status"), (f"/trace/{QUITO}", ".fall .row .label"),
                        (f"/trace/{QUITO}/chat", ".turn"), ("/tables", "caption")]:  # fmt: skip
        go(page, path, until)
        assert page.run("document.documentElement.scrollWidth") <= 400
        assert page.run("Math.max(0, ...[...document.querySelectorAll('main button, main .row')]"
                        ".filter((e) => !e.closest('.scroll')).map((e) => e.getBoundingClientRect().right))") <= 400  # fmt: skip
