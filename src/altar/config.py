"""Settings: configure() first, then the environment, then altar.toml; read on first use."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, fields, replace
from threading import RLock
from typing import TYPE_CHECKING, Any, NoReturn

from altar.errors import ConfigurationError

if TYPE_CHECKING:
    from altar.runtime import Policy

__all__ = ["EXECUTION_MODES", "Settings", "configure", "reset", "settings"]

_FILE = "altar.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What is configured: where tools run, which model answers, where the grid is.

    ``model`` is "prefix:name", or None when nothing was configured: then the
    offline demo model answers, and says so. ``trace`` is the file that is told
    what happens (JSON lines, or SQLite by its ending), or None.
    ``policy`` holds for every call whose tool and session do not say otherwise.
    ``mode`` is "local" ("later" is another word for it), "grid", or what a plugin
    brings. ``grid_credentials`` is the file that says who asks the grid, and
    ``execution_mode`` where its calls run unless tool, session or client say
    otherwise: "remote" (None is the same), "local_first", "local_only" or
    "governed_local".
    """

    mode: str = "local"
    model: str | None = None
    grid_url: str | None = None
    trace: str | None = None
    policy: Policy | None = None
    grid_credentials: str | None = None
    execution_mode: str | None = None


_KEYS = tuple(field.name for field in fields(Settings))
_VARIABLES = {name: f"ALTAR_{name.upper()}" for name in _KEYS if name != "policy"}


EXECUTION_MODES = ("remote", "local_first", "local_only", "governed_local")


class _State:
    """What was given to configure(), and the settings read with it."""

    def __init__(self) -> None:
        self.lock = RLock()  # a plugin that is loaded for them may ask, too
        self.given: dict[str, Any] = {}
        self.known: Settings | None = None
        self.traced: str | None = None  # where a trace was begun for them


_state = _State()


def configure(
    *,
    mode: str | None = None,
    model: str | None = None,
    grid_url: str | None = None,
    trace: str | None = None,
    policy: Policy | None = None,
    grid_credentials: str | None = None,
    execution_mode: str | None = None,
) -> Settings:
    """Set what is given, for this process; what is None stays as it is.

    A session keeps to the policy that is in force when it is made.

    Raises ConfigurationError that says what is allowed, and changes nothing
    then. A model's prefix must be known; its library is looked for when the
    model is first used.
    """
    given = {
        "mode": mode,
        "model": model,
        "grid_url": grid_url,
        "trace": trace,
        "grid_credentials": grid_credentials,
        "execution_mode": execution_mode,
    }
    changes: dict[str, Any] = {
        name: _checked(name, text, "configure") for name, text in given.items() if text is not None
    }
    if policy is not None:
        changes["policy"] = _own(policy)
    if model is not None:
        from altar.plugins import check_model  # noqa: PLC0415 - most programs name none here

        check_model(model)
    if trace is not None:
        from altar.trace._configured import check  # noqa: PLC0415 - most programs name none here

        check(trace)
    with _state.lock:
        found = replace(_read(), **{**_state.given, **changes})
        if _state.known is not None and found.policy == _state.known.policy and policy is None:
            found = replace(found, policy=_state.known.policy)  # what it keeps is kept with it
        _check_mode(found)
        _state.given.update(changes)
        _state.known = found
    if trace is not None:
        from altar.trace._active import switch  # noqa: PLC0415 - loaded by the check above

        switch.settled = False  # the next span asks again
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
    """Forget what was configured and read; the next use reads again. A trace of theirs ends."""
    with _state.lock:
        _state.given = {}
        _state.known = None
        is_traced, _state.traced = _state.traced, None
    if is_traced is not None:
        _trace_to(None)
    active = sys.modules.get("altar.trace._active")
    if active is not None:
        active.switch.settled = False


def begin_trace(*, first: bool = False, strict: bool = False) -> None:
    """Trace as the settings say; the first span, a session and a run that begin ask for it.

    Settings that cannot be read are told where they are needed; by the
    ``first`` span in a warning. ``strict`` raises ConfigurationError for a
    trace that cannot be written, which is a warning else.
    """
    try:
        path = settings().trace
    except ConfigurationError as error:
        if first:
            from altar.trace._active import switch  # noqa: PLC0415 - it is loaded
            from altar.trace._configured import told  # noqa: PLC0415 - only where something is wrong

            switch.settled = True
            told(error)
        return
    if path != _state.traced or first:
        _trace_to(path, strict=strict)


def _trace_to(path: str | None, *, strict: bool = False) -> None:
    from altar.trace._configured import configured  # noqa: PLC0415 - only where it is asked for

    source = _FILE
    if "trace" in _state.given:
        source = "configure"
    elif os.environ.get(_VARIABLES["trace"], "").strip():
        source = f"the variable {_VARIABLES['trace']}"
    try:
        configured.follow(path, source, strict=strict)
    finally:
        _state.traced = configured.path


def _read() -> Settings:
    """What the environment says, over what altar.toml in the working directory says."""
    values = _read_file(_FILE)
    for name, variable in _VARIABLES.items():
        value = os.environ.get(variable, "").strip()
        if value:
            values[name] = _checked(name, value, f"the variable {variable}")
    return Settings(**values)


def _read_file(path: str) -> dict[str, Any]:
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123 - pathlib costs its import
            text = file.read()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{_FILE} cannot be read: {error}") from error
    import tomllib  # noqa: PLC0415 - only where there is a file

    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{_FILE} is not valid TOML: {error}") from error
    unknown = [name for name in values if name not in _KEYS]
    if unknown:
        _refuse_unknown(unknown)
    table = values.pop("policy", None)
    for name, value in values.items():
        values[name] = _checked(name, value, _FILE)
    if table is not None:
        from altar.runtime._policy_table import read_policy  # noqa: PLC0415 - only where there is one

        values["policy"] = read_policy(table, _FILE)
    return values


def _refuse_unknown(names: list[str]) -> NoReturn:
    from difflib import get_close_matches  # noqa: PLC0415 - only for an error

    near = get_close_matches(names[0].lower(), _KEYS, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise ConfigurationError(
        f"{_FILE} holds the unknown {', '.join(repr(name) for name in names)}; "
        f"allowed are {', '.join(_KEYS)}{hint}"
    )


def _checked(name: str, value: object, source: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ConfigurationError(f"{name} in {source} must be a text, not {value!r}")
    if name == "grid_url" and "://" not in value:
        raise ConfigurationError(
            f"grid_url in {source} must be an address such as 'nats://127.0.0.1:4222', "
            f"not {value!r}"
        )
    if name == "execution_mode":
        if value.lower() not in EXECUTION_MODES:
            raise ConfigurationError(
                f"execution_mode in {source} is {value!r:.60}; "
                f"it is one of {', '.join(EXECUTION_MODES)}"
            )
        return value.lower()
    return "local" if name == "mode" and value == "later" else value


def _own(policy: object) -> Policy:
    """A copy: what is kept under a policy (see later/_assemble) is kept by its identity."""
    from altar.runtime import Policy  # noqa: PLC0415 - only where one is given

    if not isinstance(policy, Policy):
        raise ConfigurationError(
            f"policy={policy!r:.100} in configure must be a Policy; type "
            "altar.configure(policy=altar.runtime.Policy(timeout=30))"
        )
    return replace(policy)


def _check_mode(found: Settings) -> None:
    """A mode works when it is "local" or when its runtime can be loaded."""
    if found.mode == "local":
        return
    from altar.plugins import load_runtime, runtime_names  # noqa: PLC0415 - not for "local"

    if found.mode in runtime_names():
        return
    try:
        load_runtime(found.mode)
    except ConfigurationError as error:
        modes = ", ".join(repr(mode) for mode in runtime_names())
        message = f"mode {found.mode!r} does not work here; allowed now: {modes}"
        if not str(error).startswith("unknown mode"):  # which says no more
            message += f". {error}"
        raise ConfigurationError(message) from None
