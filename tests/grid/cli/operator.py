"""An operator: types what a page of the docs says, in a folder, and keeps what runs."""

from __future__ import annotations

import io
import os
import re
import shlex
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import chdir, redirect_stderr, redirect_stdout, suppress
from pathlib import Path

from altar.cli import main
from altar_extras.grid.server import find_server
from tests.gates._source import ROOT
from tests.gates.test_docs import blocks

PATIENCE = 60.0


class Operator:
    """Types lines of ``page`` in ``folder``, with ``instead`` in the place of its names."""

    def __init__(self, page: str, folder: Path, instead: dict[str, str]) -> None:
        text = (ROOT / "docs" / "grid" / page).read_text("utf-8")
        found = [one.code for one in blocks(text) if one.language == "sh" and one.is_run]
        self.lines = [line for code in found for line in code.splitlines()]
        self.folder = folder
        self.instead = instead
        self.typed: set[str] = set()
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def words(self, start: str, **also: str) -> list[str]:
        """The page's line that begins so, ready to run; ``also`` replaces more than ``instead``."""
        line = next(line for line in self.lines if line.startswith(start))
        self.typed.add(line)
        for name, value in {**self.instead, **also}.items():
            line = line.replace(name, value)
        program, *words = shlex.split(line)
        known = {"altar": [sys.executable, "-m", "altar"], "nats-server": [str(find_server())]}
        return [*known[program], *words]

    def type(self, start: str, *more: str, code: int = 0, **also: str) -> str:
        """Type it, and have it end with ``code``; everything it said."""
        words = [*self.words(start, **also), *more]
        if words[1:4] == ["-m", "altar", "grid"] or "sign" in words or "verify" in words:
            return self.altar(*words[3:], code=code)
        return self.run(words, code=code)

    def altar(self, *words: str, code: int = 0) -> str:
        """Type ``altar ...``; for speed within this process, which has imported it all."""
        said = io.StringIO()
        with chdir(self.folder), redirect_stdout(said), redirect_stderr(said):
            ended = main(words)
        assert ended == code, (words, said.getvalue())
        return said.getvalue()

    def run(self, words: list[str], *, code: int | None = 0) -> str:
        done = subprocess.run(
            words,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE,
            check=False,
            env=environment(),
        )
        assert code in (None, done.returncode), (words, done.stdout)
        return done.stdout

    def start(self, name: str, words: list[str]) -> None:
        """Start what goes on until it is told to stop; ``said`` shows its words."""
        with self.log(name).open("ab") as out:
            self.running[name] = subprocess.Popen(
                words, cwd=self.folder, stdout=out, stderr=out, env=environment()
            )

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def said(self, name: str) -> str:
        return self.log(name).read_text("utf-8") if self.log(name).exists() else ""

    def until(self, name: str, pattern: str, *, seen: int = 0) -> re.Match[str]:
        """Wait for it to say that, after ``seen`` characters."""
        end = time.monotonic() + PATIENCE
        while True:
            running = self.running[name].poll() is None  # before its last words are read
            found = re.compile(pattern).search(self.said(name), seen)
            if found:
                return found
            assert running and time.monotonic() < end, (name, pattern, self.said(name))
            time.sleep(0.02)

    def tell(self, name: str, number: int, *, says: str = "") -> None:
        """Send a signal, and wait until it says so."""
        seen = len(self.said(name))
        self.running[name].send_signal(number)
        if says:
            self.until(name, says, seen=seen)

    def stop(self, name: str, *, within: float = PATIENCE, kill: bool = False) -> None:
        """Tell it to stop, and have it end with 0; with ``kill`` by force when it takes longer."""
        process = self.running.pop(name)
        process.send_signal(signal.SIGTERM)
        try:
            assert process.wait(within) == 0, self.said(name)
        except subprocess.TimeoutExpired:
            assert kill, self.said(name)
        finally:
            process.kill()
            process.wait()

    def close(self) -> None:
        """Leave nothing behind."""
        for process in self.running.values():
            process.kill()
        for process in self.running.values():
            process.wait()


def environment() -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if key[:6] != "ALTAR_"}
    return {**kept, "PYTHONUNBUFFERED": "1"}


def healthy(url: str) -> None:
    """Wait until an address answers that all is well."""
    says(url, "")


def says(url: str, words: str) -> None:
    """Wait until a page is there and has these words."""
    end = time.monotonic() + PATIENCE
    while True:
        found = ""
        with suppress(OSError), urllib.request.urlopen(url, timeout=1.0) as answer:
            found = f"{answer.read().decode()}\n"
        if found and words in found:
            return
        assert time.monotonic() < end, (url, words, found)
        time.sleep(0.02)
