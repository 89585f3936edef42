"""What the clients of filesystems raise, as ``OSError``."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["as_os_error"]


@contextmanager
def as_os_error() -> Iterator[None]:
    """Turn what a filesystem raises of its own into an ``OSError``.

    Their clients raise what they like when the network is away: that of S3 does not
    even derive it from ``OSError``, and what is no ``OSError`` would not be retried.
    """
    try:
        yield
    except (OSError, NotImplementedError):
        raise
    except Exception as error:
        raise OSError(errno.EIO, type(error).__name__) from error
