"""ClientOptions: how a client treats its server, in one frozen value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, NoReturn

from altar.errors import ConfigurationError
from altar.mcp._versions import VERSIONS

__all__ = ["ClientOptions"]

_MIB = 1024 * 1024
_APPROVE = ("never", "destructive", "writes", "always")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientOptions:
    """How a client treats its server.

    ``timeout``: seconds an answer may take, a person's time to answer the
    server's questions aside. ``connect_timeout``: seconds from the start of the
    server until a version is agreed on. ``max_message``: bytes of one message.
    ``max_tools``: how many tools, prompts or resources a list may have.
    ``version``: a revision of the protocol ("2025-11-25"); None finds out.

    ``approve`` says which tools wait for a person's yes: "never" (those that
    say so themselves still do), "destructive" (what the server calls
    destructive), "writes" (all but what a trusted server calls read-only) or
    "always". ``prefix`` goes before each tool's name. ``skip_refused`` leaves
    out the tools that altar cannot carry, instead of raising.

    ``headers`` go with each HTTP request. ``env`` and ``cwd`` are for the
    server's process, which otherwise sees HOME, PATH and little more.
    ``restart`` starts a server that ended again, with the next call. ``watch``
    keeps a stream open on which the server says that its tools changed.
    Raises ConfigurationError for what cannot be.
    """

    timeout: float = 60.0
    connect_timeout: float = 30.0
    max_message: int = 16 * _MIB
    max_tools: int = 10_000
    version: str | None = None
    approve: str = "never"
    prefix: str = ""
    skip_refused: bool = False
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    cwd: str | None = None
    restart: bool = False
    watch: bool = False

    def __post_init__(self) -> None:
        for name in ("timeout", "connect_timeout"):
            value = getattr(self, name)
            if value.__class__ not in (int, float) or not (value > 0 and isfinite(value)):
                _refuse(name, value, "seconds above zero")
        for name in ("max_message", "max_tools"):
            value = getattr(self, name)
            if value.__class__ is not int or value < 1:
                _refuse(name, value, "a whole number above zero")
        for name in ("skip_refused", "restart", "watch"):
            if getattr(self, name).__class__ is not bool:
                _refuse(name, getattr(self, name), "True or False")
        self._check_words()

    def _check_words(self) -> None:
        if self.version is not None and self.version not in VERSIONS:
            _refuse("version", self.version, f"None, or one of {', '.join(VERSIONS)}")
        if self.approve not in _APPROVE:
            _refuse("approve", self.approve, f"one of {', '.join(map(repr, _APPROVE))}")
        if type(self.prefix) is not str:
            _refuse("prefix", self.prefix, "a text such as 'files_'")
        for name in ("headers", "env"):
            _check_texts(name, getattr(self, name))


def _check_texts(name: str, given: Any) -> None:
    if not isinstance(given, Mapping):
        _refuse(name, type(given).__name__, "a mapping of texts to texts")
    for key, value in given.items():
        texts = isinstance(key, str) and isinstance(value, str)
        if not texts or not key or any(mark in key + value for mark in "\r\n\0"):
            _refuse(name, key, "texts of one line each")  # never the value: it may be a secret


def _refuse(name: str, value: object, allowed: str) -> NoReturn:
    raise ConfigurationError(f"ClientOptions({name}={value!r:.80}): give {allowed}")
