"""Finding an artifact's content in a tracker."""

from collections.abc import Mapping
from difflib import get_close_matches
from itertools import chain

from tracker_core.api import NativeTracker
from tracker_core.contents import is_digest
from tracker_core.datatypes import TrackerArtifact
from tracker_core.errors import ArtifactNotFoundError, ContentError

__all__ = ["digest_of"]


def digest_of(tracker: NativeTracker, run_id: str, name_or_digest: str) -> str:
    """Return the digest of an artifact of a run.

    Raises:
        RunNotFoundError: The tracker holds no record of the run.
        ArtifactNotFoundError: The run has no such artifact.
        ContentError: It is a reference, whose content lies elsewhere.
    """
    tracker.run(run_id)
    newest = tracker.artifacts(run_id)
    found = newest.get(name_or_digest)
    if found is None:
        if is_digest(name_or_digest) and _has(tracker, run_id, newest, name_or_digest):
            return name_or_digest
        near = get_close_matches(name_or_digest, newest)
        raise ArtifactNotFoundError(run_id, name_or_digest, near)
    if found.digest is None:
        message = (
            f"artifact {name_or_digest!r} is a reference to {found.path!r}; "
            "its content is not kept here, open it there"
        )
        raise ContentError(message)
    return found.digest


def _has(
    tracker: NativeTracker,
    run_id: str,
    newest: Mapping[str, TrackerArtifact],
    digest: str,
) -> bool:
    # A tracker is asked for the past of each name on its own, which takes long.
    earlier = (tracker.artifact_history(run_id, name) for name in newest)
    artifacts = chain(newest.values(), chain.from_iterable(earlier))
    return any(artifact.digest == digest for artifact in artifacts)
