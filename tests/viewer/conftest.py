"""One Chromium for the tests of a module; without one they are skipped by name."""

from __future__ import annotations

import pytest

from altar.viewer import Viewer
from tests.viewer import chromium, specimen


@pytest.fixture(scope="module")
def browser():
    path = chromium.find()
    if path is None:
        pytest.skip("no Chromium here: the page is tested in one")
    running = chromium.Browser(path)
    yield running
    running.close()


@pytest.fixture(scope="module")
def viewer(tmp_path_factory: pytest.TempPathFactory):
    path = specimen.lifelike(tmp_path_factory.mktemp("page") / "trips.jsonl")
    with Viewer(path) as running:
        yield running


@pytest.fixture
def page(browser: chromium.Browser, viewer: Viewer):
    """The list of traces, just opened; no script may fail and nobody else be asked."""
    browser.size(1280, 900)
    browser.open(viewer.url)
    browser.until("document.querySelectorAll('.traces .body .row .status').length > 5")
    yield browser
    assert browser.errors == []
    assert [
        url for url in browser.requests if not url.startswith((viewer.url, "data:", "about:"))
    ] == []
