"""A file that is fetched by ranges, as they are read."""

import io
from collections.abc import Callable

__all__ = ["RangeFile"]


class RangeFile(io.RawIOBase):
    """A readable file with a place of its own, whatever else reads the same one.

    It holds nothing: each read is one fetch, so put a buffer before it.

    Args:
        fetch: Gives the bytes from a first place up to another.
        size_bytes: How many there are.
    """

    def __init__(self, fetch: Callable[[int, int], bytes], size_bytes: int) -> None:
        """Begin at the first byte, without fetching it."""
        self._fetch = fetch
        self._size_bytes = size_bytes
        self._place = 0

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def seekable(self) -> bool:
        """Tell that it can be read from any place."""
        return True

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]  # any writable buffer
        """Fetch what fills ``buffer``; return how much that was, 0 at the end."""
        end = min(self._place + len(buffer), self._size_bytes)
        if end <= self._place:
            return 0
        data = self._fetch(self._place, end)
        buffer[: len(data)] = data
        self._place += len(data)
        return len(data)

    def readall(self) -> bytes:
        """Fetch all from here to the end at once."""
        begin, self._place = self._place, max(self._place, self._size_bytes)
        return self._fetch(begin, self._place) if begin < self._place else b""

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to another place and return it, as :meth:`io.IOBase.seek` says."""
        starts = {io.SEEK_CUR: self._place, io.SEEK_END: self._size_bytes}
        self._place = max(0, starts.get(whence, 0) + offset)
        return self._place

    def tell(self) -> int:
        """Return the place."""
        return self._place
