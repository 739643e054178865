"""ServerProcess: one nats-server of ours, which never outlives us."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from altar.errors import ConfigurationError
from altar_extras.grid.server._find import find_server
from altar_extras.grid.server._settings import ServerSettings

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Ports", "ServerProcess"]

_KEEPER = str(Path(__file__).with_name("_keeper.py"))
_SHORT = 0.01  # seconds between looks
_LOG_BYTES, _LOGS = 4_000_000, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The ports a server listens on; 0 where it does not."""

    client: int
    monitor: int = 0
    cluster: int = 0


class ServerProcess:
    """A nats-server process on this machine.

    ``config`` is ServerSettings, or the text of a configuration. A port of -1 in it is chosen by
    the system at the first start and kept for later ones (with ServerSettings). ``folder`` holds
    the configuration and the logs (two files of 4 MB at most); without one a temporary folder is
    made and removed by ``close``.

    The process ends with ``stop``, ``kill``, ``close``, and with this process, however it ends:
    a small keeper process waits for that (and on Linux the system itself ends the server with its
    keeper).

    Raises ConfigurationError where there is no nats-server, and on Windows.
    """

    def __init__(self, config: ServerSettings | str, *, folder: Path | None = None) -> None:
        if os.name != "posix":
            raise ConfigurationError(
                "a server of our own needs Linux, macOS or another Unix: start nats-server yourself"
            )
        self.config = config
        self.program = find_server()
        self._own_folder = folder is None
        self.folder = Path(tempfile.mkdtemp(prefix="altar-grid-")) if folder is None else folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log = self.folder / "server.log"
        self.ports: Ports | None = None
        self._told_ports: Ports | None = None  # those in its configuration, which a reload repeats
        self.pid: int | None = None
        self._keeper: subprocess.Popen[bytes] | None = None
        self._suspended = False

    @property
    def url(self) -> str:
        """Where clients connect: ``nats://127.0.0.1:PORT``, or ``tls://localhost:PORT``."""
        scheme, host = ("tls", "localhost") if self._has_tls() else ("nats", "127.0.0.1")
        return f"{scheme}://{host}:{self._known().client}"

    @property
    def monitor_url(self) -> str:
        """Where it tells of itself over HTTP; ``""`` without a monitoring port."""
        port = self._known().monitor
        return f"http://127.0.0.1:{port}" if port else ""

    @property
    def running(self) -> bool:
        """Whether the process is there (suspended counts)."""
        return self._keeper is not None and self._keeper.poll() is None

    @property
    def exit_code(self) -> int | None:
        """What it ended with by itself, as a shell says it (137: kill -9); None while it runs, and
        where it was told to end.
        """
        return None if self._keeper is None else self._keeper.poll()

    def start(self, *, timeout: float = 10.0, wait: bool = True) -> Self:
        """Start it and wait until it takes connections and JetStream is ready, ``timeout`` seconds
        at most. ``wait=False`` returns once its ports are known: a node of a cluster is ready
        only when the others are there.

        Raises ConfigurationError with the end of its log when it does not start.
        """
        if self.running:
            raise ConfigurationError("this server is running already: call stop() first")
        until = time.monotonic() + timeout
        while True:
            self._launch()
            if self._listening(until):
                break
            said = self._said()
            self.kill()
            # A port kept from an earlier start may be in the hands of a connection for a moment.
            if "address already in use" not in said or time.monotonic() > until:
                raise ConfigurationError(f"nats-server did not start: {said or 'no word of it'}")
            time.sleep(_SHORT)
        if wait:
            self.wait_until_ready(timeout=max(0.1, until - time.monotonic()))
        return self

    def wait_until_ready(self, *, timeout: float = 10.0) -> None:
        """Wait until it takes connections and, where it has JetStream, that is ready.

        Raises ConfigurationError after ``timeout`` seconds, with the end of its log.
        """
        until = time.monotonic() + timeout
        while time.monotonic() < until and self.running:
            if self.healthy():
                return
            time.sleep(_SHORT)
        raise ConfigurationError(f"nats-server is not ready: {self._said()}")

    def healthy(self) -> bool:
        """What its own health check says (without a monitoring port: whether it accepts)."""
        if self.ports is None or not self.running:
            return False
        try:
            if self.ports.monitor:
                self.monitor("healthz")
            else:
                socket.create_connection(("127.0.0.1", self.ports.client), 1.0).close()
        except (OSError, ValueError):
            return False
        return True

    def monitor(self, page: str) -> dict[str, Any]:
        """A page of its monitoring port: "varz", "connz", "jsz", "healthz" and others.

        Raises OSError when it does not answer, or says that it is not well.
        """
        with urllib.request.urlopen(f"{self.monitor_url}/{page}", timeout=2.0) as answer:  # noqa: S310 - our own
            found: dict[str, Any] = json.load(answer)
        return found

    def stop(self, *, timeout: float = 10.0) -> None:
        """End it in order (SIGTERM), or by force after ``timeout`` seconds."""
        if self._suspended:
            self.resume()
        self._signal(signal.SIGTERM)
        self._await_end(timeout)

    def kill(self) -> None:
        """End it at once (kill -9): nothing is flushed, no one is told."""
        self._signal(signal.SIGKILL)
        self._await_end(10.0)

    def suspend(self) -> None:
        """SIGSTOP: it answers nobody, and its connections stay open.

        On Linux it has stopped when this returns; elsewhere it may take a moment.
        """
        self._signal(signal.SIGSTOP)
        self._suspended = True
        until = time.monotonic() + 1.0
        while _is_turning(self.pid) and time.monotonic() < until:
            time.sleep(_SHORT / 10)

    def resume(self) -> None:
        """SIGCONT: it goes on where ``suspend`` stopped it."""
        self._signal(signal.SIGCONT)
        self._suspended = False

    def lame_duck(self) -> None:
        """SIGUSR2: it takes no new connections, tells its clients, then lets go of them one by one
        over its lame duck duration and ends.
        """
        self._signal(signal.SIGUSR2)

    def reload(self, config: ServerSettings | str | None = None, *, timeout: float = 5.0) -> None:
        """SIGHUP: it reads its configuration again, ``config`` where one is given.

        Certificates, limits, accounts and permissions can change so; ports, the callout and its
        users cannot: a server takes those with a restart. Raises ConfigurationError with the
        server's words when it goes on with the old one, or says nothing within ``timeout`` seconds.
        """
        before = self.config
        self.config = before if config is None else config
        seen = len(self.log_text())
        self._write()
        self._signal(signal.SIGHUP)
        until = time.monotonic() + timeout
        while time.monotonic() < until and self.running:
            said = self.log_text()[seen:]
            if "Reloaded server configuration" in said:
                return
            if "Failed to reload" in said:
                break
            time.sleep(_SHORT)
        self.config = before
        raise ConfigurationError(f"nats-server keeps its old configuration: {self._said()}")

    def log_text(self) -> str:
        """What it logged so far (the file that is being written)."""
        try:
            return self.log.read_text("utf-8", "replace")
        except FileNotFoundError:
            return ""

    def close(self) -> None:
        """End it, and remove a folder of its own."""
        self.kill()
        if self._own_folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self if self.running else self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "suspended" if self._suspended else "running" if self.running else "stopped"
        return f"<ServerProcess {state} ports={self.ports}>"

    def _known(self) -> Ports:
        if self.ports is None:
            raise ConfigurationError("the server has no ports yet: call start() first")
        return self.ports

    def _has_tls(self) -> bool:
        if isinstance(self.config, ServerSettings):
            return self.config.tls is not None
        return re.search(r"(?m)^tls\b", self.config) is not None

    def _write(self) -> Path:
        config, ports = self.config, self._told_ports
        if isinstance(config, ServerSettings):
            if ports is not None:
                config = replace(
                    config,
                    port=ports.client if config.port == -1 else config.port,
                    monitor=ports.monitor if config.monitor == -1 else config.monitor,
                )
            config = config.text()
        path = self.folder / "nats.conf"
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            # a limit given as an argument would make every reload fail
            file.write(f"{config}\nlogfile_size_limit: {_LOG_BYTES}\nlogfile_max_num: {_LOGS}\n")
        return path

    def _launch(self) -> None:
        self._told_ports = self.ports
        path = self._write()
        for stale in self.folder.glob("*.ports"):
            stale.unlink()
        command = [
            *(str(self.program), "-c", str(path), "-l", str(self.log)),
            *("--ports_file_dir", str(self.folder)),
        ]
        # What it says before it has a log, and when it panics.
        with (self.folder / "server.err").open("wb") as said:
            self._keeper = subprocess.Popen(  # noqa: S603 - the server we found
                [sys.executable, "-I", "-S", _KEEPER, str(os.getpid()), *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
                start_new_session=True,
            )
        assert self._keeper.stdout is not None
        line = self._keeper.stdout.readline()
        self._keeper.stdout.close()
        self.pid = int(line) if line.strip() else None
        self._suspended = False

    def _listening(self, until: float) -> bool:
        while time.monotonic() < until and self.running:
            for file in self.folder.glob(f"*_{self.pid}.ports"):
                with suppress(ValueError, OSError):  # half written
                    found = json.loads(file.read_text())
                    self.ports = Ports(
                        client=_port(found.get("nats")),
                        monitor=_port(found.get("monitoring")),
                        cluster=_port(found.get("cluster")),
                    )
                    return True
            time.sleep(_SHORT)
        return False

    def _signal(self, number: signal.Signals) -> None:
        if self.pid is not None and self.running:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def _await_end(self, timeout: float) -> None:
        keeper, self._suspended = self._keeper, False
        if keeper is None:
            return
        assert keeper.stdin is not None
        with suppress(subprocess.TimeoutExpired):
            keeper.wait(timeout)
        with suppress(OSError):
            keeper.stdin.close()  # a keeper whose line is closed ends its server
        keeper.wait()
        self._keeper = self.pid = None

    def _said(self) -> str:
        text = self.log_text()
        with suppress(OSError):
            text += (self.folder / "server.err").read_text("utf-8", "replace")
        return "\n".join(text.strip().splitlines()[-6:])


def _is_turning(pid: int | None) -> bool:
    """Whether a process that was told to stop has not stopped yet."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:  # it is gone, or there is no /proc
        return False
    return stat.rpartition(")")[2].split()[0] not in ("T", "t", "Z")


def _port(urls: list[str] | None) -> int:
    return int(urls[0].rpartition(":")[2]) if urls else 0
