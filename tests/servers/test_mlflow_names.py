"""Names that MLflow takes, made of names that it does not."""

import pytest

from tracker_mlflow.names import cut, file_path, shown_experiment, shown_key


@pytest.mark.parametrize("key", ["loss", "train/loss", "lr rate", "a.b-c_d", "größe:1"])
def test_key_that_mlflow_takes_stays(key: str) -> None:
    """It is shown as it is."""
    assert shown_key(key) == key


@pytest.mark.parametrize(
    "key", ["loss@0.5", "a%b", "/a", "a//b", "../a", ".", "a/", "x" * 251, "\U0001f680"]
)
def test_key_that_mlflow_refuses_is_shown_by_another(key: str) -> None:
    """It has what is left of it, and a digest."""
    found = shown_key(key)

    assert found != key
    assert shown_key(found) == found
    assert len(found) <= 250


def test_shown_keys_stay_apart() -> None:
    """Those that differ in what is refused alone do too."""
    keys = ["loss@0.5", "loss%0.5", "loss_0.5", "loss,0.5"]

    assert len(set(map(shown_key, keys))) == len(keys)


@pytest.mark.parametrize(
    ("name", "start", "end"),
    [
        ("model.pt", "model.pt", ""),
        ("plots/loss curve.png", "plots/loss curve.png", ""),
        ("../circuit", "circuit-", ""),
        ("a%41.txt", "a_41-", ".txt"),
        ("/etc/passwd", "etc_passwd-", ""),
        ("x" * 300 + ".bin", "x" * 50 + "-", ".bin"),
        ("\x00", "", ""),
    ],
)
def test_file_has_a_safe_path(name: str, start: str, end: str) -> None:
    """It never leads out of the run, and keeps its suffix."""
    found = file_path(name)

    assert found.startswith(start)
    assert found.endswith(end)
    assert ".." not in found
    assert not found.startswith("/")
    assert len(found) <= 250


def test_long_text_ends_in_a_mark() -> None:
    """What is too long is as long as it may be."""
    assert cut("abc", 3) == "abc"
    assert cut("abcd", 3) == "ab…"


def test_text_holds_what_every_database_takes() -> None:
    """PostgreSQL refuses NUL in texts, and in the names of experiments too."""
    assert cut("a\0b", 10) == "a\ufffdb"
    assert shown_experiment("iris") == "iris"
    assert shown_experiment("a\0b") != shown_experiment("a\ufffdb") == "a\ufffdb"
    assert len(shown_experiment("x" * 251)) == 250
