"""Tests in which no coverage is measured; import the fixture into their module."""

import os
from collections.abc import Iterator

import pytest
from coverage import Coverage

__all__ = ["unmeasured"]

# By these coverage is measured in the processes that tests start.
_MEASURING = ("COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START")


@pytest.fixture(scope="module", autouse=True)
def unmeasured() -> Iterator[None]:
    """Measure no coverage here, as that takes as long again as the tests do.

    What is run here of the core is run by other tests too.
    """
    measured = Coverage.current()
    if measured is None:
        yield
        return
    inherited = {name: os.environ.pop(name, None) for name in _MEASURING}
    measured.stop()
    yield
    measured.start()
    os.environ.update({name: text for name, text in inherited.items() if text})
