"""A story that has records of every kind, as several tests of the contract tell it."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tracker_core.records import (
    ArtifactBody,
    Batch,
    Body,
    ColumnsBody,
    CreatedBody,
    EndedBody,
    LogBody,
    MetadataBody,
    MetricsBody,
    ParamsBody,
    ProvenanceBody,
    SourceBody,
    SpanBody,
    StartedBody,
    StepBody,
    TagsBody,
    TrackBody,
    UnknownBody,
)
from tracker_core.testing.contract.pen import Pen

if TYPE_CHECKING:
    from tracker_core.values import Value

__all__ = ["say", "story"]


def say(word: str) -> Iterable[Body]:
    """Return records of which the last one wins, all saying ``word``."""
    return (
        MetadataBody({"key": word}),
        ParamsBody({"key": word}),
        TagsBody({"key": word}),
        ArtifactBody("a", word, {"by": word}),
    )


def story(run_id: str) -> list[Batch]:
    """Return batches of three writers that use every kind of record."""
    launcher, job = Pen(run_id, "launcher"), Pen(run_id, "job", rank=0)
    again = Pen(run_id, "again", attempt=2)
    cause: dict[str, Value] = {"kind": "exit_code", "exit_code": 3}
    batches = [
        launcher.log(CreatedBody("n", "e", "g", "p"), StartedBody("launcher", "node1")),
        launcher.log(EndedBody("launcher", "FAILED", cause, 3, 2**40), at=50),
        again.log(StartedBody("job", "node2"), CreatedBody(name="renamed"), at=60),
        again.log(
            UnknownBody("hologram", {"x": 1}), EndedBody("job", "FINISHED", None)
        ),
    ]
    for step, pen in enumerate((job, launcher, again, job, again, job)):
        value = (0.1, float("nan"), 7, -0.0, "text", 2**70)[step]
        fields: dict[str, Value] = {"loss": value, "n": step}
        batches.append(pen.log(MetricsBody(step // 2, {"": {"x": value}, "t": fields})))
        batches.append(pen.log(*say(str(step)), SourceBody("s", str(step % 2))))
        columns: dict[str, list[Value]] = {"loss": [value, step], "m": [None, 0.5]}
        batches.append(pen.log(ColumnsBody("t", [step, step + 1], columns)))
        batches.append(pen.log(*_tell(str(step)), SpanBody(None, str(step))))
    return batches


def _tell(word: str) -> Iterable[Body]:
    return (
        LogBody("info", word, {"by": word}),
        TrackBody("pose", 1.5, {"by": word, word: 1}),
        TrackBody("pose", -float(word), {}),
        StepBody("load", word, "RUNNING", None),
        StepBody("load", word, "FINISHED", None),
        ProvenanceBody({"code": word, word: 1}),
    )
