"""Where the ``tracker`` command begins: the short way for ``log``, the parser else."""

import sys
from collections.abc import Sequence

__all__ = ["asks_for_help", "main"]

_HELP = frozenset({"-h", "--help"})
# What a shell says of a program that Ctrl-C has ended.
_INTERRUPTED = 130


def main() -> None:
    """Do what the command line of this process says, and end with its exit code."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["log"] and not asks_for_help(arguments):
        sys.exit(_log(arguments[1:]))
    try:
        from tracker_core.cli.app import main as command
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    command(prog_name="tracker")


def asks_for_help(arguments: Sequence[str]) -> bool:
    """Tell whether the words of a command ask for its help, before any ``--``."""
    words = list(arguments)
    options = words[: words.index("--")] if "--" in words else words
    return not _HELP.isdisjoint(options)


def _log(arguments: Sequence[str]) -> int:
    try:
        from tracker_core.cli.logcall import log

        return log(arguments)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the border to the person
        from tracker_core.cli.border import Failure, failure_of

        failure = error if isinstance(error, Failure) else failure_of(error)
        failure.show()
        return failure.exit_code
