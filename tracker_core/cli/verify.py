"""``tracker verify``: whether the backends hold the same of a run."""

from collections.abc import Sequence
from datetime import UTC, datetime

import click

from tracker_core.cli.border import Misuse, end, examples, say
from tracker_core.cli.documents import print_json
from tracker_core.cli.options import given
from tracker_core.cli.printing import clean, echo
from tracker_core.cli.selection import (
    LAST,
    NotOneRunError,
    find_run,
    several_runs,
    similar_runs,
)
from tracker_core.cli.stores import blamed, open_stores
from tracker_core.cli.tables import Table, print_heading, print_table
from tracker_core.cli.text import counted
from tracker_core.findings import Difference, LeftOut, Verification
from tracker_core.readings import asked_note
from tracker_core.runs import RunInfo
from tracker_core.stores import Store, outlives_process
from tracker_core.values import Value
from tracker_core.verification import verify as compare

__all__ = ["verify"]

_FEWEST = 2
_NEVER = datetime.min.replace(tzinfo=UTC)
_DIFFERENT = 1


def _names(
    ctx: click.Context, param: click.Parameter, texts: tuple[str, ...]
) -> tuple[str, ...]:
    for text in texts:
        given(ctx, param, text)
    return texts


@click.command(
    epilog=examples(
        "tracker verify @last",
        "tracker verify @last --tracker sqlite --tracker fsspec",
    ),
)
@click.argument("wanted", metavar="RUN")
@click.option(
    "--tracker",
    "names",
    metavar="NAME",
    multiple=True,
    callback=_names,
    help="A backend to compare, in place of all that are configured; repeat it.",
)
@click.option("--json", "as_json", is_flag=True, help="Print for programs.")
def verify(wanted: str, names: tuple[str, ...], *, as_json: bool) -> None:
    """Compare what the backends hold of a run.

    RUN is an id, the beginning of one, a name, or @last for the newest run. The exit
    code is 0 when they hold the same, and 1 when they do not.
    """
    with open_stores(names) as opened:
        stores = [store for store in opened if names or _lasts(store)]
        if len(stores) < _FEWEST:
            raise _nothing_to_compare(stores, names)
        run = _select(stores, wanted)
        found = _compared(stores, run.run_id)
    left_out = *found.left_out, *map(_left_out, [s for s in opened if s not in stores])
    if as_json:
        print_json(_value(found, left_out))
    else:
        _print(run, found, left_out)
    if not found.is_equal:
        end(_DIFFERENT)


def _lasts(store: Store) -> bool:
    # The embedded store is opened in memory where it is not there yet.
    return store.home is not None or outlives_process(store.tracker)


def _left_out(store: Store) -> LeftOut:
    return LeftOut(store.target.name, ("all",), "it keeps nothing beyond its process")


def _nothing_to_compare(stores: Sequence[Store], names: Sequence[str]) -> Misuse:
    there = f"there is only {stores[0].place}" if stores else "there is none"
    what = "another one" if stores and names else "two"
    return Misuse(
        "it takes two backends whose runs outlive a process to compare what they hold, "
        f"and {there}; configure more, or name {what} by --tracker"
    )


def _select(stores: Sequence[Store], wanted: str) -> RunInfo:
    """Return the run that ``wanted`` means in any of the stores.

    Raises:
        Misuse: It means no run, or more than one.
    """
    found = {run.run_id: run for store in stores for run in _found(store, wanted)}
    if not found:
        raise _unknown(stores, wanted)
    if wanted == LAST:
        return max(
            found.values(), key=lambda run: (run.created_at or _NEVER, run.run_id)
        )
    if wanted in found:
        return found[wanted]
    named = [run for run in found.values() if run.name == wanted] or [*found.values()]
    if len(named) > 1:
        raise _misuse(several_runs(wanted, named))
    return named[0]


def _found(store: Store, wanted: str) -> list[RunInfo]:
    with blamed(store), store.tracker.turn:
        try:
            run = find_run(store, wanted)
        except NotOneRunError as error:
            if wanted == LAST:  # no run yet
                return []
            raise _misuse(error) from error
    return [] if run is None else [run]


def _misuse(failure: NotOneRunError) -> Misuse:
    # Exit code 1 is for runs that were compared.
    return Misuse(failure.message, failure.details)


def _unknown(stores: Sequence[Store], wanted: str) -> Misuse:
    places = " or ".join(store.place for store in stores)
    for store in stores:
        with blamed(store), store.tracker.turn:
            hint = similar_runs(store, wanted)
        if hint:
            return Misuse(f"no run {wanted!r} in {places}; {hint}")
    return Misuse(f"no run {wanted!r} in {places}; `tracker list` lists the runs")


def _compared(stores: Sequence[Store], run_id: str) -> Verification:
    try:
        return compare(run_id, {s.target.name: s.tracker for s in stores})
    except Exception as error:
        notes = getattr(error, "__notes__", ())
        for store in stores:
            if asked_note(store.target.name) in notes:
                with blamed(store):
                    raise
        raise


def _print(run: RunInfo, found: Verification, left_out: Sequence[LeftOut]) -> None:
    if found.is_equal:
        places = " and ".join(found.trackers)
        echo(clean(f"run {run.name!r} is the same in {places}"))
    else:
        _print_differences(run, found)
    if left_out:
        echo("")
        rows = [
            (part.tracker, ", ".join(part.things), part.reason) for part in left_out
        ]
        print_table(Table(("LEFT OUT", "WHAT", "WHY"), rows, flows=True))


def _print_differences(run: RunInfo, found: Verification) -> None:
    count = found.difference_count
    print_heading(f"run {run.name!r} differs in {counted(count, 'thing')}")
    rows = [_row(difference, found.trackers) for difference in found.differences]
    titles = ("KIND", "KEY", "INDEX", *found.trackers)
    print_table(Table(titles, rows, flows=True))
    if count > len(rows):
        say(f"showing the first {len(rows)} differences of {count}")
    if len(found.trackers) > _FEWEST:
        pairs = [(*pair, str(number)) for pair, number in found.pairs.items()]
        echo("")
        print_table(Table(("BETWEEN", "AND", "DIFFERENCES"), pairs))


def _row(difference: Difference, trackers: Sequence[str]) -> tuple[str, ...]:
    index = "–" if difference.index is None else str(difference.index)
    said = (difference.said.get(tracker, "") for tracker in trackers)
    return difference.kind, difference.key or "–", index, *said


def _value(found: Verification, left_out: Sequence[LeftOut]) -> dict[str, Value]:
    return {
        "run_id": found.run_id,
        "trackers": [*found.trackers],
        "is_equal": found.is_equal,
        "difference_count": found.difference_count,
        "differences": [
            {
                "kind": difference.kind,
                "key": difference.key,
                "index": difference.index,
                "said": {**difference.said},
            }
            for difference in found.differences
        ],
        "pairs": [
            {"trackers": [*pair], "difference_count": number}
            for pair, number in found.pairs.items()
        ],
        "left_out": [
            {
                "tracker": part.tracker,
                "things": [*part.things],
                "reason": part.reason,
            }
            for part in left_out
        ],
    }
