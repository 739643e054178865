"""Every check of the project: `nox` runs them all, `nox -l` lists them, `nox -s NAME` runs one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import nox

if TYPE_CHECKING:
    from collections.abc import Iterator

if sys.platform == "win32":
    fcntl = None
else:
    import fcntl

nox.needs_version = ">=2025.2"
nox.options.default_venv_backend = "virtualenv"
nox.options.reuse_venv = "yes"
nox.options.error_on_missing_interpreters = True
# layers, docs and wheel are parts of tests: sessions of their own for those who work on them
nox.options.sessions = ["lint", "short", "types", "ends", "tests", "coverage"]

ROOT = Path(__file__).parent
MEASURED = ROOT / ".nox" / "measured"
PROJECT = nox.project.load_toml(ROOT / "pyproject.toml")
OLDEST, NEWEST = 11, 19
PROBE = "import sys; print('%d.%d' % sys.version_info[:2])"

# module of altar_extras -> the extra it needs; what has no code yet is not installed
EXTRAS = {
    "anthropic.py": "anthropic",
    "dspy.py": "dspy",
    "gemini.py": "gemini",
    "grid": "grid",
    "langchain.py": "langchain",
    "openai.py": "openai",
    "openapi.py": "openapi",
    "otel.py": "otel",
    "pydantic.py": "pydantic",
    "pydantic_ai.py": "pydantic-ai",
    "semantic_kernel.py": "semantic-kernel",
}

# The oldest libraries the extras accept; google-genai and openai changed their HTTP client since.
# Of openai the newest: beside DSPy and Semantic Kernel, as in `tests`, it is the oldest.
OTHER_ENDS = (
    "google-genai==2.30.*",
    "anthropic==2.0.*",
    "openai>=3.50",
    "opentelemetry-sdk==1.20.*",
)

# what judges altar.mcp from outside Python; tests that need it say so where it is not there
CONFORMANCE = "@modelcontextprotocol/conformance@0.1.13"

# what meets the vendors' libraries
WIRE = ("tests/extras", "tests/testing/test_vendor_failings.py", "-m", "not slow")

# shown by the full suite, whose time is bounded
SLOWEST = ("--durations=25", "--durations-min=2")

SOURCE_GATES = ("layers", "imports", "surface", "shape", "rules")

# the best cut of the suite for an interpreter that is not the main one
SHORT = (
    "-m",
    "not slow",
    "--ignore=tests/gates",
    "--ignore=tests/viewer/test_page.py",  # a page is the same, whichever Python serves it
    "--ignore=tests/viewer/test_page_trust.py",
)

# what computes, and what needs libraries that are not there
REST = tuple(
    f"--ignore=tests/{name}"
    for name in ("adapters", "adm", "benchmarks", "grid", "openapi", "repair", "testing", "wire")
)

# what meets the interpreter: annotations, threads, processes, event loops
MEETS = ("tests/isolate", "tests/later", "tests/mcp", "tests/runtime", "tests/trace")


def starts(command: str) -> str | None:
    """The version an interpreter says it is, or None: a file of that name may be an empty shim."""
    try:
        done = subprocess.run(
            [command, "-c", PROBE], capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def interpreters() -> list[str]:
    """Every Python from 3.11 up that starts, as "3.X"; those off the PATH are put on it."""
    homes = sorted((Path.home() / ".pyenv" / "versions").glob("*/bin"))
    found = []
    for minor in range(OLDEST, NEWEST):
        version = f"3.{minor}"
        on_path = shutil.which(f"python{version}")
        if on_path and starts(on_path) == version:
            found.append(version)
            continue
        for home in homes:
            if starts(str(home / f"python{version}")) == version:
                os.environ["PATH"] = f"{home}{os.pathsep}{os.environ['PATH']}"
                found.append(version)
                break
    main = "{}.{}".format(*sys.version_info[:2])
    return found if main in found else [*found, main]


FOUND = interpreters()
MAIN = "{}.{}".format(*sys.version_info[:2])
OTHERS = [version for version in FOUND if version != MAIN]


@contextmanager
def alone_in(session: nox.Session) -> Iterator[None]:
    """No other process installs into this environment meanwhile: it may be made ahead of time."""
    with (ROOT / ".nox" / f"{session.name}.lock").open("w") as file:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def prepare(session: nox.Session, *groups: str, source: str = ".") -> None:
    """Install this tree and the named dependency groups; keep the session off the network."""
    # in one command: a second one would give the first one's choices up for its own
    wanted = nox.project.dependency_groups(PROJECT, *groups)
    with alone_in(session):
        session.install("-q", *wanted, "-e", source, silent=True)
    session.env["PYTHONHASHSEED"] = "random"
    session.env["PYTHONDONTWRITEBYTECODE"] = ""  # or each process that a test starts compiles altar
    session.env["PY_COLORS"] = "0"


def pytest(session: nox.Session, *args: str) -> None:
    """Run pytest on all cores."""
    session.run("python", "-m", "pytest", "-q", "-n", "auto", "--dist", "worksteal", *args)


def measured(session: nox.Session) -> tuple[str, str]:
    """The options that measure coverage, into a file of the session's own."""
    MEASURED.mkdir(parents=True, exist_ok=True)
    session.env["COVERAGE_FILE"] = str(MEASURED / session.name)
    (MEASURED / session.name).unlink(missing_ok=True)
    return "--cov", "--cov-report="


HERE = [extra for module, extra in EXTRAS.items() if (ROOT / "src/altar_extras" / module).exists()]


def with_extras(*but: str) -> str:
    """What pip installs for this tree with every extra that code uses today, ``but`` these."""
    used = [extra for extra in HERE if extra not in but]
    used += ["grid-server"] if "grid" in used else []  # its tests start the real server
    return f".[{','.join(used)}]" if used else "."


def conformance(session: nox.Session) -> None:
    """Bring MCP's conformance suite, where npm is at hand."""
    home = ROOT / ".nox" / "conformance"
    if shutil.which("npm") is None:
        session.log("no npm: the conformance suite of MCP is left out")
        return
    if not (home / "node_modules").exists():
        home.mkdir(parents=True, exist_ok=True)
        brought = ("npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(home))
        session.run(*brought, CONFORMANCE, external=True, silent=True, success_codes=[0, 1])
    session.env["ALTAR_MCP_CONFORMANCE"] = str(home / "node_modules")


@nox.session(python=MAIN)
def tests(session: nox.Session) -> None:
    """The full suite on one interpreter, every extra in one environment, measured."""
    prepare(session, "test", "wires", "peers", "deploys", source=with_extras())
    conformance(session)
    pytest(session, *measured(session), *SLOWEST, *session.posargs)


@nox.session(python=OTHERS[-1:])
def short(session: nox.Session) -> None:
    """The core alone, no extra installed: a short suite on the newest interpreter."""
    prepare(session, "test")
    session.env["ALTAR_TEST_PROFILE"] = "short"
    # not measured: that costs half as much again
    pytest(session, "tests", *REST, *SHORT, *session.posargs)


@nox.session(python=OTHERS[:-1], default=False)
def between(session: nox.Session) -> None:
    """What meets the interpreter, on those between the main one and the newest."""
    prepare(session, "test")
    session.env["ALTAR_TEST_PROFILE"] = "short"
    pytest(session, *MEETS, *SHORT, *session.posargs)


@nox.session(python=MAIN)
def ends(session: nox.Session) -> None:
    """What speaks to vendors' libraries, with those at the other ends of what the extras accept."""
    prepare(session, "test")
    with alone_in(session):
        session.install("-q", *OTHER_ENDS, silent=True)
    session.env["ALTAR_TEST_PROFILE"] = "short"
    pytest(session, *WIRE, *session.posargs)


@nox.session(python=MAIN, default=False)
@nox.parametrize("extra", [nox.param(extra, id=extra) for extra in sorted(HERE)])
def alone(session: nox.Session, extra: str) -> None:
    """Each extra in an environment of its own, with none of the others: its tests and its page."""
    prepare(session, "quick", source=f".[{extra}]")
    word = extra.replace("-", "_")
    homes = ("adapters", "extras", "openapi")
    found = [str(path) for home in homes for path in (ROOT / "tests" / home).glob(f"test_*{word}*")]
    if extra == "grid":
        session.install("-q", "-e", ".[grid,grid-server]", silent=True)
        found += ["tests/grid", "tests/wire"]
    parity = [str(path) for path in (ROOT / "tests" / "adapters").glob("test_parity.py")]
    pytest(session, *found, *parity, "tests/gates/test_docs.py", *session.posargs)


@nox.session(python=MAIN)
def coverage(session: nox.Session) -> None:
    """Branches that the last full suite took: of the core 95 %, of the extras 85 %."""
    session.install("-q", "coverage[toml]", silent=True)
    found = [str(path) for path in MEASURED.glob("*") if path.is_file()]
    if not found:
        session.error("nothing measured yet: run `nox -s tests` first")
    session.env["COVERAGE_FILE"] = str(ROOT / ".coverage")
    session.run("coverage", "combine", "--keep", "--quiet", *found)
    session.run("coverage", "report", "--sort=cover")
    report = Path(session.create_tmp()) / "coverage.json"
    session.run("coverage", "json", "--quiet", "-o", str(report))
    files = json.loads(report.read_text(encoding="utf-8"))["files"]
    for package, least in (("src/altar/", 95.0), ("src/altar_extras/", 85.0)):
        rows = [row["summary"] for path, row in files.items() if path.startswith(package)]
        total = sum(row["num_branches"] for row in rows)
        taken = 100.0 * sum(row["covered_branches"] for row in rows) / total if total else 100.0
        session.log(f"{package}: {taken:.1f} % of {total} branches, at least {least} %")
        if taken < least:
            session.error(f"{package} has {taken:.1f} % of its branches tested, not {least} %")


@nox.session(python=MAIN)
def lint(session: nox.Session) -> None:
    """Ruff: rules and formatting."""
    session.install("-q", *nox.project.dependency_groups(PROJECT, "lint"), silent=True)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session(python=MAIN)
def types(session: nox.Session) -> None:
    """The mypy and pyright type checkers, strict, over the source and its users' view."""
    prepare(session, "types", "wires", source=with_extras("semantic-kernel"))
    # at once, on two cores; what one of them says is shown whole
    home = Path(session.bin)
    command = [str(home / "pyright"), "--warnings", "--pythonpath", str(home / "python")]
    other = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        session.run("mypy")
    finally:
        said, _ = other.communicate()
    session.log(said.strip() or "pyright said nothing")
    if other.returncode:
        session.error(f"pyright ended with {other.returncode}")


@nox.session(python=MAIN)
def layers(session: nox.Session) -> None:
    """The gates that read the source: layers, imports, surface, lengths."""
    prepare(session, "quick")
    gates = [f"tests/gates/test_{name}.py" for name in SOURCE_GATES]
    pytest(session, *gates, *session.posargs)


@nox.session(python=MAIN)
def docs(session: nox.Session) -> None:
    """Every code block of the README and the docs, and every example."""
    prepare(session, "quick", source=with_extras("semantic-kernel"))
    pytest(session, "tests/gates/test_docs.py", "tests/test_examples.py", *session.posargs)


@nox.session(python=MAIN)
def wheel(session: nox.Session) -> None:
    """The built wheel in an environment of its own, the source tree out of reach."""
    prepare(session, "quick")
    session.install("-q", "hatchling>=1.27", silent=True)
    pytest(session, "tests/gates/test_wheel.py", *session.posargs)


@nox.session(python=MAIN, default=False)
def bench(session: nox.Session) -> None:
    """The numbers, side by side with the peers; see benchmarks/. Not part of the default set.

    `-- repair` measures JSON repair alone, `-- tools` all but that, `-- grid` the
    distributed tier beside what else carries a call; options of that benchmark may follow.
    """
    words = session.posargs or ["tools", "repair"]
    options = [word for word in words if word not in {"tools", "repair", "grid"}]
    if words[0] == "grid":
        peers = nox.project.dependency_groups(PROJECT, "bench-grid")
        session.install("-q", *peers, "-e", ".[grid,grid-server]", silent=True)
        session.run("python", "-m", "benchmarks.grid", *options)
        return
    session.install("-q", "-e", ".", silent=True)
    if words[0] != "repair":
        session.run("python", "-m", "benchmarks", *options)
    if "repair" in words:
        session.run("python", "-m", "benchmarks.repair.speed", *options)


@nox.session(python=MAIN, default=False)
def chaos(session: nox.Session) -> None:
    """Tools, then machines and networks that misbehave; every call is accounted for.

    10,000 calls against tools that hang, crash, exit, flood and lie, and the scenarios of
    the grid. `-- tools --calls 100000 --seed 7` and `-- grid --scenario NAME` for one of
    the two, with its options.
    """
    words = list(session.posargs)
    only = words.pop(0) if words[:1] in (["tools"], ["grid"]) else ""
    prepare(session, "quick", source=".[grid,grid-server]")
    if only != "grid":
        session.run("python", "-m", "tests.chaos", *(words or ("--calls", "10000")))
    if only != "tools":
        session.run("python", "-m", "tests.grid.chaos", *(words if only else ()))


@nox.session(python=MAIN, default=False)
def fuzz(session: nox.Session) -> None:
    """Any bytes at all against the laws of a repair, for 60 s; `-- --seconds 3600` for longer.

    With atheris where there is a wheel of it for this Python; else the same
    laws under random edits, and the session says so.
    """
    session.install("-q", "-e", ".", silent=True)
    wheel = (
        "install",
        "-q",
        "--only-binary",
        ":all:",
        *nox.project.dependency_groups(PROJECT, "fuzz"),
    )
    session.run("python", "-m", "pip", *wheel, silent=True, success_codes=[0, 1])
    session.run("python", "fuzz/repair_target.py", *session.posargs)
