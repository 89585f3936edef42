"""Which run of the journal a person means."""

import os
from pathlib import Path

from tracker_core.cli.border import Misuse
from tracker_core.cli.selection import LAST, similar
from tracker_core.identity import friendly_name
from tracker_core.journal.folders import RunFolder, run_folders

__all__ = ["chosen_journals", "journaled_runs", "select_journal"]


def journaled_runs(home: Path) -> list[RunFolder]:
    """Return the runs that have a journal below the home of Tracker, newest first."""
    return sorted(run_folders(home), key=_made_ns, reverse=True)


def chosen_journals(home: Path, wanted: str | None) -> list[RunFolder]:
    """Return the run that is meant, or all; once for each machine that has written.

    Raises:
        Misuse: It means no run that has a journal here, or several.
    """
    known = journaled_runs(home) if wanted is None else [select_journal(home, wanted)]
    return [
        folder._replace(host=host)
        for folder in known
        for host in folder.hosts() or [folder.host]
    ]


def select_journal(home: Path, wanted: str) -> RunFolder:
    """Return the run that ``wanted`` means: an id, its beginning, a name or @last.

    Raises:
        Misuse: It means no run that has a journal here, or several.
    """
    known = journaled_runs(home)
    if not known:
        raise Misuse(f"no run {wanted!r}: there is no journal under {str(home)!r}")
    if wanted == LAST:
        return known[0]
    for matches in (_by_id, _by_name, _by_beginning):
        found = [folder for folder in known if matches(folder, wanted)]
        if len(found) == 1:
            return found[0]
        if found:
            ids = ", ".join(folder.run_id for folder in found[:3])
            raise Misuse(f"{wanted!r} means {len(found)} runs: {ids}…; give more of it")
    hint = similar(wanted, [folder.run_id for folder in known])
    more = hint or "`tracker status` lists those that have one"
    raise Misuse(f"no run {wanted!r} has a journal under {str(home)!r}; {more}")


def _by_id(folder: RunFolder, wanted: str) -> bool:
    return folder.run_id == wanted


def _by_name(folder: RunFolder, wanted: str) -> bool:
    return friendly_name(folder.run_id) == wanted


def _by_beginning(folder: RunFolder, wanted: str) -> bool:
    return bool(wanted) and folder.run_id.startswith(wanted)


def _made_ns(folder: RunFolder) -> tuple[int, str]:
    try:
        return os.stat(folder.path / "run.json").st_mtime_ns, folder.run_id  # noqa: PTH116 - as elsewhere in a loop
    except OSError:  # removed meanwhile
        return 0, folder.run_id
