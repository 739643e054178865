"""Every code block of the README and the docs runs, and prints what the text says it prints.

A ``python`` block is executed, in one namespace per document, in order. A
``text`` block right below it is its output, and a ``console`` block holds
``$ altar ...`` lines, each with its output below; both are compared loosely:
white space does not count, and ``...`` stands for anything. A block below a
comment ``<!-- not run: reason -->`` is left alone, and one below
``<!-- needs: openai anthropic -->`` where such a library is not installed.
Vendors answer from fakes on loopback, as the offline demo model would.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import re
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

import altar
from altar import live
from altar.cli import main
from tests.gates._source import ROOT
from tests.vendors_here import installed, vendors_here

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NOT_RUN = re.compile(r"<!-- not run: \S.*-->\s*\Z")
NEEDS = re.compile(r"<!-- needs: ([\w. ]+) -->\s*\Z")
GOLDEN_LINES = 19


@dataclass(frozen=True)
class Block:
    language: str
    code: str
    line: int
    below: bool  # nothing but white space stands between it and the block above
    is_run: bool


class Screen(io.StringIO):
    """What a command prints, in the encoding of today's terminals."""

    encoding = "utf-8"  # type: ignore[assignment]


def blocks(text: str) -> list[Block]:
    found = []
    end = 0
    for match in FENCE.finditer(text):
        before = text[end : match.start()]
        line = text.count("\n", 0, match.start()) + 2
        needs = NEEDS.search(before)
        assert needs or not before.rstrip().endswith("-->") or "<!-- needs" not in before, (
            f"line {line - 1}: type <!-- needs: one.library another -->"
        )
        run = NOT_RUN.search(before) is None and all(
            installed(library) for library in (needs[1].split() if needs else ())
        )
        found.append(Block(match[1], match[2], line, end > 0 and not before.strip(), run))
        end = match.end()
    return found


def matches(expected: str, printed: str) -> bool:
    """Whether a text reads as expected, with ``...`` for anything."""
    parts = [re.escape("".join(part.split())) for part in expected.split("...")]
    return re.fullmatch(".*?".join(parts), "".join(printed.split()), re.DOTALL) is not None


def run_python(block: Block, document: Path, module: ModuleType) -> str:
    code = ast.parse("\n" * (block.line - 1) + block.code, str(document))
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(code, str(document), "exec", dont_inherit=True), vars(module))
    return out.getvalue()


def run_console(code: str) -> list[tuple[str, str, str]]:
    """Each ``$ altar`` line with the text below it, and with what it printed."""
    done = []
    for part in re.split(r"^\$ ", code, flags=re.MULTILINE)[1:]:
        line, _, expected = part.replace("\\\n", " ").partition("\n")
        words = shlex.split(line)
        assert words[0] == "altar", f"console blocks run altar alone: {line}"
        out = Screen()
        before = altar.registry.snapshot()
        altar.registry.restore(altar.Registry().snapshot())  # as in a process of its own
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
                main(words[1:])
        finally:
            altar.registry.restore(before)
        done.append((line, expected, out.getvalue()))
    return done


@pytest.fixture
def vendors(monkeypatch: pytest.MonkeyPatch):
    """The vendors' variables, as if their APIs were on this machine."""
    with vendors_here() as found, live.allow():  # documents name addresses, and reach none
        for name, value in found.items():
            monkeypatch.setenv(name, value)
        yield


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
@pytest.mark.usefixtures("vendors")
def test_every_block_of_a_document_runs(
    document: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    for name in ("docs", "examples"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)  # what a block writes is not the project's
    monkeypatch.setattr(sys, "path", list(sys.path))
    module = ModuleType(f"doc_{document.stem}")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    altar.registry.restore(altar.Registry().snapshot())  # as in a process of its own
    printed = None
    for block in blocks(document.read_text(encoding="utf-8")):
        where = f"{document.name}:{block.line}"
        if block.language == "text" and block.below and printed is not None:
            assert matches(block.code, printed), f"{where} is not what is printed:\n{printed}"
        printed = None
        if not block.is_run:
            continue
        if block.language == "python":
            printed = run_python(block, document, module)
        elif block.language == "console":
            for line, expected, shown in run_console(block.code):
                assert matches(expected or "...", shown), f"{where} `{line}` prints:\n{shown}"


def test_the_table_of_types_is_what_declare_says():
    """Each row of docs/tools.md: an annotation, and the schema of a parameter that has it."""
    text = (ROOT / "docs" / "tools.md").read_text("utf-8")
    module = ModuleType("doc_types")
    types = next(b for b in blocks(text) if "class Tree" in b.code)
    sys.modules[module.__name__] = module
    try:
        run_python(types, ROOT / "docs" / "tools.md", module)
        rows = re.findall(r"^\| `(.*?)` \| `(.*?)` \|", text.replace(r"\|", "\0"), re.MULTILINE)
        assert len(rows) > 30
        for annotation, schema in rows:

            def probe(x): ...

            probe.__annotations__["x"] = eval(annotation.replace("\0", "|"), vars(module))
            document = altar.declare(probe).to_dict(dialect="json-schema")["parameters"]
            assert document["properties"]["x"] == json.loads(schema.replace("\0", "|")), annotation
    finally:
        del sys.modules[module.__name__]


def test_the_golden_path_has_19_lines_at_most():
    first = next(b for b in blocks(DOCUMENTS[0].read_text("utf-8")) if b.language == "python")
    lines = [line for line in first.code.splitlines() if line.strip()]
    assert len(lines) <= GOLDEN_LINES


def test_every_link_inside_the_docs_leads_somewhere():
    dead = []
    for document in DOCUMENTS:
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", document.read_text("utf-8")):
            if "://" not in target and not (document.parent / target).exists():
                dead.append(f"{document.name}: {target}")
    assert not dead


def test_the_comparison_is_loose_about_space_and_strict_about_words():
    assert matches("a ... c d", "a  b\nc\nd\n")
    assert not matches("a ... c", "a b")
    assert not matches("a", "a b")
