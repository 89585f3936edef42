"""``tracker compact``: putting runs that have ended into a smaller form."""

from collections.abc import Iterable

import click

from tracker_core.cli.border import examples
from tracker_core.cli.documents import print_json
from tracker_core.cli.options import read_options
from tracker_core.cli.printing import clean, echo
from tracker_core.cli.selection import select_run
from tracker_core.cli.stores import open_store
from tracker_core.cli.text import counted
from tracker_core.compactions import Compaction
from tracker_core.stores import Store

__all__ = ["compact"]


@click.command(
    epilog=examples("tracker compact", "tracker compact @last --tracker fsspec"),
)
@click.argument("wanted", metavar="[RUN]...", nargs=-1)
@read_options
def compact(wanted: tuple[str, ...], backend: str | None, *, as_json: bool) -> None:
    """Put runs that have ended into a smaller and faster form.

    RUN is an id, the beginning of one, a name, or @last for the newest run; without it
    all runs are meant, and the store is tidied up. Only the fsspec backend has such a
    form: Parquet, which DuckDB, Polars, pandas and Spark read in place.
    """
    with open_store(backend) as store:
        done = _sum(_compacted(store, wanted))
    if as_json:
        print_json({**done._asdict()})
        return
    words = f"compacted {counted(done.runs, 'run')} of {counted(done.points, 'point')}"
    if not done.runs:
        words = "nothing to compact"
    removed = f"; removed {counted(done.removed, 'file')}" if done.removed else ""
    echo(clean(f"{words} in {store.place}{removed}"))


def _compacted(store: Store, wanted: tuple[str, ...]) -> Iterable[Compaction]:
    if not wanted:
        return [store.tracker.compact()]
    # Each is found before anything is done to one.
    run_ids = [select_run(store, word).run_id for word in wanted]
    return [store.tracker.compact(run_id) for run_id in run_ids]


def _sum(parts: Iterable[Compaction]) -> Compaction:
    return Compaction(*map(sum, zip(*parts, strict=True)))
