"""What holds for every test: no network beyond loopback, no long sleep, nothing left behind."""

from __future__ import annotations

import asyncio
import gc
import ipaddress
import logging
import os
import signal
import socket
import sys
import time
from pathlib import Path

import pytest

import altar
from altar.later import RegistrySnapshot

TESTS = str(Path(__file__).parent) + os.sep
LONGEST_SLEEP = 0.05
CHANGES = {"ALTAR_CHAOS_LOG", "PYTEST_CURRENT_TEST"}  # one is set by a test, for all that follow
KEPT = {"ALTAR_BFCL_CACHE", "ALTAR_CORPUS", "ALTAR_MCP_CONFORMANCE", "ALTAR_TEST_PROFILE"}

for _name in [name for name in os.environ if name.startswith("ALTAR_")]:
    if _name not in KEPT:
        del os.environ[_name]

try:
    from hypothesis import HealthCheck, settings
except ImportError:  # the gates and the docs run without it
    pass
else:
    _common = {
        "deadline": None,
        "suppress_health_check": [HealthCheck.too_slow],
        # as Hypothesis' own profile for CI: a change is not refused for what chance finds in
        # another's code; elsewhere chance goes on looking
        "derandomize": bool(os.environ.get("CI")),
    }
    settings.register_profile("default", max_examples=60, **_common)
    settings.register_profile("short", max_examples=10, **_common)
    settings.register_profile("thorough", max_examples=1000, **_common)
    settings.load_profile(os.environ.get("ALTAR_TEST_PROFILE", "default"))


at_first: list[RegistrySnapshot] = []  # the global registry as collecting left it


def pytest_collection_finish() -> None:
    """What collecting made lives to the end: a look through all of it costs each gc 0.3 s and more."""
    at_first[:] = [altar.registry.snapshot()]
    gc.collect()
    gc.freeze()


if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell's job in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)

broken_rules: list[str] = []


def _is_loopback(host: object) -> bool:
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if host is None or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(str(host).partition("%")[0]).is_loopback
    except ValueError:
        return False


def _refuse(event: str, host: object) -> None:
    if not _is_loopback(host):
        broken_rules.append(f"{event} to {host!r}")
        raise RuntimeError(f"tests reach nothing beyond loopback: {event} to {host!r}")


def _guard_network() -> None:
    """Refuse other machines' addresses and names.

    No audit hook: see ``_no_audit_hooks``.
    """

    def guard_address(name: str) -> None:
        plain = getattr(socket.socket, name)

        def guarded(self, *args):
            # sendto and sendmsg have it last, and sendmsg may have none
            address = args[-1] if args else None
            if isinstance(address, tuple) and address and isinstance(address[0], (str, bytes)):
                _refuse(f"socket.{name}", address[0])
            return plain(self, *args)

        setattr(socket.socket, name, guarded)

    def guard_name(name: str) -> None:
        plain = getattr(socket, name)

        def guarded(host, *args, **kwargs):
            _refuse(f"socket.{name}", host)
            return plain(host, *args, **kwargs)

        setattr(socket, name, guarded)

    for one in ("connect", "connect_ex", "bind", "sendto", "sendmsg"):
        guard_address(one)
    for one in ("getaddrinfo", "gethostbyname", "gethostbyname_ex", "gethostbyaddr"):
        guard_name(one)


def _no_audit_hooks() -> None:
    """Let no library add one while coverage is measured on Python 3.11.

    That calls audit hooks in the middle of installing a trace function, and refuses a second one
    meanwhile: a thread that begins in that moment dies without a word, and who waits for it
    waits for ever (``_PyEval_SetTrace``; it was seen).
    """
    if sys.version_info < (3, 12) and sys.gettrace() is not None:
        sys.addaudithook = lambda hook: None


def _guard_sleep(module: object, where: str) -> None:
    sleep = module.sleep  # type: ignore[attr-defined]

    def guarded(seconds, *args, **kwargs):
        caller = sys._getframe(1).f_code
        if seconds > LONGEST_SLEEP and caller.co_filename.startswith(TESTS):
            broken_rules.append(f"{where}.sleep({seconds}) in {caller.co_filename}")
        return sleep(seconds, *args, **kwargs)

    module.sleep = guarded  # type: ignore[attr-defined]


_guard_network()
_no_audit_hooks()
_guard_sleep(time, "time")
_guard_sleep(asyncio, "asyncio")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    """Reports travel between processes as UTF-8, which has no lone surrogates."""
    report = yield
    if report.longrepr is not None and not isinstance(report.longrepr, tuple):
        text = str(report.longrepr)
        if _encodable(text) != text:
            report.longrepr = _encodable(text)
    report.sections = [(name, _encodable(text)) for name, text in report.sections]
    return report


def _encodable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def _of_all_tests() -> dict[str, object]:
    """What tests share whether they want to or not."""
    found: dict[str, object] = {
        f"the environment's {name}": value
        for name, value in os.environ.items()
        if name not in CHANGES
    }
    for name in (None, "altar", "altar.grid"):
        found[f"the level of the logger {name}"] = logging.getLogger(name).level
    return {
        **found,
        "the working directory": os.getcwd(),  # noqa: PTH109 - for each test
        "the handler of SIGINT": signal.getsignal(signal.SIGINT),
        "logging.disable": logging.root.manager.disable,
    }


@pytest.fixture(autouse=True)
def _leaves_no_trace():
    """A test that changes for others what it runs in fails, and not those others by their order."""
    before = _of_all_tests()
    yield
    after = _of_all_tests()
    changed = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    if changed:
        pytest.fail(f"left changed: {', '.join(sorted(changed))}")


@pytest.fixture(autouse=True)
def _house_rules():
    """A test that reached beyond loopback or slept long fails, whoever swallowed the error."""
    # a fixture that outlives a test may have imported tools, and tests run in any order
    altar.registry.restore(at_first[0])
    broken_rules.clear()
    yield
    altar.registry.restore(at_first[0])
    if broken_rules:
        found = "; ".join(broken_rules)
        broken_rules.clear()
        pytest.fail(f"house rules broken: {found}")


@pytest.fixture
def house_rules() -> list[str]:
    """The rules broken so far in this test; clear it when breaking one was the point."""
    return broken_rules
