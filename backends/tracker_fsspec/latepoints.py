"""Points that are read from Parquet when they are first asked for, if that can be."""

from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING

from tracker_core.errors import BackendUnavailableError
from tracker_core.gathered import Gathered
from tracker_fsspec.heads import Section

if TYPE_CHECKING:
    from tracker_fsspec.parquet import PointsFile

__all__ = ["LatePoints", "can_read_points", "no_parquet"]


def can_read_points() -> bool:
    """Tell whether the package is there that reads Parquet."""
    return find_spec("pyarrow") is not None


def no_parquet() -> BackendUnavailableError:
    """Return what is said where that package is missing."""
    remedy = (
        "the points of its runs that have ended are Parquet; "
        "install tracker-core[parquet]"
    )
    return BackendUnavailableError("fsspec", "pyarrow", remedy)


class LatePoints:
    """The points of a head.

    Args:
        read: Gives the content of the Parquet object.
    """

    def __init__(self, read: Callable[[], bytes]) -> None:
        """Read nothing yet."""
        self._read = read
        self._file: PointsFile | None = None

    def records(self, section: Section) -> Gathered:
        """Return the records of a section that are points alone.

        Raises:
            BackendUnavailableError: pyarrow is not installed.
            OSError: The object cannot be read.
            ValueError: It is damaged.
        """
        if self._file is None:
            if not can_read_points():
                raise no_parquet()
            # It takes a third of a second, and who reads no points needs it not.
            from tracker_fsspec.parquet import PointsFile

            self._file = PointsFile(self._read)
        return self._file.records(section)
