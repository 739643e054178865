"""Policy: how calls to a tool are tried, as one small value."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from altar.errors import ConfigurationError
from altar.runtime._policy_parts import (
    BreakerSettings,
    CacheSettings,
    is_count,
    is_number,
    rate_of,
)

if TYPE_CHECKING:
    from altar.resilience import CircuitBreaker, RetryPolicy
    from altar.runtime._protocol import Runtime

__all__ = ["ALLOWED", "FIELDS", "Policy"]

Off: TypeAlias = Literal[False]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a tool, a session or a process asks of its calls; None leaves it to the next level.

    The tool decides before the session, the session before the process
    (``altar.configure(policy=...)``, ``[policy]`` in altar.toml), field by
    field; False switches a thing off, whatever the next level says.

    ``timeout``: seconds one try of a call may take. ``retry``: how often a call
    is tried in all, or a RetryPolicy; only failures that allow it are tried
    again. ``rate``: calls per second, or a text such as "10/s", "100/min",
    "1000/h", which may come at once after a rest; a call waits up to 10 s for
    its turn. ``concurrency``: how many calls run at once; others wait, up to
    60 s. ``breaker``: failures in a row after which the tool is left alone for
    a while, BreakerSettings, or a CircuitBreaker that several tools share.
    ``cache``: seconds an answer is good for, or CacheSettings; from a session
    or the process it holds for tools marked idempotent.

    A rate, a limit, a breaker and a cache are each tool's own. They live as
    long as what asked for them: the tool, the session, or the settings.

    A policy is a function from a runtime to one that keeps to it, so it stands
    wherever a wrapper does; it then holds for whatever name is called. Raises
    ConfigurationError for a bad value.
    """

    timeout: float | Off | None = None
    retry: int | RetryPolicy | Off | None = None
    rate: float | str | Off | None = None
    concurrency: int | Off | None = None
    breaker: int | BreakerSettings | CircuitBreaker | Off | None = None
    cache: float | CacheSettings | Off | None = None

    def __post_init__(self) -> None:
        for name in FIELDS:
            value = getattr(self, name)
            if value is not None and value is not False and not _is_allowed(name, value):
                allowed, example = ALLOWED[name]
                raise ConfigurationError(
                    f"Policy({name}={value!r:.100}): give {allowed}, or False for none; "
                    f"type Policy({name}={example})"
                )

    def over(self, base: Policy | None) -> Policy:
        """A policy that says what this one says, and what ``base`` says where it is silent."""
        if base is None:
            return self
        open_ = {name: getattr(base, name) for name in FIELDS if getattr(self, name) is None}
        return replace(self, **open_)

    def said(self) -> list[tuple[str, Any]]:
        """The fields that say something, with what they say."""
        return [(name, value) for name in FIELDS if (value := getattr(self, name)) is not None]

    def __call__(self, inner: Runtime) -> Runtime:
        """``inner`` under this policy, each tool by its own name."""
        from altar.runtime._policy_runtime import PolicyRuntime  # noqa: PLC0415 - few call it

        return PolicyRuntime(inner, self.said())

    def __repr__(self) -> str:
        return f"Policy({', '.join(f'{name}={value!r}' for name, value in self.said())})"


FIELDS = tuple(field.name for field in fields(Policy))

# what a field may hold, and an example to type
ALLOWED = {
    "timeout": ("seconds above zero", "30"),
    "retry": ("how often a call is tried in all, 1 or more, or a RetryPolicy", "3"),
    "rate": ('calls per second, or a text such as "10/s", "100/min" or "1000/h"', '"10/s"'),
    "concurrency": ("how many calls may run at once, 1 or more", "4"),
    "breaker": (
        "the failures in a row that open it, 1 or more, BreakerSettings or a CircuitBreaker",
        "5",
    ),
    "cache": ("the seconds an answer is good for, or CacheSettings", "60"),
}


def _is_allowed(name: str, value: Any) -> bool:
    if name == "concurrency" or (name in ("retry", "breaker") and is_count(value)):
        return is_count(value)
    if name in ("retry", "breaker"):
        from altar import resilience  # noqa: PLC0415 - few policies hold one of these

        if name == "retry":
            return isinstance(value, resilience.RetryPolicy)
        return isinstance(value, (BreakerSettings, resilience.CircuitBreaker))
    if name == "rate":
        return rate_of(value) is not None
    return is_number(value) or (name == "cache" and isinstance(value, CacheSettings))
