"""Records: what a run logs, in the one form that every backend takes.

A job's call becomes one :class:`Record`: a sequence number and a time given by its
writer, and a body that says what happened. A :class:`Batch` carries records of one
writer of one run to a tracker. Whatever order batches arrive in, :func:`order_key`
puts every row of a run into the same order everywhere: attempt, record time, writer,
sequence, row within the record. "Last wins" means last in that order, never last to
arrive.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple, TypeAlias

from tracker_core.forks import ForkLock, tell_after_fork
from tracker_core.identity import new_writer_id
from tracker_core.values import Value

__all__ = [
    "LEVELS",
    "ArtifactBody",
    "Batch",
    "Body",
    "ColumnsBody",
    "CreatedBody",
    "EndedBody",
    "LogBody",
    "MetadataBody",
    "MetricsBody",
    "OrderKey",
    "ParamsBody",
    "ProvenanceBody",
    "Record",
    "Role",
    "Sequencer",
    "SourceBody",
    "SpanBody",
    "StartedBody",
    "StepBody",
    "TagsBody",
    "TrackBody",
    "UnknownBody",
    "Writer",
    "order_key",
    "series_name",
]

Role: TypeAlias = Literal["job", "launcher"]
OrderKey: TypeAlias = tuple[int, int, str, int, int]

LEVELS = ("debug", "info", "warn", "error", "fatal")
"""The levels of log messages, the mildest first."""


class MetadataBody(NamedTuple):
    """Free key → JSON value pairs; the last value of a key wins."""

    values: Mapping[str, Value]


class ParamsBody(NamedTuple):
    """Settings, dotted key → typed value; the last value of a key wins."""

    values: Mapping[str, Value]


class TagsBody(NamedTuple):
    """Labels, key → text; the last text of a key wins."""

    values: Mapping[str, str]


class MetricsBody(NamedTuple):
    """One point of each of some metric streams, appended.

    Args:
        step: The x axis that the job counts, 0 or more, or None.
        streams: Stream name (``""`` is the root stream) → field → value. Each stream
            is one row of the record, in the order of the mapping.
    """

    step: int | None
    streams: Mapping[str, Mapping[str, Value]]


class ColumnsBody(NamedTuple):
    """Many points of one metric stream at once, appended; row by row.

    Args:
        stream: The stream, ``""`` for the root stream.
        steps: One step per row, or None when no row has one.
        fields: Field → one value per row; all columns are equally long.
    """

    stream: str
    steps: Sequence[int] | None
    fields: Mapping[str, Sequence[Value]]


class LogBody(NamedTuple):
    """A message, appended; ``level`` is one of :data:`LEVELS`."""

    level: str
    message: str
    metadata: Mapping[str, Value] | None


class TrackBody(NamedTuple):
    """Fields of a topic at one moment.

    What was said of the same moment before is kept; the last value of a field wins.

    Args:
        topic: Any name.
        timestamp: Seconds, a finite float; what they count from is the job's choice.
        fields: Field → value; may be empty.
    """

    topic: str
    timestamp: float
    fields: Mapping[str, Value]


class ArtifactBody(NamedTuple):
    """Something named that the run made or used; the last of a name wins.

    It is a reference – ``path`` says where it lies – or content, which the trackers
    keep: then ``digest`` is ``sha256:`` and 64 hexadecimal digits, and ``path`` the
    same text.
    """

    name: str
    path: str
    metadata: Mapping[str, Value] | None
    digest: str | None = None
    size_bytes: int | None = None
    media_type: str | None = None
    artifact_kind: str | None = None
    role: str | None = None


class SourceBody(NamedTuple):
    """An edge of lineage: this run used another; repeating it changes nothing."""

    source_run_id: str
    artifact_name: str | None


class CreatedBody(NamedTuple):
    """The run exists; what is None says nothing, so an earlier word stays."""

    name: str | None = None
    experiment: str | None = None
    group_id: str | None = None
    parent_run_id: str | None = None
    experiment_config: Mapping[str, Value] | None = None


class StartedBody(NamedTuple):
    """A writer of the run has begun its work, as the job or as its launcher.

    Args:
        role: As what.
        host: The name of its machine, or None where that is not told.
        step: The step that was launched by itself and that it belongs to, or None.
    """

    role: Role
    host: str | None = None
    step: str | None = None


class EndedBody(NamedTuple):
    """A writer of the run has ended.

    Args:
        role: Who says so; the launcher's word decides the status.
        status: ``FINISHED``, ``FAILED`` or ``KILLED``.
        cause: Why, as ``{"kind": …}`` with details, or None when there is nothing to
            explain. The kinds are those of :class:`~tracker_core.runs.RunInfo`.
        exit_code: That of the job, as its launcher knows it; None when a signal ended
            it, and where it is not known.
        peak_memory_bytes: As in :class:`~tracker_core.runs.Attempt`.
    """

    role: Role
    status: str
    cause: Mapping[str, Value] | None
    exit_code: int | None = None
    peak_memory_bytes: int | None = None


class SpanBody(NamedTuple):
    """Where the run stands in a distributed trace; None says nothing, the last wins."""

    trace_id: str | None
    span_id: str | None


class StepBody(NamedTuple):
    """A step of the run has begun or ended.

    Args:
        step: Its name; that of a nested one begins with the outer one's and ``/``.
        execution: Which of its executions, an id that is unique within the run.
        status: ``RUNNING`` when it begins, else how it ended.
        cause: As in :class:`EndedBody`.
    """

    step: str
    execution: str
    status: str
    cause: Mapping[str, Value] | None


class ProvenanceBody(NamedTuple):
    """Where the run was made: ``code``, ``environment``; the last of a key wins."""

    values: Mapping[str, Value]


class UnknownBody(NamedTuple):
    """A record of a kind that this version does not know: carried along, unread."""

    kind: str
    fields: Mapping[str, Value]


Body: TypeAlias = (
    MetadataBody
    | ParamsBody
    | TagsBody
    | MetricsBody
    | ColumnsBody
    | LogBody
    | TrackBody
    | ArtifactBody
    | SourceBody
    | CreatedBody
    | StartedBody
    | EndedBody
    | SpanBody
    | StepBody
    | ProvenanceBody
    | UnknownBody
)


class Writer(NamedTuple):
    """Who writes: one process of one attempt of a run.

    Args:
        id: Unique for ever; ASCII letters, digits, ``-`` and ``_``.
        attempt: From 1; later attempts of a run come after all earlier ones.
        rank: The process's rank in a distributed job, or None.
    """

    id: str
    attempt: int = 1
    rank: int | None = None


class Record(NamedTuple):
    """One call of a job.

    Args:
        sequence: From 1, without gaps within a writer of one run.
        time_ns: Nanoseconds since 1970; never decreases within a writer.
        body: What was logged.
    """

    sequence: int
    time_ns: int
    body: Body


class Batch(NamedTuple):
    """Records of one writer of one run, taken by a tracker whole or not at all.

    ``(run_id, writer.id, first, last)`` names the batch: the same name always holds
    the same records. ``records`` are in the order of their sequence, all of it from
    ``first`` to ``last``.
    """

    run_id: str
    writer: Writer
    first: int
    last: int
    records: Sequence[Record]


def order_key(writer: Writer, record: Record, row: int = 0) -> OrderKey:
    """Return the place of one row of ``record`` in the one order of its run."""
    return (writer.attempt, record.time_ns, writer.id, record.sequence, row)


def series_name(stream: str, field: str) -> str:
    """Return the name of the series of ``field`` in ``stream``: ``train/loss``."""
    return f"{stream}/{field}" if stream else field


class Sequencer:
    """Gives the records of one writer their sequence in each run, and their time.

    Safe to call from several threads. A forked child becomes a writer of its own: a
    new id, and a sequence that begins again.

    Args:
        attempt: The attempt of the run, from 1.
        rank: The rank of this process, or None.
        clock: Returns nanoseconds since 1970.
    """

    __slots__ = (
        "__weakref__",
        "_clock",
        "_last_ns",
        "_lock",
        "_sequences",
        "_writer",
    )

    def __init__(
        self,
        attempt: int = 1,
        rank: int | None = None,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        """Begin a writer with a new id."""
        self._writer = Writer(new_writer_id(), attempt, rank)
        self._sequences: dict[str, int] = {}
        self._last_ns = 0
        self._clock = clock
        self._lock = ForkLock()
        tell_after_fork(self)

    @property
    def writer(self) -> Writer:
        """Who writes here now."""
        return self._writer

    def after_fork(self) -> None:
        """Begin a writer of its own in a forked child."""
        self._writer = self._writer._replace(id=new_writer_id())
        self._sequences = {}

    def batch(self, run_id: str, body: Body) -> Batch:
        """Make ``body`` the next record, alone in its batch."""
        with self._lock:
            sequence = self._sequences.get(run_id, 0) + 1
            self._sequences[run_id] = sequence
            # Clocks are set back now and then; a writer's records keep their order.
            self._last_ns = max(self._last_ns, self._clock())
            record = Record(sequence, self._last_ns, body)
            return Batch(run_id, self._writer, sequence, sequence, (record,))
