"""verify: whether records are all there, as they were written, and the first place where not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, cast

from altar.errors import ConfigurationError
from altar_extras.grid.audit._frames import START, Frame, frame_at, sequence_of
from altar_extras.grid.audit._heads import Countersignature, Head, head_bytes, is_signed
from altar_extras.grid.audit._records import COUNTERSIGNED, EPOCH, FINISHED, HEAD, STARTED, UNKNOWN
from altar_extras.grid.audit._spool import read_folder
from altar_extras.grid.security import key_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from altar_extras.grid.audit._records import Record

__all__ = ["BreakKind", "Broken", "Summary", "Verdict", "verify"]

BreakKind = Literal[
    "altered",
    "doubled",
    "foreign_key",
    "forged_head",
    "missing",
    "not_countersigned",
    "reordered",
    "uncounted",
]


class Broken(NamedTuple):
    """The first broken place: of which writer, at which record, and what is wrong there."""

    kind: BreakKind
    writer: str
    sequence: int
    text: str

    def __str__(self) -> str:
        return f"{self.writer} record {self.sequence}: {self.kind}: {self.text}"


@dataclass(slots=True)
class Summary:
    """What one writer's records hold; ``open`` calls have no end yet."""

    writer: str = ""
    first: int = 0
    last: int = 0
    epochs: int = 0
    started: int = 0
    finished: int = 0
    unknown: int = 0
    heads: int = 0
    countersigned: int = 0
    signed_to: int = 0

    @property
    def open(self) -> int:
        """Calls without an end: they run still, or their process died and was not started again."""
        return self.started - self.finished - self.unknown


@dataclass(slots=True)
class Verdict:
    """The answer of :func:`verify`: ``ok``, or the first broken place of each writer."""

    writers: dict[str, Summary] = field(default_factory=dict)
    broken: list[Broken] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing is broken."""
        return not self.broken


def verify(
    source: str | Path | Iterable[bytes] | Mapping[str, Sequence[bytes]],
    *,
    keys: Mapping[str, Sequence[str]] | None = None,
    hosts: Sequence[str] = (),
    witnesses: Sequence[str] = (),
    partial: bool | None = None,
) -> Verdict:
    """Check records: of a spool's folder, as bytes of one writer, or of many by their name.

    ``keys`` names the public keys that may write as each writer; without it a
    writer named ``<key id>-...`` has to have that key, and any other the key of
    its first epoch. With ``hosts``, public keys of Hosts, each head needs a
    countersignature of one of them, or a later head that has one, and
    records up to there have to be here. Keys of ``witnesses`` are those of Hosts
    of whom what they signed counts, and nothing is demanded.
    ``partial`` allows that the first records are not here, as in a spool that
    has shipped them; it is so for a folder.

    Raises ConfigurationError for a folder that holds no spool.
    """
    if isinstance(source, str | Path):
        partial = True if partial is None else partial
        source = read_folder(source)
    groups: Mapping[str, Sequence[bytes]]
    if isinstance(source, Mapping):
        groups = cast("Mapping[str, Sequence[bytes]]", source)
    else:
        groups = {"": list(source)}
    verdict = Verdict()
    chains: list[_Chain] = []
    for name, records in groups.items():
        chain = _Chain(name, keys or {}, partial=bool(partial))
        broken = chain.walk(records)
        verdict.writers[chain.found.writer or name] = chain.found
        if broken is not None:
            verdict.broken.append(broken)
        chains.append(chain)
    known = [*hosts, *witnesses]
    if known:
        verdict.broken += _uncountersigned(chains, known, verdict, demanded=bool(hosts))
        if not partial:  # a spool holds one writer's records, not those of whom it countersigned
            verdict.broken += _gone(chains, known)
    return verdict


class _Chain:
    """One writer's records, walked from the first to the last."""

    def __init__(self, name: str, keys: Mapping[str, Sequence[str]], *, partial: bool) -> None:
        self.found = Summary(writer=name)
        self.heads: list[Head] = []
        self.countersignatures: list[Countersignature] = []
        self.key = ""
        self._keys = keys
        self._partial = partial
        self._hashes: dict[int, bytes] = {}
        self._open: dict[int, str] = {}
        self._epoch = 0
        self._head: bytes | None = None

    def walk(self, records: Sequence[bytes]) -> Broken | None:
        for at, raw in enumerate(records):
            broken = self._step(raw, records, at)
            if broken is not None:
                return broken
        return None

    def _broken(self, kind: BreakKind, sequence: int, text: str) -> Broken:
        return Broken(kind, self.found.writer, sequence, text)

    def _step(self, raw: bytes, records: Sequence[bytes], at: int) -> Broken | None:
        expected = self.found.last + 1
        frame = frame_at(raw)
        if frame is None or len(frame.raw) != len(raw):
            return self._broken("altered", expected, "its bytes are no whole record")
        if frame.sequence != expected and not (self._partial and at == 0):
            return self._out_of_place(frame, expected, records[at + 1 :])
        record = frame.record()
        if record is None:
            return self._broken("altered", frame.sequence, "its kind or its fields are not known")
        begins = record.kind == EPOCH
        if begins:
            broken = self._begin(record, first=at == 0)
            if broken is not None:
                return broken
        previous = START if begins else self._head
        if previous is None and not self._partial:
            return self._broken("missing", 1, "the records do not begin with an epoch")
        data = frame.raw[8:-32]
        if previous is not None and sha256(previous + data).digest() != frame.head:
            return self._broken(
                "altered", frame.sequence, "its hash is not that of the record before and its own"
            )
        self._head = frame.head
        self._hashes[frame.sequence] = frame.head
        self.found.first = self.found.first or frame.sequence
        self.found.last = frame.sequence
        return self._count(record)

    def _out_of_place(self, frame: Frame, expected: int, later: Sequence[bytes]) -> Broken:
        if frame.sequence in self._hashes:
            return self._broken("doubled", frame.sequence, "it is here a second time")
        if any(len(raw) >= 16 and sequence_of(raw) == expected for raw in later):
            return self._broken("reordered", expected, f"record {frame.sequence} stands before it")
        if frame.sequence < expected:
            return self._broken("reordered", frame.sequence, f"it stands behind {expected - 1}")
        upto = frame.sequence - 1
        which = f"records {expected} to {upto} are" if upto > expected else "it is"
        return self._broken("missing", expected, f"{which} not here")

    def _begin(self, record: Record, *, first: bool) -> Broken | None:
        before, key = record.field("previous_sequence"), record.field("key")
        if first and not self._partial and before:
            return self._broken("missing", 1, f"records 1 to {before} are not here")
        if not first and record.field("previous_head") != self._head:
            return self._broken(
                "altered", record.sequence, "the epoch does not begin at the end of the one before"
            )
        if not first and record.field("epoch") <= self._epoch:
            return self._broken("altered", record.sequence, "the number of its epoch has been used")
        self.found.writer = self.found.writer or record.field("writer")
        writer = self.found.writer
        if not self._may_write(writer, key) or record.field("writer") != writer:
            return self._broken("foreign_key", record.sequence, f"{key} does not write as {writer}")
        self.key, self._epoch = key, record.field("epoch")
        self.found.epochs += 1
        return None

    def _may_write(self, writer: str, key: str) -> bool:
        allowed = self._keys.get(writer)
        if allowed is not None:
            return key in allowed
        try:
            named = key_id(key)
        except ConfigurationError:
            return False
        prefix, dash, _ = writer.partition("-")
        if dash and len(prefix) == len(named) and all(c in "0123456789abcdef" for c in prefix):
            return named == prefix
        return not self.key or key == self.key

    def _count(self, record: Record) -> Broken | None:
        found, values = self.found, record.values
        if record.kind == STARTED:
            found.started += 1
            self._open[record.sequence] = values[0]
        elif record.kind in {FINISHED, UNKNOWN}:
            known = self._open.pop(values[0], None)
            if known != values[1] and not (self._partial and values[0] < found.first):
                return self._broken(
                    "uncounted", record.sequence, f"it ends call {values[1]!r}, which is not open"
                )
            if known is None:
                found.started += 1  # its start was let go with the files before
            if record.kind == FINISHED:
                found.finished += 1
            else:
                found.unknown += 1
        elif record.kind == HEAD:
            return self._signed(record)
        elif record.kind == COUNTERSIGNED:
            self.countersignatures.append(Countersignature(*values[:6]))
        return None

    def _signed(self, record: Record) -> Broken | None:
        epoch, sequence, head, _, signature = record.values[:5]
        signed = Head(self.found.writer, epoch, sequence, head, signature)
        if self.key:  # else its epoch began in files that were let go
            if epoch != self._epoch or not is_signed(self.key, head_bytes(signed), signature):
                return self._broken(
                    "forged_head", record.sequence, "not signed by its writer's key"
                )
            known = self._hashes.get(sequence)
            if known is not None and known != head:
                begin = self.found.signed_to + 1
                text = f"a record from {begin} on: the signed head of {sequence} is another's"
                return self._broken("altered", sequence, text)
            self.found.signed_to = sequence
        self.found.heads += 1
        self.heads.append(signed)
        return None


def _uncountersigned(
    chains: list[_Chain], hosts: Sequence[str], verdict: Verdict, *, demanded: bool
) -> list[Broken]:
    """Heads no Host has signed, and heads a Host has signed of records that are not here."""
    seen: dict[tuple[str, int, int], bytes] = {}
    two: dict[str, int] = {}
    for chain in chains:
        for one in chain.countersignatures:
            message = head_bytes(one, purpose="countersignature")
            if one.key in hosts and is_signed(one.key, message, one.signature):
                known = seen.setdefault((one.writer, one.epoch, one.sequence), one.head)
                if known != one.head:  # the later one may be a thief's, with a head of his own
                    two[one.writer] = one.sequence
    already = {one.writer for one in verdict.broken}
    broken = [
        Broken("altered", writer, sequence, "Hosts have signed two different heads of it")
        for writer, sequence in two.items()
        if writer not in already
    ]
    already |= {*two}
    for chain in chains:
        found = chain.found
        if found.writer in already or chain.key in hosts:
            continue
        theirs = {k[2]: v for k, v in seen.items() if k[0] == found.writer}
        broken += _against(chain, theirs, demanded=demanded)[:1]
    return broken


def _gone(chains: list[_Chain], hosts: Sequence[str]) -> list[Broken]:
    """Writers whose heads a Host has signed, and of whom nothing at all is here."""
    here = {chain.found.writer for chain in chains}
    last: dict[str, int] = {}
    for chain in chains:
        for one in chain.countersignatures:
            message = head_bytes(one, purpose="countersignature")
            known = one.writer not in here and one.key in hosts
            if known and is_signed(one.key, message, one.signature):
                last[one.writer] = max(last.get(one.writer, 0), one.sequence)
    text = "a Host has signed the head of {}; no record of this writer is here"
    return [Broken("missing", writer, 1, text.format(at)) for writer, at in sorted(last.items())]


def _against(chain: _Chain, seen: Mapping[int, bytes], *, demanded: bool) -> list[Broken]:
    broken, found = [], chain.found
    last = max(seen, default=0)
    for head in chain.heads:
        witness = seen.get(head.sequence)
        if witness is None and (head.sequence < last or not demanded):
            continue  # a later head, which a Host has signed, holds this one
        if witness is None:
            text = f"no Host has signed the head of {head.sequence}"
            broken.append(Broken("not_countersigned", found.writer, head.sequence, text))
        elif witness != head.head:
            text = "a Host has signed another head of it"
            broken.append(Broken("altered", found.writer, head.sequence, text))
        else:
            found.countersigned += 1
    if last > found.last:
        text = f"a Host has signed the head of {last}; records from here on are not here"
        broken.append(Broken("missing", found.writer, found.last + 1, text))
    return broken
