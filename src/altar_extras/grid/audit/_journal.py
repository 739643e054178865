"""Journal: a call's two records are on disk before its body runs and before its reply leaves."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from contextlib import suppress
from pathlib import Path
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Any, Final, Self

from altar.errors import ConfigurationError
from altar_extras.grid.audit._commit import Committer, ThreadWait, wake
from altar_extras.grid.audit._errors import AuditError, AuditUnshipped, SpoolBroken, SpoolFull
from altar_extras.grid.audit._heads import Head, head_bytes
from altar_extras.grid.audit._ledger import ENDING, Ledger
from altar_extras.grid.audit._records import COUNTERSIGNED, EPOCH, HEAD, NOTE, UNKNOWN, Outcome
from altar_extras.grid.audit._recovery import Recovery, find
from altar_extras.grid.audit._settings import JournalSettings
from altar_extras.grid.audit._shelf import SPARES, Shelf
from altar_extras.grid.audit._spool import SpoolFiles
from altar_extras.grid.wire import is_id

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from altar_extras.grid.audit._commit import Waiter
    from altar_extras.grid.audit._heads import Countersignature
    from altar_extras.grid.audit._ledger import Placed
    from altar_extras.grid.audit._records import Entry
    from altar_extras.grid.audit._recovery import Found
    from altar_extras.grid.security import SigningKey

__all__ = ["Journal"]

_DEFAULT: Final = JournalSettings()
_STEP = 0.1  # seconds, the precision of the lag


class Journal:
    """The audit journal of one process; open it with :meth:`open`.

    ``await started(entry)`` returns when the record is on disk (fdatasync), and
    raises SpoolFull or SpoolBroken, and then nothing may run. ``await
    finished(outcome)`` returns when the end is on disk; space for it was kept.
    ``*_sync`` are the same for threads. Many that wait share one write to disk.
    """

    def __init__(
        self, files: SpoolFiles, found: Found, *, writer: str, key: SigningKey,
        settings: JournalSettings,
    ) -> None:  # fmt: skip
        self.writer = found.writer or writer
        self.key = key.public
        self.epoch = found.epoch + 1
        self.settings = settings
        self.recovery: Recovery = found.recovery
        self._key = key
        self._lock = Lock()
        self._ledger = Ledger(segment_bytes=settings.segment_bytes, sequence=found.sequence)
        self._shelf = Shelf(files, settings, found.segments)
        self._grow_lock = Lock()
        self._shelf_lock = Lock()
        self._chores = Event()
        self._closed = False
        self._acknowledged = 0
        self._told = found.sequence
        self._epoch_raw = b""
        self._times: deque[tuple[int, float]] = deque()
        self._unshipped: deque[tuple[int, Waiter]] = deque()
        self._on_commit: Callable[[], None] | None = None
        self._signed_at, self._signed_sequence = time.monotonic(), 0
        self._commit = self._begin(found)
        self._keeper = Thread(target=self._keep, name="altar-audit-files", daemon=True)
        self._commit.start()
        self._keeper.start()
        self._commit_wait()

    @classmethod
    def open(
        cls, folder: str | Path, *, writer: str, key: SigningKey,
        settings: JournalSettings = _DEFAULT,
    ) -> Self:  # fmt: skip
        """Recover what is in ``folder``, write what is unknown, and begin an epoch.

        ``writer`` ([a-z0-9_-], at most 64) names a new spool; one that has a name
        keeps it (:attr:`writer`). ``key`` signs its heads. Blocks for the time of
        reading the spool. Raises ConfigurationError for a wrong name or a folder
        in use, SpoolFull where the disk has no space, SpoolBroken where it refuses.
        """
        if not is_id(writer):
            raise ConfigurationError(
                f"writer={writer!r:.80} is no name of a writer: [a-z0-9_-], 1 to 64 characters"
            )
        try:
            files = SpoolFiles(Path(folder))
        except OSError as error:
            raise SpoolBroken(f"{folder} is no place for a spool: {error.strerror}") from error
        try:
            return cls(files, find(files), writer=writer, key=key, settings=settings)
        except OSError as error:
            files.close()
            raise SpoolBroken(f"the audit spool in {folder}: {error.strerror}") from error
        except BaseException:
            files.close()
            raise

    async def started(self, entry: Entry) -> None:
        """Return when the call is on disk; only then may its body run."""
        waiter = asyncio.get_running_loop().create_future()
        sequence = self._start(entry, waiter)
        try:
            await waiter
            if self.settings.sync:
                await self._ship(sequence)
        except (asyncio.CancelledError, AuditUnshipped):
            # whoever called does not run it, so that it must not stay open
            with suppress(AuditError):
                self._finish(Outcome(entry[0], "REFUSED", "", "no"), None)
            raise

    async def finished(self, outcome: Outcome) -> None:
        """Return when the call's end is on disk; only then may its reply leave."""
        waiter = asyncio.get_running_loop().create_future()
        sequence = self._finish(outcome, waiter)
        await waiter
        if self.settings.sync:
            await self._ship(sequence)

    def started_sync(self, entry: Entry) -> None:
        """As :meth:`started`, for a thread."""
        waiter = ThreadWait()
        sequence = self._start(entry, waiter)
        waiter.wait()
        if self.settings.sync:
            try:
                self._ship_sync(sequence)
            except AuditUnshipped:
                self._finish(Outcome(entry[0], "REFUSED", "", "no"), None)
                raise

    def finished_sync(self, outcome: Outcome) -> None:
        """As :meth:`finished`, for a thread."""
        waiter = ThreadWait()
        sequence = self._finish(outcome, waiter)
        waiter.wait()
        if self.settings.sync:
            self._ship_sync(sequence)

    async def note(self, name: str, fields: Mapping[str, str | int | float], *, at_ms: int) -> None:
        """Return when something else that happened is on disk: a grant, a session, a denial."""
        await self._noted(NOTE, name, at_ms, dict(fields))

    async def countersigned(self, signature: Countersignature) -> None:
        """Return when a Host's signature below another's head is on disk, in the Host's journal."""
        await self._noted(COUNTERSIGNED, *signature)

    async def _noted(self, kind: int, *values: Any) -> None:
        waiter = asyncio.get_running_loop().create_future()
        self._accept(lambda: self._ledger.note(kind, *values), waiter)
        await waiter

    # -- the sink's side

    @property
    def committed(self) -> int:
        """The number of the last record that is on disk."""
        return self._commit.committed

    @property
    def acknowledged(self) -> int:
        """The number of the last record that the sink is known to have."""
        return self._acknowledged

    @property
    def writable(self) -> bool:
        """Whether it takes calls: open, and the disk has not refused."""
        return not self._closed and self._commit.broken is None

    @property
    def spool_bytes(self) -> int:
        """Bytes of records on this disk that have not been let go."""
        return self._shelf.length

    @property
    def lag_seconds(self) -> float:
        """The age of the oldest record that the sink is not known to have; 0 when there is none."""
        try:
            return max(0.0, time.monotonic() - self._times[0][1])
        except IndexError:
            return 0.0

    def read(self, after: int, *, records: int, size: int) -> list[bytes]:
        """Frames on disk above number ``after``: at most so many, and about ``size`` bytes."""
        with self._shelf_lock:
            return self._shelf.read(after, self.committed, records=records, size=size)

    def head_at(self, sequence: int) -> bytes | None:
        """The chain's hash after a record; None where the spool does not hold it any more."""
        with self._shelf_lock:
            return self._shelf.head_at(sequence)

    def acknowledge(self, sequence: int) -> None:
        """The sink has every record up to this one: their files may go."""
        if sequence <= self._acknowledged:
            return
        done: list[Waiter] = []
        with self._lock:
            self._acknowledged = sequence
            times = self._times
            while len(times) > 1 and times[1][0] <= sequence + 1:
                times.popleft()
            if sequence >= self.committed:
                times.clear()
            while self._unshipped and self._unshipped[0][0] <= sequence:
                done.append(self._unshipped.popleft()[1])
        wake(done, None)
        self._chores.set()

    async def shipped(self, sequence: int) -> None:
        """Return when the sink is known to have this record; AuditUnshipped when closed before."""
        waiter = asyncio.get_running_loop().create_future()
        if self._expect(sequence, waiter):
            await waiter

    def on_commit(self, call: Callable[[], None] | None) -> None:
        """Have ``call`` called once from the writing thread when more is on disk."""
        self._on_commit = call

    def close(self) -> None:
        """Sign the last head, write everything, and let the folder go. Blocks for some ms.

        A call that is open stays open on disk, and is ``unknown`` when opened again.
        """
        if self._closed:
            return
        self._closed = True
        self._chores.set()
        self._keeper.join()
        if self._commit.broken is None:
            self._sign(reserved=True)
        self._commit.close()
        with self._shelf_lock:
            self._shelf.close()
        self._shelf.files.close()
        wake([waiter for _, waiter in self._unshipped], AuditUnshipped("the journal was closed"))

    async def aclose(self) -> None:
        """As :meth:`close`, beside the event loop."""
        await asyncio.to_thread(self.close)

    # -- inside

    def _begin(self, found: Found) -> Committer:
        ledger = self._ledger
        need = (len(found.open) + 4) * ENDING + ENDING * (len(found.recovery.damaged) > 0)
        while ledger.spares * (self.settings.segment_bytes - ENDING) < need:  # beyond max_bytes too
            self._shelf.spares.append(self._shelf.make())
            ledger.spares += 1
        for _ in range(SPARES):
            if self._shelf.may_grow:
                self._shelf.spares.append(self._shelf.make())
                ledger.spares += 1
        first = self._shelf.spares[0]
        commit = Committer(
            first, self._lock, interval=self.settings.commit_interval, done=self._done
        )
        self._commit = commit
        now, what = time.time_ns() // 1_000_000, found.recovery
        if found.sequence:
            self._times.append((1, time.monotonic()))
        with self._lock:
            values = (
                self.writer, self.key, self.epoch, found.epoch, found.sequence, found.head, now,
                what.torn_bytes, list(what.damaged[:4]),
            )  # fmt: skip
            begun = ledger.reserved_note(EPOCH, *values)
            self._epoch_raw = begun[0]
            self._hand(begun, None)
            for name, one in found.open.items():
                self._hand(ledger.reserved_note(UNKNOWN, one.sequence, name[:128], now), None)
        return commit

    def _start(self, entry: Entry, waiter: Waiter) -> int:
        with self._lock:
            if not self._closed and self._commit.broken is None:
                try:
                    return self._hand(self._ledger.started(entry), waiter)
                except SpoolFull:  # for now, perhaps
                    pass
        return self._accept(lambda: self._ledger.started(entry), waiter)

    def _finish(self, outcome: Outcome, waiter: Waiter | None) -> int:
        with self._lock:
            self._check()
            return self._hand(self._ledger.finished(outcome), waiter)

    def _accept(self, decide: Callable[[], Placed], waiter: Waiter | None) -> int:
        while True:
            with self._lock:
                if self._closed:
                    raise SpoolBroken("the audit journal is closed")
                self._check()
                try:
                    return self._hand(decide(), waiter)
                except SpoolFull:
                    if not self._shelf.may_grow:
                        raise
            self._grow(len(self._shelf.spares) + 1)  # calls came faster than the keeper's files

    def _check(self) -> None:
        if self._commit.broken is not None:
            raise SpoolBroken(str(self._commit.broken))
        if self._commit.closing:  # nobody would write it
            raise SpoolBroken("the audit journal is closed")

    def _hand(self, placed: Placed, waiter: Waiter | None) -> int:
        raw, sequence, rolled = placed
        segment = None
        if rolled:
            segment = self._shelf.take(sequence)
            self._chores.set()
        self._commit.add(raw, sequence, waiter=waiter, segment=segment)
        return sequence

    def _commit_wait(self) -> None:
        waiter = ThreadWait()
        self._sign(reserved=True, waiter=waiter)
        try:
            waiter.wait()
        except SpoolBroken:
            self.close()
            raise

    def _done(self, sequence: int) -> None:
        """In the writing thread, after a batch."""
        now, times = time.monotonic(), self._times
        if not times or now - times[-1][1] > _STEP:
            with self._lock:
                if sequence > self._acknowledged:
                    times.append((self._told + 1, now))
        self._told = sequence
        if sequence - self._signed_sequence >= self.settings.head_records:
            self._chores.set()
        call = self._on_commit
        if call is not None:
            self._on_commit = None
            call()

    def _sign(self, *, reserved: bool, waiter: Waiter | None = None) -> None:
        with self._lock:
            sequence, head = self._ledger.sequence, self._ledger.head
        message = head_bytes(Head(self.writer, self.epoch, sequence, head))
        values = (self.epoch, sequence, head, time.time_ns() // 1_000_000, self._key.sign(message))
        self._signed_at, self._signed_sequence = time.monotonic(), sequence
        with self._lock:
            try:
                note = self._ledger.reserved_note if reserved else self._ledger.note
                self._hand(note(HEAD, *values), waiter)
            except SpoolFull:
                if reserved:
                    raise

    async def _ship(self, sequence: int) -> None:
        try:
            async with asyncio.timeout(self.settings.sync_timeout):
                await self.shipped(sequence)
        except TimeoutError:
            raise AuditUnshipped("the audit sink has not confirmed the record") from None

    def _ship_sync(self, sequence: int) -> None:
        waiter = ThreadWait()
        if self._expect(sequence, waiter) and not waiter.wait(self.settings.sync_timeout):
            raise AuditUnshipped("the audit sink has not confirmed the record")

    def _expect(self, sequence: int, waiter: Waiter) -> bool:
        with self._lock:
            if sequence <= self._acknowledged:
                return False
            at = len(self._unshipped)  # waiters are woken in batches, not always in order
            while at and self._unshipped[at - 1][0] > sequence:
                at -= 1
            self._unshipped.insert(at, (sequence, waiter))
            return True

    def _keep(self) -> None:
        """The other thread: makes files ahead, lets files go, signs heads."""
        while True:
            left = self._signed_at + self.settings.head_seconds - time.monotonic()
            self._chores.wait(max(0.0, left))
            self._chores.clear()
            if self._closed:
                return
            self._trim()
            with suppress(SpoolFull):  # a call that needs it tries again, and is refused
                self._grow(SPARES)
            new = self._ledger.sequence - self._signed_sequence
            due = time.monotonic() - self._signed_at >= self.settings.head_seconds
            if new > 1 and (due or new >= self.settings.head_records):
                self._sign(reserved=False)
            elif due:
                self._signed_at = time.monotonic()

    def _grow(self, wanted: int) -> None:
        with self._grow_lock:
            while len(self._shelf.spares) < wanted and self._shelf.may_grow:
                segment = self._shelf.make()
                with self._lock:
                    self._shelf.spares.append(segment)
                    self._ledger.spares += 1

    def _trim(self) -> None:
        with self._lock:
            gone = self._shelf.behind(self._acknowledged, self.committed)
            if not gone:
                return
            last = self._shelf.used[len(gone)].first
            opened = [one.raw for one in self._ledger.open.values() if one.sequence < last]
            written = self._commit.barrier()
        try:
            written.wait()  # the ends of those that are not open any more
            # first, or a call still open, and the epoch's number, would be forgotten
            self._shelf.files.keep([self._epoch_raw, *opened])
        except (OSError, SpoolBroken):
            return  # nothing is let go without it
        with self._shelf_lock, self._lock:
            self._shelf.forget(gone)
        self._shelf.files.remove(gone)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Journal of {self.writer}, epoch {self.epoch}, {self.committed} records>"
