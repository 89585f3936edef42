"""Tests of ``tracker sync``."""

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import tracker_sqlite
from tracker_core.api import NativeTracker
from tracker_core.contents import content_of_bytes
from tracker_core.delivery.ledger import Ledger, expect, ledger_folder
from tracker_core.errors import PermanentError
from tracker_core.identity import friendly_name
from tracker_core.journal.folders import Lock, RunFolder, make_folder, segment_numbers
from tracker_core.records import (
    ArtifactBody,
    Batch,
    CreatedBody,
    LogBody,
    MetricsBody,
    ParamsBody,
    StartedBody,
)

if TYPE_CHECKING:
    from tests.cli.conftest import Cli, Journals

SECRET = "hunter2-and-more"  # noqa: S105 - what nothing may show
BODIES = (CreatedBody("first"), StartedBody("job"), ParamsBody({"lr": 0.1}))
# How long an errand may take that is to fail.
SHORT = ("--timeout", "2")


class Picky(tracker_sqlite.SqliteTracker):
    """Refuses params as long as there is no file that says otherwise."""

    def write(self, batch: Batch) -> None:
        """Take a batch without params."""
        is_nice = Path("nice").exists()
        if not is_nice and any(isinstance(r.body, ParamsBody) for r in batch.records):
            raise PermanentError("no params here")
        super().write(batch)


def create_picky(config: str | None) -> NativeTracker:
    """Make a database that refuses params."""
    del config
    return Picky(Path("picky.db").absolute())


@contextmanager
def held(folder: RunFolder, backend: str) -> Iterator[None]:
    """Hold the lock as a process that delivers does."""
    place = ledger_folder(folder, backend)
    make_folder(place)
    lock = Lock.taken(place / "lock")
    assert lock is not None
    yield
    lock.drop()


def params(path: Path, run_id: str) -> dict[str, object]:
    """Give what a database holds of a run."""
    with closing(tracker_sqlite.create(str(path))) as store:
        return dict(store.params(run_id))


def test_what_is_due_is_delivered(tracker: "Cli", journals: "Journals") -> None:
    """With nothing configured, to the embedded database."""
    folder = journals.log("r", *BODIES)
    journals.log("s", *BODIES)

    done = tracker("sync")

    assert (done.code, done.err) == (0, "")
    assert sorted(done.out.splitlines()) == [
        "r to sqlite: 3 records delivered",
        "s to sqlite: 3 records delivered",
    ]
    assert params(journals.home / "tracker.db", "r") == {"lr": 0.1}
    assert segment_numbers(folder.writers()[0].path) == []


def test_one_run_is_delivered_alone(tracker: "Cli", journals: "Journals") -> None:
    """By the beginning of its id."""
    journals.log("alpha", *BODIES)
    other = journals.log("beta", *BODIES)

    done = tracker("sync", "al")

    assert (done.code, done.out) == (0, "alpha to sqlite: 3 records delivered\n")
    assert journals.ledger(other, "sqlite").delivered == 0


def test_nothing_is_due_the_second_time(tracker: "Cli", journals: "Journals") -> None:
    """It is said, and all is well."""
    journals.log("r", *BODIES)
    tracker("sync")

    done = tracker("sync")

    assert (done.code, done.out, done.err) == (0, "nothing is due\n", "")


def test_end_of_a_dead_process_is_recorded(
    tracker: "Cli", journals: "Journals"
) -> None:
    """Nobody else says that it was lost."""
    folder = journals.log("r", *BODIES, role="job")
    (writer,) = folder.writers()
    (writer.path / "ended").unlink(missing_ok=True)

    done = tracker("sync")

    assert (done.code, done.out) == (0, "r to sqlite: 4 records delivered\n")
    with closing(tracker_sqlite.create(str(journals.home / "tracker.db"))) as store:
        run = store.run("r")
    assert (run.status, run.cause) == ("FAILED", {"kind": "lost"})


@pytest.mark.parametrize("wanted", [("nothing",), ()])
def test_sync_of_nothing_is_a_misuse(
    tracker: "Cli", place: Path, wanted: Sequence[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there is no journal nothing is made."""
    monkeypatch.setenv("TRACKER_HOME", str(place / "nowhere"))

    done = tracker("sync", *wanted)

    assert done.code == 2
    assert done.err.startswith("tracker: there is no journal under ")
    assert not (place / "nowhere").exists()


def test_unknown_run_is_a_misuse(tracker: "Cli", journals: "Journals") -> None:
    """With what may have been meant."""
    journals.log("alpha", *BODIES)

    done = tracker("sync", "alhpa")

    assert done.code == 2
    assert done.err.endswith("did you mean 'alpha'?\n")


def test_word_that_means_several_runs_is_a_misuse(
    tracker: "Cli", journals: "Journals"
) -> None:
    """They are listed."""
    for number in range(12):
        journals.log(f"run-{number:02}", *BODIES)

    done = tracker("sync", "run")

    assert done.code == 2
    first, *others = done.err.splitlines()
    assert first == "tracker: 'run' means 12 runs; give more of the id of one:"
    assert (len(others), others[-1]) == (11, "  and more")


def test_failing_backend_keeps_nothing_from_the_others(
    tracker: "Cli", journals: "Journals", faulty: Callable[..., None]
) -> None:
    """It is tried for a while; what is left is said, without any secret."""
    faulty(message=f"busy: password={SECRET}")
    journals.log("r", *BODIES, backends=("sqlite", "faulty"))
    journals.log("s", *BODIES, backends=("faulty",))

    done = tracker("sync", *SHORT)

    assert done.code == 1
    lines = sorted(done.out.splitlines())
    why = "RetryableError: busy: password=***"
    assert lines == [
        f"r to faulty: 0 records delivered, 3 left: {why}",
        "r to sqlite: 3 records delivered",
        f"s to faulty: 0 records delivered, 3 left: {why}",
    ]
    assert SECRET not in done.out + done.err


def test_backend_that_works_again_is_tried_at_once(
    tracker: "Cli", journals: "Journals", faulty: Callable[..., None]
) -> None:
    """However long it had failed before."""
    faulty(plan="first", n=1)
    folder = journals.log("r", *BODIES, backends=("faulty",))
    tracker("sync", "--timeout", "1")
    ledger = journals.ledger(folder, "faulty")
    if ledger.cut is not None:
        ledger.cut = ledger.cut._replace(tries=12)
        ledger.save()

    done = tracker("sync", *SHORT)

    assert done.code == 0


def test_hanging_backend_keeps_nothing_from_the_others(
    tracker: "Cli", journals: "Journals", faulty: Callable[..., None]
) -> None:
    """The command ends, though the backend does not return."""
    faulty(fault="hang")
    journals.log("r", *BODIES, backends=("sqlite", "faulty"))
    journals.log("s", *BODIES, backends=("sqlite", "faulty"))

    done = tracker.process("sync", *SHORT)

    assert done.code == 1
    lines = sorted(done.out.splitlines())
    assert [line.partition(":")[0] for line in lines] == [
        "r to faulty",
        "r to sqlite",
        "s to faulty",
        "s to sqlite",
    ]
    assert all("3 left: it has not answered for 2 s" in line for line in lines[::2])
    assert lines[1::2] == [f"{run} to sqlite: 3 records delivered" for run in "rs"]


def test_interrupted_sync_keeps_what_is_done(
    tracker: "Cli", journals: "Journals", faulty: Callable[..., None], place: Path
) -> None:
    """Ctrl-C ends it, also while a backend hangs; the next one goes on there."""
    faulty(fault="hang", plan="once", n=1, until=str(place / "let go"))
    folder = journals.log("r", *BODIES, backends=("sqlite", "faulty"))

    with tracker.start("sync") as process:
        while journals.ledger(folder, "sqlite").delivered < 3:
            assert process.poll() is None
        while journals.ledger(folder, "faulty").cut is None:
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)

    assert process.returncode == 1
    assert err == "tracker: interrupted; what was delivered stays so\n"
    assert "r to sqlite: 3 records delivered" in out
    assert "r to faulty: 0 records delivered, 3 left: it was interrupted\n" in out
    (place / "let go").touch()
    assert tracker("sync").out == "r to faulty: 3 records delivered\n"


def test_backend_that_cannot_be_built_is_left_out(
    tracker: "Cli", journals: "Journals", monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others get what is theirs."""
    monkeypatch.setenv("TRACKER_BACKENDS", "sqlite,fsspec")
    journals.log("r", *BODIES, backends=("sqlite", "fspec"))

    done = tracker("sync")

    assert (done.code, done.out) == (1, "r to sqlite: 3 records delivered\n")
    assert done.err.startswith("tracker: backend 'fspec' is left out: ")
    assert "did you mean 'fsspec'?" in done.err


def test_backend_that_is_not_listed_any_more_still_gets_its_runs(
    tracker: "Cli", journals: "Journals", place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its name and its config in the environment are enough."""
    pytest.importorskip("tracker_fsspec", reason="needs fsspec")
    monkeypatch.setenv("TRACKER_FSSPEC_CONFIG", str(place / "runs"))
    journals.log("r", *BODIES, backends=("fsspec",))

    done = tracker("sync")

    assert (done.code, done.out) == (0, "r to fsspec: 3 records delivered\n")


def test_backend_that_is_added_later_gets_the_whole_run(
    tracker: "Cli", journals: "Journals", faulty: Callable[..., None], place: Path
) -> None:
    """As long as the journal holds all of it; the others are left as they are."""
    faulty(until=str(place))
    folder = journals.log("r", *BODIES)

    done = tracker("sync", "--to", "faulty")

    assert (done.code, done.out) == (0, "r to faulty: 3 records delivered\n")
    assert params(place / "faulty.db", "r") == {"lr": 0.1}
    assert journals.ledger(folder, "sqlite").delivered == 0


def test_backend_that_is_added_late_gets_a_copy(
    tracker: "Cli", journals: "Journals", faulty: Callable[..., None], place: Path
) -> None:
    """What is no longer in the journal is copied from a backend that has it."""
    faulty(until=str(place))
    folder = journals.log("r", *BODIES)
    tracker("sync")

    done = tracker("sync", "r", "--to", "faulty")

    assert (done.code, done.err) == (0, "")
    assert done.out == "r to faulty: 3 records copied from sqlite\n"
    assert params(place / "faulty.db", "r") == {"lr": 0.1}
    assert journals.ledger(folder, "faulty").delivered == 3
    assert tracker("sync", "--to", "faulty").out == "nothing is due\n"
    assert tracker("verify", "r").code == 0


def test_backend_that_is_added_late_gets_the_rest_from_the_journal(
    tracker: "Cli", journals: "Journals", faulty: Callable[..., None], place: Path
) -> None:
    """A run that goes on is copied as far as another backend is, and then delivered."""
    faulty(until=str(place))
    folder = journals.log("r", *BODIES, ends=False, segment_bytes=4096)
    (writer,) = journals.writers
    for step in range(500):
        writer.append(LogBody("info", "x" * 100, {"step": step}))
    tracker("sync")
    assert segment_numbers(folder.writers()[0].path)[0] > 1
    writer.append(ParamsBody({"late": 1}))

    done = tracker("sync", "r", "--to", "faulty")

    assert done.code == 0
    assert done.out.splitlines() == [
        "r to faulty: 503 records copied from sqlite",
        "r to faulty: 1 record delivered",
    ]
    assert params(place / "faulty.db", "r") == {"late": 1, "lr": 0.1}


def test_backend_that_is_added_too_late_gets_nothing(
    tracker: "Cli", journals: "Journals", faulty: Callable[..., None], place: Path
) -> None:
    """Where no other backend has the run either."""
    faulty(until=str(place))
    folder = journals.log("r", *BODIES)
    tracker("sync")
    (journals.home / "tracker.db").unlink()

    done = tracker("sync", "r", "--to", "faulty")

    assert (done.code, done.out) == (1, "")
    assert "'faulty' cannot get run 'r' from the journal" in done.err
    assert "none that is native has all of it" in done.err
    assert not ledger_folder(folder, "faulty").exists()


def test_backend_that_is_added_late_gets_the_runs_that_are_whole(
    tracker: "Cli", journals: "Journals", faulty: Callable[..., None], place: Path
) -> None:
    """Which ones it cannot have is said."""
    faulty(until=str(place))
    for run_id in ("old", "older"):
        journals.log(run_id, *BODIES)
    tracker("sync")
    (journals.home / "tracker.db").unlink()
    journals.log("new", *BODIES)

    done = tracker("sync", "--to", "faulty")

    assert (done.code, done.out) == (1, "new to faulty: 3 records delivered\n")
    assert "cannot get 2 runs, such as 'old" in done.err


def test_copy_that_fails_is_told_and_may_be_made_again(
    tracker: "Cli", journals: "Journals", faulty: Callable[..., None], place: Path
) -> None:
    """The backend is not expected to have the run until it can."""
    faulty(message="no room")
    folder = journals.log("r", *BODIES)
    tracker("sync")

    failed = tracker("sync", "--to", "faulty")
    is_forgotten = not ledger_folder(folder, "faulty").exists()
    faulty(until=str(place))
    done = tracker("sync", "--to", "faulty")

    assert failed.code == 1
    assert "run 'r' cannot be copied to 'faulty': " in failed.err
    assert is_forgotten
    assert (done.code, done.out) == (0, "r to faulty: 3 records copied from sqlite\n")


@pytest.mark.parametrize("to", [("--to", "faulty"), ()])
def test_copy_that_died_is_made_again(
    tracker: "Cli",
    journals: "Journals",
    faulty: Callable[..., None],
    place: Path,
    to: tuple[str, ...],
) -> None:
    """Though the backend is expected to have the run by then."""
    faulty(fault="die", plan="once", n=2)
    content = content_of_bytes(b"model")
    body = ArtifactBody("m", content.digest, None, content.digest, 5)
    journals.log("r", *BODIES, body)
    tracker("sync")
    with closing(tracker_sqlite.create(str(journals.home / "tracker.db"))) as store:
        store.add_content(content)
    died = tracker.process("sync", "--to", "faulty")
    faulty(until=str(place))

    done, again = tracker("sync", *to), tracker("sync", *to)

    assert died.code < 0
    assert (done.code, done.out) == (0, "r to faulty: 4 records copied from sqlite\n")
    assert (again.code, again.out) == (0, "nothing is due\n")
    assert params(place / "faulty.db", "r") == {"lr": 0.1}


def test_copy_that_cannot_be_made_again_is_told(
    tracker: "Cli", journals: "Journals", faulty: Callable[..., None], place: Path
) -> None:
    """The backend that it came from has gone meanwhile."""
    faulty(fault="die")
    journals.log("r", *BODIES)
    tracker("sync")
    died = tracker.process("sync", "--to", "faulty")
    faulty(until=str(place))
    (journals.home / "tracker.db").unlink()

    done = tracker("sync")

    assert died.code < 0
    assert (done.code, done.out) == (1, "")
    assert "'faulty' cannot get run 'r'" in done.err


def test_content_that_nobody_has_is_told(
    tracker: "Cli", journals: "Journals", faulty: Callable[..., None], place: Path
) -> None:
    """All the rest is copied, and the exit code is 1."""
    faulty(until=str(place))
    content = content_of_bytes(b"model")
    journals.log("r", ArtifactBody("m", content.digest, None, content.digest, 5))
    tracker("sync")

    done = tracker("sync", "--to", "faulty")

    assert done.code == 1
    assert done.out == (
        "r to faulty: 1 record copied from sqlite, which lacks the content of 1 of "
        "its artifacts\n"
    )


def test_backend_that_refused_something_fills_no_other(
    tracker: "Cli", journals: "Journals", monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not have all of the run."""
    monkeypatch.setenv("TRACKER_BACKENDS", f"picky={__name__}:create_picky")
    journals.log("r", *BODIES, backends=())
    folder = journals.folder("r")
    expect(folder, "picky", f"{__name__}:create_picky")
    tracker("sync")

    done = tracker("sync", "--to", "sqlite")

    assert (done.code, done.out) == (1, "")
    assert "cannot get run 'r'" in done.err
    assert not ledger_folder(folder, "sqlite").exists()


def test_backend_is_not_given_records_without_their_content(
    tracker: "Cli", journals: "Journals", faulty: Callable[..., None], place: Path
) -> None:
    """It is removed earlier than the records that name it."""
    faulty(until=str(place))
    content = content_of_bytes(b"model")
    body = ArtifactBody("m", content.digest, None, content.digest, 5)
    journals.log("r", body, ends=False)

    done = tracker("sync", "--to", "faulty")

    assert done.code == 1
    assert "no longer holds all of it" in done.err


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("fspec", "did you mean 'fsspec'?"),
        ("memory", "it keeps nothing beyond its process"),
        ("sqlite,fsspec", "must be the name of one backend"),
        ("lake=nowhere:create", "must be the name of one backend"),
    ],
)
def test_backend_that_cannot_be_had_is_a_misuse(
    tracker: "Cli", journals: "Journals", name: str, reason: str
) -> None:
    """Nothing is noted of it."""
    folder = journals.log("r", *BODIES)

    done = tracker("sync", "--to", name)

    assert (done.code, done.out) == (2, "")
    assert reason in done.err
    assert not ledger_folder(folder, name).exists()


def test_backend_that_forgets_is_not_due_any_more(
    tracker: "Cli", journals: "Journals"
) -> None:
    """Nobody can deliver to the memory of a process that has ended."""
    folder = journals.log("r", *BODIES)
    expect(folder, "memory")

    first, second = tracker("sync"), tracker("sync")

    assert (first.code, first.out) == (0, "r to sqlite: 3 records delivered\n")
    assert "'memory' is left out: it keeps nothing beyond its process" in first.err
    assert (second.code, second.out, second.err) == (0, "nothing is due\n", "")


def test_run_that_another_process_delivers_is_left_to_it(
    tracker: "Cli", journals: "Journals"
) -> None:
    """It gets a moment; what is left then is said."""
    folder = journals.log("r", *BODIES)

    with held(folder, "sqlite"):
        done = tracker("sync", "--timeout", "1")

    assert done.code == 1
    assert done.out == (
        "r to sqlite: 0 records delivered, 3 left: a running process delivers it\n"
    )
    assert folder.doorbell.exists()


def test_refused_records_are_sent_again_when_asked_for(
    tracker: "Cli",
    journals: "Journals",
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Those that are taken now are dead no more."""
    monkeypatch.setenv("TRACKER_BACKENDS", f"picky={__name__}:create_picky")
    folder = journals.log("r", *BODIES, LogBody("info", "x", None), backends=("picky",))
    first = tracker("sync")
    again = tracker("sync", "--retry-dead")
    (place / "nice").touch()

    done = tracker("sync", "--retry-dead")

    assert (first.code, first.out) == (0, "r to picky: 3 records delivered\n")
    hint = "tracker: 1 record refused; `tracker status --dead` shows why\n"
    assert (first.err, again.err) == (hint, hint)
    assert again.code == 1
    assert again.out == "r to picky: 1 refused again\n"
    assert (done.code, done.err) == (0, "")
    assert done.out == "r to picky: 1 record delivered\n"
    assert journals.ledger(folder, "picky").dead() == []
    assert params(place / "picky.db", "r") == {"lr": 0.1}


def test_refused_records_wait_while_their_backend_fails(
    tracker: "Cli", journals: "Journals", faulty: Callable[..., None], place: Path
) -> None:
    """They are what they were, and the error is said."""
    faulty(fault="refuse", plan="first", n=3)
    folder = journals.log("r", BODIES[0], backends=("faulty",))
    tracker("sync")
    faulty(until=str(place / "never"), message="busy")

    done = tracker("sync", "--retry-dead", *SHORT)

    assert done.code == 1
    assert done.out == (
        "r to faulty: 0 records delivered, 0 left: RetryableError: busy\n"
    )
    assert [letter.first for letter in journals.ledger(folder, "faulty").dead()] == [1]


def test_private_trackers_of_other_processes_are_theirs(
    tracker: "Cli", journals: "Journals"
) -> None:
    """Nobody else can reach them."""
    folder = journals.log("r", *BODIES, backends=())
    place = ledger_folder(folder, "MemoryTracker", "w")
    Ledger(place, "MemoryTracker", "w").save()
    lock = Lock.taken(place / "lock")
    assert lock is not None

    done = tracker("sync")

    lock.drop()
    assert (done.code, done.out) == (0, "nothing is due\n")


def test_terminal_sees_how_far_it_is(
    tracker: "Cli", journals: "Journals", faulty: Callable[..., None], place: Path
) -> None:
    """A bar counts the records, and goes at the end."""
    until = place / "go"
    faulty(fault="hang", until=str(until))
    points = [MetricsBody(step, {"": {"loss": 1.0}}) for step in range(50)]
    journals.log("r", *points, backends=("sqlite", "faulty"))

    terminal = tracker.in_front("sync")
    terminal.until("50/100")
    until.touch()
    done = terminal.finish()

    assert done.code == 0
    assert "r to faulty: 50 records delivered\n" in done.out


def test_damaged_ledger_keeps_nothing_from_the_others(
    tracker: "Cli", journals: "Journals"
) -> None:
    """It is told with the remedy."""
    folder = journals.log("r", *BODIES)
    journals.log("s", *BODIES)
    path = ledger_folder(folder, "sqlite") / "cursor.json"
    path.write_text('{"version": 1}')

    done = tracker("sync")

    assert (done.code, done.out) == (1, "s to sqlite: 3 records delivered\n")
    assert done.err.startswith("tracker: run 'r' is left out: the ledger ")
    assert path.read_text() == '{"version": 1}'


def test_one_backend_is_served_alone(
    tracker: "Cli", journals: "Journals", faulty: Callable[..., None]
) -> None:
    """The others stay where they are; the run goes by its friendly name."""
    faulty()
    folder = journals.log("r", *BODIES, backends=("sqlite", "faulty"))

    done = tracker("sync", friendly_name("r"), "--to", "sqlite")

    assert (done.code, done.out) == (0, "r to sqlite: 3 records delivered\n")
    assert journals.ledger(folder, "faulty").delivered == 0
