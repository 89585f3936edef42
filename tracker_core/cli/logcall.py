"""One call of ``tracker log``: from its words to the journal.

Nothing that is heavy is loaded here, neither the parser of the command line nor its
tables, since a script may call it ten thousand times.
"""

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from tracker_core.cli.logwords import read_words
from tracker_core.errors import InvalidValueError, JournalError, TrackerError
from tracker_core.journal.folders import RunFolder
from tracker_core.settings import Settings, home, usable_settings
from tracker_core.shelllog import Entry, ShellLog
from tracker_core.values import check_name

__all__ = ["log"]


def log(arguments: Sequence[str]) -> int:
    """Log what the words behind ``tracker log`` say.

    Returns:
        The exit code: 1 where lines of the input were left out.

    Raises:
        TrackerError: Nothing was logged, or not all of several files.
    """
    call = read_words(arguments)
    opened = _open(call.run)
    with ExitStack() as stack:
        if opened is not None:
            stack.callback(opened.close)
        if call.reads_stdin:
            return _log_lines(opened)
        for entry in call.entries:
            _log_entry(opened, entry)
    return 0


def _log_entry(opened: ShellLog | None, entry: Entry) -> None:
    if opened is not None:
        opened.log(entry)


def _log_lines(opened: ShellLog | None) -> int:
    """Log each line of the input as it comes, and tell of those that say nothing."""
    from tracker_core.cli.loglines import read_line

    if sys.stdin is None:
        message = "--stdin has no input: it is closed"
        raise InvalidValueError(message)
    count = left_out = 0
    for line in sys.stdin.buffer:
        count += 1
        if not line.strip():
            continue
        try:
            _log_entry(opened, read_line(line))
        except JournalError:
            raise
        except TrackerError as error:
            left_out += 1
            _say(f"line {count} is left out: {error}")
    if left_out:
        _say(f"{left_out} of {count} lines are left out")
    return 1 if left_out else 0


def _open(wanted: str | None) -> ShellLog | None:
    """Open the run that is meant; None where nothing is to be recorded."""
    settings, error = usable_settings()
    if error is not None:
        _say(f"the configuration is unusable and left out: {error}")
    if wanted is not None:
        return _open_other(check_name(wanted, "--run"), settings)
    if settings.job_id is None:
        message = (
            "there is no run here to log to; call it inside of "
            "`tracker run -- COMMAND`, or name a run by --run"
        )
        raise InvalidValueError(message)
    if settings.mode == "off" or not settings.backends:
        return None
    return ShellLog(home(), settings.job_id, settings, is_own=True)


def _open_other(wanted: str, settings: Settings) -> ShellLog | None:
    if settings.mode == "off":
        return None
    place = home()
    run_id, attempt = _run_and_attempt(place, wanted)
    settings = settings._replace(backends=settings.backends or (settings.embedded,))
    is_own = run_id == settings.job_id
    if not is_own:
        settings = settings.of_other_run(attempt)
    return ShellLog(place, run_id, settings, is_own=is_own)


def _run_and_attempt(place: Path, wanted: str) -> tuple[str, int | None]:
    """Return the run that is meant, and its attempt where the journal has it not."""
    if (RunFolder.of(place, wanted).path / "run.json").exists():
        return wanted, None
    from tracker_core.cli.selection import select_run
    from tracker_core.cli.stores import open_store

    with open_store(None) as store:
        run = select_run(store, wanted)
    return run.run_id, max((one.number for one in run.attempts), default=None)


def _say(message: str) -> None:
    from tracker_core.cli.border import say

    say(message)
