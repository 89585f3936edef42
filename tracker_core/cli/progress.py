"""How far the copying of runs is, as a person sees it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tracker_core.cli.printing import is_watched
from tracker_core.copying import Progress

__all__ = ["copy_progress"]


@contextmanager
def copy_progress() -> Iterator[Callable[[Progress], None]]:
    """Show how far it is, on a terminal."""
    if not is_watched():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (
        *(TextColumn("copying"), BarColumn(), MofNCompleteColumn()),
        TextColumn("{task.fields[records]} records"),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("runs", total=None, records=0)

        def show(done: Progress) -> None:
            total = max(done.total, 1)
            bar.update(
                task, completed=done.runs, total=total, records=f"{done.records:,}"
            )

        yield show
