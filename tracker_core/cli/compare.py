"""``tracker compare``: what differs between runs, and nothing else."""

from collections.abc import Iterable

import click

from tracker_core.cli.border import Misuse, examples, say
from tracker_core.cli.compareface import print_comparison
from tracker_core.cli.documents import (
    mapping_value,
    print_json,
    run_value,
    series_value,
)
from tracker_core.cli.options import read_options
from tracker_core.cli.selection import select_run
from tracker_core.cli.stores import open_store
from tracker_core.cli.text import to_value
from tracker_core.comparing import (
    Comparison,
    Differing,
    DifferingSeries,
    compare_runs,
)
from tracker_core.partings import Parting
from tracker_core.stores import Store
from tracker_core.values import Value
from tracker_core.verdicts import verdict

__all__ = ["compare"]

_LEAST_RUNS = 2


@click.command(
    epilog=examples(
        "tracker compare blazing-colden-0544 @last",
        "tracker compare 01J9 01JA 01JB --json",
    ),
)
@click.argument("wanted", metavar="RUN...", nargs=-1, required=True)
@click.option(
    "--all", "with_system", is_flag=True, help="Compare the series system/… too."
)
@read_options
def compare(
    wanted: tuple[str, ...], backend: str | None, *, with_system: bool, as_json: bool
) -> None:
    """Compare runs: a verdict, and tables of what differs.

    A RUN is an id, the beginning of one, a name, or @last for the newest run.
    """
    if len(wanted) < _LEAST_RUNS:
        raise Misuse(f"{wanted[0]!r} is one run; name another to compare it with")
    with open_store(backend) as store:
        run_ids = _selected(store, wanted)
        found = compare_runs(store.tracker, run_ids, with_system=with_system)
    if as_json:
        print_json(_comparison_value(found))
        return
    print_comparison(found)
    if found.left_out:
        say(f"{len(found.left_out)} series of the system left out; --all compares them")


def _selected(store: Store, wanted: Iterable[str]) -> list[str]:
    """Return the ids of the runs that are meant.

    Raises:
        Misuse: Two words mean the same run.
    """
    found: dict[str, str] = {}
    for word in wanted:
        run_id = select_run(store, word).run_id
        if run_id in found:
            words = f"{found[run_id]!r} and {word!r}"
            raise Misuse(f"{words} mean the same run, {run_id!r}; name another")
        found[run_id] = word
    return [*found]


def _comparison_value(found: Comparison) -> dict[str, Value]:
    return {
        "verdict": verdict(found),
        "is_equal": found.is_equal,
        "runs": [run_value(run) for run in found.runs],
        "facts": _differing_values(found.facts),
        "params": _differing_values(found.params),
        "tags": _differing_values(found.tags),
        "metadata": _differing_values(found.metadata),
        "code": _differing_values(found.code),
        "packages": _differing_values(found.packages),
        "environment": _differing_values(found.environment),
        "series": [_series_value(series) for series in found.series],
        "same_series": list(found.same_series),
        "left_out": list(found.left_out),
    }


def _differing_values(things: Iterable[Differing]) -> list[Value]:
    return [
        {"name": thing.name, "values": mapping_value(thing.values)} for thing in things
    ]


def _series_value(series: DifferingSeries) -> Value:
    return {
        "name": series.name,
        "direction": series.direction,
        "summaries": {**series_value(series.summaries)},
        "parting": None if series.parting is None else _parting_value(series.parting),
    }


def _parting_value(parting: Parting) -> Value:
    values = {run_id: to_value([*found]) for run_id, found in parting.values.items()}
    return {"axis": parting.axis, "at": parting.at, "values": values}
