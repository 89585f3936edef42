"""The card of a run as a person sees it: who it is, then table below table."""

from collections.abc import Iterator, Mapping, Sequence

from tracker_core.cli.artifacts import artifact_cards
from tracker_core.cli.border import say
from tracker_core.cli.card import MOST_LOGS, Card
from tracker_core.cli.printing import echo, is_terminal
from tracker_core.cli.tables import (
    Table,
    mapping_table,
    print_heading,
    print_table,
    value_cell,
)
from tracker_core.cli.text import (
    cause_words,
    duration,
    moment,
    raised_at,
    shown,
    stamp,
    status_name,
    zones,
)
from tracker_core.entries import LogEntry
from tracker_core.runs import Attempt, RunInfo
from tracker_core.stepinfo import StepInfo
from tracker_core.summaries import Summary
from tracker_core.values import Value

__all__ = ["print_card"]

_SHORT_COMMIT = 12
_SHORT_FINGERPRINT = len("sha256:") + 12


def print_card(card: Card) -> None:
    """Print a card; what there is nothing of is left out."""
    print_heading(card.run.name)
    print_table(_facts({**_life(card.run), **_origin(card)}))
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
    if card.series:
        yield _series(card.series)
    if card.story and card.story.steps:
        yield _steps(card.story.steps)
    if card.story and card.story.topics:
        rows = [(topic,) for topic in card.story.topics]
        yield Table(("TRACK",), rows, flows=True)
    yield from artifact_cards(card.artifacts)
    if card.sources:
        yield _sources(card)
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
        "status": status_name(run),
        "cause": cause_words(run.cause, brief=False),
        "raised at": raised_at(run.cause),
        "traceback": "--json has it" if run.cause and "traceback" in run.cause else "",
        "created": moment(run.created_at),
        "started": moment(run.started_at),
        "ended": moment(run.ended_at),
        "last seen": moment(run.heartbeat_at) if run.is_lost() else "",
        "took": duration(run),
    }


def _origin(card: Card) -> dict[str, str | None]:
    environment = _mapping(card.provenance.get("environment"))
    return {
        "code": _code(_mapping(card.provenance.get("code"))),
        "python": _words(environment.get("python")),
        "host": _words(environment.get("host")),
        "trace": card.run.trace_id,
        "span": card.run.span_id,
        "fingerprint": _fingerprint(card.fingerprints["run"]),
    }


def _code(code: Mapping[str, Value]) -> str:
    """Return the commit, the branch and whether files differed from it."""
    commit = _words(code.get("commit"))[:_SHORT_COMMIT]
    branch = _words(code.get("branch"))
    changed = "with changes" if code.get("is_dirty") is True else ""
    more = ", ".join(filter(None, (branch and f"branch {branch}", changed)))
    return f"{commit} ({more})" if commit and more else commit


def _fingerprint(digest: str) -> str:
    return digest[:_SHORT_FINGERPRINT] if is_terminal() else digest


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


def _series(series: Mapping[str, Summary]) -> Table:
    titles = ("SERIES", "COUNT", "LAST", "MIN", "STEP", "MAX", "STEP", "MEAN")
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
            cause_words(step.attempts[-1].cause, brief=True),
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


def _words(value: Value) -> str:
    return (
        "" if value is None else shown(value) if not isinstance(value, str) else value
    )
