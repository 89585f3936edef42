"""``tracker show``: all that is known of one run, on a card."""

from typing import NamedTuple

import click

from tracker_core.cli.border import examples
from tracker_core.cli.documents import (
    artifact_values,
    mapping_value,
    print_json,
    run_value,
    series_value,
    source_values,
)
from tracker_core.cli.options import read_options
from tracker_core.cli.printing import echo
from tracker_core.cli.selection import name_of, select_run
from tracker_core.cli.stores import Store, open_store
from tracker_core.cli.tables import (
    Table,
    artifact_table,
    mapping_table,
    print_heading,
    print_table,
)
from tracker_core.cli.text import cause_words, duration, moment, raised_at, shown
from tracker_core.datatypes import TrackerArtifact, TrackerSource
from tracker_core.runs import Attempt, RunInfo
from tracker_core.summaries import Summary
from tracker_core.values import Value

__all__ = ["show"]


class Card(NamedTuple):
    """A run and everything that belongs to it, and the names of the runs it used."""

    run: RunInfo
    params: dict[str, Value]
    tags: dict[str, Value]
    metadata: dict[str, Value]
    series: dict[str, Summary]
    artifacts: list[TrackerArtifact]
    sources: list[TrackerSource]
    names: dict[str, str | None]


@click.command(epilog=examples("tracker show @last"))
@click.argument("wanted", metavar="RUN")
@read_options
def show(wanted: str, backend: str | None, *, as_json: bool) -> None:
    """Show a run: who it is, how it fared, and what it logged.

    RUN is an id, the beginning of one, a name, or @last for the newest run.
    """
    with open_store(backend) as store:
        card = _read(store, wanted)
    if as_json:
        print_json(_value(card))
    else:
        _print(card)


def _read(store: Store, wanted: str) -> Card:
    run = select_run(store, wanted)
    tracker = store.tracker
    sources = list(tracker.sources(run.run_id))
    used = {source.source_run_id for source in sources}
    return Card(
        run,
        mapping_value(tracker.params(run.run_id)),
        mapping_value(tracker.tags(run.run_id)),
        mapping_value(tracker.metadata(run.run_id)),
        dict(tracker.series(run.run_id)),
        list(tracker.artifacts(run.run_id).values()),
        sources,
        {run_id: name_of(store, run_id) for run_id in used},
    )


def _value(card: Card) -> dict[str, Value]:
    return {
        "run": run_value(card.run),
        "params": card.params,
        "tags": card.tags,
        "metadata": card.metadata,
        "series": series_value(card.series),
        "artifacts": artifact_values(card.artifacts),
        "sources": source_values(card.sources),
    }


def _print(card: Card) -> None:
    print_heading(card.run.name)
    print_table(_identity(card.run))
    tables = (
        _attempts(card.run) if len(card.run.attempts) > 1 else None,
        mapping_table("PARAM", card.params) if card.params else None,
        mapping_table("TAG", card.tags) if card.tags else None,
        mapping_table("METADATA", card.metadata) if card.metadata else None,
        _series(card.series) if card.series else None,
        artifact_table(card.artifacts) if card.artifacts else None,
        _sources(card) if card.sources else None,
    )
    for table in tables:
        if table is not None:
            echo("")
            print_table(table)


def _identity(run: RunInfo) -> Table:
    facts = {
        "run id": run.run_id,
        "experiment": run.experiment,
        "group": run.group_id,
        "parent": run.parent_run_id,
        "status": run.status,
        "cause": cause_words(run.cause, brief=False),
        "raised at": raised_at(run.cause),
        "traceback": "--json has it" if run.cause and "traceback" in run.cause else "",
        "created": moment(run.created_at),
        "started": moment(run.started_at),
        "ended": moment(run.ended_at),
        "took": duration(run),
    }
    rows = [(name, fact) for name, fact in facts.items() if fact and fact != "–"]
    return Table(("FACT", "VALUE"), rows, has_titles=False, flows=True)


def _attempts(run: RunInfo) -> Table:
    titles = ("ATTEMPT", "STATUS", "CAUSE", "STARTED", "ENDED")
    return Table(titles, [_attempt(attempt) for attempt in run.attempts])


def _attempt(attempt: Attempt) -> tuple[str, ...]:
    return (
        str(attempt.number),
        attempt.status,
        cause_words(attempt.cause, brief=True),
        moment(attempt.started_at),
        moment(attempt.ended_at),
    )


def _series(series: dict[str, Summary]) -> Table:
    titles = ("SERIES", "COUNT", "LAST", "MIN", "AT", "MAX", "AT", "MEAN")
    rows = [
        (
            name,
            _number(summary.count),
            _number(summary.last),
            _number(summary.min),
            _number(summary.min_step),
            _number(summary.max),
            _number(summary.max_step),
            _number(summary.mean),
        )
        for name, summary in series.items()
    ]
    return Table(titles, rows)


def _sources(card: Card) -> Table:
    rows = [
        (
            source.source_run_id,
            card.names[source.source_run_id] or "–",
            source.artifact_name or "–",
        )
        for source in card.sources
    ]
    return Table(("SOURCE", "NAME", "AS"), rows, flows=True)


def _number(value: Value) -> str:
    if value is None:
        return "–"
    return f"{value:.6g}" if isinstance(value, float) else shown(value)
