"""Trackers that are each wrong in one way about messages or tracks."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from tests.testing.mutants_of_series import with_bodies
from tracker_core.entries import LogEntry, TrackEntry
from tracker_core.errors import InvalidValueError
from tracker_core.records import Batch, Body, TrackBody
from tracker_core.testing import MemoryTracker
from tracker_core.testing.memory import MemoryStore

if TYPE_CHECKING:
    from tracker_core.values import Value

__all__ = ["STORY_MUTANTS"]


class LimitTakesTheFirst(MemoryTracker):
    """Gives the first messages where the last ones were asked for."""

    def logs(
        self,
        run_id: str,
        level: str | None = None,
        *,
        start: float | None = None,
        end: float | None = None,
        text: str | None = None,
        limit: int | None = None,
    ) -> Sequence[LogEntry]:
        """Cut at the wrong end."""
        found = super().logs(run_id, level, start=start, end=end, text=text)
        return found[:limit]


class LimitBeforeTheText(MemoryTracker):
    """Looks for the text among the last messages alone."""

    def logs(
        self,
        run_id: str,
        level: str | None = None,
        *,
        start: float | None = None,
        end: float | None = None,
        text: str | None = None,
        limit: int | None = None,
    ) -> Sequence[LogEntry]:
        """Cut first."""
        found = super().logs(run_id, level, start=start, end=end, limit=limit)
        wanted = (text or "").casefold()
        return [entry for entry in found if wanted in entry.message.casefold()]


class LevelIsExact(MemoryTracker):
    """Gives the messages of exactly one level."""

    def logs(
        self,
        run_id: str,
        level: str | None = None,
        *,
        start: float | None = None,
        end: float | None = None,
        text: str | None = None,
        limit: int | None = None,
    ) -> Sequence[LogEntry]:
        """Leave the graver ones out."""
        found = super().logs(
            run_id, level, start=start, end=end, text=text, limit=limit
        )
        return [entry for entry in found if level is None or entry.level == level]


class UnknownLevelIsEmpty(MemoryTracker):
    """Finds nothing where it should say that it was asked for nothing."""

    def logs(
        self,
        run_id: str,
        level: str | None = None,
        *,
        start: float | None = None,
        end: float | None = None,
        text: str | None = None,
        limit: int | None = None,
    ) -> Sequence[LogEntry]:
        """Stay silent."""
        try:
            return super().logs(
                run_id, level, start=start, end=end, text=text, limit=limit
            )
        except InvalidValueError:
            return []


class CaseCountsInTexts(MemoryTracker):
    """Looks for texts as they are written."""

    def logs(
        self,
        run_id: str,
        level: str | None = None,
        *,
        start: float | None = None,
        end: float | None = None,
        text: str | None = None,
        limit: int | None = None,
    ) -> Sequence[LogEntry]:
        """Compare as it is."""
        found = super().logs(
            run_id, level, start=start, end=end, text=text, limit=limit
        )
        return [entry for entry in found if (text or "") in entry.message]


class OnlyAsciiHasCase(MemoryTracker):
    """Folds the letters of ASCII, as SQLite's LIKE does."""

    def logs(
        self,
        run_id: str,
        level: str | None = None,
        *,
        start: float | None = None,
        end: float | None = None,
        text: str | None = None,
        limit: int | None = None,
    ) -> Sequence[LogEntry]:
        """Fold bytes."""
        found = super().logs(run_id, level, start=start, end=end)
        wanted = (text or "").encode().lower()
        kept = [e for e in found if wanted in e.message.encode().lower()]
        return kept if limit is None else kept[max(0, len(kept) - limit) :]


class EndIsExclusive(MemoryTracker):
    """Leaves out what lies at the end of a range."""

    def logs(
        self,
        run_id: str,
        level: str | None = None,
        *,
        start: float | None = None,
        end: float | None = None,
        text: str | None = None,
        limit: int | None = None,
    ) -> Sequence[LogEntry]:
        """Cut."""
        found = super().logs(
            run_id, level, start=start, end=end, text=text, limit=limit
        )
        return [e for e in found if end is None or e.time_ns < end * 1e9]


class NoMetadataIsEmpty(MemoryTracker):
    """Gives an empty mapping where no metadata was given."""

    def logs(
        self,
        run_id: str,
        level: str | None = None,
        *,
        start: float | None = None,
        end: float | None = None,
        text: str | None = None,
        limit: int | None = None,
    ) -> Sequence[LogEntry]:
        """Fill in."""
        found = super().logs(
            run_id, level, start=start, end=end, text=text, limit=limit
        )
        return [entry._replace(metadata=entry.metadata or {}) for entry in found]


class LogsByTime(MemoryTracker):
    """Sorts messages by their clocks alone."""

    def logs(
        self,
        run_id: str,
        level: str | None = None,
        *,
        start: float | None = None,
        end: float | None = None,
        text: str | None = None,
        limit: int | None = None,
    ) -> Sequence[LogEntry]:
        """Sort."""
        found = super().logs(
            run_id, level, start=start, end=end, text=text, limit=limit
        )
        return sorted(found, key=lambda entry: entry.time_ns)


class _OwnTracks(MemoryTracker):
    """Keeps entries as they arrive: run id → topic, timestamp and fields."""

    def __init__(self, store: MemoryStore) -> None:
        """Keep entries beside the store."""
        super().__init__(store)
        self._said: dict[str, list[TrackBody]] = {}

    def write(self, batch: Batch) -> None:
        """Append."""
        super().write(batch)
        bodies = (record.body for record in batch.records)
        said = self._said.setdefault(batch.run_id, [])
        said += (body for body in bodies if isinstance(body, TrackBody))

    def _entries(self, run_id: str, topic: str) -> list[TrackBody]:
        self.run(run_id)
        return [body for body in self._said.get(run_id, []) if body.topic == topic]


class MergesByArrival(_OwnTracks):
    """Lets the field win that arrives last."""

    def track_entries(
        self,
        run_id: str,
        topic: str,
        start: float | None = None,
        end: float | None = None,
    ) -> Sequence[TrackEntry]:
        """Merge what has arrived."""
        moments: dict[float, dict[str, Value]] = {}
        for _, timestamp, fields in self._entries(run_id, topic):
            moments.setdefault(timestamp, {}).update(fields)
        known = super().track_entries(run_id, topic, start, end)
        return [
            TrackEntry(entry.timestamp, dict(sorted(moments[entry.timestamp].items())))
            for entry in known
        ]


class MergesNothing(_OwnTracks):
    """Gives every entry as it was logged, as a file of lines does."""

    def track_entries(
        self,
        run_id: str,
        topic: str,
        start: float | None = None,
        end: float | None = None,
    ) -> Sequence[TrackEntry]:
        """Sort alone."""
        entries = [TrackEntry(e[1], e[2]) for e in self._entries(run_id, topic)]
        return _between(sorted(entries, key=lambda e: e.timestamp), start, end)


class ZerosAreTwoMoments(_OwnTracks):
    """Tells moments apart by their bits, as a key of text does."""

    def track_entries(
        self,
        run_id: str,
        topic: str,
        start: float | None = None,
        end: float | None = None,
    ) -> Sequence[TrackEntry]:
        """Merge by bits."""
        moments: dict[str, dict[str, Value]] = {}
        for _, timestamp, fields in self._entries(run_id, topic):
            moments.setdefault(repr(timestamp), {}).update(fields)
        entries = [TrackEntry(float(at), found) for at, found in moments.items()]
        return _between(sorted(entries, key=lambda e: e.timestamp), start, end)


class LatestEntryFirst(MemoryTracker):
    """Gives the latest moment first."""

    def track_entries(
        self,
        run_id: str,
        topic: str,
        start: float | None = None,
        end: float | None = None,
    ) -> Sequence[TrackEntry]:
        """Turn round."""
        return [*reversed(super().track_entries(run_id, topic, start, end))]


class LaterEndIsExclusive(MemoryTracker):
    """Leaves out the entry at the end of a range of time."""

    def track_entries(
        self,
        run_id: str,
        topic: str,
        start: float | None = None,
        end: float | None = None,
    ) -> Sequence[TrackEntry]:
        """Cut."""
        found = super().track_entries(run_id, topic, start, end)
        return [entry for entry in found if end is None or entry.timestamp < end]


class RoundsMoments(MemoryTracker):
    """Keeps moments to the microsecond."""

    def write(self, batch: Batch) -> None:
        """Round."""
        super().write(with_bodies(batch, _with_rounded_moment))


class FoldsTopics(MemoryTracker):
    """Takes ``r/s`` for ``r_s``, as a file name made of it does."""

    def write(self, batch: Batch) -> None:
        """Fold."""
        super().write(with_bodies(batch, _with_folded_topic))

    def track_entries(
        self,
        run_id: str,
        topic: str,
        start: float | None = None,
        end: float | None = None,
    ) -> Sequence[TrackEntry]:
        """Fold what is asked for too."""
        return super().track_entries(run_id, topic.replace("/", "_"), start, end)


class ForgetsEmptyEntries(MemoryTracker):
    """Keeps no entry that has no fields."""

    def track_entries(
        self,
        run_id: str,
        topic: str,
        start: float | None = None,
        end: float | None = None,
    ) -> Sequence[TrackEntry]:
        """Forget."""
        found = super().track_entries(run_id, topic, start, end)
        return [entry for entry in found if entry.fields]


def _with_rounded_moment(body: Body) -> Body:
    if not isinstance(body, TrackBody):
        return body
    return body._replace(timestamp=round(body.timestamp, 6))


def _with_folded_topic(body: Body) -> Body:
    if not isinstance(body, TrackBody):
        return body
    return body._replace(topic=body.topic.replace("/", "_"))


def _between(
    entries: Iterable[TrackEntry], start: float | None, end: float | None
) -> list[TrackEntry]:
    return [
        entry
        for entry in entries
        if (start is None or entry.timestamp >= start)
        and (end is None or entry.timestamp <= end)
    ]


STORY_MUTANTS: tuple[type[MemoryTracker], ...] = (
    LimitTakesTheFirst,
    LimitBeforeTheText,
    LevelIsExact,
    UnknownLevelIsEmpty,
    CaseCountsInTexts,
    OnlyAsciiHasCase,
    EndIsExclusive,
    NoMetadataIsEmpty,
    LogsByTime,
    MergesByArrival,
    MergesNothing,
    ZerosAreTwoMoments,
    LatestEntryFirst,
    LaterEndIsExclusive,
    RoundsMoments,
    FoldsTopics,
    ForgetsEmptyEntries,
)
