"""Tests of the course of a series, read in pieces."""

import math
from typing import TYPE_CHECKING

import pytest

from tracker_core.cli.courses import Courses
from tracker_core.points import Points
from tracker_core.records import MetricsBody
from tracker_core.testing import MemoryTracker

if TYPE_CHECKING:
    from tests.cli.conftest import Store
    from tracker_core.values import Value


class Series(MemoryTracker):
    """A tracker of one long series whose values are their indices."""

    length = 0
    read = 0

    def points(  # type: ignore[override]  # only what is asked for
        self, run_id: str, series: str, start_index: int = 0, limit: int | None = None
    ) -> Points:
        """Give points, and count them."""
        del run_id, series
        part = range(self.length)[start_index : start_index + (limit or 0)]
        self.read += len(part)
        times_ns = [index * 10**9 for index in part]
        return Points(list(part), times_ns, [float(one) for one in part], start_index)


@pytest.fixture
def series() -> Series:
    """Give a tracker of a series without points."""
    return Series()


def test_course_of_a_short_series_has_every_value(store: "Store") -> None:
    """What is no number is a gap."""
    values: tuple[Value, ...] = (2.0, "text", 1)
    bodies = (MetricsBody(step, {"": {"loss": one}}) for step, one in enumerate(values))
    store.write("x", *bodies)

    course = Courses(store.tracker, "x").course("loss", 3)

    assert (course.values[0], course.values[2]) == (2.0, 1)
    assert math.isnan(course.values[1])
    assert (course.last_step, course.rate) == (2, 1.0)


def test_course_of_a_long_series_is_read_in_part(series: Series) -> None:
    """A million points cost some hundred."""
    series.length = 1_000_000

    course = Courses(series, "x").course("loss", series.length)

    assert series.read < 200
    assert len(course.values) < 130
    assert course.values == sorted(course.values)
    assert course.last_step == 999_999


def test_course_that_grows_is_read_on(series: Series) -> None:
    """Only what is new is read, and the number of values stays small."""
    courses = Courses(series, "x")
    for series.length in range(0, 10_001, 500):
        course = courses.course("loss", series.length)

    assert series.read == 10_000
    assert len(course.values) <= 128
    assert course.values == [float(n) for n in range(0, 10_000, course.stride)]


def test_course_that_shrank_is_read_again(series: Series) -> None:
    """Points that were abandoned are no part of it any more."""
    courses = Courses(series, "x")
    series.length = 100
    courses.course("loss", 100)
    series.length = 10

    assert len(courses.course("loss", 10).values) == 10


def test_course_without_points_has_no_step(series: Series) -> None:
    """Nothing is known of it."""
    course = Courses(series, "x").course("loss", 0)

    assert (course.values, course.last_step, course.rate) == ([], None, None)
    assert series.read == 0
