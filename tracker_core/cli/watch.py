"""``tracker watch``: a run, or all that run, on one screen that keeps up with them."""

import os
from collections.abc import Callable, Iterator, Sequence

import click

from tracker_core.api import NativeTracker
from tracker_core.cli.border import Failure, examples
from tracker_core.cli.delivered import delivery_value
from tracker_core.cli.documents import print_json_line, run_value, series_value
from tracker_core.cli.following import looks, piped
from tracker_core.cli.options import read_options
from tracker_core.cli.outcomes import outcome_words
from tracker_core.cli.printing import clean, echo, is_terminal, terminal_size
from tracker_core.cli.screens import run_line, run_screen, runs_screen
from tracker_core.cli.selection import no_run_yet, select_run
from tracker_core.cli.sight import Eye, Sight, running, watched
from tracker_core.cli.stores import open_store
from tracker_core.runs import RunInfo
from tracker_core.stores import Store
from tracker_core.values import Value

__all__ = ["watch"]

_SHORTEST = 0.2
_Screen = Callable[[Sequence[Sight], int, int], list[str]]


def _interval(_ctx: click.Context, _param: click.Parameter, text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not _SHORTEST <= seconds < float("inf"):
        message = f"{text!r} is no interval; use seconds, {_SHORTEST:g} at the least"
        raise click.BadParameter(message)
    return seconds


@click.command(
    epilog=examples("tracker watch", "tracker watch @last --interval 5"),
)
@click.argument("wanted", metavar="[RUN]", required=False)
@click.option(
    "--interval",
    metavar="SECONDS",
    default="1",
    callback=_interval,
    help="How long to wait between looks; 1 by default.",
)
@read_options
def watch(
    wanted: str | None, interval: float, backend: str | None, *, as_json: bool
) -> None:
    """Watch a run until it has ended: series, messages, machine, delivery.

    RUN is an id, the beginning of one, a name, or @last for the newest run. Without it
    the run that runs is watched, or a table of them where there are several.
    """
    with piped(), open_store(backend) as store:
        chosen = _running(store) if wanted is None else [select_run(store, wanted)]
        if len(chosen) == 1:
            frames = _one(store.tracker, chosen[0], interval)
        else:
            frames = watched(store.tracker, interval)
        if as_json:
            _print_values(frames)
        elif is_terminal() and os.environ.get("TERM") != "dumb":
            _draw(frames, runs_screen if len(chosen) > 1 else _run_screen)
        else:
            _print_lines(frames)


def _running(store: Store) -> list[RunInfo]:
    """Return the runs that run.

    Raises:
        Failure: None does.
    """
    found = running(store.tracker)
    if found:
        return found
    newest = store.tracker.runs(limit=1)
    if not newest:
        raise Failure(no_run_yet(store))
    raise Failure(
        f"no run is running in {store.place}; the newest, {newest[0].name!r}, "
        f"{outcome_words(newest[0]) or 'tells nothing of its life'}; "
        "`tracker watch @last` shows it"
    )


def _one(
    tracker: NativeTracker, chosen: RunInfo, interval: float
) -> Iterator[list[Sight]]:
    eye = Eye(tracker, chosen.run_id)
    for run in looks(tracker, chosen.run_id, interval):
        yield [eye.look(run, terminal_size().lines)]


def _run_screen(sights: Sequence[Sight], room: int, height: int) -> list[str]:
    return run_screen(sights[0], room, height)


def _draw(frames: Iterator[list[Sight]], screen: _Screen) -> None:
    """Draw each frame over the one before; the last one stays above the prompt."""
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    sights: list[Sight] = []
    live = Live(
        console=Console(),
        screen=True,
        auto_refresh=False,
        # A stand-in for the output would not tell which letters its encoding has.
        redirect_stdout=False,
        redirect_stderr=False,
    )
    with live:
        for sights in frames:
            text = "\n".join(screen(sights, *terminal_size()))
            live.update(Text(text, no_wrap=True), refresh=True)
    columns, lines = terminal_size()
    for line in screen(sights, columns, lines - 1):
        echo(line)


def _print_lines(frames: Iterator[list[Sight]]) -> None:
    for sights in frames:
        for sight in sights:
            echo(clean(run_line(sight)))


def _print_values(frames: Iterator[list[Sight]]) -> None:
    for sights in frames:
        for sight in sights:
            print_json_line(_value(sight))


def _value(sight: Sight) -> dict[str, Value]:
    delivery = sight.delivery
    return {
        "run": run_value(sight.run),
        "step": sight.step,
        "steps_per_second": sight.rate,
        "series": series_value(sight.series),
        "delivery": None if delivery is None else delivery_value(delivery),
    }
