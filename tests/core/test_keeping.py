"""Which content is meant by the name or the digest of an artifact."""

import pytest

from tracker_core.contents import content_of_bytes
from tracker_core.errors import ArtifactNotFoundError, ContentError, RunNotFoundError
from tracker_core.keeping import digest_of
from tracker_core.records import ArtifactBody
from tracker_core.testing import MemoryTracker
from tracker_core.testing.contract.pen import Pen

_OLD, _NEW = (content_of_bytes(data).digest for data in (b"old", b"new"))


@pytest.fixture
def tracker() -> MemoryTracker:
    """Return a tracker of a run with two versions of a model, and a reference."""
    tracker = MemoryTracker()
    tracker.write(
        Pen("run").log(
            ArtifactBody("model", _OLD, None, _OLD, 3),
            ArtifactBody("model", _NEW, None, _NEW, 3),
            ArtifactBody("data", "s3://b/k", None),
        )
    )
    return tracker


def test_name_means_its_newest_content(tracker: MemoryTracker) -> None:
    """The content itself need not be there to know its digest."""
    assert digest_of(tracker, "run", "model") == _NEW


@pytest.mark.parametrize("digest", [_OLD, _NEW])
def test_digest_means_any_content_that_the_run_had(
    tracker: MemoryTracker, digest: str
) -> None:
    """Earlier versions too."""
    assert digest_of(tracker, "run", digest) == digest


@pytest.mark.parametrize("asked", ["mode", "Model", _OLD[:-1], f"sha256:{'0' * 64}"])
def test_unknown_artifact_is_an_error(tracker: MemoryTracker, asked: str) -> None:
    """The beginning of a digest is none."""
    with pytest.raises(ArtifactNotFoundError, match=f"'run' has no artifact '{asked}'"):
        digest_of(tracker, "run", asked)


def test_unknown_artifact_has_a_hint(tracker: MemoryTracker) -> None:
    """Names that look like it are told."""
    with pytest.raises(ArtifactNotFoundError, match="did you mean 'model'"):
        digest_of(tracker, "run", "modle")


def test_reference_has_no_content(tracker: MemoryTracker) -> None:
    """The error says where it lies."""
    with pytest.raises(ContentError, match="'data' is a reference to 's3://b/k'"):
        digest_of(tracker, "run", "data")


def test_unknown_run_is_an_error_of_its_own(tracker: MemoryTracker) -> None:
    """Not an artifact that was not found."""
    with pytest.raises(RunNotFoundError, match="other"):
        digest_of(tracker, "other", "model")
