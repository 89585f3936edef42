"""Which run of the journal a person means."""

from collections.abc import Iterable

from tracker_core.cli.border import Misuse, say
from tracker_core.cli.selection import LAST
from tracker_core.cli.text import similar
from tracker_core.delivery.ledger import ledgers
from tracker_core.errors import JournalError
from tracker_core.identity import friendly_name
from tracker_core.journal.folders import RunFolder, run_folders
from tracker_core.stores import embedded_home

__all__ = ["chosen_journals", "journaled_runs", "no_journal", "readable_journals"]

_MOST_CANDIDATES = 10


def journaled_runs() -> list[RunFolder]:
    """Return the runs that have a journal here, newest first.

    A run that several machines have logged to is there once for each of them.
    """
    known = sorted(run_folders(embedded_home()), key=_made_ns, reverse=True)
    return [
        folder._replace(host=host)
        for folder in known
        for host in folder.hosts() or [folder.host]
    ]


def chosen_journals(wanted: str) -> list[RunFolder]:
    """Return the run that ``wanted`` means: an id, a name, a beginning or @last.

    Returns:
        Its folder, once for each machine that has logged to it.

    Raises:
        Misuse: It means no run that has a journal here, or several.
    """
    known = journaled_runs()
    if not known:
        raise no_journal()
    run_id = _run_id(known, wanted)
    return [folder for folder in known if folder.run_id == run_id]


def readable_journals(folders: Iterable[RunFolder]) -> list[RunFolder]:
    """Return those whose ledgers can be understood; say what is wrong with others."""
    found = []
    for folder in folders:
        try:
            ledgers(folder)
        except JournalError as error:
            say(f"run {folder.run_id!r} is left out: {error}")
        else:
            found.append(folder)
    return found


def no_journal() -> Misuse:
    """Return what is said where nothing was ever logged."""
    return Misuse(
        f"there is no journal under {str(embedded_home())!r}; set TRACKER_HOME to the "
        "folder that the jobs had"
    )


def _run_id(known: list[RunFolder], wanted: str) -> str:
    ids = list(dict.fromkeys(folder.run_id for folder in known))
    if wanted == LAST:
        return ids[0]
    if wanted in ids:
        return wanted
    named = [run_id for run_id in ids if friendly_name(run_id) == wanted]
    found = named or [run_id for run_id in ids if wanted and run_id.startswith(wanted)]
    if len(found) == 1:
        return found[0]
    if found:
        message = f"{wanted!r} means {len(found)} runs; give more of the id of one:"
        more = ["and more"] if len(found) > _MOST_CANDIDATES else []
        raise Misuse(message, [*found[:_MOST_CANDIDATES], *more])
    hint = similar(wanted, (LAST, *ids)) or "`tracker status --json` lists all"
    place = str(embedded_home())
    raise Misuse(f"no run {wanted!r} has a journal under {place!r}; {hint}")


def _made_ns(folder: RunFolder) -> tuple[int, str]:
    try:
        return (folder.path / "run.json").stat().st_mtime_ns, folder.run_id
    except OSError:  # removed meanwhile
        return 0, folder.run_id
