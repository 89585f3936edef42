"""The fingerprints of a run, from what a tracker holds of it."""

from collections.abc import Iterable

from tracker_core.api import NativeTracker
from tracker_core.fingerprints import fingerprints

__all__ = ["run_fingerprints"]


def run_fingerprints(
    tracker: NativeTracker, run_id: str, include: Iterable[str] = ()
) -> dict[str, str]:
    """Return ``program``, ``device``, ``intent`` and ``run`` of a run.

    Raises:
        RunNotFoundError: The tracker holds no record of it.
        InvalidValueError: There is nothing of a name in ``include``.
    """
    return fingerprints(
        artifacts=[
            (artifact.role, artifact.digest)
            for artifact in tracker.artifacts(run_id).values()
        ],
        provenance=tracker.provenance(run_id),
        tags=tracker.tags(run_id),
        metadata=tracker.metadata(run_id),
        experiment_config=tracker.run(run_id).experiment_config,
        params=tracker.params(run_id),
        include=include,
    )
