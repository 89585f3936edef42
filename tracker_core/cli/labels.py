"""``tracker list experiments`` and ``… groups``: what runs are filed under."""

from collections.abc import Iterable, Sequence

import click

from tracker_core.cli.border import examples, say
from tracker_core.cli.documents import mapping_value, print_json
from tracker_core.cli.options import read_options
from tracker_core.cli.stores import open_store
from tracker_core.cli.tables import Table, print_table
from tracker_core.cli.times import moment, time_value
from tracker_core.experiments import Experiment, Group, groups_of
from tracker_core.values import Value

__all__ = ["list_experiments", "list_groups"]


@click.command("experiments", epilog=examples("tracker list experiments"))
@read_options
def list_experiments(backend: str | None, *, as_json: bool) -> None:
    """List experiments, the one with the newest run first."""
    with open_store(backend) as store:
        found = store.tracker.experiments()
        place = store.place
    if as_json:
        values: list[Value] = [
            {
                "name": experiment.name,
                "config": None
                if experiment.config is None
                else mapping_value(experiment.config),
                **_times(experiment),
            }
            for experiment in found
        ]
        print_json({"experiments": values})
        return
    names = [experiment.name for experiment in found]
    _print("EXPERIMENT", names, found)
    if not found:
        say(f"no run in {place} has an experiment; --experiment NAME gives it one")


@click.command("groups", epilog=examples("tracker list groups"))
@read_options
def list_groups(backend: str | None, *, as_json: bool) -> None:
    """List groups, the one with the newest run first."""
    with open_store(backend) as store:
        found = groups_of(store.tracker.runs())
        place = store.place
    if as_json:
        values: list[Value] = [
            {"group_id": group.group_id, **_times(group)} for group in found
        ]
        print_json({"groups": values})
        return
    _print("GROUP", [group.group_id for group in found], found)
    if not found:
        say(f"no run in {place} has a group; --group LABEL gives it one")


def _times(found: Experiment | Group) -> dict[str, Value]:
    return {
        "run_count": found.run_count,
        "created_at": time_value(found.created_at),
        "last_run_at": time_value(found.last_run_at),
    }


def _print(
    title: str, names: Sequence[str], found: Iterable[Experiment | Group]
) -> None:
    rows = [
        (name, str(one.run_count), moment(one.created_at), moment(one.last_run_at))
        for name, one in zip(names, found, strict=True)
    ]
    print_table(Table((title, "RUNS", "FIRST", "LAST"), rows))
