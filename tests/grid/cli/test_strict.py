"""docs/grid/production.md, line by line: a STRICT grid, and every change to it under load."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sys
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("nats")
pytest.importorskip("msgpack")

from tests.gates._source import ROOT  # noqa: E402 - as above
from tests.grid.cli.operator import Operator, healthy, says  # noqa: E402
from tests.grid.nodes import held_ports  # noqa: E402
from tests.waiting import soon  # noqa: E402

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name != "posix", reason="the page's lines are for a POSIX shell"),
]

PROGRAM = 2  # calls that the example's program makes here
NODES = ("n1", "n2", "n3")
STOCK = '''"""What is in stock."""
from altar import tool

@tool
def {name}(article: str) -> int:
    """How many there are.

    Args:
        article: Which.
    """
    return len(article)
'''
# Calls without end, four at a time, and says at the end what became of each.
LOAD = """
import json, signal, sys, threading
from collections import Counter
import altar
from altar.adm import FunctionCall
from altar.runtime import CallContext, Deadline
from stock import in_stock

went, over, one_at_a_time = Counter(), threading.Event(), threading.Lock()
signal.signal(signal.SIGTERM, lambda *_: over.set())

def count(how):
    with one_at_a_time:
        went[how] += 1
        if how == "ok" and went[how] == 50:
            print("under way", flush=True)
        if how != "ok" and sum(went.values()) - went["ok"] == 1:
            print("refused", flush=True)

def work(session):
    while not over.is_set():
        call = FunctionCall(name="in_stock", args={"article": "pear"})
        result = session.invoke(call, CallContext(deadline=Deadline(30.0)))
        error = result.error
        right = "ok" if result.content == 4 else "wrong"
        count(right if error is None else f"{error.details['executed']}: {error.message}")

with altar.Session([in_stock]) as session:
    threads = [threading.Thread(target=work, args=(session,)) for _ in range(4)]
    [one.start() for one in threads]
    over.wait()
    [one.join() for one in threads]
print(json.dumps(went), flush=True)
"""


class Grid(Operator):
    """The page's grid: three servers, two Hosts, three runtimes of one tenant and one of another."""

    def __init__(self, folder, clients, clusters, monitors) -> None:
        urls = [f"tls://localhost:{port}" for port in clients]
        self.places = dict(zip(NODES, zip(clients, monitors, clusters, strict=True), strict=True))
        nodes = " ".join(f"--node localhost:{port}" for port in clusters)
        instead = {
            "tls://n1,tls://n2,tls://n3": ",".join(urls),
            "--node n1 --node n2 --node n3": nodes,
            "tls://n1 ": f"{urls[0]} ",
            "0.0.0.0:8080": "0",
            "0.0.0.0": "127.0.0.1",
            "/etc/nats/tls": "tls",
        }
        super().__init__("production.md", folder, instead)
        self.heard: dict[str, int] = {}
        self.http: dict[str, str] = {}
        self.typed_calls = 0
        self.cut: Counter[str] = Counter()

    def add_server(self, name: str) -> None:
        port, monitor, cluster = self.places[name]
        ports = ("--port", port, "--monitor", monitor, "--cluster-port", cluster)
        own = {" n1 ": f" {name} ", "n1.conf": f"{name}.conf", "/var/lib/nats": f"{name}.js"}
        self.type("altar grid config write", *map(str, ports), **own)
        self.type("altar grid config check", **own)
        self.start_server(name)

    def start_server(self, name: str) -> None:
        self.start(name, self.words("nats-server", **{"n1.conf": f"{name}.conf"}))

    def stop_server(self, name: str) -> None:
        """nats-server 2.15.1 hangs at times after it has closed everything; all is on disk."""
        self.tell(name, signal.SIGTERM, says=r"\] JetStream Shutdown")
        self.stop(name, within=1.5, kill=True)

    def start_host(self, name: str) -> None:
        self._serve(name, self.words("altar grid host", h1=name))

    def start_runtime(
        self, name: str, module: str, manifest: str = "acme", *, key: str = ""
    ) -> None:
        own = {
            "keys/r1": f"keys/{key or name}",
            "r1": name,
            "shop.py": module,
            "acme.json": f"{manifest}.json",
        }
        self._serve(name, [*self.words("altar grid runtime", **own), "--linger", "0.2"])

    def _serve(self, name: str, words: list[str]) -> None:
        self.heard[name] = len(self.said(name))
        self.start(name, words)

    def ready(self, *names: str) -> None:
        """Wait until these are what the page says to wait for."""
        for name in names:
            if name in NODES:
                healthy(f"http://127.0.0.1:{self.places[name][1]}/healthz")
                continue
            seen = self.heard[name]
            self.http[name] = self.until(name, r"(?m)^ready: .* (http://\S+)$", seen=seen)[1]
            healthy(f"{self.http[name]}/ready")

    def heard_at_all(self, *names: str) -> None:
        """Wait until every server asks these Hosts."""
        for name in names:
            says(f"{self.http[name]}/metrics", "altar_grid_servers_heard 3")

    @contextmanager
    def load(self):
        """Calls without a pause while the body runs; what became of them, once it has."""
        went: Counter[str] = Counter()
        seen = len(self.said("load"))
        self.start("load", [sys.executable, "load.py"])
        self.until("load", "under way", seen=seen)
        yield went
        self.stop("load")
        went.update(json.loads(self.said("load").splitlines()[-1]))

    def status(self) -> str:
        """What the operator sees; 1 while there is no runtime."""
        words = self.words("altar grid status")
        return self.run([*words], code=None)

    def call(self, *words: str, who: str = "app", code: int = 0) -> str:
        words = words or ("in_stock", '{"article": "pear"}')
        said = self.altar("grid", "call", *words, "--credentials", f"keys/{who}.json", code=code)
        self.typed_calls += code == 0 and who != "bee"
        return said

    def reload(self, *names: str) -> None:
        for name in names:
            self.tell(name, signal.SIGHUP, says="SIGHUP: done")


@contextmanager
def grid(folder):
    shutil.copy(ROOT / "examples" / "grid_promotion" / "app.py", folder / "shop.py")
    for name, tool in (("stock", "in_stock"), ("returns", "returned")):
        (folder / f"{name}.py").write_text(STOCK.format(name=tool), "utf-8")
    (folder / "load.py").write_text(LOAD, "utf-8")
    with held_ports(9) as ports:
        made = Grid(folder, ports[:3], ports[3:6], ports[6:])
        try:
            yield made
        finally:
            made.close()


def test_the_page_leads_to_a_strict_grid_that_changes_under_load_without_losing_a_call(tmp_path):
    with grid(tmp_path) as it:
        keys_and_contracts(it)
        bring_up(it)
        promoted(it)
        with it.load() as went:
            contracts_change(it)
            keys_change(it)
            hosts_and_runtimes_restart(it)
        assert went.keys() == {"ok"}, went
        with it.load() as more:
            servers_restart(it)
        assert {how.partition(":")[0] for how in more} <= {"ok", "no", "unknown"}, more
        assert more["ok"] > 50
        a_client_is_out(it)
        known = went["ok"] + more["ok"] + it.cut["ok"]
        the_end(it, known, sum(went.values()) + sum(more.values()) + it.cut["all"])
        assert not {*it.lines} - it.typed


def keys_and_contracts(it: Grid) -> None:
    it.type("altar grid certs")
    it.type("altar grid keys make")
    it.type("altar grid keys add")
    assert "serving tenant beta" in it.type("altar grid keys list")
    it.type("altar manifest write shop.py")
    it.type("altar manifest write stock.py")
    it.type("altar manifest sign shop.json stock.json --out")
    it.type("altar manifest sign stock.json --out beta.json")


def bring_up(it: Grid) -> None:
    for name in NODES:
        it.add_server(name)
    it.ready(*NODES)
    it.start_host("h1")
    it.ready("h1")
    it.start_host("h2")
    it.start_runtime("r1", "shop.py")
    it.start_runtime("r2", "shop.py")
    it.start_runtime("r3", "stock.py")
    it.start_runtime("b1", "stock.py", "beta")
    it.ready("h2", "r1", "r2", "r3", "b1")
    # a Host may hear of one late
    assert soon(lambda: len(re.findall(r" of 32 ", it.status())) == 3), it.status()
    assert "strict, manifest 1" in it.status()
    assert it.type("altar grid call").strip() == it.call().strip() == "4"
    it.typed_calls += 1
    assert it.call("in_stock", '{"article": "bee"}', who="bee").strip() == "3"
    assert "no_tool" in it.call("pack", '{"pieces": 1}', code=1)


def promoted(it: Grid) -> None:
    """The program of the example prints the same in LATER and on this grid."""
    program = [
        sys.executable,
        "-c",
        f"import shop; shop.CALLS = shop.CALLS[:{PROGRAM}]; shop.main()",
    ]
    here = it.run(program)
    url = it.instead["tls://n1,tls://n2,tls://n3"]
    lines = f'mode = "grid"\ngrid_url = "{url}"\ngrid_credentials = "keys/app.json"\n'
    (it.folder / "altar.toml").write_text(lines, "utf-8")
    assert it.run(program) == here


def contracts_change(it: Grid) -> None:
    """The next sequence adds a contract; the one before is refused from then on."""
    signed = it.folder / "acme.json"
    old = signed.read_bytes()
    it.type("altar manifest write returns.py")
    it.type("altar manifest sign shop.json stock.json returns.json")
    new = signed.read_bytes()
    root = json.loads((it.folder / "keys" / "app.json").read_text())["root"]
    it.type("altar manifest verify", UROOT=root)
    it.reload("h1", "h2", "r1", "r2", "r3")
    shown = it.type("altar grid status")
    assert "manifest 2" in shown
    assert "returned" in shown
    signed.write_bytes(old)
    for name in ("h1", "r1"):
        it.tell(name, signal.SIGHUP, says="sequence 1, and 2 has been seen")
    signed.write_bytes(new)
    it.reload("h1", "h2")


def keys_change(it: Grid) -> None:
    """Another client's key, while both are good; then the Hosts' own."""
    it.altar("grid", "keys", "add", "keys", "--tls", "tls", "--client", "bob=in_stock")
    old = shutil.copy(it.folder / "keys" / "bob.json", it.folder / "keys" / "old.json")
    public = it.altar("grid", "keys", "list", "keys")
    public = next(line.split()[1] for line in public.splitlines() if line.startswith("bob.json"))
    it.reload("h1", "h2")
    it.type("altar grid keys rotate keys/app.json --keep", **{"app.json": "bob.json"})
    it.reload("h1", "h2")
    for who in ("bob", "old"):
        assert it.call(who=who).strip() == "4"
    it.type("altar grid keys revoke keys UOLD", UOLD=public)
    it.reload("h1", "h2")
    assert it.call(who="bob").strip() == "4"
    assert "does not let this client in" in it.call(who="old", code=1)
    Path(old).unlink()
    it.altar("grid", "keys", "rotate", "keys/host.json")
    it.tell("h1", signal.SIGHUP, says="restart this Host")
    it.tell("h2", signal.SIGHUP, says="restart this Host")


def hosts_and_runtimes_restart(it: Grid) -> None:
    """One after another; r4 serves what r3 did."""
    for name in ("h1", "h2"):
        it.stop(name)
        it.start_host(name)
        it.ready(name)
        it.heard_at_all(name)
    it.stop("r1")
    it.start_runtime("r1", "shop.py")
    it.start_runtime("r4", "stock.py", key="r3")
    it.ready("r1", "r4")
    it.stop("r3")


def servers_restart(it: Grid) -> None:
    """One after another, at once instead of lame: what that costs is told with each call."""
    it.type("altar grid keys tls")
    for name in NODES:
        it.stop_server(name)
        it.start_server(name)
        it.ready(name, "h1", "h2")
        it.heard_at_all("h1", "h2")


def a_client_is_out(it: Grid) -> None:
    with it.load() as went:
        seen = len(it.said("load"))
        it.type("altar grid keys revoke keys app")
        it.reload("h1", "h2")
        it.until("load", "refused", seen=seen)  # what was connected is cut, long before its token
    it.cut["ok"] += went["ok"]
    it.cut["all"] += sum(went.values())
    assert "does not let this client in" in it.call(code=1)


def the_end(it: Grid, known: int, most: int) -> None:
    """What is told to stop stops; every call that ran is in the audit, once."""
    it.start_runtime("r3", "stock.py")  # it ships what it could not before
    it.ready("r3")
    for name in ("r1", "r2", "r3", "r4", "b1"):
        says(f"{it.http[name]}/metrics", "altar_grid_audit_lag_seconds 0\n")
        it.stop(name)
    it.type("altar grid audit verify r1/audit")
    assert "every record is there" in it.type("altar grid audit verify tls://n1")
    found = json.loads(it.type("altar grid audit verify tls://n1", "--json"))["writers"].values()
    others = it.typed_calls + PROGRAM
    assert known + others <= sum(one["finished"] for one in found) <= most + others
    assert {one["open"] + one["unknown"] for one in found} == {0}
    assert any(one["countersigned"] for one in found)
    for name in ("h1", "h2"):
        it.stop(name)
    for name in NODES:
        it.stop_server(name)
    assert not it.running
