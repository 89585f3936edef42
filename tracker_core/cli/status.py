"""``tracker status``: who has what of a run, and what is due."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import click

from tracker_core.cli.border import end, examples, say
from tracker_core.cli.deadletters import dead_table, letter_value
from tracker_core.cli.documents import print_json
from tracker_core.cli.journals import (
    chosen_journals,
    journaled_runs,
    no_journal,
    readable_journals,
)
from tracker_core.cli.printing import clean, echo
from tracker_core.cli.tables import (
    Table,
    print_heading,
    print_table,
    short_ids,
    value_cell,
)
from tracker_core.cli.text import counted
from tracker_core.cli.times import seconds_words
from tracker_core.delivery.base import unheld
from tracker_core.delivery.overview import (
    BackendState,
    WriterState,
    backend_states,
    writer_states,
)
from tracker_core.journal.folders import RunFolder, this_host
from tracker_core.values import Value

__all__ = ["status"]

_FAILED = 1
_WORDS = {
    "delivered": "delivered",
    "delivering": "delivering",
    "failing": "fails, is tried again",
    "waiting": "nobody delivers",
}
_TITLES = ("BACKEND", "STATE", "DELIVERED", "PENDING", "DEAD", "LAG")


class _Told(NamedTuple):
    """What the journal of one machine tells of a run."""

    folder: RunFolder
    writers: list[WriterState]
    backends: list[BackendState]

    @classmethod
    def of(cls, folder: RunFolder) -> "_Told":
        writers = writer_states(folder)
        return cls(folder, writers, backend_states(folder, writers))


@click.command(
    epilog=examples("tracker status", "tracker status @last", "tracker status --dead"),
)
@click.argument("wanted", metavar="[RUN]", required=False)
@click.option("--dead", is_flag=True, help="Show the records that backends refuse.")
@click.option("--json", "as_json", is_flag=True, help="Print for programs.")
def status(wanted: str | None, *, dead: bool, as_json: bool) -> None:
    """Tell how far each backend is with what this machine has logged.

    RUN is an id, the beginning of one, or @last for the newest run. Without it the
    runs are listed of which something is due or refused, and the others are counted.
    """
    chosen = journaled_runs() if wanted is None else chosen_journals(wanted)
    folders = readable_journals(chosen)
    found = [_Told.of(folder) for folder in folders]
    if as_json:
        print_json({"runs": [_value(told, with_records=dead) for told in found]})
    elif dead:
        _print_dead(found)
    elif wanted is None:
        _print_all(found)
    else:
        for told in found:
            _print_one(told)
    if not chosen:
        say(no_journal().message)
    if len(folders) < len(chosen):
        end(_FAILED)


def _print_all(found: Sequence[_Told]) -> None:
    listed = [
        (told, state)
        for told in found
        for state in told.backends
        if state.dead or not state.is_done
    ]
    is_shared = any(map(_host, found))
    rows = [
        (told.folder.run_id, *[told.folder.host][:is_shared], *_cells(state))
        for told, state in listed
    ]
    if rows:
        titles = ("RUN ID", *["HOST"][:is_shared], *_TITLES)
        short = short_ids(told.folder.run_id for told in found)
        print_table(Table(titles, rows, short=short, spare=("LAG", "DELIVERED")))
    for line in dict.fromkeys(_said(state) for _, state in listed if state.error):
        echo(clean(line))
    _count_others(found, {told.folder.run_id for told, _ in listed})
    if any(state.state == "waiting" for _, state in listed):
        say("`tracker sync` delivers what nobody delivers")


def _count_others(found: Sequence[_Told], listed: set[str]) -> None:
    others = {told.folder.run_id for told in found} - listed
    asked = {told.folder.run_id for told in found if told.backends}
    done, unasked = len(others & asked), len(others - asked)
    if done:
        echo(f"{counted(done, 'run')} delivered to every backend")
    if unasked:
        echo(f"{counted(unasked, 'run')} that no backend is to have")


def _print_one(told: _Told) -> None:
    print_heading(f"run {told.folder.run_id}{_on_host(told)}")
    if told.backends:
        rows = [_cells(state) for state in told.backends]
        print_table(Table(_TITLES, rows))
    else:
        echo("no backend is to have it; `tracker sync --to NAME` gives it to one")
    for line in _notes(told):
        echo(clean(line))
    echo("")
    print_table(_writer_table(told))


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
    if state.state == "hanging":
        return f"hangs for {seconds_words(state.waits_s)}"
    return _WORDS[state.state]


def _notes(told: _Told) -> Iterable[str]:
    for state in told.backends:
        if state.error is not None:
            yield _said(state)
        if state.degraded:
            kinds = ", ".join(unheld(*item) for item in sorted(state.degraded.items()))
            yield f"{state.backend} keeps less than all: {kinds}"
        if state.dead:
            refused = counted(state.dead_count, "record")
            yield f"{state.backend} refuses {refused}; `--dead` shows which and why"
    for writer, damage in dict.fromkeys(
        pair for state in told.backends for pair in state.damages
    ):
        yield (
            f"damaged: {damage.size} bytes at {damage.offset} in segment "
            f"{damage.segment} of writer {writer}: {damage.reason}"
        )


def _said(state: BackendState) -> str:
    return f"{state.backend} said: {state.error}"


def _writer_table(told: _Told) -> Table:
    names = [state.backend for state in told.backends]
    titles = ("WRITER", "PID", "ROLE", "ATTEMPT", "RANK", "STATE", "WRITTEN")
    rows = [
        (
            writer.id,
            str(writer.folder.pid),
            writer.folder.role or "–",
            str(writer.folder.writer.attempt),
            value_cell(writer.folder.writer.rank),
            _life_words(writer),
            str(writer.written),
            *(_reach_words(state, writer) for state in told.backends),
        )
        for writer in told.writers
    ]
    short = short_ids(writer.id for writer in told.writers)
    spare = ("RANK", "ROLE")
    return Table((*titles, *names), rows, short=short, spare=spare)


def _life_words(writer: WriterState) -> str:
    if writer.is_alive:
        return "alive"
    return "died" if writer.has_died else "ended"


def _reach_words(state: BackendState, writer: WriterState) -> str:
    due = state.due[writer.id]
    return f"{due} due" if due else "all"


def _print_dead(found: Sequence[_Told]) -> None:
    letters = [
        (told.folder.run_id, state.backend, letter)
        for told in found
        for state in told.backends
        for letter in state.dead
    ]
    if letters:
        print_table(dead_table(letters))
        say("`tracker sync --retry-dead` sends them again")
    else:
        echo("nothing is refused")


def _host(told: _Told) -> str:
    return "" if told.folder.host == this_host() else told.folder.host


def _on_host(told: _Told) -> str:
    host = _host(told)
    return f" on {host}" if host else ""


def _value(told: _Told, *, with_records: bool) -> dict[str, Value]:
    return {
        "run_id": told.folder.run_id,
        "host": told.folder.host,
        "backends": [
            _backend_value(state, with_records=with_records) for state in told.backends
        ],
        "writers": [
            {
                "writer": writer.id,
                "pid": writer.folder.pid,
                "role": writer.folder.role,
                "attempt": writer.folder.writer.attempt,
                "rank": writer.folder.writer.rank,
                "is_alive": writer.is_alive,
                "has_died": writer.has_died,
                "written": writer.written,
            }
            for writer in told.writers
        ],
    }


def _backend_value(state: BackendState, *, with_records: bool) -> dict[str, Value]:
    return {
        "backend": state.backend,
        "state": state.state,
        "delivered": state.delivered,
        "pending": state.pending,
        "pending_by_writer": {**state.due},
        "dead_count": state.dead_count,
        "dead": [letter_value(one, with_records=with_records) for one in state.dead],
        "degraded": {**state.degraded},
        "damages": [
            {"writer": writer, **damage._asdict()} for writer, damage in state.damages
        ],
        "error": state.error,
        "lag_s": state.lag_s,
        "waits_s": state.waits_s,
        "is_held": state.is_held,
        "is_private": state.is_private,
    }
