"""Processes that measure, each with a time limit per figure: killed, and started again."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.harness._envs import Environment, prepare
from benchmarks.repair.documents import document
from benchmarks.repair.peers import PEERS
from benchmarks.repair.shapes import HOSTILE, SHAPES

__all__ = ["NPM", "NodeWorker", "Worker", "command_of", "version_of"]

HERE = Path(__file__).resolve().parent
NPM = "jsonrepair"
Figure = dict[str, Any]


class Worker:
    """One peer's process. ``ask`` gives the figures of a job, the last one marked when it fails."""

    def __init__(self, command: Sequence[str], *, limit: float) -> None:
        self._command = list(command)
        self._limit = limit
        self._process: subprocess.Popen[bytes] | None = None
        self._rest = b""

    def ask(self, job: Figure, *, limit: float | None = None) -> list[Figure]:
        """Every figure of a job; ``limit`` replaces the seconds each may take.

        Where a figure takes longer than the limit its mark is ``>``, where the
        process dies it is ``CRASH``; the next job gets a new process.
        """
        return self._talk(job, limit)

    def close(self) -> None:
        """End the process."""
        process, self._process, self._rest = self._process, None, b""
        if process is not None:
            process.kill()
            process.communicate()

    def _talk(self, job: Figure, limit: float | None = None) -> list[Figure]:
        if self._process is None:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
        found: list[Figure] = []
        try:
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps(job).encode() + b"\n")
            self._process.stdin.flush()
            while "done" not in (answer := self._line(limit or self._limit)):
                found.append(answer)
        except TimeoutError:
            self.close()
            found.append({"seconds": None, "mark": ">"})
        except (EOFError, BrokenPipeError):
            self.close()
            found.append({"seconds": None, "mark": "CRASH"})
        return found

    def _line(self, limit: float) -> Figure:
        assert self._process is not None
        assert self._process.stdout is not None
        pipe = self._process.stdout.fileno()
        until = time.monotonic() + limit
        while b"\n" not in self._rest:
            ready, _, _ = select.select([pipe], [], [], max(0.0, until - time.monotonic()))
            if not ready:
                raise TimeoutError
            more = os.read(pipe, 1 << 16)
            if not more:
                raise EOFError
            self._rest += more
        line, _, self._rest = self._rest.partition(b"\n")
        answer: Figure = json.loads(line)
        return answer


class NodeWorker(Worker):
    """The npm peer: the same jobs, with the texts made here and the values judged here."""

    def ask(self, job: Figure, *, limit: float | None = None) -> list[Figure]:
        """As ``Worker.ask``; a stream is not followed."""
        if job["kind"] == "ratio":
            return self._ratio(job)
        if job["kind"] != "growth":
            return []
        make = HOSTILE[job["shape"]][1] if job["hostile"] else SHAPES[job["shape"]]
        texts = [make(size) for size in job["sizes"]]
        limits = {"budget": job["budget"], "stop": job["stop"]}
        found = self._talk({"texts": texts, **limits})
        places = list(range(len(texts))) * 2
        tried = sum(1 for figure in found if not figure.get("final"))
        for number, figure in enumerate(found):
            at = places[number - tried if figure.get("final") else number]
            figure.update(at=job["sizes"][at], length=len(texts[at]))
        return found

    def read(self, text: str) -> Any:
        """The value of the mended text; ValueError where the peer refuses."""
        (answer,) = self._talk({"read": text})
        if "text" not in answer:
            raise ValueError(answer.get("error", answer.get("mark")))
        return json.loads(answer["text"])

    def _ratio(self, job: Figure) -> list[Figure]:
        about = document(job["damage"], job["size"])
        limits = {"budget": job["budget"], "stop": 1e9, "judge": True}
        figures = self._talk({"texts": [about.text], **limits})
        known = [figure for figure in figures if figure["seconds"] is not None]
        found = (known or figures)[-1]
        if not found["mark"]:
            found["mark"] = "" if _says(figures[0]["mended"], about.expected) else "~"
        return [{**found, "at": job["size"]}]


def _says(text: str, expected: Any) -> bool:
    try:
        return bool(json.loads(text) == expected)
    except ValueError:
        return False


def command_of(peer: str, *, folder: Path, fresh: bool) -> list[str] | None:
    """What starts a peer's process; None where node or npm is missing.

    altar runs from this tree with this interpreter, a peer in an environment
    of its own under ``folder``, made on first use.
    """
    if peer == NPM:
        node, npm = shutil.which("node"), shutil.which("npm")
        if node is None or npm is None:
            return None
        home = folder / NPM
        if fresh or not (home / "node_modules" / NPM).exists():
            home.mkdir(parents=True, exist_ok=True)
            subprocess.run(
                [npm, "install", "--no-audit", "--no-fund", "--silent", f"{NPM}@latest"],
                cwd=home,
                check=True,
                stdout=sys.stderr,
            )
        return [node, str(HERE / "node_worker.cjs"), str(home)]
    python = sys.executable
    if not peer.startswith("altar"):
        python = str(_environment(peer, folder, fresh).python)
    return [python, "-I", "-W", "ignore", str(HERE / "worker.py"), peer]


def _environment(peer: str, folder: Path, fresh: bool) -> Environment:
    return prepare(peer, PEERS[peer].distribution, folder=folder, fresh=fresh)


def version_of(peer: str, *, folder: Path) -> str:
    """The version of a peer that is installed, and of node where it runs there."""
    if peer.startswith("altar"):
        text = (HERE.parents[1] / "pyproject.toml").read_text(encoding="utf-8")
        return text.partition('\nversion = "')[2].partition('"')[0]
    if peer == NPM:
        manifest = folder / NPM / "node_modules" / NPM / "package.json"
        version = json.loads(manifest.read_text(encoding="utf-8"))["version"]
        node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)
        return f"{version}, node {node.stdout.strip()}"
    return _environment(peer, folder, False).version
