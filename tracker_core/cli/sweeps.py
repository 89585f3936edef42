"""The runs of a sweep, one after the other."""

import shlex
import shutil
import signal
from collections.abc import Callable, Iterable, Sequence

from tracker_core.cli.border import Misuse, say
from tracker_core.forwarding import Forwarding
from tracker_core.identity import friendly_name, new_run_id
from tracker_core.launches import Launch
from tracker_core.sweeps import Combination
from tracker_core.tokens import quote_text

__all__ = ["check_sweep", "launch_sweep"]

_INTERRUPTED = 128 + signal.SIGINT


def check_sweep(programs: Iterable[str], *, is_id_given: bool) -> None:
    """Refuse a sweep that could not be, before any of its runs is made.

    Args:
        programs: What its runs start.
        is_id_given: Whether somebody has chosen the run, or a step of one.

    Raises:
        Misuse: A program is not there, or all runs were to have one id.
    """
    if is_id_given:
        message = "--run-id and --step are of one run; leave them out of a sweep"
        raise Misuse(message)
    for program in dict.fromkeys(programs):
        if shutil.which(program) is None:
            message = f"no command is named {program!r}; check its spelling and PATH"
            raise Misuse(message)


def launch_sweep(
    base: Launch,
    combinations: Sequence[Combination],
    start: Callable[[Launch, Combination, Forwarding, str], int],
) -> int:
    """Launch a run for each combination, as a group, and sum up.

    A run that ends badly does not keep the next one from its start. A signal that asks
    for the end does: the sweep ends with the run that it reaches.

    Args:
        base: What the runs have in common.
        combinations: What they differ in, in the order of their start.
        start: Launches one, says what is to be said of it, and returns its exit code.

    Returns:
        0 if all have ended well, else the first other exit code; 128 + n where signal
        n has ended the sweep, and no run before that has failed.
    """
    group_id = base.created.group_id or f"sweep-{friendly_name(new_run_id())}"
    codes: list[int] = []
    ending = 0
    for number, combination in enumerate(combinations, 1):
        forwarding = Forwarding()
        launch = _member(base, group_id, combination)
        # A name that was given has the params in it.
        words = "" if base.created.name else f" {combination.words}"
        told = f"run {number} of {len(combinations)}: {launch.name}{words}"
        try:
            codes.append(start(launch, combination, forwarding, told))
        except KeyboardInterrupt:
            ending = _INTERRUPTED
        else:
            ending = _ending(codes[-1], forwarding)
        if ending:
            break
    _sum_up(group_id, codes, len(combinations))
    return next(filter(None, codes), ending)


def _member(base: Launch, group_id: str, combination: Combination) -> Launch:
    name = base.created.name
    created = base.created._replace(
        group_id=group_id, name=name and f"{name} {combination.words}"
    )
    return base._replace(run_id=new_run_id(), created=created)


def _ending(code: int, forwarding: Forwarding) -> int:
    """Return the exit code of a sweep that was asked to end; 0 for one that was not."""
    if forwarding.endings:
        return 128 + forwarding.endings[0]
    # The terminal has told the job alone.
    return _INTERRUPTED if code == _INTERRUPTED else 0


def _sum_up(group_id: str, codes: Sequence[int], count: int) -> None:
    failed = sum(map(bool, codes))
    runs = f"{count} runs" if len(codes) == count else f"{len(codes)} of {count} runs"
    say(f"{runs}: {len(codes) - failed} finished, {failed} failed")
    # Short enough for one line of a terminal, whatever friendly name the group has.
    query = f"group_id={quote_text(group_id)}"
    say(f"see tracker list --where {shlex.quote(query)}")
