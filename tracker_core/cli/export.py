"""``tracker export``: the points of many runs as one file for other programs."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from tracker_core.cli.border import Failure, Misuse, examples, say
from tracker_core.cli.options import given, tracker_option
from tracker_core.cli.printing import is_terminal, is_watched
from tracker_core.cli.saving import new_file, print_text, save_file, write_output
from tracker_core.cli.selection import no_run_matches
from tracker_core.cli.stores import blamed, open_store
from tracker_core.exporting import FORMATS, SeriesPoints, exported, points_of_runs
from tracker_core.expressions import parse
from tracker_core.runs import RunInfo

__all__ = ["export"]

_OUTPUT = "-"


@click.command(
    epilog=examples(
        "tracker export -o points.parquet",
        "tracker export 'experiment = \"iris\"' --series train/loss > loss.csv",
    ),
)
@click.argument("query", metavar="[QUERY]", required=False)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    default=_OUTPUT,
    callback=given,
    help="The file to write; its end tells the form: .csv, .jsonl or .parquet.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice([*FORMATS]),
    help="The form, where the name of the file does not tell it.",
)
@click.option(
    "--series",
    "series",
    metavar="NAME",
    multiple=True,
    help="Only this series; may be given again.",
)
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@tracker_option
def export(
    query: str | None,
    output: str,
    form: str | None,
    series: tuple[str, ...],
    backend: str | None,
    *,
    force: bool,
) -> None:
    """Write all points of many runs as one table.

    QUERY chooses the runs, as `tracker list --where` does; without it all are meant.
    Each row is a point: its run, experiment, series, index, step, time and value.
    """
    form = form or _form_of(output)
    if output == _OUTPUT and form == "parquet" and is_terminal():
        raise Misuse("a terminal cannot show Parquet; write it to a file by -o FILE")
    path = None if output == _OUTPUT else new_file(Path(output), force=force)
    condition = None if query is None else parse(query)
    is_shown = path is not None or not is_terminal()
    with open_store(backend) as store, blamed(store), _progress(is_shown) as show:
        runs = store.tracker.runs(condition)
        if not runs:
            raise Failure(no_run_matches(store, query))
        tables = points_of_runs(store.tracker, show(runs), series)
        pieces = exported(form, _complete(tables, series))
        if path is None and is_terminal():
            print_text(pieces)
        elif path is None:
            write_output(pieces)
        else:
            save_file(pieces, path)
    if path is not None:
        say(f"wrote {str(path)!r}")


def _form_of(output: str) -> str:
    """Return the form that the name of a file tells.

    Raises:
        Misuse: It tells none.
    """
    suffix = Path(output).suffix.removeprefix(".").lower()
    if output == _OUTPUT:
        return "csv"
    if suffix in FORMATS:
        return suffix
    known = ", ".join(FORMATS)
    raise Misuse(f"the name {output!r} tells no form; give --format, one of {known}")


def _complete(
    tables: Iterable[SeriesPoints], wanted: Iterable[str]
) -> Iterator[SeriesPoints]:
    """Give the tables; end with an error if a wanted series was in none.

    Raises:
        Failure: One was in none.
    """
    missing = {*wanted}
    for table in tables:
        missing.discard(table.series)
        yield table
    if missing:
        names = ", ".join(map(repr, sorted(missing)))
        raise Failure(f"no run has a series {names}; `tracker show RUN` lists them")


@contextmanager
def _progress(
    is_shown: bool,  # noqa: FBT001 - a private word
) -> Iterator[Callable[[Sequence[RunInfo]], Iterable[RunInfo]]]:
    """Show on a terminal how many runs are done."""
    if not (is_shown and is_watched()):
        yield lambda runs: runs
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = TextColumn("exporting"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        yield bar.track
