"""``tracker status``: who has what of a run, and what is due."""

from collections.abc import Sequence

import click

from tracker_core.cli.border import examples
from tracker_core.cli.documents import print_json
from tracker_core.cli.journals import chosen_journals
from tracker_core.cli.printing import clean, echo
from tracker_core.cli.tables import Table, print_heading, print_table, value_cell
from tracker_core.cli.text import seconds_words
from tracker_core.delivery.base import unheld
from tracker_core.delivery.ledger import DeadLetter
from tracker_core.delivery.overview import (
    BackendState,
    WriterState,
    backend_states,
    writer_states,
)
from tracker_core.identity import friendly_name
from tracker_core.journal.folders import RunFolder
from tracker_core.settings import home
from tracker_core.values import Value
from tracker_core.wire import batch_from_lines, body_kind

__all__ = ["status"]


@click.command(
    epilog=examples("tracker status", "tracker status @last", "tracker status --dead")
)
@click.argument("wanted", metavar="[RUN]", required=False)
@click.option("--dead", is_flag=True, help="Show the records that backends refuse.")
@click.option("--json", "as_json", is_flag=True, help="Print for programs.")
def status(wanted: str | None, *, dead: bool, as_json: bool) -> None:
    """Tell how far each backend is with what this machine has logged.

    Without RUN it lists the runs of which something is due or refused.
    """
    found = [
        (folder, writers, backend_states(folder, writers))
        for folder in chosen_journals(home(), wanted)
        for writers in [writer_states(folder)]
    ]
    if as_json:
        print_json({"runs": [_value(*told) for told in found]})
    elif dead:
        _print_dead(found)
    elif wanted is None:
        _print_all(found)
    else:
        for told in found:
            _print_one(*told)


_Told = tuple[RunFolder, list[WriterState], list[BackendState]]


def _print_all(found: Sequence[_Told]) -> None:
    rows = [
        (friendly_name(folder.run_id), folder.run_id, *_cells(state))
        for folder, _, states in found
        for state in states
        if state.pending or state.dead
    ]
    if rows:
        titles = ("NAME", "RUN ID", *_TITLES)
        print_table(Table(titles, rows, flows=True))
    rest = len(found) - len({row[1] for row in rows})
    if not found:
        echo("there is no journal here yet; `tracker run` and `track(...)` make one")
    elif rest:
        echo(f"{rest} run{'s'[: rest != 1]} delivered to every backend")


_TITLES = ("BACKEND", "STATE", "DELIVERED", "PENDING", "DEAD", "LAG")


def _cells(state: BackendState) -> tuple[str, ...]:
    return (
        state.backend,
        _state_words(state),
        str(state.delivered),
        str(state.pending),
        str(state.dead_count),
        seconds_words(state.lag_s) if state.pending else "–",
    )


def _state_words(state: BackendState) -> str:
    match state.state:
        case "waiting":
            why = f" ({state.error})" if state.error else ""
            return f"waits for tracker sync{why}"
        case "failing":
            return f"fails: {state.error}"
        case "hanging":
            return f"hangs for {seconds_words(state.waits_s)}"
        case words:
            return words


def _print_one(
    folder: RunFolder, writers: list[WriterState], states: list[BackendState]
) -> None:
    name = friendly_name(folder.run_id)
    print_heading(f"run {name} ({folder.run_id}) on {folder.host}")
    print_table(Table(_TITLES, [_cells(state) for state in states], flows=True))
    _print_notes(states)
    echo("")
    titles = ("WRITER", "PROCESS", "ROLE", "ATTEMPT", "RANK", "STATE", "WRITTEN")
    rows = [
        (
            writer.folder.writer.id,
            str(writer.folder.pid),
            writer.folder.role or "–",
            str(writer.folder.writer.attempt),
            value_cell(writer.folder.writer.rank),
            "writes" if writer.is_alive else "has ended",
            str(writer.written),
        )
        for writer in writers
    ]
    print_table(Table(titles, rows, flows=True))


def _print_notes(states: Sequence[BackendState]) -> None:
    for state in states:
        if state.degraded:
            kinds = ", ".join(unheld(*item) for item in sorted(state.degraded.items()))
            echo(clean(f"{state.backend} keeps less than all: {kinds}"))
        if state.dead:
            count = state.dead_count
            echo(
                clean(
                    f"{state.backend} refuses {count} records ({state.error}); "
                    "`tracker status --dead` shows them"
                )
            )
    for writer, damage in dict.fromkeys(d for state in states for d in state.damages):
        echo(
            f"damaged: {damage.size} bytes at {damage.offset} in segment "
            f"{damage.segment} of writer {writer}: {damage.reason}"
        )


def _print_dead(found: Sequence[_Told]) -> None:
    rows = [
        (folder.run_id, state.backend, *_letter_cells(letter))
        for folder, _, states in found
        for state in states
        for letter in state.dead
    ]
    if not rows:
        echo("no backend refuses anything")
        return
    print_table(Table(("RUN ID", "BACKEND", "RECORDS", "WHAT"), rows, flows=True))
    echo("`tracker sync --retry-dead` sends them again")


def _letter_cells(letter: DeadLetter) -> tuple[str, str]:
    numbers = str(letter.first)
    if letter.last != letter.first:
        numbers = f"{letter.first}–{letter.last}"
    return f"{numbers} of {letter.writer}", _kinds(letter)


def _kinds(letter: DeadLetter) -> str:
    try:
        batch = batch_from_lines(letter.path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        return f"cannot be read: {error}"
    counts: dict[str, int] = {}
    for record in batch.records:
        kind = body_kind(record.body)
        counts[kind] = counts.get(kind, 0) + 1
    return ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))


def _value(
    folder: RunFolder, writers: list[WriterState], states: list[BackendState]
) -> dict[str, Value]:
    return {
        "run_id": folder.run_id,
        "host": folder.host,
        "backends": [_backend_value(state) for state in states],
        "writers": [
            {
                "writer": writer.folder.writer.id,
                "pid": writer.folder.pid,
                "role": writer.folder.role,
                "attempt": writer.folder.writer.attempt,
                "rank": writer.folder.writer.rank,
                "is_alive": writer.is_alive,
                "written": writer.written,
            }
            for writer in writers
        ],
    }


def _backend_value(state: BackendState) -> dict[str, Value]:
    return {
        "backend": state.backend,
        "state": state.state,
        "delivered": state.delivered,
        "pending": state.pending,
        "dead": [
            {
                "writer": letter.writer,
                "first": letter.first,
                "last": letter.last,
                "what": _kinds(letter),
            }
            for letter in state.dead
        ],
        "degraded": {**state.degraded},
        "damages": [
            {"writer": writer, **damage._asdict()} for writer, damage in state.damages
        ],
        "error": state.error,
        "lag_s": state.lag_s,
        "waits_s": state.waits_s,
        "is_held": state.is_held,
    }
