"""Errors say what to do, are built-ins too, and travel between processes."""

import pickle

import pytest

from tracker_core import errors
from tracker_core.errors import (
    ArtifactNotFoundError,
    BackendNotFoundError,
    BackendUnavailableError,
    ConfigError,
    ContentError,
    DeliveryTimeoutError,
    ExperimentNotFoundError,
    InvalidValueError,
    JournalError,
    KeyConflictError,
    NotSupportedError,
    PermanentError,
    QueryError,
    RetryableError,
    RunEndedError,
    RunNotFoundError,
    TrackerError,
    UnsupportedTypeError,
)

_EXAMPLES: dict[type[TrackerError], tuple[TrackerError, type[Exception], str]] = {
    TrackerError: (TrackerError("it broke"), Exception, "it broke"),
    ConfigError: (ConfigError("bad path"), ValueError, "bad path"),
    BackendNotFoundError: (
        BackendNotFoundError("sqlit", ["fsspec", "sqlite"], ["sqlite"]),
        LookupError,
        (
            "no backend is named 'sqlit'; did you mean 'sqlite'? "
            "(a factory can also be named as package.module:factory)"
        ),
    ),
    BackendUnavailableError: (
        BackendUnavailableError("mlflow", "mlflow", "install tracker-core[mlflow]"),
        ImportError,
        "backend 'mlflow' needs the package mlflow; install tracker-core[mlflow]",
    ),
    UnsupportedTypeError: (
        UnsupportedTypeError("param 'model'", "bytes", "text"),
        TypeError,
        "param 'model' has the type bytes, which cannot be kept; use text",
    ),
    InvalidValueError: (InvalidValueError("step is -1"), ValueError, "step is -1"),
    JournalError: (JournalError("no room"), OSError, "no room"),
    DeliveryTimeoutError: (
        DeliveryTimeoutError("r1", "sqlite", 7, 10.0),
        RuntimeError,
        (
            "backend 'sqlite' has not taken 7 records of run 'r1' within 10 s; they "
            "are safe in the journal: read later, or see tracker status"
        ),
    ),
    RunEndedError: (
        RunEndedError("r1"),
        RuntimeError,
        (
            "run 'r1' has ended and takes no more records; "
            "log before finish() or before leaving its with block"
        ),
    ),
    RunNotFoundError: (
        RunNotFoundError("r1"),
        LookupError,
        "this store has no run 'r1'; runs() gives those that it has",
    ),
    KeyConflictError: (
        KeyConflictError("optimizer", "optimizer.type"),
        ValueError,
        (
            "'optimizer' is a value and also holds 'optimizer.type'; nothing is lost: "
            "read the flat view, or rename one of them"
        ),
    ),
    QueryError: (QueryError("no field 'x'"), ValueError, "no field 'x'"),
    ExperimentNotFoundError: (
        ExperimentNotFoundError("iris"),
        LookupError,
        "this store has no experiment 'iris'; experiments() gives those that it has",
    ),
    ArtifactNotFoundError: (
        ArtifactNotFoundError("r1", "modle", ["model"]),
        LookupError,
        "run 'r1' has no artifact 'modle'; did you mean 'model'?",
    ),
    ContentError: (ContentError("it is gone"), OSError, "it is gone"),
    NotSupportedError: (NotSupportedError("no"), NotImplementedError, "no"),
    RetryableError: (RetryableError("busy", after=2.5), OSError, "busy"),
    PermanentError: (PermanentError("never"), ValueError, "never"),
}


def _classes() -> list[type[TrackerError]]:
    found = [getattr(errors, name) for name in errors.__all__]
    return [cls for cls in found if issubclass(cls, TrackerError)]


@pytest.mark.parametrize("cls", _classes())
def test_error_is_the_built_in_that_it_resembles(cls: type[TrackerError]) -> None:
    """Code that knows nothing of Tracker can handle each of them."""
    error, built_in, _ = _EXAMPLES[cls]

    assert isinstance(error, built_in)
    assert isinstance(error, TrackerError)


@pytest.mark.parametrize("cls", _classes())
def test_error_says_what_failed(cls: type[TrackerError]) -> None:
    """The text names the thing and what to do."""
    error, _, text = _EXAMPLES[cls]

    assert str(error) == text


@pytest.mark.parametrize("cls", _classes())
def test_error_survives_pickling(cls: type[TrackerError]) -> None:
    """Class, text and arguments are the same in another process."""
    error = _EXAMPLES[cls][0]

    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes

    assert type(copy) is cls
    assert (str(copy), copy.args) == (str(error), error.args)


def test_backend_not_found_lists_what_is_installed() -> None:
    """When nothing looks like the name, all names are shown."""
    error = BackendNotFoundError("x", ["fsspec", "sqlite"])

    assert "installed: fsspec, sqlite" in str(error)


def test_backend_not_found_says_when_nothing_is_installed() -> None:
    """An empty list is said in a word."""
    assert "installed: none" in str(BackendNotFoundError("x"))


def test_backend_unavailable_names_the_module_as_import_errors_do() -> None:
    """``ImportError.name`` is the module that is missing, also after pickling."""
    error = BackendUnavailableError("b", "module", "install it")

    assert pickle.loads(pickle.dumps(error)).name == "module"  # noqa: S301 - our own


def test_artifact_not_found_says_where_to_look() -> None:
    """When nothing looks like the name, the call is named that gives them all."""
    text = str(ArtifactNotFoundError("r1", "x"))

    assert text == "run 'r1' has no artifact 'x'; artifacts() gives those that it has"


@pytest.mark.parametrize("after", [None, 2.5])
def test_retryable_error_tells_how_long_to_wait(after: float | None) -> None:
    """The delay is in seconds, or None when the backend does not know."""
    assert RetryableError("busy", after=after).after == after
