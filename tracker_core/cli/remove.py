"""``tracker rm``: removing runs from every backend, with a receipt."""

import sys
from collections.abc import Mapping, Sequence

import click

from tracker_core.cli.border import Failure, Misuse, end, examples, say
from tracker_core.cli.documents import print_json
from tracker_core.cli.doomed import Doomed, doomed
from tracker_core.cli.holdings import Holdings
from tracker_core.cli.options import given
from tracker_core.cli.outcomes import status_words
from tracker_core.cli.printing import clean, echo, is_terminal
from tracker_core.cli.receipts import Line, Receipt, receipt_of, removed
from tracker_core.cli.tables import Table, print_table, short_ids
from tracker_core.cli.text import size_words
from tracker_core.expressions import parse
from tracker_core.values import Value

__all__ = ["remove"]

_LEFT = 1
_SPARE = ("SIZE", "ARTIFACTS", "EXPERIMENT")


@click.command(
    "rm",
    epilog=examples(
        "tracker rm @last",
        "tracker rm --where 'group_id = \"sweep-3\"' --dry-run",
        "tracker rm 01K8ZQ 01K8ZR --yes",
    ),
)
@click.argument("wanted", metavar="[RUN]...", nargs=-1)
@click.option(
    "--where",
    "where",
    metavar="QUERY",
    callback=given,
    help="The runs that match a query, in any backend.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Show what would go, and end.")
@click.option("--force", is_flag=True, help="Also what is said to run elsewhere.")
@click.option("--json", "as_json", is_flag=True, help="Print for programs.")
def remove(
    wanted: tuple[str, ...],
    where: str | None,
    *,
    yes: bool,
    dry_run: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Remove runs for good: from every backend, and from the journal here.

    RUN is an id, the beginning of one, a name, or @last for the newest run. The runs
    are shown and asked about; away from a terminal --yes is needed. A run that a
    process still logs to is left alone. The exit code is 1 when something was kept.
    """
    if not wanted and where is None:
        raise Misuse("name the runs to remove, or give a query by --where")
    if not (yes or dry_run) and (as_json or not _has_person()):
        raise Misuse("nobody can be asked here; add --yes, or look by --dry-run")
    condition = None if where is None else parse(where)
    with Holdings() as holdings:
        ids = holdings.chosen(wanted, condition)
        runs = [doomed(holdings, run_id, force=force) for run_id in ids]
        if not as_json and not (yes and not dry_run):
            _show(runs)
        if not (yes or dry_run or not runs):
            _ask(runs)
        receipts = [_done(holdings, run, dry_run=dry_run) for run in runs]
        if as_json:
            print_json(_document(receipts, holdings, dry_run=dry_run))
        elif not dry_run:
            _print(receipts)
        _say_rest(runs, holdings, as_json=as_json)
    is_clean = dry_run or all(receipt.is_clean for receipt in receipts)
    if holdings.away or not is_clean:
        end(_LEFT)


def _has_person() -> bool:
    return is_terminal() and sys.stdin is not None and sys.stdin.isatty()


def _ask(runs: Sequence[Doomed]) -> None:
    """Let the person decide.

    Raises:
        Failure: They do not want it, or nothing can be removed.
    """
    free = [run for run in runs if run.refusal is None]
    if not free:
        return
    which = f"run {free[0].name!r}" if len(free) == 1 else f"{len(free)} runs"
    if not click.confirm(f"Remove {clean(which)} for good?"):
        raise Failure("nothing was removed")


def _done(holdings: Holdings, run: Doomed, *, dry_run: bool) -> Receipt:
    return receipt_of(run) if dry_run else removed(holdings, run)


def _show(runs: Sequence[Doomed]) -> None:
    """Print what would go, and say of what stays why."""
    rows = [
        (
            run.name,
            run.run_id,
            (run.info and run.info.experiment) or "–",
            "–" if run.info is None else status_words(run.info),
            "–" if run.records is None else str(run.records),
            str(run.artifacts),
            size_words(run.size_bytes) if run.size_bytes else "–",
            ", ".join(store.target.name for store in run.holders) or "journal",
        )
        for run in runs
    ]
    titles = ("NAME", "RUN ID", "EXPERIMENT", "STATUS", "RECORDS", "ARTIFACTS", "SIZE")
    short = short_ids(run.run_id for run in runs)
    if rows:
        print_table(Table((*titles, "IN"), rows, short=short, spare=_SPARE))
    for run in runs:
        if run.refusal is not None:
            say(f"run {run.run_id!r} stays: {run.refusal}")


def _print(receipts: Sequence[Receipt]) -> None:
    for receipt in receipts:
        for line in receipt.words():
            echo(clean(line))


def _say_rest(runs: Sequence[Doomed], holdings: Holdings, *, as_json: bool) -> None:
    if not runs and not as_json:
        say("no run matches; nothing was removed")
    for name, reason in holdings.away.items():
        say(f"backend {name!r} may hold more: {reason}; run this again once it answers")


def _document(
    receipts: Sequence[Receipt], holdings: Holdings, *, dry_run: bool
) -> Mapping[str, Value]:
    return {
        "is_dry_run": dry_run,
        "runs": [_run_value(receipt) for receipt in receipts],
        "away": [
            {"backend": name, "reason": reason}
            for name, reason in holdings.away.items()
        ],
    }


def _run_value(receipt: Receipt) -> Value:
    run = receipt.run
    return {
        "run_id": run.run_id,
        "name": run.name,
        "experiment": None if run.info is None else run.info.experiment,
        "status": None if run.info is None else run.info.status,
        "records": run.records,
        "artifacts": run.artifacts,
        "size_bytes": run.size_bytes,
        "held_by": [store.target.name for store in run.holders],
        "has_journal": run.journal is not None,
        "refusal": receipt.refusal,
        "backends": [_line_value(line) for line in receipt.lines],
        "journal_bytes": receipt.journal_bytes,
    }


def _line_value(line: Line) -> Value:
    removal = line.removal
    if removal is None:
        return {"backend": line.backend, "is_removed": False, "reason": line.reason}
    told = {**removal._asdict(), "remains": [*removal.remains]}
    return {"backend": line.backend, "is_removed": True, "reason": None, **told}
