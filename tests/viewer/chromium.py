"""A browser without a window, driven through the DevTools protocol with the standard library."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.request import urlopen

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PATIENCE = 60.0  # seconds
KEYS = {"Enter": 13, "Escape": 27, "Tab": 9, "ArrowUp": 38, "ArrowDown": 40, "ArrowLeft": 37,
        "ArrowRight": 39, "Home": 36, "End": 35, "PageDown": 34, "PageUp": 33, " ": 32}  # fmt: skip


def find() -> str | None:
    """The path of a Chromium on this machine, or None."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


class WebSocket:
    """The client's side of RFC 6455: text in frames, pings answered."""

    def __init__(self, url: str) -> None:
        host, _, path = url.removeprefix("ws://").partition("/")
        name, _, port = host.partition(":")
        self.socket = socket.create_connection((name, int(port)), timeout=PATIENCE)
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET /{path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        self.file = self.socket.makefile("rb")
        status = self.file.readline()
        assert b" 101 " in status, status
        while self.file.readline().strip():
            pass

    def send(self, text: str, code: int = 1) -> None:
        data = text.encode()
        size = len(data)
        if size < 126:
            head = struct.pack("!BB", 0x80 | code, 0x80 | size)
        elif size < 65536:
            head = struct.pack("!BBH", 0x80 | code, 0x80 | 126, size)
        else:
            head = struct.pack("!BBQ", 0x80 | code, 0x80 | 127, size)
        self.socket.sendall(head + bytes(4) + data)  # a mask of zeros changes nothing

    def receive(self) -> str:
        whole = b""
        while True:
            first, second = self.file.read(2)
            size = second & 127
            if size > 125:
                size = struct.unpack(
                    "!H" if size == 126 else "!Q", self.file.read(2 if size == 126 else 8)
                )[0]
            data = self.file.read(size)
            if first & 15 == 9:
                self.send(data.decode(), 10)
                continue
            whole += data
            if first & 128 and first & 15 in {0, 1}:
                return whole.decode()

    def close(self) -> None:
        self.file.close()
        self.socket.close()


class Browser:
    """One Chromium with one page; ``errors`` holds what its scripts threw and its console said."""

    def __init__(self, path: str, *, width: int = 1280, height: int = 900) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="altar-chromium-"))
        self.errors: list[str] = []
        self.requests: list[str] = []
        self.process = subprocess.Popen(
            [path, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
             "--remote-debugging-port=0", f"--user-data-dir={self.home}", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync",
             "--disable-extensions", "--hide-scrollbars", "--force-color-profile=srgb",
             f"--window-size={width},{height}", "about:blank"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        try:
            self.socket = WebSocket(self._page())
        except BaseException:
            self.close()
            raise
        self.number = 0
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")
        self.size(width, height)

    def _page(self) -> str:
        told = self.home / "DevToolsActivePort"
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and self.process.poll() is None:
            with contextlib.suppress(OSError, ValueError, IndexError, StopIteration):
                port = told.read_text().split()[0]  # it is there before what it says
                with urlopen(f"http://127.0.0.1:{port}/json/list", timeout=30) as answer:
                    pages = json.load(answer)
                return next(p["webSocketDebuggerUrl"] for p in pages if p["type"] == "page")
            time.sleep(0.02)
        raise RuntimeError("chromium did not start")

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command; its result."""
        self.number += 1
        self.socket.send(json.dumps({"id": self.number, "method": method, "params": params}))
        while True:
            found = json.loads(self.socket.receive())
            if found.get("id") == self.number:
                if "error" in found:
                    raise RuntimeError(f"{method}: {found['error']}")
                return found["result"]
            self._note(found)

    def _note(self, event: dict[str, Any]) -> None:
        params = event.get("params", {})
        match event.get("method"):
            case "Runtime.exceptionThrown":
                told = params["exceptionDetails"]
                self.errors.append(told.get("exception", {}).get("description", told["text"]))
            case "Log.entryAdded" if params["entry"]["level"] == "error":
                self.errors.append(params["entry"]["text"])
            case "Network.requestWillBeSent":
                self.requests.append(params["request"]["url"])

    def open(self, url: str) -> None:
        """Load a page anew; returns when its document is there."""
        self.ask("Page.navigate", url="about:blank")
        self.errors.clear()
        self.requests.clear()
        self.ask("Page.navigate", url=url)
        self.until("document.readyState === 'complete'")

    def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        found = self.ask(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in found:
            raise RuntimeError(found["exceptionDetails"]["exception"].get("description", script))
        return found["result"].get("value")

    def until(self, script: str) -> Any:
        """The value of an expression as soon as it is true; fails when it never is."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            with contextlib.suppress(RuntimeError):
                if value := self.run(f"(v => v instanceof Node ? true : v)({script})"):
                    return value
            time.sleep(0.02)
        raise AssertionError(
            f"never true: {script}; the page shows: {self.run('document.body.innerText')[:800]}; {self.errors}"
        )

    def text(self, selector: str = "body") -> str:
        """What a reader sees of an element."""
        return self.run(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")

    def press(self, *keys: str) -> None:
        """Press keys, one after the other, where the focus is."""
        for key in keys:
            code = KEYS.get(key, 0)
            text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
            about = {"key": key, "windowsVirtualKeyCode": code, "code": key if code else ""}
            self.ask(
                "Input.dispatchKeyEvent",
                type="keyDown" if text else "rawKeyDown",
                text=text,
                **about,
            )
            self.ask("Input.dispatchKeyEvent", type="keyUp", **about)

    def type(self, text: str) -> None:
        """Write a text where the focus is."""
        self.ask("Input.insertText", text=text)

    def click(self, selector: str, *, times: int = 1) -> None:
        """Click into the middle of the first element that matches."""
        box = self.until(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            "if (!e) return null; e.scrollIntoView({block: 'nearest'});"
            "const r = e.getBoundingClientRect();"
            "return r.width ? [r.x + r.width / 2, r.y + r.height / 2] : null })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.ask("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left",
                     clickCount=times)  # fmt: skip

    def size(self, width: int, height: int) -> None:
        """Make the window this large, in CSS pixels."""
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height,
                 deviceScaleFactor=1, mobile=False)  # fmt: skip

    def scheme(self, name: str) -> None:
        """Prefer a colour scheme: light or dark."""
        feature = {"name": "prefers-color-scheme", "value": name}
        self.ask("Emulation.setEmulatedMedia", features=[feature])

    def picture(self, path: Path) -> Path:
        """A PNG of what the window shows."""
        data = self.ask("Page.captureScreenshot", format="png", optimizeForSpeed=False)["data"]
        path.write_bytes(base64.b64decode(data))
        return path

    def accessible(self) -> list[dict[str, Any]]:
        """The accessibility tree, flat: role, name and properties of each node that counts."""
        found = []
        for node in self.ask("Accessibility.getFullAXTree")["nodes"]:
            if not node.get("ignored"):
                more = {p["name"]: p["value"].get("value") for p in node.get("properties", ())}
                role = node.get("role", {}).get("value", "")
                found.append({"role": role, "name": node.get("name", {}).get("value", ""), **more})
        return found

    def close(self) -> None:
        """End the browser and whatever it started."""
        with contextlib.suppress(Exception):
            self.ask("Browser.close")
        with contextlib.suppress(Exception):
            self.socket.close()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(OSError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(30)
        shutil.rmtree(self.home, ignore_errors=True)
