"""ClientSettings and ExecutionMode: how patient a client is, and where calls run."""

from __future__ import annotations

from dataclasses import dataclass, fields
from difflib import get_close_matches
from enum import StrEnum
from typing import Any

from altar.errors import ConfigurationError

__all__ = ["ClientSettings", "ExecutionMode"]


class ExecutionMode(StrEnum):
    """Where a call runs.

    REMOTE: on a runtime of the grid, nowhere else. LOCAL_FIRST: on the grid, and
    in this process where the grid surely did not run it, for reasons of transport.
    LOCAL_ONLY: in this process, and nobody is asked. GOVERNED_LOCAL: in this
    process, under a grant of the Hosts', who are told what came of it.
    """

    REMOTE = "remote"
    LOCAL_FIRST = "local_first"
    LOCAL_ONLY = "local_only"
    GOVERNED_LOCAL = "governed_local"

    @classmethod
    def read(cls, value: Any, where: str) -> ExecutionMode:
        """The mode of a name, in any case. Raises ConfigurationError that says what is allowed."""
        name = value.lower() if isinstance(value, str) else value
        try:
            return cls(name)
        except ValueError:
            near = get_close_matches(str(name)[:60], [one.value for one in cls], n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            allowed = ", ".join(repr(one.value) for one in cls)
            raise ConfigurationError(
                f"{where}={value!r:.60}): {hint}give one of {allowed}"
            ) from None


_OTHERS = frozenset({"execution", "manifest", "manifest_state"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings:
    """How patient a client is; times are seconds.

    ``connect_timeout`` bounds the opening of a session (a server that is silent is tried
    again until then), ``ask_timeout`` one question to the Hosts. After a lost
    connection a call has ``reattach`` to learn what became of it, and after a
    cancellation ``stop_wait`` to hear that its body has stopped. ``session_ttl``
    is asked for; it is renewed in time.

    ``attempts`` is how often one call is sent at most; where nobody heard it, and there is
    another runtime to ask, that is not counted. ``breaker_failures`` in a
    row take a runtime out for a tool, for ``breaker_wait``. What a runtime said
    of its load is believed for ``load_age``; runtimes are asked for anew every
    ``directory_age``, and about a call that takes longer than ``query_after``.
    ``execution`` is where calls run that neither their tool nor their session says
    anything of. ``window`` is how many chunks may be on their way. ``large_bytes`` and more
    travel in parts. ``grant_uses`` is how many local calls one grant is asked for.
    ``manifest`` is the file of a signed manifest (STRICT): no call leaves for a contract
    that is another, nor once it has expired; ``manifest_state`` is the file that keeps the
    highest sequence seen.
    """

    connect_timeout: float = 5.0
    ask_timeout: float = 2.0
    reattach: float = 2.0
    stop_wait: float = 2.0
    session_ttl: float = 3600.0
    attempts: int = 3
    breaker_failures: int = 5
    breaker_wait: float = 5.0
    load_age: float = 10.0
    directory_age: float = 5.0
    query_after: float = 2.0
    window: int = 64
    large_bytes: int = 512 * 1024
    part_bytes: int = 64 * 1024
    max_result_bytes: int = 64 * 1024 * 1024
    grant_uses: int = 100
    execution: ExecutionMode | None = None
    manifest: str | None = None
    manifest_state: str | None = None

    def __post_init__(self) -> None:
        if self.execution is not None:
            mode = ExecutionMode.read(self.execution, "ClientSettings(execution")
            object.__setattr__(self, "execution", mode)
        for one in fields(self):
            value = 1 if one.name in _OTHERS else getattr(self, one.name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or value <= 0:
                raise ConfigurationError(
                    f"ClientSettings({one.name}={value!r:.40}): give a number above 0"
                )
        for name in ("attempts", "breaker_failures", "window", "grant_uses"):
            if not isinstance(getattr(self, name), int):
                raise ConfigurationError(f"ClientSettings({name}=...): give a whole number")
