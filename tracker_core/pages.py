"""What reads of a metric stream give: points by the page, and what is known of all.

A module of its own, since such types are slow to make and a job that only logs needs
none of them.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import TypedDict

from tracker_core.summaries import Summary
from tracker_core.values import Value

__all__ = ["Page", "PageRow", "StreamStats"]


class PageRow(TypedDict):
    """One point as :meth:`~tracker_core.streams.MetricStream.read` gives it."""

    index: int
    step: int | None
    time_ns: int
    data: Mapping[str, Value]


class Page(TypedDict):
    """Some points of a stream, and where they lie in it.

    ``end_index`` is that of the last point, ``start_index - 1`` without any; ``total``
    is the length of the whole stream.
    """

    data: list[PageRow]
    start_index: int
    end_index: int
    total: int
    has_more: bool


class StreamStats(TypedDict):
    """What is known of a stream: its length, its times in UTC, its series by field."""

    total: int
    first_at: datetime | None
    last_at: datetime | None
    fields: dict[str, Summary]
