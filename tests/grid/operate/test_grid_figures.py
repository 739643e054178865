"""What a whole grid shows its operator: GRID's figures, and Hosts' signatures below the audit."""

from __future__ import annotations

import asyncio
from urllib.request import urlopen

import pytest

pytest.importorskip("nats")
pytest.importorskip("msgpack")
parser = pytest.importorskip("prometheus_client.parser")

from altar.cli import main  # noqa: E402
from altar.errors import ConfigurationError  # noqa: E402
from altar_extras.grid.client import GridClient  # noqa: E402
from altar_extras.grid.node import (  # noqa: E402
    DevelopmentGrid,
    GridShape,
    RuntimeMember,
    RuntimeOptions,
)
from altar_extras.grid.security import Credentials, SigningKey  # noqa: E402
from tests.waiting import soon  # noqa: E402

RUNTIMES = {
    "altar_grid_calls": {"tool", "status", "executed"},
    "altar_grid_call_seconds": {"tool", "status", "le"},
    "altar_grid_inflight": set(),
    "altar_grid_audit_spool_bytes": set(),
    "altar_grid_audit_lag_seconds": set(),
    "altar_grid_clock_offset_seconds": set(),
    "altar_grid_manifest_sequence": set(),
    "altar_grid_denials": {"reason"},
}
HOSTS = (
    "altar_grid_audit_spool_bytes",
    "altar_grid_audit_lag_seconds",
    "altar_grid_manifest_sequence",
    "altar_grid_denials",
)


def double(value: int) -> int:
    """Double a number.

    Args:
        value: The number.
    """
    return 2 * value


def halve(value: int) -> float:
    """Halve a number.

    Args:
        value: The number.
    """
    return value / 2


halve.__module__ = "halves"  # a contract of its own


def families(text: str) -> dict:
    return {one.name: one for one in parser.text_string_to_metric_families(text)}


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    folder = tmp_path_factory.mktemp("grid") / "state"
    with DevelopmentGrid([double], folder=folder, shape=GridShape()) as grid:
        with GridClient(credentials=grid.client_credentials) as client:
            assert client.call("double", {"value": 4}).content == 8
            client.call("double", {"value": 5})
        yield grid


def test_every_figure_that_grid_names_is_there_for_prometheus(served):
    found = families(served.runtimes[0].metrics.text())
    for name, labels in RUNTIMES.items():
        for sample in found[name].samples:
            assert sample.labels.keys() <= labels, sample
    took = {one.name.removeprefix("altar_grid_call_seconds"): one
            for one in found["altar_grid_call_seconds"].samples}  # fmt: skip
    assert took["_count"].labels == {"tool": "double", "status": "SUCCESS"}
    assert took["_count"].value == took["_bucket"].value == 2
    assert 0 < took["_sum"].value
    with urlopen(f"{served.hosts[0].http_url}/metrics") as page:  # noqa: S310 - this Host's own
        found = families(page.read().decode())
    assert set(HOSTS) <= found.keys()
    assert found["altar_grid_audit_spool_bytes"].samples[0].value > 0


def test_a_host_keeps_evidence_and_countersigns_what_it_takes(served, capsys):
    host = str(served.folder / "host.json")
    key = SigningKey.from_seed(Credentials.read(host).host_seed).public
    command = ["grid", "audit", "verify", served.url, "--credentials", host]
    shown: list[str] = []

    def is_countersigned() -> bool:
        status = main([*command, "--host", key])
        shown.append(capsys.readouterr().out)
        return status == 0 and " 1 countersigned" in shown[-1]

    assert soon(is_countersigned), shown[-1]
    assert main(command) == 0
    assert " 1 countersigned" in capsys.readouterr().out  # a Host's file says whose keys count
    assert main(["grid", "audit", "export", served.url, "--credentials", host]) == 0
    written = capsys.readouterr().out
    assert '"session_created"' in written and '"contracts_accepted"' in written
    assert main(["grid", "audit", "verify", str(served.folder / "audit")]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_with_audit_sync_a_reply_leaves_when_a_host_has_the_records(served, tmp_path):
    own = Credentials.read(served.runtime_credentials, role="runtime")
    options = RuntimeOptions(audit_folder=tmp_path / "spool", audit_sync=True)

    async def scene() -> None:
        member = RuntimeMember(own, [halve], options)
        await member.start()
        try:
            journal = member.audit.journal
            before = journal.committed
            async with GridClient(credentials=served.client_credentials) as client:
                assert (await client.acall("halve", {"value": 3})).content == 1.5
            assert journal.acknowledged >= before + 2  # its start and its end
        finally:
            await member.close()

    asyncio.run(asyncio.wait_for(scene(), 60))
    with pytest.raises(ConfigurationError, match="audit_folder"):
        RuntimeMember(own, [halve], RuntimeOptions(audit_sync=True))
