"""The switch that forbids live model calls: loopback alone is reached while it is set.

A provider asks ``check`` before it connects. Tests set the switch (the pytest
plugin does so for every test), and a call that would have gone to a vendor
fails before a connection is made, in whichever thread it was made.
"""

from __future__ import annotations

from contextlib import contextmanager
from ipaddress import IPv6Address, ip_address
from threading import RLock
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from altar.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["allow", "check", "forbid"]


class _Word:
    """What somebody said for a while: a reason to forbid, or None to allow."""

    __slots__ = ("reason",)

    def __init__(self, reason: str | None) -> None:
        self.reason = reason


class _State:
    """The words in force; the youngest counts. Threads of every kind see the same."""

    def __init__(self) -> None:
        self.lock = RLock()  # a block that is thrown away ends wherever the collector runs
        self.words: tuple[_Word, ...] = ()


_state = _State()


@contextmanager
def forbid(reason: str) -> Iterator[None]:
    """Forbid live calls inside the block, in every thread; ``reason`` is said in the error.

    ``reason`` is a sentence that says who forbids, and what to type where a
    live call is meant.
    """
    with _said(_Word(reason)):
        yield


@contextmanager
def allow() -> Iterator[None]:
    """Allow live calls inside the block, whatever an outer ``forbid`` said."""
    with _said(_Word(None)):
        yield


def check(provider: str, url: str | None) -> None:
    """Raise ConfigurationError when live calls are forbidden and ``url`` is not on loopback.

    ``provider`` is the model prefix ("gemini"); ``url`` is the base address
    that is about to be used, None for the vendor's own. The message says what
    to type instead; nothing of ``url`` beside its host is repeated.
    """
    words = _state.words
    reason = words[-1].reason if words else None
    if reason is None:
        return
    host = _host(url)
    if host and _is_loopback(host):
        return
    where = host or ("an address that cannot be read" if url else "the vendor's own address")
    raise ConfigurationError(
        f"a live call to {where} by the provider '{provider}:' is forbidden here. {reason.strip()} "
        "Without a network use altar.testing.ScriptedProvider([...]), a recording "
        '(altar.testing.cassette("file.jsonl", model=...)), or a server on this machine.'
    )


@contextmanager
def _said(word: _Word) -> Iterator[None]:
    with _state.lock:
        _state.words = (*_state.words, word)
    try:
        yield
    finally:
        with _state.lock:  # others may have begun since, and may end later
            _state.words = tuple([one for one in _state.words if one is not word])


def _host(url: str | None) -> str | None:
    try:
        return urlsplit(url).hostname if url else None
    except ValueError:
        return None


def _is_loopback(host: str) -> bool:
    name = host.rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True  # RFC 6761 keeps them on this machine
    try:
        address = ip_address(name.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped.is_loopback
    return address.is_loopback
