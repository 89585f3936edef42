"""Attempts: which try of a run a process belongs to, by what the journal knows."""

from collections.abc import Iterable

from tracker_core.journal.folders import RunFolder, WriterFolder

__all__ = [
    "has_launcher",
    "is_launched_within",
    "job_attempt",
    "launcher_attempt",
    "shell_attempt",
]


def has_launcher(folder: RunFolder, *, is_here: bool = False) -> bool:
    """Tell whether a launcher of the run is alive.

    Args:
        folder: The run.
        is_here: Whether only one on the folder's host counts, which delivers there.
    """
    return any(
        _is_launcher(writer)
        for writer in folder.writers()
        if not is_here or writer.host == folder.host
    )


def is_launched_within(folder: RunFolder, step: str) -> bool:
    """Tell whether a launcher of the run, or of a step around ``step``, lives here."""
    return any(
        _is_launcher(writer)
        and writer.host == folder.host
        and (writer.step is None or step.startswith(f"{writer.step}/"))
        for writer in folder.writers()
    )


def launcher_attempt(
    folder: RunFolder, before: int = 0, step: str | None = None
) -> int:
    """Return the attempt of a launcher that begins now: one more than any before.

    The launcher of a step joins the last attempt, which other steps may have begun,
    unless that was of the run as a whole and is over, or had the step already.

    Args:
        folder: The run.
        before: How many there may have been that the journal does not know, since a
            scheduler has started it again.
        step: The step that is launched; None for the run as a whole.
    """
    writers = [writer for writer in folder.writers() if not writer.is_shared]
    last = max((writer.writer.attempt for writer in writers), default=0)
    if step is None:
        return 1 + max(before, last)
    whole = [one for one in writers if one.role is not None and one.step is None]
    is_within = any(map(_lives, whole))
    is_over = not is_within and any(one.writer.attempt == last for one in whole)
    first = last if is_within else max(before + 1, last + is_over)
    had = (one.writer.attempt for one in writers if _launches(one, step))
    return last + 1 if any(attempt >= first for attempt in had) else first


def job_attempt(
    folder: RunFolder,
    rank: int | None,
    requeues: int,
    restarts: int,
    step: str | None = None,
) -> int:
    """Return the attempt of a process that begins now.

    Below a launcher it is the launcher's, and one more for each restart within it.
    Without one it is that of a living process of the same rank, such as a parent; else
    it is one more than that of the last process of this rank.

    Args:
        folder: The run.
        rank: The rank of the process, or None.
        requeues: How often a scheduler has started the job again.
        restarts: How often the job has started its processes again.
        step: The launched step that the process belongs to, or None.
    """
    writers = folder.writers()
    launched = _launched(writers, restarts, step)
    if launched is not None:
        return launched
    jobs = [writer for writer in writers if writer.role == "job"]
    alive = [writer.writer for writer in jobs if _lives(writer)]
    for found in alive:
        if found.rank == rank:
            return found.attempt
    dead = [writer.writer for writer in jobs if writer.writer not in alive]
    begun = [1 + found.attempt for found in dead if found.rank == rank]
    others = [found.attempt for found in alive]
    return max([1 + requeues + restarts, *begun, *others])


def shell_attempt(
    folder: RunFolder, requeues: int, restarts: int, step: str | None = None
) -> int:
    """Return the attempt that a call from a shell belongs to; it begins none.

    Below a launcher it is the launcher's, as for its job; without one the last known.

    Args:
        folder: The run.
        requeues: How often a scheduler has started the job again.
        restarts: How often the job has started its processes again.
        step: The launched step that the call belongs to, or None.
    """
    writers = folder.writers()
    launched = _launched(writers, restarts, step)
    if launched is not None:
        return launched
    known = [writer.writer.attempt for writer in writers]
    return max([1 + requeues + restarts, *known])


def _launched(
    writers: Iterable[WriterFolder], restarts: int, step: str | None
) -> int | None:
    """Return the attempt below the launcher that lives here; None without one.

    Of several it is the one that has launched the step.
    """
    here = [writer for writer in writers if _is_launcher(writer)]
    own = [writer for writer in here if writer.step == step] or here
    return next((one.writer.attempt + restarts for one in own), None)


def _launches(writer: WriterFolder, step: str) -> bool:
    return writer.role == "launcher" and writer.step == step


def _is_launcher(writer: WriterFolder) -> bool:
    return writer.role == "launcher" and _lives(writer)


def _lives(writer: WriterFolder) -> bool:
    return not writer.is_settled and writer.is_alive()
