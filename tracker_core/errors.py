"""The errors of Tracker.

Each class also derives from the built-in that it resembles, so that code which knows
nothing of Tracker handles it sensibly::

    TrackerError (Exception)
     ├── ConfigError             (ValueError)          a setting or store is unusable
     ├── BackendNotFoundError    (LookupError)         no backend has that name
     ├── BackendUnavailableError (ImportError)         its package is not installed
     ├── UnsupportedTypeError    (TypeError)           a value whose type is not kept
     ├── InvalidValueError       (ValueError)          a value outside what is allowed
     ├── RunEndedError           (RuntimeError)        a write after the end of the run
     ├── KeyConflictError        (ValueError)          a nested view that cannot be
     ├── QueryError              (ValueError)          a query that means nothing
     ├── RunNotFoundError        (LookupError)         the store holds no such run
     ├── ExperimentNotFoundError (LookupError)         the store has no such experiment
     ├── ArtifactNotFoundError   (LookupError)         the run has no such artifact
     ├── ContentError            (OSError)             content that is gone or damaged
     ├── NotSupportedError       (NotImplementedError) this tracker cannot answer that
     ├── JournalError            (OSError)             the journal cannot be used
     ├── DeliveryTimeoutError    (TimeoutError)        a backend has not caught up yet
     ├── RetryableError          (OSError)             a backend asks to be tried again
     └── PermanentError          (ValueError)          a backend refuses for ever

Every error survives pickling: its arguments are those of the constructor, and the text
is built when it is shown.
"""

from collections.abc import Sequence

__all__ = [
    "ArtifactNotFoundError",
    "BackendNotFoundError",
    "BackendUnavailableError",
    "ConfigError",
    "ContentError",
    "DeliveryTimeoutError",
    "ExperimentNotFoundError",
    "InvalidValueError",
    "JournalError",
    "KeyConflictError",
    "NotSupportedError",
    "PermanentError",
    "QueryError",
    "RetryableError",
    "RunEndedError",
    "RunNotFoundError",
    "TrackerError",
    "UnsupportedTypeError",
]


class TrackerError(Exception):
    """Anything that Tracker itself reports."""


class ConfigError(TrackerError, ValueError):
    """A setting, a configuration file or a store is unusable."""


class BackendNotFoundError(TrackerError, LookupError):
    """No installed backend has that name.

    Args:
        name: The name that was asked for.
        known: The names that exist.
        near: Those of them that look like ``name``.
    """

    def __init__(
        self, name: str, known: Sequence[str] = (), near: Sequence[str] = ()
    ) -> None:
        """Keep the name and what could have been meant."""
        super().__init__(name, tuple(known), tuple(near))

    def __str__(self) -> str:
        """Say what was asked for, what may have been meant and what to do."""
        name, known, near = self.args
        if near:
            hint = f"did you mean {' or '.join(repr(item) for item in near)}?"
        else:
            hint = f"installed: {', '.join(known) or 'none'}"
        return (
            f"no backend is named {name!r}; {hint} "
            "(a factory can also be named as package.module:factory)"
        )


class BackendUnavailableError(TrackerError, ImportError):
    """The package of a backend, or one that it needs, cannot be imported.

    Args:
        backend: The backend's name.
        module: The module that is missing.
        remedy: What to do, for example ``install tracker-core[fsspec]``.
    """

    def __init__(self, backend: str, module: str, remedy: str) -> None:
        """Keep the names; ``ImportError.name`` is the missing module."""
        super().__init__(backend, module, remedy)
        self.name: str | None = module

    def __str__(self) -> str:
        """Say which package is missing for which backend, and the remedy."""
        backend, module, remedy = self.args
        return f"backend {backend!r} needs the package {module}; {remedy}"


class UnsupportedTypeError(TrackerError, TypeError):
    """A value has a type that cannot be kept; nothing was written.

    Args:
        where: What the value was given for, for example ``param 'model'``.
        type_name: The type that was found.
        expected: What is accepted there.
    """

    def __init__(self, where: str, type_name: str, expected: str) -> None:
        """Keep the place and the types."""
        super().__init__(where, type_name, expected)

    def __str__(self) -> str:
        """Name the place, the type found and the types accepted."""
        where, type_name, expected = self.args
        return f"{where} has the type {type_name}, which cannot be kept; use {expected}"


class InvalidValueError(TrackerError, ValueError):
    """A value lies outside what is allowed; nothing was written."""


class RunEndedError(TrackerError, RuntimeError):
    """Something was logged to a run that has ended; nothing was written."""

    def __str__(self) -> str:
        """Name the run and what to do."""
        return (
            f"run {self.args[0]!r} has ended and takes no more records; "
            "log before finish() or before leaving its with block"
        )


class KeyConflictError(TrackerError, ValueError):
    """A key is both a value and a group of others, so it cannot be shown nested.

    Args:
        key: The key that is a value: ``optimizer``.
        longer_key: One that lies below it: ``optimizer.type``.
    """

    def __init__(self, key: str, longer_key: str) -> None:
        """Keep both keys."""
        super().__init__(key, longer_key)

    def __str__(self) -> str:
        """Name both keys and what to do."""
        key, longer_key = self.args
        return (
            f"{key!r} is a value and also holds {longer_key!r}; nothing is lost: "
            "read the flat view, or rename one of them"
        )


class QueryError(TrackerError, ValueError):
    """A query or an order that means nothing; the message shows where and why."""


class RunNotFoundError(TrackerError, LookupError):
    """The store holds no run of that id."""

    def __str__(self) -> str:
        """Name the run and where to look."""
        return f"this store has no run {self.args[0]!r}; runs() gives those that it has"


class ExperimentNotFoundError(TrackerError, LookupError):
    """The store holds no run of that experiment."""

    def __str__(self) -> str:
        """Name the experiment and where to look."""
        return (
            f"this store has no experiment {self.args[0]!r}; "
            "experiments() gives those that it has"
        )


class ArtifactNotFoundError(TrackerError, LookupError):
    """A run has no artifact of that name or digest.

    Args:
        run_id: The run.
        artifact: The name or digest that was asked for.
        near: Names of the run that look like it.
    """

    def __init__(self, run_id: str, artifact: str, near: Sequence[str] = ()) -> None:
        """Keep what was asked for and what could have been meant."""
        super().__init__(run_id, artifact, tuple(near))

    def __str__(self) -> str:
        """Name run and artifact, and what may have been meant."""
        run_id, artifact, near = self.args
        if near:
            hint = f"did you mean {' or '.join(repr(item) for item in near)}?"
        else:
            hint = "artifacts() gives those that it has"
        return f"run {run_id!r} has no artifact {artifact!r}; {hint}"


class ContentError(TrackerError, OSError):
    """The content of an artifact is not there, or is not what was stored."""


class NotSupportedError(TrackerError, NotImplementedError):
    """This tracker cannot answer; its ``capabilities`` say what it can."""


class JournalError(TrackerError, OSError):
    """The journal cannot be opened or read; what was logged before is unharmed."""


class DeliveryTimeoutError(TrackerError, RuntimeError):
    """A read would have to wait too long for what this process has logged.

    Args:
        run_id: The run.
        backend: The backend that was asked.
        pending: How many records it has not taken yet.
        timeout: How many seconds were waited.
    """

    def __init__(self, run_id: str, backend: str, pending: int, timeout: float) -> None:
        """Keep what was waited for."""
        super().__init__(run_id, backend, pending, timeout)

    def __str__(self) -> str:
        """Say what is pending where, that nothing is lost, and what to do."""
        run_id, backend, pending, timeout = self.args
        return (
            f"backend {backend!r} has not taken {pending} records of run {run_id!r} "
            f"within {timeout:g} s; they are safe in the journal: read later, or see "
            "tracker status"
        )


class RetryableError(TrackerError, OSError):
    """A backend failed in a way that may pass; the batch can be sent again.

    Args:
        message: What failed.
        after: Seconds to wait before the next try, when the backend knows.
    """

    def __init__(self, message: str, after: float | None = None) -> None:
        """Keep the message and the delay."""
        super().__init__(message, after)

    @property
    def after(self) -> float | None:
        """Seconds to wait before the next try, or None."""
        delay: float | None = self.args[1]
        return delay

    def __str__(self) -> str:
        """Show the message."""
        return str(self.args[0])


class PermanentError(TrackerError, ValueError):
    """A backend refuses a batch for ever; sending it again cannot help."""
