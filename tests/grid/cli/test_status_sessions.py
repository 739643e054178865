"""``altar grid status`` shows who is there: sessions, by their principal."""

from __future__ import annotations

import io
import json
import re

import pytest

pytest.importorskip("nats")
pytest.importorskip("msgpack")

from altar.cli import main  # noqa: E402 - the libraries above may be missing
from altar.cli._console import Console  # noqa: E402
from altar_extras.grid.cli import _status  # noqa: E402
from altar_extras.grid.client import GridClient  # noqa: E402
from altar_extras.grid.node import DevelopmentGrid, GridShape  # noqa: E402
from tests.waiting import soon  # noqa: E402

DOCUMENT = {
    "url": "nats://n1",
    "tenant": "acme",
    "host": "h1",
    "mode": "strict",
    "manifest_sequence": 3,
    "pid": None,
    "hosts": [],
    "connections": {},
    "runtimes": [],
    "sessions": [],
    "time_ms": 1_800_000_000_000,
    "quarantined": [],
    "tools": [],
}


def shown(**changes: object) -> str:
    out = io.StringIO()
    _status._show(Console(out, out), {**DOCUMENT, **changes})
    return out.getvalue()


def test_status_counts_the_sessions_of_each_principal(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def told() -> dict[str, object]:
        main(["grid", "status", "--json"])
        return json.loads(capsys.readouterr().out)

    shape = GridShape(runtimes=0, audit=False)
    with DevelopmentGrid(folder=tmp_path / ".altar-grid", shape=shape) as grid:
        assert told()["sessions"] == []
        with (
            GridClient(credentials=grid.client_credentials) as one,
            GridClient(credentials=grid.client_credentials) as two,
        ):
            for client in (one, two):
                client.tools()
            found = told()
            (row,) = found["sessions"]
            assert (row["principal"], row["sessions"]) == ("client", 2)
            assert row["since_ms"] <= found["time_ms"] < row["expires_ms"]
            main(["grid", "status"])
            assert re.search(r"client +2 +\d+ s ago +in \d+ min", capsys.readouterr().out)
        assert soon(lambda: told()["sessions"] == [])


def test_status_of_an_older_host_or_of_nobody_shows_no_table_of_sessions():
    assert "SESSIONS" not in shown()
    row = {"principal": "ana", "sessions": 3, "since_ms": 1_799_999_000_000}
    text = shown(sessions=[{**row, "expires_ms": 1_800_000_060_000}])
    assert re.search(r"ana +3 +16 min ago +in 60 s", text)


def test_status_names_the_calls_that_are_quarantined():
    text = shown(quarantined=["get_weather sha256:ab"])
    assert "quarantined: get_weather with the arguments sha256:ab" in text
