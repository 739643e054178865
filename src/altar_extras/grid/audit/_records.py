"""Records: what the journal writes down, and how each kind is packed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgpack

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "COUNTERSIGNED",
    "EPOCH",
    "FINISHED",
    "HEAD",
    "NOTE",
    "STARTED",
    "UNKNOWN",
    "Entry",
    "Outcome",
    "Record",
    "decoded",
]

EPOCH: Final = 0
STARTED: Final = 1
FINISHED: Final = 2
UNKNOWN: Final = 3
HEAD: Final = 4
NOTE: Final = 5
COUNTERSIGNED: Final = 6


class Entry(NamedTuple):
    """A call about to run. Arguments appear as their digest alone (``altar.adm.digest``).

    ``at_ms`` is Host time, in milliseconds since 1970. ``runtime`` and ``runtime_epoch``
    name the process that runs it, as the Hosts know it.
    """

    invocation_id: str
    correlation_id: str = ""
    tool: str = ""
    contract: str = ""
    session: str = ""
    principal: str = ""
    attempt: int = 1
    args_digest: str = ""
    at_ms: int = 0
    runtime: str = ""
    runtime_epoch: str = ""


class Outcome(NamedTuple):
    """How a call ended; ``executed`` is "yes", "no" or "unknown", ``seconds`` its duration."""

    invocation_id: str
    status: str = ""
    error_type: str = ""
    executed: str = "yes"
    seconds: float = 0.0
    result_digest: str = ""


_FIELDS: Final[Mapping[int, tuple[str, ...]]] = {
    EPOCH: (
        "writer",
        "key",
        "epoch",
        "previous_epoch",
        "previous_sequence",
        "previous_head",
        "at_ms",
        "torn_bytes",
        "damaged",
    ),
    STARTED: Entry._fields,
    FINISHED: ("of", *Outcome._fields),
    UNKNOWN: ("of", "invocation_id", "at_ms"),
    HEAD: ("epoch", "sequence", "head", "at_ms", "signature"),
    NOTE: ("name", "at_ms", "fields"),
    COUNTERSIGNED: ("writer", "epoch", "sequence", "head", "key", "signature"),
}
# what a field of a name is, in each kind; all others are texts
_TYPES: Final[Mapping[str, type | tuple[type, ...]]] = {
    **dict.fromkeys(("epoch", "previous_epoch", "previous_sequence", "sequence", "of"), int),
    **dict.fromkeys(("at_ms", "torn_bytes", "attempt"), int),
    **dict.fromkeys(("head", "previous_head", "signature"), bytes),
    "seconds": (int, float),
    "damaged": tuple,
    "fields": dict,
}
_KINDS: Final = {kind: [_TYPES.get(name, str) for name in names] for kind, names in _FIELDS.items()}
_DEEPEST: Final = 8  # levels that a note's fields may have; nobody who reads them fails
_SHORT: Final = len(Entry._fields) - 1  # the kind, and all fields but the last two
_NAMES: Final[Mapping[int, str]] = {
    EPOCH: "epoch",
    STARTED: "started",
    FINISHED: "finished",
    UNKNOWN: "unknown",
    HEAD: "head",
    NOTE: "note",
    COUNTERSIGNED: "countersigned",
}


class Record(NamedTuple):
    """One record as it was written: its number, its kind, its values, the chain's hash there."""

    sequence: int
    kind: int
    values: tuple[Any, ...]
    head: bytes

    @property
    def name(self) -> str:
        """The kind in words: epoch, started, finished, unknown, head, note, countersigned."""
        return _NAMES[self.kind]

    def field(self, name: str) -> Any:
        """A value by the name of its field."""
        return self.values[_FIELDS[self.kind].index(name)]

    def to_dict(self) -> dict[str, Any]:
        """The record for people and JSON: bytes as hexadecimal digits."""
        named = dict(zip(_FIELDS[self.kind], self.values, strict=False))
        shown = {k: v.hex() if isinstance(v, bytes) else v for k, v in named.items()}
        at = shown.pop("sequence", None)
        if at is not None:  # of the head that is signed, beside the record's own
            shown["signed_sequence"] = at
        return {"sequence": self.sequence, "kind": self.name, **shown, "hash": self.head.hex()}


def decoded(sequence: int, body: bytes, head: bytes) -> Record | None:
    """The record in a frame's body; None where it is none that this version knows."""
    try:
        read: Any = msgpack.unpackb(body, use_list=False)
    except (ValueError, msgpack.UnpackException):
        return None
    if not isinstance(read, tuple) or not read or type(read[0]) is not int:
        return None
    if read[0] not in _FIELDS:
        return None
    values: tuple[Any, ...] = read
    if values[0] == STARTED and len(values) == _SHORT:  # written before runtimes were named
        values = (*values, "", "")
    if len(values) - 1 < len(_FIELDS[values[0]]):
        return None
    if not all(map(isinstance, values[1:], _KINDS[values[0]])) or _is_deeper(values, _DEEPEST):
        return None
    return Record(sequence, values[0], values[1:], head)


def _is_deeper(value: Any, levels: int) -> bool:
    inside = value.values() if isinstance(value, dict) else value
    return not levels or any(
        _is_deeper(one, levels - 1) for one in inside if isinstance(one, (dict, tuple))
    )
