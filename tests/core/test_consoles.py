"""Tests of keeping the output of a launched job, with a reader of its own process."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tracker_core.api import NativeTracker
from tracker_core.consoles import Console, console_name, keep_left_logs
from tracker_core.contents import Content
from tracker_core.delivery.base import Target
from tracker_core.journal.folders import RunFolder
from tracker_core.launcher import launch_job
from tracker_core.launches import plan_launch
from tracker_core.records import ArtifactBody

BOTH = "import os; os.write(1, b'out\\n'); os.write(2, b'1%\\r2%\\n')"


@pytest.fixture(autouse=True)
def place(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder whose home is beside all else; return it."""
    monkeypatch.setenv("TRACKER_HOME", str(place / "home"))
    return place


@pytest.fixture
def folder(place: Path) -> RunFolder:
    """Give the journal of a run."""
    found = RunFolder.of(place / "home", "r")
    found.make()
    return found


def launched(store: NativeTracker, code: str) -> int:
    """Launch Python code as the run ``r``; return its exit code."""
    launch = plan_launch(os.environ, run_id="r")
    command = [sys.executable, "-c", code]
    return launch_job(launch, [Target("store", store)], command, os.environ)


def logs(store: NativeTracker) -> dict[str, bytes]:
    """Give the logs of the run."""
    found = {}
    for artifact in store.artifacts("r").values():
        with store.open_artifact("r", artifact.name) as file:
            found[artifact.name] = file.read()
    return found


def kill_reader(log: Path) -> None:
    """Kill the process that reads for a log."""
    words = str(log).encode()
    found: list[int] = []
    while not found:
        for told in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                parent = (
                    (told.parent / "stat").read_text().rpartition(")")[2].split()[1]
                )
                if words in told.read_bytes() and int(parent) != os.getpid():
                    found.append(int(told.parent.name))
    os.kill(found[0], signal.SIGKILL)


def print_in(console: Console, text: bytes) -> None:
    """Print as a job, which ends."""
    assert console.stdout is not None
    os.write(console.stdout, text)
    console.let_go()


def test_output_is_an_artifact_of_the_run(
    store: NativeTracker, capfd: pytest.CaptureFixture[str], place: Path
) -> None:
    """It is shown as it was printed, kept as a terminal shows it, and no file stays."""
    launched(store, BOTH)

    artifact = store.artifacts("r")["console/1.log"]
    assert capfd.readouterr() == ("out\n", "1%\r2%\n")
    assert sorted(logs(store)["console/1.log"].splitlines()) == [b"2%", b"out"]
    assert artifact.media_type == "text/plain; charset=utf-8"
    assert (artifact.kind, artifact.role) == ("console", "console")
    assert not list(place.glob("home/journal/*/console"))


def test_output_of_each_attempt_has_a_name(store: NativeTracker) -> None:
    """All of them are there at once."""
    launched(store, "print('one'); raise SystemExit(1)")
    launched(store, "print('two')")

    assert logs(store) == {"console/1.log": b"one\n", "console/2.log": b"two\n"}


def test_output_that_cannot_be_written_is_told_of(
    store: NativeTracker, caplog: pytest.LogCaptureFixture
) -> None:
    """The disk is full to which it leads; the log has it all the same."""
    shown, full = os.dup(1), os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, 1)
    os.close(full)
    try:
        launched(store, "print('lost')")
    finally:
        os.dup2(shown, 1)
        os.close(shown)

    assert "could be written: No space left on device" in caplog.text
    assert logs(store)["console/1.log"] == b"lost\n"


def test_output_that_is_none_is_no_artifact(store: NativeTracker) -> None:
    """A silent job has nothing to keep."""
    launched(store, "pass")

    assert logs(store) == {}


def test_output_is_not_kept_where_nothing_is(
    store: NativeTracker, monkeypatch: pytest.MonkeyPatch, place: Path
) -> None:
    """The mode ``off`` records nothing."""
    monkeypatch.setenv("TRACKER_MODE", "off")

    launched(store, "print(1)")

    assert not list(place.glob("home/journal/*"))


def test_output_hides_configs(
    store: NativeTracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a config looks like, it is a secret."""
    monkeypatch.setenv("TRACKER_BACKENDS", "lake=tracker_sqlite:create")
    monkeypatch.setenv("TRACKER_LAKE_CONFIG", "a very strange config")
    monkeypatch.setenv("TRACKER_MODE", "offline")
    launched(store, "import os; print(dict(os.environ))")
    monkeypatch.setenv("TRACKER_MODE", "on")

    home = Path(os.environ["TRACKER_HOME"])
    found = b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())
    assert b"TRACKER_LAKE_CONFIG" in found
    assert b"strange" not in found


def test_two_outputs_to_one_place_stay_in_order(place: Path) -> None:
    """They are one output of the job."""
    write = "import os\nfor n in range(100): os.write(1 + n % 2, b'%d\\n' % n)"
    code = (
        "import os; from tracker_core.launcher import launch_job; "
        "from tracker_core.launches import plan_launch; "
        f"launch_job(plan_launch(os.environ), [], [{sys.executable!r}, '-c', "
        f"{write!r}], os.environ)"
    )
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}

    with (place / "both").open("wb") as both:
        command = [sys.executable, "-c", code]
        subprocess.run(command, stdout=both, stderr=both, env=environ, check=True)

    assert (place / "both").read_text().split() == [str(n) for n in range(100)]


def test_console_of_a_reader_that_died_keeps_what_there_is(
    folder: RunFolder, caplog: pytest.LogCaptureFixture
) -> None:
    """What it has written is sent, and a warning says so."""
    console = Console(folder, "console/1.log", 1, {})
    sent: list[str] = []
    (log,) = folder.path.glob("console/*")
    (log / "head").write_text("all there is\n")
    kill_reader(log)
    console.let_go()

    def send(body: ArtifactBody, _content: Content) -> ArtifactBody:
        sent.append(body.name)
        return body

    console.keep(send)

    assert sent == ["console/1.log"]
    assert "its reader has died" in caplog.text


def test_console_that_cannot_be_made_is_done_without(
    folder: RunFolder, caplog: pytest.LogCaptureFixture
) -> None:
    """The job goes on with the output of the launcher."""
    (folder.path / "console").write_text("no folder")

    assert Console.of(folder, "console/1.log", 1, {}) is None
    assert "the output of the job is not kept" in caplog.text


def test_console_that_cannot_be_made_leaves_nothing(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No process can be had: the disk is as before."""
    monkeypatch.setattr("sys.executable", "/nowhere/python")

    assert Console.of(folder, "console/1.log", 1, {}) is None
    assert not (folder.path / "console").exists()


def test_console_whose_content_is_refused_is_left(folder: RunFolder) -> None:
    """A full spool keeps nothing; the next launch or sync tries again."""
    console = Console(folder, "console/1.log", 1, {})
    print_in(console, b"text\n")

    def refuse(body: ArtifactBody, _content: Content) -> ArtifactBody:
        return body._replace(path="/elsewhere", digest=None)

    console.keep(refuse)

    (log,) = folder.path.glob("console/*")
    assert (log / "log").read_text() == "text\n"


def test_left_log_is_kept_later(
    folder: RunFolder, store: NativeTracker, place: Path
) -> None:
    """A launcher that was killed leaves it to the next one."""
    launched(store, "pass")
    left = folder.path / "console" / "x"
    left.mkdir(parents=True)
    (left / "about.json").write_text(
        f'{{"name": "console/1.log", "attempt": 1, "host": "{folder.host}"}}'
    )
    (left / "screen").write_text("last words")

    launched(store, "print('again')")

    assert logs(store) == {"console/1.log": b"last words", "console/2.log": b"again\n"}
    assert not list(place.glob("home/journal/*/console"))


def test_left_log_of_somebody_alive_is_left(folder: RunFolder) -> None:
    """The lock of its folder tells."""
    console = Console(folder, "console/1.log", 1, {})

    keep_left_logs(folder)

    assert list(folder.path.glob("console/*/about.json"))
    print_in(console, b"")
    console.keep(lambda body, _content: body)


@pytest.mark.parametrize("about", ["{}", "damaged", '{"host": "elsewhere"}'])
def test_left_log_of_another_machine_is_left(folder: RunFolder, about: str) -> None:
    """Whether somebody lives there, nobody here can tell."""
    left = folder.path / "console" / "x"
    left.mkdir(parents=True)
    (left / "about.json").write_text(about)

    keep_left_logs(folder)

    assert left.exists()


def test_launchers_of_several_machines_keep_logs_of_their_own(
    store: NativeTracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job of each has printed something else in the same attempt."""
    monkeypatch.setenv("TRACKER_ATTEMPT", "1")
    for rank in ("0", "1"):
        monkeypatch.setenv("RANK", rank)
        launched(store, f"print({rank})")

    assert logs(store) == {"console/1.log": b"0\n", "console/1.rank1.log": b"1\n"}


def test_console_name_tells_step_and_attempt() -> None:
    """The logs of a run lie beside each other."""
    assert console_name(2) == "console/2.log"
    assert console_name(2, step="train") == "train/console/2.log"


def test_artifact_of_a_log_has_its_size(store: NativeTracker) -> None:
    """Readers can tell before they fetch it."""
    launched(store, "print('x' * 99)")

    assert store.artifacts("r")["console/1.log"].size_bytes == 100
