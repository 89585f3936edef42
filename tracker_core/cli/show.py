"""``tracker show``: all that is known of one run, on a card."""

import click

from tracker_core.cli.border import examples
from tracker_core.cli.card import card_value, read_card
from tracker_core.cli.cardface import print_card
from tracker_core.cli.documents import print_json
from tracker_core.cli.messages import show_messages
from tracker_core.cli.options import given, read_options
from tracker_core.cli.selection import select_run
from tracker_core.cli.stores import open_store
from tracker_core.runlog import run_log

__all__ = ["show"]


@click.command(
    epilog=examples(
        "tracker show @last",
        "tracker show @last --logs --level warn",
    ),
)
@click.argument("wanted", metavar="RUN")
@click.option("--logs", "with_logs", is_flag=True, help="Print its messages.")
@click.option(
    "--level",
    metavar="LEVEL",
    callback=given,
    help="The mildest messages to print: debug, info, warn, error or fatal.",
)
@click.option(
    "--run-log",
    "with_run_log",
    is_flag=True,
    help="Print it as one JSON document, step by step.",
)
@read_options
def show(
    wanted: str,
    level: str | None,
    backend: str | None,
    *,
    with_logs: bool,
    with_run_log: bool,
    as_json: bool,
) -> None:
    """Show a run: who it is, how it fared, and what it logged.

    RUN is an id, the beginning of one, a name, or @last for the newest run.
    """
    if with_logs and with_run_log:
        raise click.UsageError("--logs and --run-log exclude each other")
    if level is not None and not with_logs:
        raise click.UsageError("--level chooses among messages; give --logs too")
    if with_logs:
        show_messages(wanted, level, backend, as_json=as_json)
    elif with_run_log:
        _show_run_log(wanted, backend)
    else:
        _show_card(wanted, backend, as_json=as_json)


def _show_run_log(wanted: str, backend: str | None) -> None:
    with open_store(backend) as store:
        run = select_run(store, wanted)
        found = run_log(store.tracker, run.run_id)
    # Its shape belongs to those who made it.
    print_json(found, with_version=False)


def _show_card(wanted: str, backend: str | None, *, as_json: bool) -> None:
    with open_store(backend) as store:
        card = read_card(store, select_run(store, wanted))
    if as_json:
        print_json(card_value(card))
    else:
        print_card(card)
