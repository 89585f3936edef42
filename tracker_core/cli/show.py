"""``tracker show``: all that is known of one run, on a card."""

from collections.abc import Mapping

import click

from tracker_core.api import Capability
from tracker_core.cli.border import examples
from tracker_core.cli.card import Card, card_value, read_card
from tracker_core.cli.cardbrief import brief_lines
from tracker_core.cli.cardface import print_card
from tracker_core.cli.courses import Courses
from tracker_core.cli.documents import print_json
from tracker_core.cli.messages import follow_messages, show_messages
from tracker_core.cli.options import given, read_options
from tracker_core.cli.outcomes import coloured
from tracker_core.cli.output import follow_output, show_output
from tracker_core.cli.printing import echo, has_colours, is_terminal, terminal_width
from tracker_core.cli.selection import select_run
from tracker_core.cli.stores import open_store
from tracker_core.runlog import run_log
from tracker_core.stores import Store

__all__ = ["show"]


@click.command(
    epilog=examples(
        "tracker show @last",
        "tracker show @last --logs --level warn",
        "tracker show @last --logs --follow",
        "tracker show @last --console --follow",
    ),
)
@click.argument("wanted", metavar="RUN")
@click.option("--logs", "with_logs", is_flag=True, help="Print its messages.")
@click.option(
    "--console", "with_console", is_flag=True, help="Print what its jobs have printed."
)
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
@click.option(
    "-f",
    "--follow",
    "follows",
    is_flag=True,
    help="With --logs or --console, go on until the run has ended.",
)
@click.option("--all", "all_of_it", is_flag=True, help="Cut no list on a terminal.")
@read_options
def show(
    wanted: str,
    level: str | None,
    backend: str | None,
    *,
    with_logs: bool,
    with_console: bool,
    with_run_log: bool,
    follows: bool,
    all_of_it: bool,
    as_json: bool,
) -> None:
    """Show a run: who it is, how it fared, and what it logged.

    RUN is an id, the beginning of one, a name, or @last for the newest run.
    """
    _check_parts(
        {"--logs": with_logs, "--console": with_console, "--run-log": with_run_log}
    )
    if level is not None and not with_logs:
        raise click.UsageError("--level chooses among messages; give --logs too")
    if follows and not (with_logs or with_console):
        raise click.UsageError("--follow goes with --logs or --console; give one too")
    if with_console:
        print_output = follow_output if follows else show_output
        print_output(wanted, backend, as_json=as_json)
    elif with_logs:
        print_messages = follow_messages if follows else show_messages
        print_messages(wanted, level, backend, as_json=as_json)
    elif with_run_log:
        _show_run_log(wanted, backend)
    else:
        _show_card(wanted, backend, all_of_it=all_of_it, as_json=as_json)


def _check_parts(wanted: Mapping[str, bool]) -> None:
    chosen = [option for option, is_given in wanted.items() if is_given]
    if len(chosen) > 1:
        raise click.UsageError(f"{' and '.join(chosen)} exclude each other")


def _show_run_log(wanted: str, backend: str | None) -> None:
    with open_store(backend) as store:
        run = select_run(store, wanted)
        found = run_log(store.tracker, run.run_id)
    # Its shape belongs to those who made it.
    print_json(found, with_version=False)


def _show_card(
    wanted: str, backend: str | None, *, all_of_it: bool, as_json: bool
) -> None:
    with open_store(backend) as store:
        card = read_card(store, select_run(store, wanted))
        is_brief = is_terminal() and not (all_of_it or as_json)
        lines = _brief(store, card) if is_brief else []
    if as_json:
        print_json(card_value(card))
    elif is_brief:
        _print_brief(lines, card)
    else:
        print_card(card)


def _brief(store: Store, card: Card) -> list[str]:
    has_history = Capability.HISTORY in store.tracker.capabilities
    courses = Courses(store.tracker, card.run.run_id) if has_history else None
    return brief_lines(card, courses, terminal_width())


def _print_brief(lines: list[str], card: Card) -> None:
    name, status, *others = lines
    # The tables' library takes longer to load than all else here.
    echo(click.style(name, bold=True) if has_colours() else name)
    echo(coloured(status, card.run))
    for line in others:
        echo(line)
