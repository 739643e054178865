"""The built wheel, installed alone in a new environment with the source tree out of reach."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
import venv
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

from tests.gates._source import ROOT

pytest.importorskip("hatchling", reason="the wheel is built with hatchling")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this tree without a network."""
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=300)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a new environment that holds the wheel and nothing else."""
    home = tmp_path_factory.mktemp("env")
    venv.create(home, with_pip=False, symlinks=os.name != "nt")
    folder = home / ("Scripts" if os.name == "nt" else "bin")
    site = next(home.rglob("site-packages"))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    return folder / "python"


def run(python: Path, *words: str, cwd: Path) -> str:
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "ALTAR", "COV"))}
    done = subprocess.run(
        [str(python), *words], cwd=cwd, env=env, capture_output=True, text=True, timeout=300,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_holds_the_packages_their_types_and_the_licence(wheel: Path):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    folders = {name.split("/")[0] for name in names}
    info = next(folder for folder in folders if folder.endswith(".dist-info"))
    assert folders == {"altar", "altar_extras", info}
    assert {"altar/py.typed", "altar_extras/py.typed"} <= set(names)
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_its_metadata_requires_nothing_and_names_every_extra(wheel: Path):
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith("/METADATA"))
        metadata = Parser().parsestr(archive.read(name).decode())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    assert set(metadata.get_all("Provides-Extra", [])) == set(extras)
    needs = metadata.get_all("Requires-Dist", [])
    assert all("; extra ==" in need for need in needs), "the core requires nothing"
    assert len(needs) == sum(map(len, extras.values()))
    assert not [need for need in needs if "<" in need or "==" in need.partition(";")[0]]
    every = {need for extra, wanted in extras.items() if extra != "all" for need in wanted}
    assert every == set(extras["all"])
    assert metadata["License-Expression"] == "MIT"
    assert metadata["Requires-Python"] == ">=3.11"


def test_the_golden_path_runs_from_the_wheel(python: Path, tmp_path: Path):
    where = run(python, "-c", "import altar; print(altar.__file__)", cwd=tmp_path)
    assert "site-packages" in where, "the source tree must be out of reach"
    example = tmp_path / "mine.py"
    example.write_text((ROOT / "examples" / "quickstart.py").read_text("utf-8"), "utf-8")
    shown = run(python, "-m", "altar", "run", "The weather in Oslo?", "--tools", "mine.py",
                cwd=tmp_path)  # fmt: skip
    assert "get_weather(" in shown
    assert "snow" in shown


def test_the_console_script_and_the_pytest_plugin_are_declared(wheel: Path):
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith("entry_points.txt"))
        declared = archive.read(name).decode()
    assert "altar = altar.cli:main" in declared
    assert "[pytest11]\naltar = altar_extras.pytest_plugin" in declared
