"""Every form of the configuration, and every mistake in one."""

from pathlib import Path

import pytest

from tracker_core.errors import ConfigError
from tracker_mlflow import create

_SECRET = "s3cr3t"  # noqa: S105 - it opens nothing


@pytest.mark.parametrize(
    "config",
    [
        "http://127.0.0.1:5000",
        '{"tracking_uri": "http://127.0.0.1:5000", "experiment_name": "iris"}',
    ],
)
def test_config_names_the_server(config: str) -> None:
    """As a URI, or as JSON with options; nobody is contacted."""
    assert create(config).tracking_uri == "http://127.0.0.1:5000"


def test_server_of_the_environment_is_the_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As MLflow itself has it."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5001")

    assert create().tracking_uri == "http://127.0.0.1:5001"


@pytest.mark.parametrize("is_folder", [True, False])
def test_ini_file_of_torchx_is_read(tmp_path: Path, *, is_folder: bool) -> None:
    """It is named, or its directory is, as in torchx."""
    file = tmp_path / ".torchxconfig"
    file.write_text(
        "[torchx:tracker]\nmlflow =\n\n[tracker:mlflow]\n"
        f"config = {tmp_path}\ntracking_uri = http://h:1/%20\nexperiment_name = x\n"
    )

    found = create(str(tmp_path if is_folder else file))

    assert found.tracking_uri == "http://h:1/%20"


def test_relative_database_belongs_to_the_launch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the relative paths of all configs do."""
    monkeypatch.setenv("TRACKER_LAUNCH_DIR", str(tmp_path))

    assert create("sqlite:///runs.db").tracking_uri == f"sqlite:///{tmp_path}/runs.db"


@pytest.mark.parametrize(
    ("config", "told"),
    [
        (None, "MLFLOW_TRACKING_URI"),
        ("{", "cannot be read"),
        ("{}", "no server"),
        ('{"uri": "http://h"}', "unknown option 'uri'"),
        ('{"tracking_uri": 3}', "of the type int"),
        ("/nowhere/at/all", "No such file"),
    ],
)
def test_mistake_is_told(config: str | None, told: str) -> None:
    """With what can be written instead."""
    with pytest.raises(ConfigError, match=told):
        create(config)


def test_file_that_is_no_ini_is_told(tmp_path: Path) -> None:
    """And one without the section."""
    file = tmp_path / "config"
    file.write_text("no ini")
    with pytest.raises(ConfigError, match="no INI file"):
        create(str(file))

    file.write_text("[tracker:other]\n")
    with pytest.raises(ConfigError, match=r"no section \[tracker:mlflow\]"):
        create(str(file))


def test_password_is_not_shown() -> None:
    """The tracker's repr tells the place alone."""
    tracker = create(f"http://me:{_SECRET}@127.0.0.1:5000/a?token={_SECRET}")

    assert repr(tracker) == "MlflowTracker('http://127.0.0.1:5000/a')"
