"""Settings: configure() first, then the environment, then altar.toml; read on first use."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, fields, replace
from pathlib import Path
from threading import Lock
from typing import Any

from altar.errors import ConfigurationError
from altar.plugins import check_model, load_runtime, runtime_names

__all__ = ["Settings", "configure", "reset", "settings"]

_FILE = "altar.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What is configured: where tools run, which model answers, where the grid is.

    ``model`` is "prefix:name", or None when nothing was configured: then the
    offline demo model answers, and says so.
    """

    mode: str = "local"
    model: str | None = None
    grid_url: str | None = None


_KEYS = tuple(field.name for field in fields(Settings))


class _State:
    """What was given to configure(), and the settings read with it."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.given: dict[str, str] = {}
        self.known: Settings | None = None


_state = _State()


def configure(
    *, mode: str | None = None, model: str | None = None, grid_url: str | None = None
) -> Settings:
    """Set what is given, for this process; what is None stays as it is.

    Raises ConfigurationError that says what is allowed, and changes nothing
    then. A model's prefix must be known; its library is looked for when the
    model is first used.
    """
    given = {"mode": mode, "model": model, "grid_url": grid_url}
    changes = {name: value for name, value in given.items() if value is not None}
    for name, value in changes.items():
        _check(name, value, "configure")
    if model is not None:
        check_model(model)
    with _state.lock:
        found = replace(_read(), **{**_state.given, **changes})
        _check_mode(found)
        _state.given.update(changes)
        _state.known = found
    return found


def settings() -> Settings:
    """The settings in force; environment and altar.toml are read on the first call."""
    known = _state.known
    if known is None:
        with _state.lock:
            found = replace(_read(), **_state.given)
            _check_mode(found)
            known = _state.known = found
    return known


def reset() -> None:
    """Forget what was configured and read; the next use reads again."""
    with _state.lock:
        _state.given = {}
        _state.known = None


def _read() -> Settings:
    """What the environment says, over what altar.toml in the working directory says."""
    values = _read_file(Path(_FILE))
    for name in _KEYS:
        variable = f"ALTAR_{name.upper()}"
        value = os.environ.get(variable, "").strip()
        if value:
            _check(name, value, f"the variable {variable}")
            values[name] = value
    return Settings(**values)


def _read_file(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{_FILE} cannot be read: {error}") from error
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{_FILE} is not valid TOML: {error}") from error
    unknown = [name for name in values if name not in _KEYS]
    if unknown:
        names = ", ".join(repr(name) for name in unknown)
        allowed = ", ".join(_KEYS)
        raise ConfigurationError(f"{_FILE} holds the unknown {names}; allowed are {allowed}")
    for name, value in values.items():
        _check(name, value, _FILE)
    return values


def _check(name: str, value: object, source: str) -> None:
    if not isinstance(value, str) or not value.strip():
        raise ConfigurationError(f"{name} in {source} must be a text, not {value!r}")
    if name == "grid_url" and "://" not in value:
        raise ConfigurationError(
            f"grid_url in {source} must be an address such as 'nats://127.0.0.1:4222', "
            f"not {value!r}"
        )


def _check_mode(found: Settings) -> None:
    """A mode works when it is "local" or when its runtime can be loaded."""
    if found.mode == "local" or found.mode in runtime_names():
        return
    try:
        load_runtime(found.mode)
    except ConfigurationError as error:
        modes = ", ".join(repr(mode) for mode in runtime_names())
        message = f"mode {found.mode!r} does not work here; allowed now: {modes}"
        if not str(error).startswith("unknown mode"):  # which says no more
            message += f". {error}"
        raise ConfigurationError(message) from None
