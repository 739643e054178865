"""One program, byte for byte, on a laptop and on grids: three lines of altar.toml are the change."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys

import pytest

pytest.importorskip("nats")
pytest.importorskip("msgpack")

from altar_extras.grid.node import DevelopmentGrid, GridShape  # noqa: E402 - as above
from tests.gates._source import ROOT  # noqa: E402

EXAMPLE = ROOT / "examples" / "grid_promotion"
LINES = ("mode", "grid_url", "grid_credentials")


@pytest.fixture
def shop(monkeypatch):
    spec = importlib.util.spec_from_file_location("app", EXAMPLE / "app.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "app", module)
    spec.loader.exec_module(module)
    return [module.price_of, module.delivery_day, module.pack, module.cancel_order]


def printed(folder, **changed: str) -> bytes:
    """What the program prints in a folder of its own, with these lines of altar.toml changed."""
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("__pycache__", ".altar-grid"))
    path = folder / "altar.toml"
    text = path.read_text("utf-8")
    for name, value in changed.items():
        text, count = re.subn(rf'(?m)^{name} = ".*"$', f'{name} = "{value}"', text)
        assert count == 1
    path.write_text(text, "utf-8")
    environment = {key: value for key, value in os.environ.items() if key[:6] != "ALTAR_"}
    done = subprocess.run(
        [sys.executable, "app.py"],
        cwd=folder,
        capture_output=True,
        timeout=120,
        check=False,
        env=environment,
    )
    assert (done.returncode, done.stderr.decode()) == (0, "")
    return done.stdout


def promoted(grid: DevelopmentGrid) -> dict[str, str]:
    return {
        "mode": "grid",
        "grid_url": grid.url,
        "grid_credentials": str(grid.client_credentials),
    }


def test_altar_toml_holds_the_three_lines_and_nothing_else():
    text = (EXAMPLE / "altar.toml").read_text("utf-8")
    assert tuple(re.findall(r"(?m)^(\w+) =", text)) == LINES


def test_a_grid_of_one_node_prints_what_the_laptop_prints(shop, tmp_path):
    here = printed(tmp_path / "later")
    assert b"packed 2 of 3" in here
    with DevelopmentGrid(shop) as grid:
        assert printed(tmp_path / "grid", **promoted(grid)) == here
        calls = sum(sum(one.server.status().calls.values()) for one in grid.runtimes)
    assert calls >= 4  # those of tools that are known ran there


@pytest.mark.slow
def test_three_nodes_with_mutual_tls_print_it_too(shop, tmp_path):
    here = printed(tmp_path / "later")
    with DevelopmentGrid(shop, shape=GridShape(nodes=3, tls=True, hosts=2, runtimes=3)) as grid:
        assert grid.url.count("tls://") == 3
        assert printed(tmp_path / "grid", **promoted(grid)) == here
