"""``tracker plot``: the curves of one series, in the terminal or as pictures."""

import math
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

import click

from tracker_core.cli.border import Failure, Misuse, examples, say
from tracker_core.cli.documents import print_json
from tracker_core.cli.options import count, given, read_options
from tracker_core.cli.plotlines import Axis, Line, Plot, Wanted, read_plot
from tracker_core.cli.printing import echo, has_colours, is_terminal, terminal_size
from tracker_core.cli.saving import new_file, save_file
from tracker_core.cli.stores import blamed, open_store
from tracker_core.thinning import thinned
from tracker_core.values import Value

if TYPE_CHECKING:
    from tracker_core.summaries import Summary

__all__ = ["plot"]

_Command = TypeVar("_Command", bound=Callable[..., object])

_FORMS = {
    "png": "Write a picture in place of plotting here.",
    "svg": "Write a picture that can be enlarged.",
    "html": "Write a page that holds all that it shows.",
}
# What a program gets is as fine as a large screen.
_COLUMNS = 1000
_WIDTH, _HEIGHT = 80, 20


def _file_options(command: _Command) -> _Command:
    for form, text in reversed(_FORMS.items()):
        add = click.option(f"--{form}", form, metavar="FILE", callback=given, help=text)
        command = add(command)
    return command


@click.command(
    epilog=examples(
        "tracker plot train/loss",
        "tracker plot val/acc 'params.lr < 1e-2' --limit 5",
        "tracker plot train/loss --log --html loss.html",
    ),
)
@click.argument("series", metavar="SERIES")
@click.argument("query", metavar="[QUERY]", required=False)
@click.option(
    "--run",
    "runs",
    metavar="RUN",
    multiple=True,
    help="Only this run; may be given again.",
)
@click.option(
    "--limit",
    metavar="N",
    callback=count,
    default="10",
    show_default=True,
    help="How many runs at the most, the newest.",
)
@click.option(
    "--x",
    "axis",
    type=click.Choice(["step", "index", "time"]),
    default="step",
    show_default=True,
    help="What to plot over; time is that since the run began.",
)
@click.option("--log", "is_log", is_flag=True, help="Use a logarithmic scale.")
@_file_options
@click.option("--force", is_flag=True, help="Replace files that are there.")
@read_options
def plot(
    series: str,
    query: str | None,
    backend: str | None,
    *,
    runs: tuple[str, ...],
    limit: int,
    axis: str,
    is_log: bool,
    force: bool,
    as_json: bool,
    **files: str | None,
) -> None:
    """Plot one series of several runs, in the terminal or as pictures.

    QUERY chooses the runs, as `tracker list --where` does; without it the newest are
    meant that have the series.
    """
    if runs and query is not None:
        raise click.UsageError("--run and QUERY exclude each other")
    paths = _new_files(files, force=force)
    if paths and as_json:
        raise click.UsageError("--json and files exclude each other")
    wanted = Wanted(series, query, runs, limit, cast("Axis", axis))
    with open_store(backend) as store, blamed(store):
        found = read_plot(store, wanted)
        ids = [line.run.run_id for line in found.lines] if paths else []
        summaries = {run_id: store.tracker.series(run_id)[series] for run_id in ids}
    if not any(math.isfinite(y) for line in found.lines for y in line.curve.ys):
        raise Failure(f"the series {series!r} has only NaN and infinities")
    if is_log and not any(map(_has_positive, found.lines)):
        raise Failure(f"the series {series!r} has nothing above zero; leave out --log")
    if as_json:
        print_json(_plot_value(found, is_log=is_log))
    elif paths:
        _save(found, summaries, paths, is_log=is_log)
    else:
        _print(found, is_log=is_log)
    if found.has_more:
        say(f"showing the newest {len(found.lines)} runs; --limit N shows more")


def _new_files(files: Mapping[str, str | None], *, force: bool) -> dict[str, Path]:
    """Return where each form is to be written.

    Raises:
        Failure: One cannot be written there.
        Misuse: Two forms have one file.
    """
    named = {form: Path(name) for form, name in files.items() if name is not None}
    if len({*named.values()}) < len(named):
        raise Misuse("two forms cannot have one file; name one for each")
    return {form: new_file(path, force=force) for form, path in named.items()}


def _has_positive(line: Line) -> bool:
    return any(0 < y < math.inf for y in line.curve.ys)


def _save(
    found: Plot,
    summaries: "Mapping[str, Summary]",
    paths: Mapping[str, Path],
    *,
    is_log: bool,
) -> None:
    from tracker_core.cli.pictures import picture

    contents = {form: picture(form, found, summaries, is_log=is_log) for form in paths}
    for form, path in paths.items():
        save_file(iter([contents[form]]), path)
        say(f"wrote {str(path)!r}")


def _print(found: Plot, *, is_log: bool) -> None:
    from tracker_core.cli.plotscreen import Screen, drawn

    size = terminal_size()
    # Lines are left to the prompt that comes next, and to what is said before it.
    lines = size.lines - (2 if found.has_more else 1)
    width, height = (size.columns, lines) if is_terminal() else (_WIDTH, _HEIGHT)
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    screen = Screen(width, height, has_colours(), encoding)
    echo("\n".join(drawn(found, screen, is_log=is_log)))


def _plot_value(found: Plot, *, is_log: bool) -> dict[str, Value]:
    return {
        "series": found.series,
        "x": found.over,
        "runs": [_line_value(line, found, is_log=is_log) for line in found.lines],
        "has_more": found.has_more,
    }


def _line_value(line: Line, found: Plot, *, is_log: bool) -> Value:
    strokes = thinned(line.curve, _COLUMNS, found.limits, is_log=is_log)
    to_place = int if found.is_whole else float
    return {
        "run_id": line.run.run_id,
        "name": line.run.name,
        "setting": line.setting,
        "count": len(line.curve.xs),
        "strokes": [
            {"x": [to_place(x) for x in stroke.xs], "y": [*stroke.ys]}
            for stroke in strokes
        ],
    }
