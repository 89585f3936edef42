"""All that is known of one run, as ``tracker show`` reads it."""

from collections.abc import Sequence
from typing import NamedTuple

from tracker_core.api import Capability, NativeTracker
from tracker_core.cli.delivered import delivery_value, read_delivery
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
from tracker_core.delivery.overview import BackendState
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
        users: The runs that used it; None where the tracker would have to read every
            run to tell.
        names: The names of the runs among its sources and users, by their ids.
        fingerprints: What tells it apart from runs that did something else.
        delivery: How far the backends are; None without a journal on this machine.
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
    users: list[str] | None
    names: dict[str, str | None]
    fingerprints: dict[str, str]
    delivery: list[BackendState] | None


def read_card(store: Store, run: RunInfo) -> Card:
    """Read all that a store holds of a run, but no points and no content."""
    tracker, run_id = store.tracker, run.run_id
    sources = list(tracker.sources(run_id))
    users = _users(tracker, run_id)
    near = dict.fromkeys(
        [*(source.source_run_id for source in sources), *(users or ())]
    )
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
        users,
        {other_id: name_of(store, other_id) for other_id in near},
        run_fingerprints(tracker, run_id),
        read_delivery(run_id),
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
        "users": None if card.users is None else list(card.users),
        "fingerprints": dict(card.fingerprints),
        "delivery": None if card.delivery is None else delivery_value(card.delivery),
    }


def _users(tracker: NativeTracker, run_id: str) -> list[str] | None:
    is_indexed = type(tracker).run_ids is not NativeTracker.run_ids
    return list(tracker.run_ids(parent_run_id=run_id)) if is_indexed else None


def _story(tracker: NativeTracker, run_id: str) -> Story | None:
    if Capability.HISTORY not in tracker.capabilities:
        return None
    return Story(
        tracker.steps(run_id),
        tracker.topics(run_id),
        tracker.logs(run_id, limit=MOST_LOGS + 1),
    )
