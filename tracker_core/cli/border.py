"""The border between the command line and the person before it.

Whatever goes wrong is one line on stderr that begins with ``tracker:``, or for words
that the command line does not have the parser's lines ``Usage: …`` and ``Error: …``;
never a traceback. Exit codes: 0 is fine, 1 a failure, 2 a wrong usage or
configuration.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from textwrap import dedent, fill
from typing import Never

import click

from tracker_core.cli.printing import (
    clean,
    echo,
    flush,
    give_up_output,
    is_watched,
    terminal_width,
)
from tracker_core.errors import (
    BackendNotFoundError,
    BackendUnavailableError,
    ConfigError,
    InvalidValueError,
    QueryError,
    TrackerError,
    UnsupportedTypeError,
)
from tracker_core.redaction import redact

__all__ = [
    "Failure",
    "Misuse",
    "end",
    "examples",
    "failure_of",
    "plain_failures",
    "say",
]

_LOGGER = logging.getLogger("tracker_core")
# What a shell says of a program that Ctrl-C has ended.
_INTERRUPTED = 130
_USAGE = (
    BackendNotFoundError,
    BackendUnavailableError,
    ConfigError,
    InvalidValueError,
    QueryError,
    UnsupportedTypeError,
)


class Failure(click.ClickException):
    """An end that is explained to a person, with exit code 1.

    Args:
        message: What failed, and what to do.
        details: Further lines.
    """

    def __init__(self, message: str, details: Sequence[str] = ()) -> None:
        """Keep what is to be said."""
        super().__init__(message)
        self.details = details

    def show(self, file: object = None) -> None:
        """Say it on stderr."""
        del file
        say(self.message)
        for line in self.details:
            echo(f"  {clean(line)}", to_stderr=True)


class Misuse(Failure):
    """A wrong usage or configuration, with exit code 2."""

    exit_code = 2


def examples(*lines: str) -> str:
    """Return the end of a command's help: examples, each on a line of its own."""
    return "\n".join(("\b", "Examples:", *(f"  {line}" for line in lines)))


def say(message: str) -> None:
    """Print one line for the person, on stderr; nobody needs to read it.

    A terminal gets it in its width, broken between words.
    """
    with suppress(OSError):
        echo(_fitted(f"tracker: {clean(message)}"), to_stderr=True)


def _fitted(line: str) -> str:
    if not is_watched():
        return line
    room = terminal_width()
    if len(line) <= room:
        return line
    return fill(
        line,
        room - 1,
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def end(code: int) -> Never:
    """End the command with an exit code, once all that was printed is written.

    Raises:
        Exit: Always.
        OSError: It cannot be written.
    """
    flush()
    raise click.exceptions.Exit(code)


def failure_of(
    error: Exception, *, backend: str = "", config: str | None = None
) -> Failure:
    """Return ``error`` as it is explained to a person.

    Args:
        error: What was raised.
        backend: The backend that raised it; empty when it was none.
        config: The backend's config string, to be hidden.
    """
    if isinstance(error, TrackerError):
        kind = Misuse if isinstance(error, _USAGE) else Failure
        if isinstance(error, QueryError):
            # Below what is wrong stands the query with a sign at the place.
            message, *lines = str(error).splitlines()
            return kind(message, dedent("\n".join(lines)).splitlines())
        return kind(redact(str(error), [config]))
    text = redact(f"{type(error).__name__}: {error}", [config])
    if backend:
        return Failure(f"backend {backend!r} failed: {text}")
    return Failure(f"unexpected {text}; this is a mistake in tracker, please report it")


@contextmanager
def plain_failures() -> Iterator[None]:
    """Turn errors into lines, and warnings of the library too.

    Ctrl-C ends with exit code 130, without more words.
    """
    handler = _Lines()
    propagates = _LOGGER.propagate
    _LOGGER.addHandler(handler)
    _LOGGER.propagate = False
    try:
        yield
        flush()
    except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
        raise
    except KeyboardInterrupt:
        raise click.exceptions.Exit(_INTERRUPTED) from None
    except TrackerError as error:  # some are an OSError too
        raise failure_of(error) from error
    except OSError as error:
        give_up_output()
        reason = error.strerror or type(error).__name__
        raise Failure(f"what was found cannot be printed: {reason}") from error
    except Exception as error:
        raise failure_of(error) from error
    finally:
        _LOGGER.removeHandler(handler)
        _LOGGER.propagate = propagates


class _Lines(logging.Handler):
    """Prints each message of the library as one line."""

    def emit(self, record: logging.LogRecord) -> None:
        say(record.getMessage())
