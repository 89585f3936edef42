"""``tracker show RUN --console``: what a launched job has printed."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tracker_core.cli.border import say
from tracker_core.cli.consoles import Consoles, Printed
from tracker_core.cli.documents import print_json, print_json_line
from tracker_core.cli.following import looks, piped
from tracker_core.cli.outcomes import outcome_words
from tracker_core.cli.printing import clean, echo
from tracker_core.cli.selection import select_run
from tracker_core.cli.stores import open_store
from tracker_core.cli.tables import print_heading

if TYPE_CHECKING:
    from tracker_core.values import Value

__all__ = ["follow_output", "show_output"]

_INTERVAL = 1.0


def show_output(wanted: str, backend: str | None, *, as_json: bool) -> None:
    """Print what the attempts of a run have printed, one after the other.

    Args:
        wanted: The word for the run.
        backend: Where to look.
        as_json: Whether to print for programs.
    """
    with open_store(backend) as store:
        run = select_run(store, wanted)
        found = list(Consoles(store.tracker, run.run_id).read(is_last=True))
    if as_json:
        console: list[Value] = [{"name": one.name, "text": one.text} for one in found]
        print_json({"run_id": run.run_id, "console": console})
        return
    if not found:
        say(f"of run {run.name!r} no output is kept; `tracker run` keeps it")
    _Output(has_titles=len(found) > 1).print(found)


def follow_output(wanted: str, backend: str | None, *, as_json: bool) -> None:
    """Print what a job prints as it comes, until the run has ended.

    How it ended is said on stderr.

    Args:
        wanted: The word for the run.
        backend: Where to look.
        as_json: Whether to print for programs, a line for each piece.
    """
    with piped(), open_store(backend) as store:
        chosen = select_run(store, wanted)
        consoles = Consoles(store.tracker, chosen.run_id)
        output = _Output(has_titles=True)
        run = chosen
        for run in looks(store.tracker, chosen.run_id, _INTERVAL):  # noqa: B007 - the last one is told
            output.print(consoles.read(), as_json=as_json)
        output.print(consoles.read(is_last=True), as_json=as_json)
    say(f"run {run.name!r} {outcome_words(run) or 'tells nothing of its life'}")


class _Output:
    """Prints pieces, each log under its name where there are several."""

    def __init__(self, *, has_titles: bool) -> None:
        self._has_titles = has_titles
        self._name: str | None = None

    def print(self, pieces: Iterable[Printed], *, as_json: bool = False) -> None:
        for piece in pieces:
            if as_json:
                print_json_line({"name": piece.name, "text": piece.text})
                continue
            if self._has_titles and piece.name != self._name:
                print_heading(piece.name)
            self._name = piece.name
            for line in piece.text.removesuffix("\n").split("\n"):
                echo(clean(line.removesuffix("\r").expandtabs()))
