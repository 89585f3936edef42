"""The runs that others logged to MLflow, as a tracker that can be read and copied from.

====================  =================================================================
run id                the id of the MLflow run
params                typed where MLflow's client has written an int, a float, a bool or
                      None as text, which it does with ``str``; other text is text
metrics               series with step and time; a negative step is none
                      ±1.8·10³⁰⁸ is the infinity that MLflow keeps as that
tags                  tags, those of MLflow among them
files                 artifacts by reference, with their size
experiment, parent,   as MLflow has them
status, times
====================  =================================================================

Its records have writers of their own, a series each and one for the rest, whose ids
follow from what they hold. So copying a run again doubles nothing. MLflow does not tell
in which order points came, so those of a run that goes on could change their places:
such a run can be read, and is copied when it has ended.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Final

from mlflow.entities import Metric, Run
from mlflow.exceptions import MlflowException

from tracker_core.api import Capability
from tracker_core.errors import InvalidValueError, NotSupportedError
from tracker_core.folded import FoldedTracker
from tracker_core.history import RunHistory
from tracker_core.records import (
    ArtifactBody,
    Batch,
    Body,
    CreatedBody,
    EndedBody,
    MetricsBody,
    ParamsBody,
    Record,
    StartedBody,
    TagsBody,
    Writer,
)
from tracker_core.values import Value, to_json
from tracker_core.wire import body_kind, body_to_fields
from tracker_mlflow.claims import KEY
from tracker_mlflow.refusals import GONE
from tracker_mlflow.server import Server

__all__ = ["ForeignRuns"]

_PARENT: Final = "mlflow.parentRunId"
_NAME: Final = "mlflow.runName"
_NS_PER_MS = 1_000_000
_LATEST_NS = 2**63 - 1
_LARGEST = 1.7976931348623157e308
_ENDS = {"FINISHED": "FINISHED", "FAILED": "FAILED", "KILLED": "KILLED"}
_INT = re.compile(r"-?(?:0|[1-9][0-9]{0,299})")
_WORDS: Mapping[str, Value] = {"True": True, "False": False, "None": None}


class ForeignRuns(FoldedTracker):
    """All runs of an MLflow server that were not logged with Tracker; read only.

    Args:
        server: Where.
    """

    capabilities = frozenset({Capability.HISTORY, Capability.PERSISTENT})

    def __init__(self, server: Server) -> None:
        """Contact nobody yet."""
        self._server = server
        self._names: dict[str, str] = {}

    def __repr__(self) -> str:
        """Show the place without user and password."""
        return f"ForeignRuns({self._server!r})"

    def write(self, batch: Batch) -> None:  # noqa: ARG002 - it is refused
        """Refuse: these runs are somebody else's.

        Raises:
            NotSupportedError: Always.
        """
        message = f"the runs of others on {self._server!r} are read only"
        raise NotSupportedError(f"{message}; write with the backend mlflow")

    def history(self, run_id: str) -> RunHistory | None:
        """Return a run as records, as :meth:`FoldedTracker.history` says."""
        with self._server.answering(f"a read of the MLflow run {run_id!r}"):
            try:
                run = self._server.client.get_run(run_id)
            except MlflowException as error:
                # What has not the form of an id at all is refused.
                if error.error_code in (GONE, "INVALID_PARAMETER_VALUE"):
                    return None
                raise
            return None if _is_ours(run) else self._told(run)

    def histories(self) -> Iterator[RunHistory]:
        """Give all runs, as :meth:`FoldedTracker.histories` says."""
        with self._server.answering("a read of all MLflow runs"):
            for run in self._server.search(""):
                if not _is_ours(run):
                    yield self._told(run)

    def batches(self, run_id: str) -> Iterator[Batch]:
        """Give what was told of a run, as :meth:`NativeTracker.batches` says.

        Raises:
            NotSupportedError: The run goes on, or nobody has told MLflow of its end.
        """
        status = self.run(run_id).status
        if status not in _ENDS:
            message = (
                f"it is {status} in MLflow, so more of it may come; copy it when it "
                "has ended, or end it there if nobody will: "
                "MlflowClient().set_terminated(run_id)"
            )
            raise NotSupportedError(message)
        yield from super().batches(run_id)

    def _told(self, run: Run) -> RunHistory:
        history = RunHistory(run.info.run_id)
        history.add(_batch(run, "", self._about(run)))
        for key in sorted(run.data.metrics):
            points = self._server.client.get_metric_history(run.info.run_id, key)
            history.add(_batch(run, key, _told_points(key, points)))
        return history

    def _about(self, run: Run) -> list[tuple[int, Body]]:
        """Return what is known of a run but its points, each with its time."""
        info, tags = run.info, run.data.tags
        begun, ended = info.start_time or 0, info.end_time
        name = self._experiment(info.experiment_id)
        bodies: list[Body] = [
            CreatedBody(tags.get(_NAME), name, None, tags.get(_PARENT)),
            StartedBody("job"),
        ]
        if run.data.params:
            bodies.append(
                ParamsBody({key: _typed(it) for key, it in run.data.params.items()})
            )
        if tags:
            bodies.append(TagsBody(dict(tags)))
        for path, size in sorted(self._files(run)):
            about: dict[str, Value] = {"size_bytes": size}
            bodies.append(ArtifactBody(path, f"{info.artifact_uri}/{path}", about))
        told = [(begun, body) for body in bodies]
        if info.status in _ENDS:
            told.append((ended or begun, EndedBody("job", _ENDS[info.status], None)))
        return told

    def _experiment(self, id_: str) -> str:
        if id_ not in self._names:
            self._names[id_] = self._server.client.get_experiment(id_).name
        return self._names[id_]

    def _files(self, run: Run, folder: str = "") -> Iterator[tuple[str, int]]:
        yield from self._server.files(run, folder).items()
        for inner in self._server.folders(run, folder):
            yield from self._files(run, inner)


def _is_ours(run: Run) -> bool:
    return KEY in run.data.tags


def _batch(run: Run, series: str, told: Iterable[tuple[int, Body]]) -> Batch:
    """Return what was told as a batch of a writer whose id follows from it."""
    records = [
        Record(number, time_ms * _NS_PER_MS, body)
        for number, (time_ms, body) in enumerate(told, 1)
    ]
    if any(abs(record.time_ns) > _LATEST_NS for record in records):
        message = (
            f"{series or 'the run'!r} has a time that no clock shows; MLflow's are in "
            "milliseconds, and maybe somebody gave nanoseconds"
        )
        raise InvalidValueError(message)
    # Of a series more may come, behind what is there; the rest may be any other.
    mark = series or "".join(
        to_json({body_kind(record.body): body_to_fields(record.body)})
        for record in records
    )
    kind = "metric" if series else "about"
    digest = sha256(mark.encode()).hexdigest()[:16]
    writer = Writer(f"mlflow-{run.info.run_id}-{kind}-{digest}")
    return Batch(run.info.run_id, writer, 1, len(records), tuple(records))


def _told_points(key: str, points: Iterable[Metric]) -> list[tuple[int, Body]]:
    stream, _, field = key.rpartition("/")
    ordered = sorted(points, key=lambda point: (point.timestamp, point.step))
    return [
        (
            point.timestamp,
            MetricsBody(
                point.step if point.step >= 0 else None,
                {stream: {field: _true_value(point.value)}},
            ),
        )
        for point in ordered
    ]


def _true_value(value: float) -> float:
    return math.copysign(math.inf, value) if abs(value) == _LARGEST else value


def _typed(text: str) -> Value:
    """Return the value whose ``str`` a text is, of those that MLflow's users log."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text) and text != "-0":
        return int(text)
    try:
        number = float(text)
    except ValueError:
        return text
    return number if str(number) == text else text
