"""Copying runs from one tracker to another.

A run is copied as its records, content first, so copying again, going on after a crash
and copying to a tracker that got part of the run from the job are all the same: what
the target has taken is passed over. A run that it has as a whole is told from what both
say that they have taken, and its records are not read.

To and from a tracker without history goes what the run has come to
(``tracker_core.outcome``). A native target that has records of the run itself is
given nothing by such a source: it knows more.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import NamedTuple

from tracker_core.api import Capability, NativeTracker, Query, TrackerBase
from tracker_core.contents import Content
from tracker_core.errors import (
    ContentError,
    NotSupportedError,
    PermanentError,
    RunNotFoundError,
)
from tracker_core.gathered import Gathered, without_points
from tracker_core.outcome import outcome_batch
from tracker_core.plain import PlainTracker, native
from tracker_core.plainwords import count_values
from tracker_core.records import (
    ArtifactBody,
    Batch,
    LogBody,
    Record,
    SourceBody,
    StepBody,
    TrackBody,
    UnknownBody,
)
from tracker_core.retelling import is_edge, is_retold
from tracker_core.taken import Taken
from tracker_core.wire import body_kind

__all__ = ["Progress", "Result", "RunCopy", "copy_run", "copy_runs"]

_UNHELD = (LogBody, TrackBody, StepBody, UnknownBody)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Result(Enum):
    """What came of copying a run."""

    COPIED = "copied"
    """The target holds it now."""

    UNCHANGED = "unchanged"
    """The target held it already."""

    FAILED = "failed"
    """The target may hold a part of it; copying it again goes on from there."""


class RunCopy(NamedTuple):
    """What came of copying one run.

    Args:
        run_id: The run.
        result: What came of it.
        records: How many records the target was given that it lacked.
        contents: How many contents of artifacts it was given.
        missing: The digests of those that the source does not hold, or not undamaged.
        degraded: How many things the target cannot hold, by kind of record.
        beside: How many records the target keeps beside what its store has a form for,
            by kind.
        error: What a tracker raised, where it failed.
    """

    run_id: str
    result: Result
    records: int = 0
    contents: int = 0
    missing: tuple[str, ...] = ()
    degraded: Mapping[str, int] = {}
    beside: Mapping[str, int] = {}
    error: Exception | None = None


class Progress(NamedTuple):
    """How far the copying of runs is.

    Args:
        runs: How many are done.
        total: How many there are.
        records: How many records were passed, whether the target lacked them or not.
    """

    runs: int
    total: int
    records: int


def copy_runs(
    source: TrackerBase,
    target: TrackerBase,
    query: Query = None,
    *,
    progress: Callable[[Progress], None] = lambda _: None,
) -> Iterator[RunCopy]:
    """Copy runs, the oldest first, and give what came of each as soon as it is done.

    ::

        for done in copy_runs(database, folder, "status = 'FINISHED'"):
            print(done.run_id, done.result.value)

    What one run raises does not stop the others.

    Args:
        source: Where they are; a plain tracker gives what they have come to.
        target: Where they are to be; a plain tracker is given that.
        query: Which runs, as in :meth:`NativeTracker.runs`; None for all.
        progress: Called after every batch and every run.

    Raises:
        QueryError: The query means nothing.
        ConfigError: One of the two is no tracker.
        Exception: What the source raises when it is asked for its runs.
    """
    giver, taker = native(source), native(target)
    with giver.turn:
        run_ids = [run.run_id for run in giver.runs(query)][::-1]
    passed = 0

    def on_records(count: int) -> None:
        nonlocal passed
        passed += count
        progress(Progress(number, len(run_ids), passed))

    for number, run_id in enumerate(run_ids):
        try:
            done = copy_run(giver, taker, run_id, on_records=on_records)
        except Exception as error:  # noqa: BLE001 - the border to backends
            done = RunCopy(run_id, Result.FAILED, error=error)
        progress(Progress(number + 1, len(run_ids), passed))
        yield done


def copy_run(
    source: TrackerBase,
    target: TrackerBase,
    run_id: str,
    *,
    on_records: Callable[[int], None] = lambda _: None,
) -> RunCopy:
    """Copy one run; repeating it changes nothing.

    Args:
        source: Where it is.
        target: Where it is to be.
        run_id: The run.
        on_records: Called with the number of records after each batch.

    Raises:
        RunNotFoundError: The source does not hold it.
        NotSupportedError: The source keeps the history and does not give its records.
        ConfigError: One of the two is no tracker.
        Exception: What a tracker raises; what was copied stays so.
    """
    giver, taker = native(source), native(target)
    if isinstance(taker, PlainTracker):
        return _give_outcome(giver, taker, run_id, on_records)
    if not _keeps_history(giver) and _knows_more(taker, run_id):
        return RunCopy(run_id, Result.UNCHANGED)
    return _Copying(giver, taker, run_id, on_records).copy()


class _Copying:
    """Copies one run to a native tracker."""

    def __init__(
        self,
        source: NativeTracker,
        target: NativeTracker,
        run_id: str,
        on_records: Callable[[int], None],
    ) -> None:
        self._source = source
        self._target = target
        self._run_id = run_id
        self._on_records = on_records
        self._records = 0
        self._degraded: Counter[str] = Counter()
        self._beside: Counter[str] = Counter()
        # Of each digest: whether the target was given it, None where it had it.
        self._contents: dict[str, bool | None] = {}

    def copy(self) -> RunCopy:
        """Copy what the target lacks."""
        taken = _taken(self._target, self._run_id)
        edges = _edges(self._target, self._run_id) if taken else frozenset()
        if taken is None or not self._has_all(taken, edges):
            for batch in _each(self._source, self._run_id):
                self._give(batch, taken or {}, edges)
        self._give_newest_contents()
        self._give_heartbeat()
        missing = [it for it, is_new in self._contents.items() if is_new is False]
        contents = sum(is_new is True for is_new in self._contents.values())
        is_new = self._records or contents
        return RunCopy(
            self._run_id,
            Result.COPIED if is_new else Result.UNCHANGED,
            self._records,
            contents,
            tuple(missing),
            dict(self._degraded),
            dict(self._beside),
        )

    def _has_all(
        self, taken: Mapping[str, Taken], edges: frozenset[SourceBody]
    ) -> bool:
        """Tell whether the target lacks nothing, without a look at the records."""
        given = _taken(self._source, self._run_id)
        if given is None:
            return False
        lacking = [
            writer
            for writer, ranges in given.items()
            if not all(_covers(taken.get(writer), *ends) for ends in ranges.ranges)
        ]
        # Somebody else may have told it of the edges.
        return all(map(is_edge, lacking)) and (
            not lacking or _edges(self._source, self._run_id) <= edges
        )

    def _give(
        self, batch: Batch, taken: Mapping[str, Taken], edges: frozenset[SourceBody]
    ) -> None:
        writer, size = batch.writer.id, batch.last - batch.first + 1
        had = taken[writer].count_in(batch.first, batch.last) if writer in taken else 0
        is_known = is_edge(writer) and batch.records[0].body in edges
        if had < size and not is_known:
            for body in _artifacts(batch.records):
                self._give_content(body.digest, body.size_bytes, batch)
            with self._target.turn:
                self._target.write(batch)
            if not self._records:
                # Before the edges, which come last, and from writers of their own.
                self._check_is_taken()
            self._records += size - had
            kinds = (body_kind(record.body) for record in without_points(batch.records))
            self._beside.update(kind for kind in kinds if kind in self._target.beside)
        self._on_records(size)

    def _check_is_taken(self) -> None:
        """Refuse to say that a run was copied which the target passes over."""
        try:
            with self._target.turn:
                self._target.run(self._run_id)
        except RunNotFoundError as error:
            message = (
                f"run {self._run_id!r} was removed from there, which takes nothing of "
                "it back; copy it to another store"
            )
            raise PermanentError(message) from error

    def _give_newest_contents(self) -> None:
        # Also those whose records are there: content may have been lost on its way.
        with self._source.turn:
            newest = self._source.artifacts(self._run_id)
        for artifact in newest.values():
            self._give_content(artifact.digest, artifact.size_bytes)

    def _give_content(
        self, digest: str | None, size_bytes: int | None, batch: Batch | None = None
    ) -> None:
        if digest is None or digest in self._contents:
            return
        if Capability.CONTENT not in self._target.capabilities:
            self._contents[digest] = None
            self._degraded["content"] += 1
            return
        source, target = self._source, self._target
        # A store that keeps files run by run wants it for each run, whoever has it.
        if batch is None and _holds_content(target, digest):
            self._contents[digest] = None
            return
        content = Content(
            digest, size_bytes or 0, lambda: source.open_content(digest), batch=batch
        )
        try:
            with source.turn, target.turn:
                target.add_content(content)
        except (ContentError, NotSupportedError):
            self._contents[digest] = False
        else:
            self._contents[digest] = True

    def _give_heartbeat(self) -> None:
        with self._source.turn:
            beaten_at = self._source.run(self._run_id).heartbeat_at
        if beaten_at is None:
            return
        with self._target.turn:
            known_at = self._target.run(self._run_id).heartbeat_at
            if known_at is None or known_at < beaten_at:
                time_ns = (beaten_at - _EPOCH) // _MICROSECOND * 1000
                self._target.beat(self._run_id, time_ns)


def _give_outcome(
    source: NativeTracker,
    target: PlainTracker,
    run_id: str,
    on_records: Callable[[int], None],
) -> RunCopy:
    with source.turn:
        batch = outcome_batch(source, run_id, time.time_ns())
    degraded = _unheld(source, run_id, on_records)
    with target.turn:
        before = Counter(target.degraded)
        target.write(batch)
        refused = Counter(target.degraded) - before
    # Those it counts of the outcome alone.
    for kind in ("metrics", "content"):
        refused.pop(kind, None)
    return RunCopy(
        run_id,
        Result.COPIED,
        len(batch.records),
        degraded=dict(sorted((degraded + refused).items())),
    )


def _unheld(
    source: NativeTracker, run_id: str, on_records: Callable[[int], None]
) -> Counter[str]:
    """Count what a plain tracker cannot hold of a run."""
    found: Counter[str] = Counter()
    if not _keeps_history(source):
        return found
    for batch in _each(source, run_id):
        records = batch.records
        if isinstance(records, Gathered):
            columns = records.points.values()
            found["metrics"] += sum(len(column.values) for column in columns)
            records = records.others
        for record in records:
            if isinstance(record.body, _UNHELD):
                found[body_kind(record.body)] += 1
            found["metrics"] += count_values(record.body)
        found["content"] += sum(1 for _ in _artifacts(records))
        on_records(len(batch.records))
    return +found


def _keeps_history(tracker: NativeTracker) -> bool:
    return Capability.HISTORY in tracker.capabilities


def _each(source: NativeTracker, run_id: str) -> Iterator[Batch]:
    with source.turn:
        if _keeps_history(source):
            batches = source.batches(run_id)
        else:
            batches = iter([outcome_batch(source, run_id, time.time_ns())])
    while True:
        with source.turn:
            batch = next(batches, None)
        if batch is None:
            return
        yield batch


def _artifacts(records: Iterable[Record]) -> Iterator[ArtifactBody]:
    """Give the artifacts that have content."""
    if isinstance(records, Gathered):
        records = records.others
    for record in records:
        body = record.body
        if isinstance(body, ArtifactBody) and body.digest is not None:
            yield body


def _taken(tracker: NativeTracker, run_id: str) -> Mapping[str, Taken] | None:
    """Return what a tracker has taken of a run; None where it does not tell."""
    try:
        with tracker.turn:
            return tracker.taken(run_id)
    except RunNotFoundError:
        return {}
    except NotSupportedError:
        return None


def _covers(taken: Taken | None, first: int, last: int) -> bool:
    return taken is not None and taken.covers(first, last)


def _edges(tracker: NativeTracker, run_id: str) -> frozenset[SourceBody]:
    with tracker.turn:
        found = tracker.sources(run_id)
    return frozenset(SourceBody(it.source_run_id, it.artifact_name) for it in found)


def _knows_more(target: NativeTracker, run_id: str) -> bool:
    """Tell whether a native target has records of the run itself."""
    return not all(map(is_retold, _taken(target, run_id) or ()))


def _holds_content(tracker: NativeTracker, digest: str) -> bool:
    try:
        with tracker.turn, tracker.open_content(digest):
            return True
    except ContentError:
        return False
