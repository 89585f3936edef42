"""The whole card of a run: who it is, then table below table."""

from collections.abc import Iterator, Mapping, Sequence

from tracker_core.cli.artifacts import artifact_cards
from tracker_core.cli.border import say
from tracker_core.cli.card import MOST_LOGS, Card
from tracker_core.cli.mainseries import own_series
from tracker_core.cli.outcomes import cause_words, status_text
from tracker_core.cli.printing import clean, echo
from tracker_core.cli.tables import (
    Table,
    mapping_table,
    print_heading,
    print_table,
    value_cell,
)
from tracker_core.cli.text import shown, size_words
from tracker_core.cli.times import duration, moment, stamp, zones
from tracker_core.delivery.overview import BackendState
from tracker_core.entries import LogEntry
from tracker_core.runs import Attempt, RunInfo
from tracker_core.stepinfo import StepInfo
from tracker_core.summaries import Summary
from tracker_core.values import Value

__all__ = ["code_words", "print_card", "words_of"]

_SHORT_COMMIT = 12


def print_card(card: Card) -> None:
    """Print all of a card; what there is nothing of is left out."""
    print_heading(card.run.name)
    print_table(_facts({**_life(card.run), **_origin(card)}))
    if card.run.cause and card.run.cause.get("traceback"):
        _print_traceback(str(card.run.cause["traceback"]))
    for table in _tables(card):
        echo("")
        print_table(table)
    if card.story and len(card.story.logs) > MOST_LOGS:
        say(f"showing the last {MOST_LOGS} messages; --logs shows all")


def _tables(card: Card) -> Iterator[Table]:
    if len(card.run.attempts) > 1:
        yield _attempts(card.run)
    mappings = {
        "EXPERIMENT CONFIG": dict(card.run.experiment_config or {}),
        "PARAM": card.params,
        "TAG": card.tags,
        "METADATA": card.metadata,
    }
    yield from (
        mapping_table(title, found) for title, found in mappings.items() if found
    )
    own = own_series(card.series)
    sampled = {name: one for name, one in card.series.items() if name not in own}
    for title, series in (("SERIES", own), ("SYSTEM SERIES", sampled)):
        if series:
            yield _series(title, series)
    if card.story and card.story.steps:
        yield _steps(card.story.steps)
    if card.story and card.story.topics:
        rows = [(topic,) for topic in card.story.topics]
        yield Table(("TRACK",), rows, flows=True)
    yield from artifact_cards(card.artifacts)
    if card.sources:
        yield _sources(card)
    if card.users:
        users = [(user, card.names[user] or "–") for user in card.users]
        yield Table(("USED BY", "NAME"), users, flows=True)
    if card.delivery:
        yield _delivery(card.delivery)
    if card.story and card.story.logs:
        yield _logs(card.story.logs)


def _facts(facts: Mapping[str, str | None]) -> Table:
    rows = [(name, fact) for name, fact in facts.items() if fact and fact != "–"]
    return Table(("FACT", "VALUE"), rows, has_titles=False, flows=True)


def _life(run: RunInfo) -> dict[str, str | None]:
    return {
        "run id": run.run_id,
        "experiment": run.experiment,
        "group": run.group_id,
        "parent": run.parent_run_id,
        "status": status_text(run),
        "created": moment(run.created_at),
        "started": moment(run.started_at),
        "ended": moment(run.ended_at),
        "last seen": moment(run.heartbeat_at) if run.is_lost() else "",
    }


def _origin(card: Card) -> dict[str, str | None]:
    environment = _mapping(card.provenance.get("environment"))
    return {
        "code": code_words(_mapping(card.provenance.get("code"))),
        "python": words_of(environment.get("python")),
        "host": words_of(environment.get("host")),
        "trace": card.run.trace_id,
        "span": card.run.span_id,
        "fingerprint": card.fingerprints["run"],
    }


def code_words(code: Mapping[str, Value]) -> str:
    """Return the commit, the branch and whether files differed from it."""
    commit = words_of(code.get("commit"))[:_SHORT_COMMIT]
    branch = words_of(code.get("branch"))
    changed = "with changes" if code.get("is_dirty") is True else ""
    more = ", ".join(filter(None, (branch and f"branch {branch}", changed)))
    return f"{commit} ({more})" if commit and more else commit


def _print_traceback(text: str) -> None:
    echo("")
    print_heading("TRACEBACK")
    for line in text.splitlines():
        echo(clean(line))


def _delivery(states: Sequence[BackendState]) -> Table:
    titles = ("BACKEND", "STATE", "DELIVERED", "PENDING", "DEAD")
    rows = [
        (
            state.backend,
            state.state,
            str(state.delivered),
            str(state.pending),
            str(state.dead_count),
        )
        for state in states
    ]
    return Table(titles, rows)


def _attempts(run: RunInfo) -> Table:
    titles = ("ATTEMPT", "STATUS", "CAUSE", "STARTED", "ENDED")
    more = ("TOOK", "HOST", "EXIT CODE", "PEAK MEMORY")
    return Table((*titles, *more), [_attempt(attempt) for attempt in run.attempts])


def _attempt(attempt: Attempt) -> tuple[str, ...]:
    memory = attempt.peak_memory_bytes
    return (
        str(attempt.number),
        attempt.status,
        cause_words(attempt.cause),
        moment(attempt.started_at),
        moment(attempt.ended_at),
        duration(attempt),
        attempt.host or "–",
        value_cell(attempt.exit_code),
        "–" if memory is None else size_words(memory),
    )


def _series(title: str, series: Mapping[str, Summary]) -> Table:
    titles = (title, "COUNT", "LAST", "MIN", "STEP", "MAX", "STEP", "MEAN")
    rows = [
        (
            name,
            value_cell(summary.count),
            value_cell(summary.last),
            value_cell(summary.min),
            value_cell(summary.min_step),
            value_cell(summary.max),
            value_cell(summary.max_step),
            value_cell(summary.mean),
        )
        for name, summary in series.items()
    ]
    return Table(titles, rows)


def _steps(steps: Sequence[StepInfo]) -> Table:
    rows = [
        (
            step.name,
            step.status,
            cause_words(step.attempts[-1].cause),
            str(len(step.attempts)),
            moment(step.attempts[-1].started_at),
            duration(step.attempts[-1]),
        )
        for step in steps
    ]
    return Table(("STEP", "STATUS", "CAUSE", "ATTEMPTS", "STARTED", "TOOK"), rows)


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


def _logs(logs: Sequence[LogEntry]) -> Table:
    shown_logs = logs[-MOST_LOGS:]
    rows = [(stamp(entry.time_ns), entry.level, entry.message) for entry in shown_logs]
    zone = zones(entry.time_ns for entry in shown_logs)
    return Table((f"LOGGED ({zone})", "LEVEL", "MESSAGE"), rows)


def _mapping(value: Value) -> Mapping[str, Value]:
    return value if isinstance(value, dict) else {}


def words_of(value: Value) -> str:
    """Return a value as words, nothing for nothing."""
    if isinstance(value, str):
        return value
    return "" if value is None else shown(value)
