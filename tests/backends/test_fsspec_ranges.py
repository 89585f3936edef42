"""A file that is fetched by ranges: what is asked for, and how often."""

import io

from tracker_fsspec.ranges import RangeFile

_CONTENT = bytes(range(256)) * 400


def _opened(asked: list[tuple[int, int]]) -> io.BufferedReader:
    def fetch(begin: int, end: int) -> bytes:
        asked.append((begin, end))
        return _CONTENT[begin:end]

    return io.BufferedReader(RangeFile(fetch, len(_CONTENT)), 1000)


def test_all_of_it_is_one_request() -> None:
    """Each request of a store takes some milliseconds, whatever it asks for."""
    asked: list[tuple[int, int]] = []

    assert _opened(asked).read() == _CONTENT
    assert asked == [(0, len(_CONTENT))]


def test_rest_is_what_follows_the_place() -> None:
    """Also behind the end, where nothing is asked for."""
    asked: list[tuple[int, int]] = []
    file = _opened(asked)

    file.seek(-10, io.SEEK_END)
    assert file.read() == _CONTENT[-10:]
    file.seek(10, io.SEEK_END)
    assert file.read() == b""
    assert asked == [(len(_CONTENT) - 10, len(_CONTENT))]
