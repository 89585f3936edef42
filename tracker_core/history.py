"""One run as its records tell it: the model of what every tracker must answer.

A :class:`RunHistory` takes batches in any order, each record once, and answers the
reads of a native tracker for its run. Trackers that keep records as they are (memory,
directories) answer from it; trackers with a schema of their own are compared with it.
"""

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from heapq import merge
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import TypeVar, cast

from tracker_core.curves import Curve, CurvePoint
from tracker_core.datatypes import TrackerArtifact, TrackerSource
from tracker_core.entries import (
    LogEntry,
    ParamChange,
    Row,
    Rows,
    TrackEntry,
    window,
)
from tracker_core.gathered import Gathered, PointColumns, without_points
from tracker_core.points import Points
from tracker_core.records import (
    LEVELS,
    ArtifactBody,
    Batch,
    Body,
    ColumnsBody,
    CreatedBody,
    EndedBody,
    LogBody,
    MetadataBody,
    MetricsBody,
    OrderKey,
    ParamsBody,
    ProvenanceBody,
    Record,
    SourceBody,
    SpanBody,
    StartedBody,
    StepBody,
    TagsBody,
    TrackBody,
    Writer,
    order_key,
    series_name,
)
from tracker_core.retelling import Cell, body_of, in_batches
from tracker_core.runs import LifecycleEvent, RunInfo, launched_steps, run_info
from tracker_core.stepinfo import StepInfo, step_infos
from tracker_core.summaries import Summary
from tracker_core.taken import Taken
from tracker_core.values import Value

__all__ = ["RunHistory"]

_B = TypeVar("_B", bound=Body)
_Cells = tuple[int | None, dict[str, Value]]
_Told = list[tuple[OrderKey, Body]]
_Points = list[tuple[str, Sequence[CurvePoint]]]


class RunHistory:
    """The records of one run, folded into what is read from them.

    Mappings come sorted by key and share no mutable part with what was logged.
    Not safe for use by several threads at once.
    """

    def __init__(self, run_id: str) -> None:
        """Begin a run without records."""
        self.run_id = run_id
        self._taken: dict[str, Taken] = {}
        self._writers: dict[str, Writer] = {}
        self._created_ns: int | None = None
        self._heartbeat_ns: int | None = None
        self._told: dict[type[Body], _Told] = {}
        self._curves: dict[str, Curve] = {}
        self._streams: dict[str, dict[str, Curve]] = {}
        self._later: list[tuple[Writer, Callable[[], Sequence[Record]]]] = []
        # Those of streams that were read, until more points come.
        self._rows: dict[str, list[tuple[OrderKey, _Cells]]] = {}

    def add(
        self, batch: Batch, rest: Callable[[], Sequence[Record]] | None = None
    ) -> None:
        """Take the records of ``batch`` that were not taken yet.

        Args:
            batch: The records.
            rest: Gives those that ``batch`` leaves out, which are points alone, when
                points are first asked for. No record of the batch was taken before.
        """
        self._writers[batch.writer.id] = batch.writer
        taken = self._taken.get(batch.writer.id, Taken())
        overlaps = taken.overlaps(batch.first, batch.last)
        self._add_records(
            batch.writer, taken.missing(batch) if overlaps else batch.records
        )
        self._taken[batch.writer.id] = taken.plus(batch.first, batch.last)
        if rest is not None:
            self._later.append((batch.writer, rest))

    def see(self, time_ns: int) -> None:
        """Note that there is a record of a moment, which may not be taken yet."""
        if self._created_ns is None or time_ns < self._created_ns:
            self._created_ns = time_ns

    def beat(self, time_ns: int) -> None:
        """Note that the run was alive at a moment; the newest one counts."""
        self._heartbeat_ns = max(time_ns, self._heartbeat_ns or 0)

    def taken(self) -> dict[str, Taken]:
        """Return what was taken of each writer, by the writer's id."""
        return dict(self._taken)

    def batches(self) -> Iterator[Batch]:
        """Give all records again, as :meth:`NativeTracker.batches` says.

        What is taken meanwhile is not among them.
        """
        told, points = self._told_by_writer(), self._points_by_writer()
        taken = self.taken()
        for writer in sorted(self._writers.values(), key=_attempt_and_id):
            records = merge(
                _records_told(told.get(writer.id, [])),
                _records_of_points(points.get(writer.id, [])),
                key=attrgetter("sequence"),
            )
            yield from in_batches(self.run_id, writer, taken[writer.id], records)

    @property
    def created_ns(self) -> int:
        """The time of the first record, in nanoseconds since 1970; 0 without any."""
        return self._created_ns or 0

    def info(self) -> RunInfo:
        """Return who the run is and how it fares."""
        return run_info(
            self.run_id,
            self._created_ns,
            deepcopy(self._life()),
            self._span(),
            self._heartbeat_ns,
        )

    def metadata(self) -> dict[str, Value]:
        """Return the last value of each metadata key."""
        return _latest(body.values for _, body in self._in_order(MetadataBody))

    def params(self) -> dict[str, Value]:
        """Return the last value of each param."""
        return _latest(body.values for _, body in self._in_order(ParamsBody))

    def param_history(self, key: str) -> list[ParamChange]:
        """Return the values of a param, the first one first."""
        return [
            ParamChange(place[1], place[0], deepcopy(body.values[key]))
            for place, body in self._in_order(ParamsBody)
            if key in body.values
        ]

    def tags(self) -> dict[str, str]:
        """Return the last text of each tag."""
        found = _latest(body.values for _, body in self._in_order(TagsBody))
        return cast("dict[str, str]", found)

    def provenance(self) -> dict[str, Value]:
        """Return the last value of each key of the provenance."""
        return _latest(body.values for _, body in self._in_order(ProvenanceBody))

    def artifacts(self) -> dict[str, TrackerArtifact]:
        """Return the newest artifact of each name."""
        newest = {body.name: body for _, body in self._in_order(ArtifactBody)}
        return {name: _artifact(newest[name]) for name in sorted(newest)}

    def artifact_history(self, name: str) -> list[TrackerArtifact]:
        """Return all artifacts of a name, the first one first."""
        return [
            _artifact(body)
            for _, body in self._in_order(ArtifactBody)
            if body.name == name
        ]

    def digests(self) -> set[str]:
        """Return the digests of all content that an artifact means or has meant."""
        told = (body.digest for _, body in self._in_order(ArtifactBody))
        return {digest for digest in told if digest is not None}

    def sources(self, artifact_name: str | None = None) -> list[TrackerSource]:
        """Return the edges, or those of one label, each once and sorted."""
        told = {body for _, body in self._in_order(SourceBody)}
        edges = sorted(told, key=lambda edge: (edge[0], edge[1] or ""))
        return [
            TrackerSource(*edge)
            for edge in edges
            if artifact_name is None or edge.artifact_name == artifact_name
        ]

    def steps(self) -> list[StepInfo]:
        """Return the steps in the order in which they first began."""
        events = deepcopy(self._in_order(StepBody))
        if not events:
            return []
        launches = launched_steps(deepcopy(self._life()))
        return step_infos(events, self.info().attempts, launches)

    def series(self) -> dict[str, Summary]:
        """Return the summary of each series."""
        self._load()
        return {
            name: deepcopy(curve.summary())
            for name, curve in sorted(self._curves.items())
        }

    def points(
        self,
        series: str,
        start_index: int = 0,
        limit: int | None = None,
        *,
        abandoned: bool = False,
    ) -> Points:
        """Return points of a series in order; an unknown series has none."""
        self._load()
        found = self._curves.get(series, Curve()).columns(abandoned=abandoned)
        part = window(start_index, limit)
        values = deepcopy(found.values[part])
        return Points(found.steps[part], found.times_ns[part], values, start_index)

    def rows(self, stream: str, start_index: int = 0, limit: int | None = None) -> Rows:
        """Return points of a whole stream in order; an unknown stream has none."""
        found = self._rows_of(stream)
        part = window(start_index, limit)
        rows = (
            Row(index, step, key[1], deepcopy(fields))
            for index, (key, (step, fields)) in enumerate(found[part], start_index)
        )
        return Rows(rows, len(found))

    def logs(
        self,
        level: str | None = None,
        *,
        start_ns: int | None = None,
        end_ns: int | None = None,
        text: str | None = None,
        limit: int | None = None,
    ) -> list[LogEntry]:
        """Return messages in order: the last ``limit`` of those that are asked for.

        Args:
            level: One of :data:`~tracker_core.records.LEVELS`: it and graver ones.
            start_ns: The earliest time that is asked for.
            end_ns: The latest.
            text: What the message contains, in any letter case.
            limit: How many at the most.
        """
        # Without a level those too that a later version may have added.
        levels = None if level is None else LEVELS[LEVELS.index(level) :]
        wanted = (text or "").casefold()
        found = [
            LogEntry(key[1], body.level, body.message, deepcopy(body.metadata))
            for key, body in self._in_order(LogBody)
            if (levels is None or body.level in levels)
            and (start_ns is None or key[1] >= start_ns)
            and (end_ns is None or key[1] <= end_ns)
            and wanted in body.message.casefold()
        ]
        newest_first = found[::-1][window(0, limit)]
        return newest_first[::-1]

    def topics(self) -> list[str]:
        """Return the topics, sorted."""
        return sorted({body.topic for _, body in self._in_order(TrackBody)})

    def track_entries(
        self, topic: str, start: float | None = None, end: float | None = None
    ) -> list[TrackEntry]:
        """Return what was said of each moment of a topic, by time, both ends included.

        An unknown topic has no moments.
        """
        moments: dict[float, dict[str, Value]] = {}
        for _, body in self._in_order(TrackBody):
            if body.topic == topic:
                moments.setdefault(body.timestamp, {}).update(body.fields)
        return [
            TrackEntry(moment, deepcopy(dict(sorted(moments[moment].items()))))
            for moment in sorted(moments)
            if (start is None or moment >= start) and (end is None or moment <= end)
        ]

    def _rows_of(self, stream: str) -> list[tuple[OrderKey, _Cells]]:
        self._load()
        if stream not in self._rows:
            found: dict[OrderKey, _Cells] = {}
            for field, curve in sorted(self._streams.get(stream, {}).items()):
                for key, step, value, _ in curve.points():
                    found.setdefault(key, (step, {}))[1][field] = value
            self._rows[stream] = sorted(found.items())
        return self._rows[stream]

    def _in_order(self, kind: type[_B]) -> list[tuple[OrderKey, _B]]:
        known = cast("type[Body]", kind)
        told = cast("list[tuple[OrderKey, _B]]", self._told.get(known, []))
        told.sort(key=itemgetter(0))
        return told

    def _life(self) -> list[LifecycleEvent]:
        return [
            *self._in_order(CreatedBody),
            *self._in_order(StartedBody),
            *self._in_order(EndedBody),
        ]

    def _span(self) -> SpanBody:
        span = SpanBody(None, None)
        for _, body in self._in_order(SpanBody):
            said = {name: text for name, text in body._asdict().items() if text}
            span = span._replace(**said)
        return span

    def _curve(self, name: str) -> Curve:
        curve = self._curves.get(name)
        if curve is None:
            curve = self._curves[name] = Curve()
            stream, _, field = name.rpartition("/")
            self._streams.setdefault(stream, {})[field] = curve
        return curve

    def _told_by_writer(self) -> dict[str, _Told]:
        found: dict[str, _Told] = {}
        for told in self._told.values():
            for entry in told:
                found.setdefault(entry[0][2], []).append(entry)
        return found

    def _points_by_writer(self) -> dict[str, _Points]:
        self._load()
        found: dict[str, _Points] = {}
        for name, curve in self._curves.items():
            of_writers: dict[str, list[CurvePoint]] = {}
            for point in curve.points(abandoned=True):
                of_writers.setdefault(point[0][2], []).append(point)
            for writer, points in of_writers.items():
                found.setdefault(writer, []).append((name, points))
        return found

    def _load(self) -> None:
        """Take the points that were left for later."""
        while self._later:
            writer, rest = self._later[-1]
            self._add_records(writer, rest())
            self._later.pop()

    def _add_records(self, writer: Writer, records: Sequence[Record]) -> None:
        if isinstance(records, Gathered):
            self._add_points(writer, records.points)
        for record in without_points(records):
            self._add_record(writer, record)

    def _add_points(
        self, writer: Writer, points: Mapping[tuple[str, str], PointColumns]
    ) -> None:
        self._rows.clear()
        for series, columns in points.items():
            self._curve(series_name(*series)).extend(writer, columns)
            self.see(columns.times_ns[0])

    def _add_record(self, writer: Writer, record: Record) -> None:
        self.see(record.time_ns)
        match record.body:
            case MetricsBody() as body if any(body.streams.values()):
                self._rows.clear()
                for name, row, step, value in _cells(body):
                    key = order_key(writer, record, row)
                    self._curve(name).add((key, step, value, writer.rank))
            case ColumnsBody() as body if any(map(len, body.fields.values())):
                self._add_points(writer, _columns(record, body))
            case body:
                key = order_key(writer, record)
                self._told.setdefault(type(body), []).append((key, body))


def _cells(body: MetricsBody) -> Iterator[tuple[str, int, int | None, Value]]:
    """Give series, row, step and value of each point."""
    for row, (stream, fields) in enumerate(body.streams.items()):
        for field, value in fields.items():
            yield series_name(stream, field), row, body.step, value


def _columns(record: Record, body: ColumnsBody) -> dict[tuple[str, str], PointColumns]:
    """Return the points of each series of a record of columns."""
    count = max(map(len, body.fields.values()), default=0)
    sequences = array("q", [record.sequence]) * count
    times_ns = array("q", [record.time_ns]) * count
    steps = [None] * count if body.steps is None else body.steps
    return {
        (body.stream, field): PointColumns(
            sequences, times_ns, range(count), steps, cast("Sequence[float]", column)
        )
        for field, column in body.fields.items()
        if count
    }


def _attempt_and_id(writer: Writer) -> tuple[int, str]:
    return writer.attempt, writer.id


def _records_told(told: _Told) -> Iterator[Record]:
    for (_, time_ns, _, sequence, _), body in sorted(told, key=_sequence):
        yield Record(sequence, time_ns, body)


def _records_of_points(points: _Points) -> Iterator[Record]:
    cells = merge(*map(_cells_of, points), key=attrgetter("sequence"))
    for sequence, group in groupby(cells, attrgetter("sequence")):
        found = list(group)
        yield Record(sequence, found[0].time_ns, body_of(found))


def _cells_of(series: tuple[str, Sequence[CurvePoint]]) -> Iterator[Cell]:
    name, points = series
    for (_, time_ns, _, sequence, row), step, value, _ in sorted(points, key=_sequence):
        yield Cell(sequence, row, name, time_ns, step, value)


def _sequence(entry: tuple[OrderKey, *tuple[object, ...]]) -> int:
    return entry[0][3]


def _latest(told: Iterable[Mapping[str, Value]]) -> dict[str, Value]:
    latest: dict[str, Value] = {}
    for values in told:
        latest.update(values)
    return {name: deepcopy(latest[name]) for name in sorted(latest)}


def _artifact(body: ArtifactBody) -> TrackerArtifact:
    return TrackerArtifact(
        name=body.name,
        path=body.path,
        metadata=deepcopy(body.metadata),
        digest=body.digest,
        size_bytes=body.size_bytes,
        media_type=body.media_type,
        kind=body.artifact_kind,
        role=body.role,
    )
