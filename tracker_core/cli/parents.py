"""The run that ``--parent`` names."""

from tracker_core.cli.border import Failure, Misuse, say
from tracker_core.cli.selection import (
    NotOneRunError,
    find_run,
    similar_runs,
    unknown_run,
)
from tracker_core.cli.stores import open_configured
from tracker_core.launches import Launch

__all__ = ["with_parent"]


def with_parent(launch: Launch) -> Launch:
    """Return ``launch`` with the id of the run that its parent, a word, means.

    The word is looked up where the runs of the launch are read. What means no run
    there is kept as it is, since it may be the id of a run elsewhere, and this is said.

    Raises:
        Misuse: The word means several runs, or begins with ``@`` and means none.
    """
    wanted = launch.created.parent_run_id
    if wanted is None or not launch.backends:
        return launch
    run_id = _looked_up(launch, wanted)
    return launch._replace(created=launch.created._replace(parent_run_id=run_id))


def _looked_up(launch: Launch, wanted: str) -> str:
    try:
        with open_configured(launch.backends, launch.on_error) as store:
            run = find_run(store, wanted)
            if run is not None:
                return run.run_id
            if wanted.startswith("@"):
                raise unknown_run(store, wanted)
            hint = similar_runs(store, wanted)
    except NotOneRunError as failure:
        raise Misuse(failure.message, failure.details) from failure
    except Failure as failure:
        if wanted.startswith("@"):
            raise
        # A backend that fails does not keep a job from its start.
        say(f"the parent {wanted!r} is not looked up: {failure.message}")
        return wanted
    message = f"no run {wanted!r} here; it is recorded as the id of a run elsewhere"
    say(f"{message}; {hint}" if hint else message)
    return wanted
