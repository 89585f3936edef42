"""Carrying: from the journal of a run to one backend, batch by batch.

A :class:`Carrier` does one step at a time for whoever holds the lock of the backend's
ledger: a thread of the job or of its launcher, or ``tracker sync``. What a backend does
decides what comes next:

- it takes the batch: the ledger moves on;
- it raises :class:`~tracker_core.errors.RetryableError`, an ``OSError`` or anything
  that is no verdict on the batch: the same batch is tried again, later and later;
- it raises :class:`~tracker_core.errors.PermanentError`: the batch is halved until the
  records that it refuses stand alone; they become dead letters, the others go on. An
  error that tells of a bug, such as ``TypeError``, is taken for a refusal when it
  comes again and again;
- it does not return: nothing more is sent to it, and nobody else is kept waiting.
"""

import time
from collections.abc import Callable, Sequence
from enum import Enum
from typing import NamedTuple

from tracker_core.api import Capability, NativeTracker
from tracker_core.contents import Content
from tracker_core.delivery.base import Target
from tracker_core.delivery.ledger import Cut, DeadLetter, Ledger, ledgers
from tracker_core.delivery.settling import settle_dead, sweep
from tracker_core.errors import (
    ConfigError,
    ContentError,
    JournalError,
    NotSupportedError,
    PermanentError,
    RetryableError,
)
from tracker_core.gathered import without_points
from tracker_core.interruptions import is_interruption
from tracker_core.journal.folders import RunFolder, WriterFolder
from tracker_core.journal.reader import JournalReader, Portion
from tracker_core.plain import PlainTracker
from tracker_core.records import ArtifactBody, Batch, Record
from tracker_core.redaction import describe
from tracker_core.wire import batch_from_lines, batch_to_lines

__all__ = ["Carrier", "Step"]

BEATS_EACH_S = 30.0
_SETTLES_EACH_S = 1.0
_FULL_BYTES = 2**19
_FIRST_DELAY_S, _LONGEST_DELAY_S = 0.5, 60.0
_REFUSED = (PermanentError, ConfigError)
# Errors that tell of a bug or of a value, and rarely pass by themselves.
_BUGS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    NotImplementedError,
    TypeError,
    ValueError,
)
_BUG_TRIES = 4
# So many refusals in a row, and batches are refused whole: it refuses everything.
_STRIKES = 64


class Step(Enum):
    """What came of a step."""

    IDLE = "idle"
    """There is nothing to carry."""

    MOVED = "moved"
    """Some was carried; there may be more."""

    FULL = "full"
    """Much was carried; there is more."""

    FAILED = "failed"
    """The backend failed; the next step is due at :attr:`Carrier.due`."""


class _Known(NamedTuple):
    folder: WriterFolder
    reader: JournalReader


class Carrier:
    """Carries the records of one run on this host to one backend.

    One thread uses it, and its process holds the lock of the ledger.

    Args:
        folder: The journal of the run.
        target: The backend.
        ledger: How far it is.
        notify: Called with a message whenever the backend fails, or part of the journal
            cannot be read.

    Attributes:
        ledger: As given.
        due: The monotonic time before which a step does nothing.
    """

    def __init__(
        self,
        folder: RunFolder,
        target: Target,
        ledger: Ledger,
        notify: Callable[[str, BaseException | None], None],
    ) -> None:
        """Nothing is carried yet."""
        self.ledger: Ledger = ledger
        self.due: float = 0.0
        self._folder = folder
        self._target = target
        self._notify = notify
        self._known: dict[str, _Known] = {}
        self._done: set[str] = set()
        self._turn = 0
        self._portion: Portion | None = None
        self._is_saved = True
        self._settle_at = 0.0
        self._swept = -1

    def step(self) -> Step:
        """Carry one batch at the most.

        Raises:
            OSError: The disk of the journal refuses.
            JournalError: A later version wrote it.
        """
        now = time.monotonic()
        if now < self.due:
            return Step.FAILED
        if now >= self._settle_at:
            self._settle_at = now + _SETTLES_EACH_S
            settle_dead(self._folder, [self.ledger])
            self._beat()
        if self.ledger.cut is None:
            self._cut_next()
        elif self._portion is None:
            self._portion = self._cut_again(self.ledger.cut)
        if self._portion is None:
            self.rest()
            return Step.IDLE
        return self._send(self._portion)

    def rest(self) -> None:
        """Write down where it is, and remove what every backend has.

        Raises:
            OSError: The disk refuses.
        """
        if not self._is_saved:
            self.ledger.save()
            self._is_saved = True
        self._sweep()

    def redeliver(self, letter: DeadLetter) -> Step:
        """Send a dead letter again.

        Returns:
            ``MOVED`` where it was taken and is gone, ``IDLE`` where it is refused
            still, ``FAILED`` where it may be tried again.

        Raises:
            OSError: The disk refuses.
            JournalError: The letter cannot be read.
        """
        lines = letter.path.read_text(encoding="utf-8")
        try:
            batch = batch_from_lines(lines)
        except ValueError as damage:
            message = f"the dead letter {str(letter.path)!r} cannot be read: {damage}"
            raise JournalError(message) from damage
        error = self._hand_over(batch)
        if error is None:
            self.ledger.delivered += letter.records
            self.ledger.save()
            letter.remove()
            return Step.MOVED
        why = describe(error, [self._target.config])
        if _is_bug(error) or isinstance(error, _REFUSED):
            self.ledger.bury(letter.writer, letter.first, letter.last, lines, why)
            return Step.IDLE
        self.ledger.error = why
        self._wait(error, 1)
        return Step.FAILED

    def _send(self, portion: Portion) -> Step:
        cut = self.ledger.cut
        if cut is None:
            message = "a portion without a cut; this is a bug"
            raise JournalError(message)
        first, last = cut.parts[0]
        records = _between(portion, first, last)
        writer = self._known[cut.writer].folder.writer
        batch = Batch(self._folder.run_id, writer, first, last, records)
        error = self._hand_over(batch)
        if error is not None:
            return self._failed(cut, batch, error)
        self.ledger.delivered += last - first + 1
        self.ledger.refused = 0
        self.ledger.error = None
        is_full = self._is_full(cut)
        self._go_on(cut)
        return Step.FULL if is_full else Step.MOVED

    def _hand_over(self, batch: Batch) -> BaseException | None:
        tracker = self._target.tracker
        try:
            with tracker.turn:
                before = dict(tracker.degraded)
                try:
                    self._hand_over_content(tracker, batch)
                    tracker.write(batch)
                finally:
                    for kind, count in tracker.degraded.items():
                        self._count_degraded(kind, count - before.get(kind, 0))
        except BaseException as error:
            if is_interruption(error):
                raise
            return error
        return None

    def _hand_over_content(self, tracker: NativeTracker, batch: Batch) -> None:
        for record in without_points(batch.records):
            body = record.body
            if not isinstance(body, ArtifactBody) or body.digest is None:
                continue
            if body.digest in self.ledger.contents:
                continue
            if Capability.CONTENT in tracker.capabilities:
                self._add_content(tracker, batch, body)
            elif not isinstance(tracker, PlainTracker):  # a wrapper counts for itself
                self._count_degraded("content", 1)
            self.ledger.contents.add(body.digest)

    def _add_content(
        self, tracker: NativeTracker, batch: Batch, body: ArtifactBody
    ) -> None:
        digest, size = body.digest or "", body.size_bytes or 0
        path = self._folder.content / digest.removeprefix("sha256:")
        if not path.exists():
            # It is removed when every backend has it.
            return
        content = Content(digest, size, lambda: path.open("rb"), path, batch=batch)
        try:
            tracker.add_content(content)
        except (ContentError, NotSupportedError) as error:
            self._count_degraded("content", 1)
            self._tell(error)

    def _failed(self, cut: Cut, batch: Batch, error: BaseException) -> Step:
        tries = cut.tries + 1
        self.ledger.cut = cut._replace(tries=tries)
        self.ledger.error = describe(error, [self._target.config])
        if isinstance(error, _REFUSED) or (_is_bug(error) and tries >= _BUG_TRIES):
            self._refused(cut, batch, self.ledger.error)
            self.ledger.save()
            self._tell(error)
            return _step_after(self.ledger.cut)
        self._wait(error, tries)
        self.ledger.save()
        self._tell(error)
        return Step.FAILED

    def _wait(self, error: BaseException, tries: int) -> None:
        """Let some time pass before the next step."""
        after = error.after if isinstance(error, RetryableError) else None
        delay = _FIRST_DELAY_S * 2 ** min(tries - 1, 10) if after is None else after
        self.due = time.monotonic() + min(delay, _LONGEST_DELAY_S)

    def _refused(self, cut: Cut, batch: Batch, why: str) -> None:
        first, last = batch.first, batch.last
        if last > first and self.ledger.refused < _STRIKES:
            middle = (first + last) // 2
            parts = ((first, middle), (middle + 1, last), *cut.parts[1:])
            self.ledger.cut = cut._replace(parts=parts, tries=0)
            return
        self.ledger.bury(cut.writer, first, last, batch_to_lines(batch), why)
        self.ledger.refused += 1
        self._go_on(cut)
        self.ledger.error = why

    def _go_on(self, cut: Cut) -> None:
        """Take the first part of the cut as done."""
        self._is_saved = False
        rest = cut.parts[1:]
        if rest:
            self.ledger.cut = cut._replace(parts=rest, tries=0)
            # A part is a batch: what was taken must not be cut anew.
            self.ledger.save()
            return
        self.ledger.positions[cut.writer] = cut.end
        self.ledger.cut = None
        self._portion = None

    def _is_full(self, cut: Cut) -> bool:
        size = cut.end.offset - cut.begin.offset
        return (
            len(cut.parts) > 1
            or cut.begin.segment != cut.end.segment
            or size >= _FULL_BYTES
        )

    def _cut_next(self) -> None:
        """Find the next portion of any writer, each in its turn, and note it."""
        ids = [name for name in self._folder.writer_ids() if name not in self._done]
        for step in range(len(ids)):
            writer_id = ids[(self._turn + step) % len(ids)]
            portion = self._read(writer_id)
            if portion is not None:
                self._turn += step + 1
                self._portion = portion
                return

    def _read(self, writer_id: str) -> Portion | None:
        known = self._writer(writer_id)
        if known is None:
            return None
        while True:
            # Asked first: what is read after that is all there will be.
            is_final = known.folder.is_settled
            begin = self.ledger.position(writer_id)
            portion = known.reader.read(begin, is_final=is_final)
            self._note_damages(writer_id, portion)
            if portion.records:
                # It may begin behind damage, or in the segment that followed.
                self.ledger.begin_cut(
                    writer_id, portion.begin, portion.end, portion.first, portion.last
                )
                try:
                    self.ledger.save()
                except BaseException:
                    # It is not sent before it is noted, by this carrier or another.
                    self.ledger.cut = None
                    raise
                self._is_saved = True
                return portion
            if portion.end == begin:
                if is_final:
                    self._done.add(writer_id)
                return None
            self.ledger.positions[writer_id] = portion.end
            self._is_saved = False

    def _cut_again(self, cut: Cut) -> Portion | None:
        """Read what was being sent when somebody died."""
        known = self._writer(cut.writer)
        portion = None
        if known is not None:
            upto = cut.end.offset if cut.end.segment == cut.begin.segment else None
            portion = known.reader.read(cut.begin, is_final=True, upto=upto)
        first, last = cut.parts[0][0], cut.parts[-1][1]
        if portion is None or not portion.first <= first <= last <= portion.last:
            # The journal was damaged meanwhile: what is left of it is cut anew.
            self.ledger.cut = None
            self._cut_next()
            return self._portion
        return portion

    def _writer(self, writer_id: str) -> _Known | None:
        known = self._known.get(writer_id)
        if known is None:
            folder = self._folder.writer(writer_id)
            if folder is None or folder.host != self._folder.host:
                self._done.add(writer_id)
                return None
            known = _Known(folder, JournalReader(folder.path))
            self._known[writer_id] = known
        return known

    def _note_damages(self, writer_id: str, portion: Portion) -> None:
        for damage in portion.damages:
            entry = (writer_id, damage)
            if entry in self.ledger.damages:
                continue
            self.ledger.damages.append(entry)
            self._is_saved = False
            message = (
                f"{damage.size} bytes of the journal of run {self._folder.run_id!r} "
                f"cannot be read and are passed over: {damage.reason}"
            )
            self._notify(message, None)

    def _beat(self) -> None:
        now_ns = time.time_ns()
        is_due = now_ns - self.ledger.beaten_ns >= BEATS_EACH_S * 1e9
        if not is_due or not self.ledger.delivered:
            return
        if all(writer.is_settled for writer in self._folder.writers()):
            return
        self.ledger.beaten_ns = now_ns
        self._is_saved = False
        tracker = self._target.tracker
        try:
            with tracker.turn:
                tracker.beat(self._folder.run_id, now_ns)
        except BaseException as error:
            if is_interruption(error):
                raise
            self.ledger.error = describe(error, [self._target.config])
            self._tell(error)

    def _sweep(self) -> None:
        moved = sum(position.segment for position in self.ledger.positions.values())
        state = moved + len(self.ledger.contents) + len(self._done)
        if state == self._swept:
            return
        self._swept = state
        # Its own counts also when it is that of a process that is just ending.
        others = [
            ledger
            for ledger in ledgers(self._folder)
            if ledger.folder != self.ledger.folder
        ]
        sweep(self._folder, [self.ledger, *others])

    def _count_degraded(self, kind: str, count: int) -> None:
        if count > 0:
            self.ledger.degraded[kind] = self.ledger.degraded.get(kind, 0) + count
            self._is_saved = False

    def _tell(self, error: BaseException) -> None:
        shown = describe(error, [self._target.config])
        message = (
            f"backend {self._target.name!r} failed: {shown}; the job and the other "
            "backends go on"
        )
        self._notify(message, error)


def _step_after(cut: Cut | None) -> Step:
    # What is left of a batch does not wait for more.
    return Step.MOVED if cut is None else Step.FULL


def _between(portion: Portion, first: int, last: int) -> Sequence[Record]:
    if (first, last) == (portion.first, portion.last):
        return portion.records
    begin = first - portion.first
    return tuple(portion.records[begin : begin + last - first + 1])


def _is_bug(error: BaseException) -> bool:
    return isinstance(error, _BUGS) and not isinstance(error, OSError)
