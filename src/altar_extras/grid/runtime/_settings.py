"""RuntimeSettings: how much one runtime takes on, and how patient it is."""

from __future__ import annotations

from dataclasses import dataclass, fields

from altar.errors import ConfigurationError

__all__ = ["RuntimeSettings"]

_WHOLE = frozenset(
    {"slots", "queue", "keep_bytes", "max_payload", "payloads_at_once", "payload_bytes_at_once"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeSettings:
    """Bounds of one runtime; times in seconds, sizes in bytes.

    ``slots`` bodies run at once (async ones count too), ``queue`` calls wait
    beyond them, and what comes then is answered ``overloaded`` at once.

    A call that names no deadline has ``default_seconds``; none has more than
    ``longest_seconds``. What became of a call is remembered until its deadline
    and ``keep_seconds`` more, in ``keep_bytes`` at most.

    A streaming tool waits ``credit_seconds`` for a reader that returns no
    credit. Payloads beyond one message are ``max_payload`` at most;
    ``payloads_at_once`` of them, and ``payload_bytes_at_once``, are on their way in.

    ``drain_seconds`` is what running bodies have when the runtime drains,
    ``linger_seconds`` how long it answers questions after that.

    ``ready_timeout`` is how long a start waits for a Host to be there; None: for ever.

    ``manifest_state`` is the file that keeps the highest sequence of a signed
    manifest, so that an older one is refused here too.
    """

    slots: int = 32
    queue: int = 256
    heartbeat: float = 1.0
    default_seconds: float = 3600.0
    longest_seconds: float = 3600.0
    keep_seconds: float = 60.0
    keep_bytes: int = 64 * 1024 * 1024
    credit_seconds: float = 30.0
    max_payload: int = 16 * 1024 * 1024
    payloads_at_once: int = 16
    payload_bytes_at_once: int = 64 * 1024 * 1024
    ask_seconds: float = 2.0
    drain_seconds: float = 30.0
    linger_seconds: float = 10.0
    ready_timeout: float | None = 15.0
    manifest_state: str | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name == "manifest_state" or (field.name == "ready_timeout" and value is None):
                continue
            if field.name in _WHOLE:
                least = 0 if field.name == "queue" else 1
                if type(value) is not int or value < least:
                    raise ConfigurationError(
                        f"RuntimeSettings({field.name}={value!r}): give an integer of at least "
                        f"{least}"
                    )
                continue
            lowest = 0.0 if field.name in ("drain_seconds", "linger_seconds") else 0.001
            if type(value) not in (int, float) or not lowest <= value < 1e9:
                raise ConfigurationError(
                    f"RuntimeSettings({field.name}={value!r}): give seconds, {lowest} or more"
                )
