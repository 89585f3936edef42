"""Batches whose points come as columns: they say what their records say."""

import math

from tracker_core.api import NativeTracker
from tracker_core.gathered import Gathered, PointColumns
from tracker_core.records import (
    Batch,
    Body,
    ColumnsBody,
    LogBody,
    MetricsBody,
    ParamsBody,
    Record,
    TagsBody,
)
from tracker_core.testing.contract.answers import answers
from tracker_core.testing.contract.fixtures import ContractFixtures
from tracker_core.testing.contract.pen import Pen
from tracker_core.testing.memory import MemoryTracker
from tracker_core.values import Value

__all__ = ["GatheredPoints", "gathered"]


class GatheredPoints(ContractFixtures):
    """What ``write`` promises of a batch of :class:`~tracker_core.gathered.Gathered`.

    The batch has the same name, holds the same records and counts once, whatever form
    it comes in.
    """

    def test_gathered_points_are_told_as_their_records(
        self, native_tracker: NativeTracker, run_id: str
    ) -> None:
        """Points, order, summaries and all that lies between them."""
        model = MemoryTracker()

        for batch in _story(run_id):
            native_tracker.write(gathered(batch))
            model.write(batch)

        assert answers(native_tracker, run_id) == answers(model, run_id)

    def test_repeated_gathered_batch_changes_nothing(
        self, native_tracker: NativeTracker, run_id: str
    ) -> None:
        """A batch that was taken is passed over, in the one form and the other."""
        model = MemoryTracker()
        batches = _story(run_id)

        for number, batch in enumerate([*batches, *batches, *batches]):
            native_tracker.write(batch if number % 2 else gathered(batch))
            model.write(batch)

        assert answers(native_tracker, run_id) == answers(model, run_id)

    def test_overlapping_gathered_batches_count_each_point_once(
        self, native_tracker: NativeTracker, run_id: str
    ) -> None:
        """Of a batch that was taken in part only the rest is taken; gaps are filled."""
        model = MemoryTracker()
        pen = Pen(run_id)
        pen.log(*_training(30))

        for first, last in [(11, 15), (13, 20), (25, 30), (1, 30), (2, 2), (1, 9)]:
            native_tracker.write(gathered(pen.batch(first, last)))
        model.write(pen.batch(1, 30))

        assert answers(native_tracker, run_id) == answers(model, run_id)

    def test_gathered_points_of_a_later_attempt_rewind(
        self, native_tracker: NativeTracker, run_id: str
    ) -> None:
        """They abandon earlier points, and are abandoned, as those of records are."""
        model = MemoryTracker()
        batches = [
            Pen(run_id, f"w{attempt}", attempt).log(*_training(20, first_step))
            for attempt, first_step in ((1, 0), (3, 12), (2, 5))
        ]

        for batch in batches:
            native_tracker.write(gathered(batch))
            model.write(batch)

        assert answers(native_tracker, run_id) == answers(model, run_id)

    def test_thousands_of_gathered_points_are_all_kept(
        self, native_tracker: NativeTracker, run_id: str
    ) -> None:
        """A batch of many points is taken whole, and the next one goes on from it."""
        pen = Pen(run_id)
        bodies = [MetricsBody(step, {"s": {"v": step / 8}}) for step in range(6_000)]

        native_tracker.write(gathered(pen.log(*bodies[:5_000])))
        native_tracker.write(gathered(pen.log(*bodies[5_000:])))

        summary = native_tracker.series(run_id)["s/v"]
        assert summary.last == 5_999 / 8
        assert summary.count in (6_000, None)
        assert summary.mean in (5_999 / 16, None)


def gathered(batch: Batch) -> Batch:
    """Return a batch with its plain points as columns."""
    points: dict[tuple[str, str], list[tuple[int, int, int, int | None, float]]] = {}
    others: list[Record] = []
    for record in batch.records:
        body = record.body
        if not isinstance(body, MetricsBody) or not _is_plain(body):
            others.append(record)
            continue
        for row, (stream, fields) in enumerate(body.streams.items()):
            for field, value in fields.items():
                cell = (record.sequence, record.time_ns, row, body.step, value)
                points.setdefault((stream, field), []).append(cell)  # type: ignore[arg-type]  # a plain value is a number
    columns = {
        series: PointColumns(*zip(*cells, strict=True))
        for series, cells in points.items()
    }
    return batch._replace(records=Gathered(others, columns, len(batch.records)))


def _is_plain(body: MetricsBody) -> bool:
    # A record or a row without a value would leave nothing behind.
    return bool(body.streams) and all(
        fields and all(map(_is_plain_value, fields.values()))
        for fields in body.streams.values()
    )


def _is_plain_value(value: Value) -> bool:
    if isinstance(value, float):
        return True
    return type(value) is int and -(2**63) <= value < 2**63


def _training(count: int, first_step: int = 0) -> list[Body]:
    return [
        MetricsBody(step, {"train": {"loss": 1 / (step + 1), "n": step}})
        for step in range(first_step, first_step + count)
    ]


def _story(run_id: str) -> list[Batch]:
    """Return batches of two writers, of points of all sorts and what lies between."""
    one, two = Pen(run_id, "a", rank=0), Pen(run_id, "b", rank=1)
    odd: list[Value] = [math.nan, math.inf, -math.inf, -0.0, 5e-324, 2**63 - 1, -1]
    batches = []
    for number, pen in enumerate((one, two, one)):
        batches += [
            pen.log(ParamsBody({"p": number}), *_training(9, 9 * number)),
            pen.log(
                *(
                    MetricsBody(None, {"": {"x": value}, "s": {"y": 0.5}})
                    for value in odd
                )
            ),
            pen.log(
                MetricsBody(1, {"s": {"y": 0.25}}),
                MetricsBody(2, {"s": {"y": "text"}}),
                ColumnsBody("s", [3, 4], {"y": [1, None]}),
                MetricsBody(5, {"s": {"y": 7, "z": 1.5}, "t": {"x": -1.0}}),
                LogBody("info", "between", None),
                MetricsBody(None, {"s": {"y": 2**70}}),
                MetricsBody(7, {"s": {"y": 0.125}}),
                TagsBody({"t": str(number)}),
            ),
        ]
    return batches
