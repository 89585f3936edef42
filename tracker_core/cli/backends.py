"""``tracker list trackers``: the backends that could be or are used here."""

from collections.abc import Iterator

import click

from tracker_core.cli.border import examples
from tracker_core.cli.documents import print_json
from tracker_core.cli.tables import Table, print_table
from tracker_core.registry import installed_backends
from tracker_core.settings import read_settings
from tracker_core.values import Value

__all__ = ["list_trackers"]


@click.command("trackers", epilog=examples("tracker list trackers"))
@click.option("--json", "as_json", is_flag=True, help="Print for programs.")
def list_trackers(*, as_json: bool) -> None:
    """List the backends that are installed or configured here."""
    found = list(_trackers())
    if as_json:
        print_json({"trackers": list(found)})
        return
    titles = ("NAME", "PACKAGE", "GROUP", "CONFIGURED")
    rows = [
        (
            str(tracker["name"]),
            str(tracker["package"] or "–"),
            str(tracker["group"] or tracker["factory"]),
            "yes" if tracker["configured"] else "no",
        )
        for tracker in found
    ]
    print_table(Table(titles, rows))


def _trackers() -> Iterator[dict[str, Value]]:
    configured = {backend.name: backend for backend in read_settings().backends}
    for installed in installed_backends():
        mine = configured.pop(installed.name, None)
        if mine is not None and mine.factory is not None:
            configured[mine.name] = mine
            mine = None
        yield {
            "name": installed.name,
            "package": installed.distribution or None,
            "group": installed.group,
            "factory": installed.factory,
            "configured": mine is not None,
        }
    for backend in configured.values():
        yield {
            "name": backend.name,
            "package": None,
            "group": None,
            "factory": backend.factory or backend.name,
            "configured": True,
        }
