"""Figures and health: what a monitor reads is right, and nobody can hold the server up."""

from __future__ import annotations

import asyncio

import pytest

from altar.errors import ConfigurationError
from altar_extras.grid.operate import Health, HealthServer, Metrics
from tests.waiting import PATIENCE, asoon


def test_the_text_is_what_prometheus_reads():
    parser = pytest.importorskip("prometheus_client.parser")
    metrics = Metrics()
    calls = metrics.counter("altar_grid_calls_total", "Calls.", labels=("tool", "status"))
    calls.add('we"ird\\\n', "SUCCESS")
    calls.add("a", "ERROR", by=2)
    metrics.gauge("altar_grid_inflight", "Calls that run.", read=lambda: 3)
    metrics.gauge("altar_grid_lag", "Nothing now.", read=lambda: None)
    took = metrics.histogram(
        "altar_grid_call_seconds", "Duration.", labels=("tool",), bounds=(0.1, 1.0)
    )
    for seconds in (0.05, 0.5, 5.0):
        took.observe(seconds, "a")
    found = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in parser.text_string_to_metric_families(metrics.text())
        for sample in family.samples
    }
    assert found["altar_grid_calls_total", "SUCCESS", 'we"ird\\\n'] == 1
    assert found["altar_grid_calls_total", "ERROR", "a"] == 2
    assert found["altar_grid_inflight",] == 3
    assert found["altar_grid_call_seconds_bucket", "+Inf", "a"] == 3
    assert found["altar_grid_call_seconds_bucket", "1", "a"] == 2
    assert found["altar_grid_call_seconds_sum", "a"] == 5.55


def test_a_name_is_taken_once_and_series_are_bounded():
    metrics = Metrics()
    denials = metrics.counter("altar_grid_denials_total", "Denials.", labels=("reason",))
    for number in range(5000):
        denials.add(str(number))
    assert metrics.text().count("\naltar_grid_denials_total{") <= 2001
    assert denials.value("other") == 3000
    with pytest.raises(ConfigurationError, match="taken"):
        metrics.counter("altar_grid_denials_total", "Again.")


async def ask(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


def test_health_is_said_over_http_and_everything_else_is_refused():
    async def scene() -> None:
        state = Health(True)
        server = HealthServer(lambda: state, Metrics())
        await server.start()
        try:
            get = lambda path: ask(server.port, f"GET {path} HTTP/1.1\r\n\r\n".encode())  # noqa: E731
            assert (await get("/live")).startswith(b"HTTP/1.1 200 ")
            assert (await get("/ready?x=1")).endswith(b"ready\n")
            state = Health(False, ("the manifest has expired",))
            unready = await get("/ready")
            assert unready.startswith(b"HTTP/1.1 503 ")
            assert b"expired" in unready
            assert b"version=0.0.4" in await get("/metrics")
            assert (await get("/else")).startswith(b"HTTP/1.1 404 ")
            posted = await ask(server.port, b"POST /live HTTP/1.1\r\n\r\n")
            assert posted.startswith(b"HTTP/1.1 405 ")
            assert (await ask(server.port, b"hello\r\n\r\n")).startswith(b"HTTP/1.1 400 ")
            large = await ask(server.port, b"GET /" + b"a" * 20_000)
            assert large.startswith(b"HTTP/1.1 431 ")
        finally:
            await server.close()
            await server.close()

    asyncio.run(scene())


def test_a_silent_peer_does_not_keep_the_server_from_closing(monkeypatch):
    monkeypatch.setattr("altar_extras.grid.operate._health._PATIENCE", 3600.0)

    async def scene() -> None:
        server = HealthServer(lambda: Health(True), Metrics())
        await server.start()
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        assert await asoon(lambda: server._peers)
        await asyncio.wait_for(server.close(), PATIENCE)
        writer.close()

    asyncio.run(scene())


def test_it_listens_beyond_this_machine_only_when_told():
    with pytest.raises(ConfigurationError, match="public=True"):
        HealthServer(lambda: Health(True), Metrics(), host="0.0.0.0")
    HealthServer(lambda: Health(True), Metrics(), host="0.0.0.0", public=True)
