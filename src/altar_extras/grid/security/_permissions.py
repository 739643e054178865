"""Permissions: what a broker lets one connection publish and subscribe to, and nothing else."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from altar.errors import ConfigurationError
from altar_extras.grid.wire import RUNTIME_QUEUE, Subjects, is_id

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "BOOTSTRAP_OPS",
    "CLIENT_OPS",
    "MAX_TOOLS",
    "OPERATOR_OPS",
    "RUNTIME_OPS",
    "Permissions",
    "bootstrap_permissions",
    "permissions_of_client",
    "permissions_of_operator",
    "permissions_of_runtime",
]

# operations of the Hosts: the message's name in snake case
BOOTSTRAP_OPS = ("create_session", "hello")
CLIENT_OPS = (
    "authorize_tool_call",
    "destroy_session",
    "directory",
    "hello",
    "list_tools",
    "log_tool_result",
    "renew_session",
    "report_lost",
)
RUNTIME_OPS = (
    "announce_runtime",
    "audit_batch",
    "fulfill_tools",
    "hello",
    "list_tools",
    "register_tools",
    "report_lost",
)
OPERATOR_OPS = ("directory", "health", "hello", "list_tools")
MAX_TOOLS = 2000  # of one connection; each costs the broker two subjects

_CONTROLS = ("cancel", "credit", "query")
_SUBJECT = re.compile(r"grid\.v1\.(?:[a-z0-9_%-]+|\*)(?:\.(?:[a-z0-9_%-]+|\*))*(?:\.>)?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Permissions:
    """Allow lists. An empty one would permit everything, so none is ever empty.

    ``queue_only`` holds (subject, queue) pairs that may be subscribed to as a
    member of that queue alone: a plain subscription would hear every call.
    Replies are never permitted by the broker's ``allow_responses``. Raises
    ConfigurationError for lists that are empty, too long, or not of the grid,
    and for a subscription to others' replies.
    """

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]
    queue_only: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if not self.publish or not self.subscribe:
            raise ConfigurationError(
                "an empty list of permissions permits everything; no rights means no credential"
            )
        heard = (*self.subscribe, *(subject for subject, _ in self.queue_only))
        for subject in (*self.publish, *heard):
            if _SUBJECT.fullmatch(subject) is None:
                raise ConfigurationError(f"{subject!r:.200} is no subject of the grid")
        for subject in heard:
            words = subject.split(".")
            if words[2] == "*" or (words[2] == "re" and (len(words) < 5 or not is_id(words[3]))):
                raise ConfigurationError(f"{subject!r} would hear the replies of others")
        if any(subject.startswith("grid.v1.call.") for subject in self.subscribe):
            raise ConfigurationError("calls are subscribed to in a queue, or each is heard twice")
        if any(not is_id(queue) for _, queue in self.queue_only):
            raise ConfigurationError("a queue's name is one of [a-z0-9_-]")

    def may_publish(self, subject: str) -> bool:
        """Whether a message may be sent to ``subject``, which holds no wildcard."""
        return any(_covers(allowed, subject) for allowed in self.publish)

    def may_subscribe(self, subject: str, queue: str = "") -> bool:
        """Whether ``subject``, wildcards and all, may be subscribed to as a member of ``queue``."""
        if any(_covers(allowed, subject) for allowed in self.subscribe):
            return True
        return any(name == queue and _covers(one, subject) for one, name in self.queue_only)

    def to_nats(self) -> dict[str, dict[str, list[str]]]:
        """The ``pub`` and ``sub`` claims of a NATS user; a queue stands behind its subject."""
        queued = [f"{subject} {queue}" for subject, queue in self.queue_only]
        return {
            "pub": {"allow": list(self.publish)},
            "sub": {"allow": [*self.subscribe, *queued]},
        }


def permissions_of_client(
    session: str, tools: Iterable[tuple[str, int | str]] | Literal["*"]
) -> Permissions:
    """What one session may do: call its tools, steer its calls, ask the Hosts, hear its replies.

    ``tools`` are (name, major version) pairs; "*" stands for every tool
    (DEVELOPMENT). Raises ConfigurationError for a session that is no id, for
    no tool at all and for more than 2,000.
    """
    _check_id(session)
    publish = [Subjects.host(op, session) for op in CLIENT_OPS]
    publish += [Subjects.control("*", what, session) for what in _CONTROLS]
    for tool, major in _listed(tools):
        publish.append(Subjects.call(tool, major, session))
        publish.append(Subjects.direct("*", tool, major, session))
    return Permissions(publish=tuple(publish), subscribe=(Subjects.reply(session, ">"),))


def permissions_of_runtime(
    runtime: str, tools: Iterable[tuple[str, int | str]] | Literal["*"]
) -> Permissions:
    """What one runtime may do: take calls of its tools, answer them, and talk to the Hosts.

    It may publish to every session's replies (it cannot know who will call),
    and hear nobody's but its own. Raises as :func:`permissions_of_client`.
    """
    _check_id(runtime)
    listed = _listed(tools)
    subscribe = [Subjects.reply(runtime, ">"), Subjects.admin(runtime, "*")]
    subscribe += [Subjects.control(runtime, what, "*") for what in _CONTROLS]
    subscribe += [Subjects.direct(runtime, tool, major, "*") for tool, major in listed]
    calls = [(Subjects.call(tool, major, "*"), RUNTIME_QUEUE) for tool, major in listed]
    publish = [Subjects.host(op, runtime) for op in RUNTIME_OPS]
    return Permissions(
        publish=(*publish, "grid.v1.re.>"), subscribe=tuple(subscribe), queue_only=tuple(calls)
    )


def bootstrap_permissions(key_id: str) -> Permissions:
    """What a client may do before it has a session: ask for one, under its key's id."""
    return _asking(key_id, BOOTSTRAP_OPS)


def permissions_of_operator(key_id: str) -> Permissions:
    """What an operator may do: ask the Hosts how things are, under the key's id; call nothing."""
    return _asking(key_id, OPERATOR_OPS)


def _asking(key_id: str, ops: tuple[str, ...]) -> Permissions:
    _check_id(key_id)
    return Permissions(
        publish=tuple(Subjects.host(op, key_id) for op in ops),
        subscribe=(Subjects.reply(key_id, ">"),),
    )


def _check_id(text: str) -> None:
    if not is_id(text):  # Subjects takes "*" for an id; nobody's permissions may
        raise ConfigurationError(f"{text!r:.80} is no id: [a-z0-9_-], 1 to 64 characters")


def _listed(
    tools: Iterable[tuple[str, int | str]] | Literal["*"],
) -> list[tuple[str, int | str]]:
    listed = (
        [("*", "*")]
        if tools == "*"
        else sorted(set(tools), key=lambda pair: (pair[0], str(pair[1])))
    )
    if not listed:
        raise ConfigurationError("no tool at all: no rights means no credential")
    if len(listed) > MAX_TOOLS:
        raise ConfigurationError(f"{len(listed)} tools for one connection; {MAX_TOOLS} at most")
    for tool, major in listed:
        whole = type(major) is int and major >= 0
        if not whole and major != "*":
            raise ConfigurationError(f"{major!r:.40} is no major version of {tool!r:.80}")
        if tool == "*" and tools != "*":
            raise ConfigurationError("'*' is no tool; tools='*' stands for all of them")
    return [*listed]


def _covers(allowed: str, subject: str) -> bool:
    """Whether every subject that ``subject`` matches is matched by ``allowed``."""
    have, want = allowed.split("."), subject.split(".")
    for at, word in enumerate(have):
        if word == ">":
            return len(want) > at
        if at >= len(want) or want[at] == ">" or not want[at]:
            return False
        if word not in {"*", want[at]}:
            return False
    return len(have) == len(want)
