"""Tests of ``tracker env``."""

import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tracker_core.launches import plan_launch

if TYPE_CHECKING:
    from tests.cli.conftest import Cli


def test_env_is_what_run_would_set(
    tracker: "Cli", monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another launcher gets the variables of a launch, but for the attempt."""
    monkeypatch.setenv("TRACKER_SQLITE_CONFIG", "runs.db")
    options = ("--run-id", "x", "--experiment", "iris", "--group", "g", "--parent", "p")

    done = tracker("env", *options, "--trackers", "sqlite", "--secrets", "--json")

    launch = plan_launch(
        os.environ,
        run_id="x",
        experiment="iris",
        group_id="g",
        parent_run_id="p",
        trackers="sqlite",
    )
    expected = launch.variables() | launch.configs()
    assert done.json == {"version": 1, "environment": expected, "unset": []}
    assert done.code == 0
    assert expected["TRACKER_SQLITE_CONFIG"] == "runs.db"


def test_env_makes_an_id(tracker: "Cli") -> None:
    """Each call is a run of its own."""
    ids = {tracker("env", "--json").json["environment"]["TRACKER_JOB_ID"] for _ in "ab"}  # type: ignore[index]  # a JSON object

    assert len(ids) == 2


def test_env_keeps_secrets_to_itself(
    tracker: "Cli", monkeypatch: pytest.MonkeyPatch
) -> None:
    """Configs are printed on request only, and their absence is said."""
    monkeypatch.setenv("TRACKER_BACKENDS", "sqlite,fsspec")
    monkeypatch.setenv("TRACKER_FSSPEC_CONFIG", "hunter22")

    done = tracker("env")

    assert done.code == 0
    assert "hunter22" not in done.out + done.err
    assert done.err == (
        "tracker: left out TRACKER_FSSPEC_CONFIG, which may hold secrets; "
        "--secrets prints all\n"
    )


def test_env_is_read_by_a_shell(
    tracker: "Cli", monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a value holds, a shell that evaluates the lines has exactly it."""
    nasty = 'it\'s $HOME `ls` \\ "q"\nnext\x1b'
    monkeypatch.setenv("TRACKER_SQLITE_CONFIG", nasty)
    monkeypatch.setenv("TRACKER_GROUP", "old")
    lines = tracker("env", "--experiment", nasty, "--secrets").out
    script = f'{lines}\nprintf %s "$TRACKER_SQLITE_CONFIG$TRACKER_EXPERIMENT"'

    done = subprocess.run(
        ("sh", "-c", script), capture_output=True, text=True, check=True
    )

    assert done.stdout == nasty + nasty


def test_env_unsets_what_is_stale(
    tracker: "Cli", monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shell that evaluates the lines keeps nothing of a run around it."""
    monkeypatch.setenv("TRACKER_JOB_ID", "outer")
    monkeypatch.setenv("TRACKER_ATTEMPT", "3")

    done = tracker("env")

    assert done.out.startswith("unset TRACKER_ATTEMPT\nexport TRACKER_JOB_ID=01")
    assert "export TRACKER_PARENT_RUN_ID=outer\n" in done.out


@pytest.mark.parametrize("options", [("--run-id", ""), ("--trackers", ",")])
def test_env_refuses_what_is_empty(tracker: "Cli", options: tuple[str, str]) -> None:
    """A mistake is one line and exit code 2, and nothing is printed."""
    done = tracker("env", *options)

    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("tracker: ")


def test_env_keeps_bytes_that_no_encoding_has(place: Path) -> None:
    """A folder's name need be no text; the shell is given the very bytes."""
    folder = os.fsencode(place) + b"/h\xff"

    done = subprocess.run(
        [sys.executable, "-m", "tracker_core", "env"],
        env={**os.environb, b"TRACKER_HOME": folder},
        capture_output=True,
        check=True,
    )

    assert b"export TRACKER_HOME='" + folder + b"'\n" in done.stdout


NASTY = 'it\'s $(HOME) $$ `ls` \\ "q" é\U0001f600\x7f # x'


def test_env_for_docker_is_read_as_docker_reads_it(
    tracker: "Cli", monkeypatch: pytest.MonkeyPatch
) -> None:
    """What follows the first sign is the value, to the end of the line."""
    monkeypatch.setenv("TRACKER_SQLITE_CONFIG", NASTY)

    done = tracker("env", "--format", "docker", "--secrets")

    read = dict(line.split("=", 1) for line in done.out.split("\n") if line)
    assert done.code == 0
    assert read["TRACKER_SQLITE_CONFIG"] == NASTY
    assert read["TRACKER_BACKENDS"] == "sqlite"


def test_env_for_kubernetes_is_a_list_in_yaml(
    tracker: "Cli", monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kubernetes replaces variables in it, so none is left to be replaced."""
    yaml = pytest.importorskip("yaml", reason="needs the extra yaml")
    monkeypatch.setenv("TRACKER_SQLITE_CONFIG", f"{NASTY}\nnext")

    done = tracker("env", "--format", "kubernetes", "--secrets")

    items = yaml.safe_load(done.out)
    read = {item["name"]: item["value"].replace("$$", "$") for item in items}
    assert done.out.isascii()
    assert all({*item} == {"name", "value"} for item in items)
    assert read["TRACKER_SQLITE_CONFIG"] == f"{NASTY}\nnext"
    assert read["TRACKER_JOB_ID"] == read["TORCHX_JOB_ID"]


def test_env_for_slurm_leaves_the_run_to_the_job(
    tracker: "Cli", monkeypatch: pytest.MonkeyPatch
) -> None:
    """A script is submitted more than once."""
    monkeypatch.setenv("TRACKER_SQLITE_CONFIG", NASTY)
    lines = tracker("env", "--format", "slurm", "--experiment", "e", "--secrets").out
    script = f"TRACKER_JOB_ID=old\n{lines}\nenv -0"

    done = subprocess.run(
        ("bash", "-c", script), capture_output=True, text=True, check=True
    )

    read = dict(pair.split("=", 1) for pair in done.stdout.split("\0") if pair)
    assert (read["TRACKER_EXPERIMENT"], read["TRACKER_SQLITE_CONFIG"]) == ("e", NASTY)
    assert not {"TRACKER_JOB_ID", "TORCHX_JOB_ID"} & {*read}


def test_env_for_slurm_has_a_run_that_was_asked_for(tracker: "Cli") -> None:
    """Whoever names it knows what it is for."""
    done = tracker("env", "--format", "slurm", "--run-id", "r")

    assert "export TRACKER_JOB_ID=r\n" in done.out
    assert done.err == ""


def test_env_for_torchx_is_one_option(tracker: "Cli") -> None:
    """Torchx splits at each sign, and before it at the last comma."""
    options = ("--trackers", "sqlite,memory", "--experiment", "a,b c")

    done = tracker("env", "--format", "torchx", "--run-id", "r", *options)

    option, pairs = shlex.split(done.out)
    first, *middle, last = pairs.split("=")
    values, names = zip(*(part.rsplit(",", 1) for part in middle), strict=True)
    read = dict(zip((first, *names), (*values, last), strict=True))
    assert option == "--env"
    assert read["TRACKER_BACKENDS"] == "sqlite,memory"
    assert (read["TRACKER_EXPERIMENT"], read["TRACKER_JOB_ID"]) == ("a,b c", "r")
    assert all(name.startswith("TRACKER_") for name in read)


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("docker", "a\nb"),
        ("docker", "a\r"),
        ("torchx", "a=b"),
        ("torchx", "$a"),
        ("torchx", " a"),
    ],
)
def test_env_refuses_what_a_form_cannot_carry(
    tracker: "Cli", monkeypatch: pytest.MonkeyPatch, form: str, text: str
) -> None:
    """Nothing is printed, and the message names the variable, not its value."""
    monkeypatch.setenv("TRACKER_SQLITE_CONFIG", text)

    done = tracker("env", "--format", form, "--secrets")

    assert (done.code, done.out) == (2, "")
    assert "cannot carry TRACKER_SQLITE_CONFIG, which holds " in done.err
    assert "a=b" not in done.err


@pytest.mark.parametrize("form", ["docker", "kubernetes", "torchx"])
def test_env_for_elsewhere_leaves_out_the_folders_of_this_machine(
    tracker: "Cli", monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    """A folder that was set by hand is meant."""
    monkeypatch.delenv("TRACKER_HOME")
    default = tracker("env", "--format", form)
    monkeypatch.setenv("TRACKER_HOME", "/shared")

    chosen = tracker("env", "--format", form)

    assert "TRACKER_HOME" not in default.out
    assert "left out TRACKER_HOME and TRACKER_LAUNCH_DIR" in default.err
    assert "TRACKER_HOME" in chosen.out
    assert "TRACKER_LAUNCH_DIR" not in chosen.out


@pytest.mark.parametrize("form", ["shell", "docker", "kubernetes", "slurm", "torchx"])
def test_env_keeps_secrets_to_itself_in_every_form(
    tracker: "Cli", monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    """They are printed on request only."""
    monkeypatch.setenv("TRACKER_SQLITE_CONFIG", "hunter22")

    secret, asked = (
        tracker("env", "--format", form, *more) for more in ((), ("--secrets",))
    )

    assert "hunter22" not in secret.out + secret.err
    assert "hunter22" in asked.out


def test_env_is_json_by_either_option(tracker: "Cli") -> None:
    """The one is short for the other."""
    options = ("env", "--run-id", "r")

    assert tracker(*options, "--json").out == tracker(*options, "--format", "json").out
