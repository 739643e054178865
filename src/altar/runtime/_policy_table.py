"""Reading a policy from a table, as ``[policy]`` in altar.toml is one."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, NoReturn

from altar.errors import ConfigurationError
from altar.runtime._policy import ALLOWED, FIELDS, Policy
from altar.runtime._policy_parts import BreakerSettings, CacheSettings

__all__ = ["read_policy"]


def read_policy(table: object, source: str) -> Policy:
    """The policy a table describes; ``source`` names the table's file in errors.

    The keys are the fields of Policy; ``retry``, ``breaker`` and ``cache`` may
    be tables themselves, with the numbers of RetryPolicy, BreakerSettings and
    CacheSettings. ``false`` switches a thing off. Raises ConfigurationError
    that names the key, what is allowed, and the line to type.
    """
    if not isinstance(table, dict):
        raise ConfigurationError(
            f"policy in {source} must be a table, not {table!r:.100}; type [policy] on a line "
            "of its own, and below it lines such as timeout = 30"
        )
    _check_no_tool(table, source)
    _check_names("policy", table, FIELDS, source)
    values = {name: _read(name, value, source) for name, value in table.items()}
    for name, value in values.items():
        try:
            Policy(**{name: value})
        except ConfigurationError:
            allowed, example = ALLOWED[name]
            _refuse(f"policy.{name}", table[name], allowed, f"{name} = {example}", source)
    return Policy(**values)


def _read(name: str, value: object, source: str) -> Any:
    if not isinstance(value, dict) or name not in ("retry", "breaker", "cache"):
        return value
    from altar.resilience import RetryPolicy  # noqa: PLC0415 - few tables say so much

    cls: Any = {"retry": RetryPolicy, "breaker": BreakerSettings, "cache": CacheSettings}[name]
    known = [field.name for field in fields(cls) if field.name not in ("backoff", "clock")]
    _check_names(f"policy.{name}", value, known, source)
    try:
        return cls(**value)
    except (ConfigurationError, TypeError) as error:
        raise ConfigurationError(f"policy.{name} in {source}: {error}") from None


def _check_no_tool(table: dict[str, Any], source: str) -> None:
    for name, value in table.items():
        if isinstance(value, dict) and name not in FIELDS and name.isidentifier():
            raise ConfigurationError(
                f"policy in {source} holds the table {name!r}, and no field of a policy has that "
                f"name ({', '.join(FIELDS)}); the file's policy holds for every tool, and a "
                "tool's own stands in its code: type @tool(policy=Policy(timeout=30))"
            )


def _check_names(where: str, table: dict[str, Any], known: Any, source: str) -> None:
    for name in table:
        if name not in known:
            from difflib import get_close_matches  # noqa: PLC0415 - only for an error

            near = get_close_matches(name.lower(), known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ConfigurationError(
                f"{where} in {source} holds the unknown {name!r}; "
                f"allowed are {', '.join(known)}{hint}"
            )


def _refuse(where: str, value: object, allowed: str, example: str, source: str) -> NoReturn:
    raise ConfigurationError(
        f"{where} in {source} is {value!r:.100}: give {allowed}, or false for none; type {example}"
    )
