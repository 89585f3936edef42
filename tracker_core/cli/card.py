"""All that is known of one run, as ``tracker show`` reads it."""

from collections.abc import Sequence
from typing import NamedTuple

from tracker_core.api import Capability, NativeTracker
from tracker_core.cli.documents import (
    artifact_values,
    mapping_value,
    run_value,
    series_value,
    source_values,
    step_values,
)
from tracker_core.cli.selection import name_of
from tracker_core.datatypes import TrackerArtifact, TrackerSource
from tracker_core.entries import LogEntry
from tracker_core.runprint import run_fingerprints
from tracker_core.runs import RunInfo
from tracker_core.stepinfo import StepInfo
from tracker_core.stores import Store
from tracker_core.summaries import Summary
from tracker_core.values import Value

__all__ = ["MOST_LOGS", "Card", "Story", "card_value", "read_card"]

MOST_LOGS = 5
"""How many messages there is room for."""


class Story(NamedTuple):
    """What a run said as it went on.

    Args:
        steps: Its steps.
        topics: The topics of its tracks.
        logs: Its last messages, one more than there is room for where it has more.
    """

    steps: Sequence[StepInfo]
    topics: Sequence[str]
    logs: Sequence[LogEntry]


class Card(NamedTuple):
    """A run and everything that belongs to it.

    Args:
        run: Who it is.
        provenance: Where it was made.
        params: The last value of each param.
        tags: The last text of each tag.
        metadata: The last value of each key.
        series: The summary of each series.
        story: What it said; None where the tracker keeps no history.
        artifacts: The newest of each name.
        sources: What it used.
        names: The names of the runs among its sources, by their ids.
        fingerprints: What tells it apart from runs that did something else.
    """

    run: RunInfo
    provenance: dict[str, Value]
    params: dict[str, Value]
    tags: dict[str, Value]
    metadata: dict[str, Value]
    series: dict[str, Summary]
    story: Story | None
    artifacts: list[TrackerArtifact]
    sources: list[TrackerSource]
    names: dict[str, str | None]
    fingerprints: dict[str, str]


def read_card(store: Store, run: RunInfo) -> Card:
    """Read all that a store holds of a run, but no points and no content."""
    tracker, run_id = store.tracker, run.run_id
    sources = list(tracker.sources(run_id))
    used = {source.source_run_id for source in sources}
    return Card(
        run,
        mapping_value(tracker.provenance(run_id)),
        mapping_value(tracker.params(run_id)),
        mapping_value(tracker.tags(run_id)),
        mapping_value(tracker.metadata(run_id)),
        dict(tracker.series(run_id)),
        _story(tracker, run_id),
        list(tracker.artifacts(run_id).values()),
        sources,
        {source_id: name_of(store, source_id) for source_id in used},
        run_fingerprints(tracker, run_id),
    )


def card_value(card: Card) -> dict[str, Value]:
    """Return what programs get of a card; messages are read on their own."""
    story = card.story
    return {
        "run": run_value(card.run),
        "provenance": card.provenance,
        "params": card.params,
        "tags": card.tags,
        "metadata": card.metadata,
        "series": series_value(card.series),
        "steps": None if story is None else step_values(story.steps),
        "topics": None if story is None else list(story.topics),
        "artifacts": artifact_values(card.artifacts),
        "sources": source_values(card.sources),
        "fingerprints": dict(card.fingerprints),
    }


def _story(tracker: NativeTracker, run_id: str) -> Story | None:
    if Capability.HISTORY not in tracker.capabilities:
        return None
    return Story(
        tracker.steps(run_id),
        tracker.topics(run_id),
        tracker.logs(run_id, limit=MOST_LOGS + 1),
    )
