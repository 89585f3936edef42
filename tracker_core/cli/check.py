"""``tracker check``: whether a job that starts here would be tracked."""

import os
import sys
import textwrap
from collections.abc import Iterator, Sequence

import click

from tracker_core.cli.border import end, examples, say
from tracker_core.cli.checks import (
    Finding,
    backend_finding,
    delivery_finding,
    disk_finding,
    home_finding,
    setting_finding,
    unknown_variables,
)
from tracker_core.cli.documents import print_json
from tracker_core.cli.options import seconds_from
from tracker_core.cli.printing import clean, echo, is_terminal, terminal_width
from tracker_core.errors import ConfigError
from tracker_core.redaction import redact
from tracker_core.settings import read_settings

__all__ = ["check"]

_TIMEOUT_S, _SHORTEST_S = 10.0, 0.01
# A column of words narrower than this is left to the terminal to break.
_NARROWEST = 20


@click.command(epilog=examples("tracker check", "tracker check --timeout 60"))
@click.option(
    "--timeout",
    metavar="SECONDS",
    callback=seconds_from(_SHORTEST_S),
    default=f"{_TIMEOUT_S:g}",
    show_default=True,
    help="How many seconds each backend may take.",
)
@click.option("--json", "as_json", is_flag=True, help="Print for programs.")
def check(*, timeout: float, as_json: bool) -> None:
    """Check settings, disk and backends before a job depends on them.

    Nothing is recorded, and no store is made. The exit code is 1 if something is wrong.
    """
    found = list(_findings(timeout))
    if as_json:
        print_json({"checks": [finding._asdict() for finding in found]})
    else:
        _print(found)
    errors = [finding.what for finding in found if finding.state == "error"]
    if errors:
        say(f"a job would not be tracked as configured: see {', '.join(errors)}")
        end(1)


def _print(found: Sequence[Finding]) -> None:
    """Print the findings below each other; a terminal gets them in its width."""
    width = max(len(clean(finding.what)) for finding in found)
    room = terminal_width() - 1 if is_terminal() else sys.maxsize
    for finding in found:
        head = f"{finding.state:<7}  {clean(finding.what):<{width}}  "
        for line in textwrap.wrap(
            clean(finding.words),
            width=max(room, len(head) + _NARROWEST),
            initial_indent=head,
            subsequent_indent=" " * len(head),
            break_on_hyphens=False,
        ):
            echo(line)


def _findings(timeout: float) -> Iterator[Finding]:
    try:
        settings = read_settings()
    except ConfigError as error:
        yield Finding("settings", "error", redact(str(error)))
        yield home_finding()
        return
    yield setting_finding(os.environ, settings)
    yield from unknown_variables(os.environ, settings)
    yield home_finding()
    yield disk_finding(settings)
    for backend in settings.backends or (settings.embedded,):
        yield backend_finding(backend, timeout)
    yield delivery_finding()
