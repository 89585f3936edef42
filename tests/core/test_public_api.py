"""The public face of the library."""

import subprocess
import sys

import pytest

import tracker_core
from tracker_core import datatypes, errors


def test_every_public_name_is_there() -> None:
    """The list is sorted, and each name can be imported."""
    names = tracker_core.__all__

    assert names == sorted(names)
    assert all(getattr(tracker_core, name) is not None for name in names)


def test_every_error_is_public() -> None:
    """Who handles an error needs no other module."""
    assert set(errors.__all__) <= set(tracker_core.__all__)


def test_data_types_are_those_of_their_module() -> None:
    """They are imported when they are asked for."""
    assert set(datatypes.__all__) <= set(tracker_core.__all__)
    assert tracker_core.TrackerArtifact is datatypes.TrackerArtifact


def test_star_import_brings_every_name() -> None:
    """The ones that are imported late come too."""
    names: dict[str, object] = {}

    exec("from tracker_core import *", names)  # noqa: S102 - there is no other way to

    assert set(tracker_core.__all__) <= set(names)


def test_unknown_name_is_an_attribute_error() -> None:
    """It is reported as any module does."""
    with pytest.raises(AttributeError, match="'tracker_core' has no attribute 'gone'"):
        _ = tracker_core.gone


def test_data_types_wait_until_they_are_asked_for() -> None:
    """A job that only logs does not pay for them."""
    code = (
        "import sys; before = set(sys.modules); import tracker_core; "
        "assert not {'tracker_core.datatypes', 'dataclasses'} & (set(sys.modules) - "
        "before); tracker_core.Lineage(); assert 'dataclasses' in sys.modules"
    )

    path = f"import sys; sys.path[:] = {sys.path!r}"
    done = subprocess.run(
        [sys.executable, "-c", f"{path}; {code}"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
