"""Tests of ``tracker status``."""

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from tracker_core.delivery.ledger import Ledger, ledger_folder
from tracker_core.journal.folders import Lock, RunFolder
from tracker_core.journal.reader import Damage
from tracker_core.records import (
    ArtifactBody,
    Batch,
    Body,
    CreatedBody,
    LogBody,
    MetricsBody,
    ParamsBody,
    Record,
    SourceBody,
    StartedBody,
    StepBody,
    TrackBody,
    Writer,
)
from tracker_core.wire import batch_to_lines

if TYPE_CHECKING:
    from tests.cli.conftest import Cli, Journals
    from tracker_core.values import Value

SECRET = "hunter2-and-more"  # noqa: S105 - what nothing may show
BODIES: tuple[Body, ...] = (
    CreatedBody("first"),
    StartedBody("job"),
    ParamsBody({"lr": 0.1}),
)
MINUTE_NS = 60 * 10**9


def plain(screen: str) -> str:
    """Give a screen without its colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", screen)


@pytest.fixture
def hold(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Give what holds the lock of a ledger as a process that delivers does."""

    def take(ledger: Ledger) -> None:
        lock = Lock.taken(ledger.folder / "lock")
        assert lock is not None
        request.addfinalizer(lock.drop)

    return take


def backend(document: dict[str, object]) -> dict[str, object]:
    """Give what a document says of the one backend of its one run."""
    (run,) = cast("list[dict[str, object]]", document["runs"])
    (found,) = cast("list[dict[str, object]]", run["backends"])
    return found


def refuse(journals: "Journals", folder: RunFolder, *bodies: Body) -> None:
    """Let a backend refuse each of some records that follow the others."""
    ledger = journals.ledger(folder, "sqlite")
    for number, body in enumerate(bodies, 1):
        record = Record(number, 1, body)
        batch = Batch(folder.run_id, Writer("w"), number, number, (record,))
        ledger.bury("w", number, number, batch_to_lines(batch), f"no: {number}")


def test_runs_are_listed_of_which_something_is_due(
    tracker: "Cli", journals: "Journals"
) -> None:
    """The others are counted."""
    for run_id in ("done", "done too"):
        journals.log(run_id, *BODIES, clock=lambda: 1)
    tracker("sync")
    journals.log("open", *BODIES, clock=lambda: time.time_ns() - 5 * MINUTE_NS)
    journals.log("nobody's", *BODIES, backends=())

    done = tracker("status")

    assert (done.code, done.err) == (
        0,
        "tracker: `tracker sync` delivers what nobody delivers\n",
    )
    assert done.out == (
        "RUN ID  BACKEND  STATE            DELIVERED  PENDING  DEAD  LAG\n"
        "open    sqlite   nobody delivers  0          3        0     5m00s\n"
        "2 runs delivered to every backend\n"
        "1 run that no backend is to have\n"
    )


def test_run_is_shown_by_backend_and_by_writer(
    tracker: "Cli", journals: "Journals"
) -> None:
    """Who has what, and what each process has written."""
    folder = journals.log("r", *BODIES, rank=1, role="job", ends=False)
    journals.log("r", LogBody("info", "x", None), attempt=2)
    first, second = folder.writers()

    done = tracker("status", "r")

    assert (done.code, done.err) == (0, "")
    title, titles, cells, _, head, *rows = (
        [*line.split()] for line in done.out.splitlines()
    )
    assert title == ["run", "r"]
    assert titles[-4:] == ["DELIVERED", "PENDING", "DEAD", "LAG"]
    assert cells[:6] == ["sqlite", "nobody", "delivers", "0", "4", "0"]
    assert head == [
        *("WRITER", "PID", "ROLE", "ATTEMPT"),
        *("RANK", "STATE", "WRITTEN", "sqlite"),
    ]
    pid = str(first.pid)
    assert rows == [
        [first.writer.id, pid, "job", "1", "1", "alive", "3", "3", "due"],
        [second.writer.id, pid, "–", "2", "–", "ended", "1", "1", "due"],
    ]


def test_programs_get_all_of_it(tracker: "Cli", journals: "Journals") -> None:
    """Run by run, also those of which nothing is due."""
    folder = journals.log("r", *BODIES, role="job", ends=False)
    (writer,) = folder.writers()

    found = tracker("status", "--json").json

    state = backend(found)
    assert cast("float", state.pop("lag_s")) > 0
    assert state == {
        "backend": "sqlite",
        "state": "waiting",
        "delivered": 0,
        "pending": 3,
        "pending_by_writer": {writer.writer.id: 3},
        "dead_count": 0,
        "dead": [],
        "degraded": {},
        "damages": [],
        "error": None,
        "waits_s": 0.0,
        "is_held": False,
        "is_private": False,
    }
    (run,) = cast("list[dict[str, object]]", found["runs"])
    assert (found["version"], run["run_id"], run["host"]) == (1, "r", folder.host)
    assert run["writers"] == [
        {
            "writer": writer.writer.id,
            "pid": writer.pid,
            "role": "job",
            "attempt": 1,
            "rank": None,
            "is_alive": True,
            "has_died": False,
            "written": 3,
        }
    ]


@pytest.mark.parametrize(
    ("error", "since_s", "is_held", "state", "words"),
    [
        (None, 1, True, "delivering", "delivering"),
        ("busy", 90, True, "failing", "fails, is tried again"),
        (None, 90, True, "hanging", "hangs for 1m30s"),
        ("busy", 90, False, "waiting", "nobody delivers"),
    ],
)
def test_state_tells_how_delivery_fares(
    tracker: "Cli",
    journals: "Journals",
    hold: Callable[..., None],
    *,
    error: str | None,
    since_s: int,
    is_held: bool,
    state: str,
    words: str,
) -> None:
    """By what is sent, for how long, and by whom."""
    folder = journals.log("r", *BODIES)
    ledger = journals.ledger(folder, "sqlite")
    writer = folder.writers()[0].writer.id
    begin = ledger.position(writer)
    ledger.begin_cut(writer, begin, begin._replace(sequence=4), 1, 3)
    assert ledger.cut is not None
    ledger.cut = ledger.cut._replace(since_ns=time.time_ns() - since_s * 10**9)
    ledger.error = error
    ledger.save()
    if is_held:
        hold(ledger)

    document, table = tracker("status", "--json").json, tracker("status")

    assert backend(document)["state"] == state
    assert words in table.out
    assert (error or "") in table.out


def test_part_of_a_batch_that_was_taken_is_not_due(
    tracker: "Cli", journals: "Journals"
) -> None:
    """A batch is halved where some of it is refused."""
    folder = journals.log("r", *BODIES)
    ledger = journals.ledger(folder, "sqlite")
    writer = folder.writers()[0].writer.id
    begin = ledger.position(writer)
    ledger.begin_cut(writer, begin, begin._replace(sequence=4), 1, 3)
    assert ledger.cut is not None
    ledger.cut = ledger.cut._replace(parts=((3, 3),))
    ledger.save()

    assert backend(tracker("status", "--json").json)["pending"] == 1


def test_process_that_died_is_to_be_told_of(
    tracker: "Cli", journals: "Journals"
) -> None:
    """All that it logged is delivered, and its end is not."""
    folder = journals.log("r", *BODIES)
    tracker("sync")
    journals.log("r", role="job")
    (folder.writers()[1].path / "ended").unlink(missing_ok=True)

    document, card = tracker("status", "--json").json, tracker("status", "r")

    state = backend(document)
    assert (state["state"], state["pending"]) == ("waiting", 0)
    assert card.rows[-1][-3:] == ["died", "0", "all"]


def test_what_a_backend_said_and_lacks_is_noted(
    tracker: "Cli", journals: "Journals"
) -> None:
    """With what cannot be read in the journal."""
    folder = journals.log("r", *BODIES)
    ledger = journals.ledger(folder, "sqlite")
    ledger.error = "RetryableError: busy\x1b[31m"
    ledger.degraded = {"metrics": 7, "tracks": 2}
    ledger.damages = [("w", Damage(3, 64, 48, "its checksum does not fit"))]
    ledger.save()
    refuse(journals, folder, ParamsBody({"lr": 1}))

    lines = tracker("status", "r").out.splitlines()

    assert lines[3:7] == [
        "sqlite said: RetryableError: busy\\x1b[31m",
        (
            "sqlite keeps less than all: of 7 metric values the last of each series, "
            "none of 2 tracks records"
        ),
        "sqlite refuses 1 record; `--dead` shows which and why",
        "damaged: 48 bytes at 64 in segment 3 of writer w: its checksum does not fit",
    ]


def test_dead_letters_are_a_table(tracker: "Cli", journals: "Journals") -> None:
    """Which records, and why; no value of them is shown."""
    folder = journals.log("r", *BODIES)
    points: dict[str, dict[str, Value]] = {
        "": {"loss": 1.0},
        "val": {"a": 1, "b": 2, "c": 3},
    }
    refuse(
        journals,
        folder,
        ParamsBody({"k" * 50: SECRET}),
        MetricsBody(1, points),
        LogBody("info", SECRET, None),
        ArtifactBody("model", "s3://x", None),
        TrackBody("robot", 1.0, {"x": SECRET}),
        StepBody("train", "e", "RUNNING", None),
        SourceBody("other", None),
    )

    done = tracker("status", "--dead")

    whats = [" ".join(row[3:-2]) for row in done.rows[1:]]
    assert whats == [
        f"params {'k' * 40}…",
        "metrics loss, val/a, val/b and 1 more",
        "log info",
        "artifact model",
        "track robot",
        "step train",
        "source",
    ]
    assert [row[:3] for row in done.rows[1:]] == [
        ["r", "sqlite", str(number)] for number in range(1, 8)
    ]
    assert [row[-2:] for row in done.rows[1:3]] == [["no:", "1"], ["no:", "2"]]
    assert SECRET not in done.out
    assert done.err == "tracker: `tracker sync --retry-dead` sends them again\n"


def test_dead_letter_of_many_records_is_summed_up(
    tracker: "Cli", journals: "Journals"
) -> None:
    """And one that cannot be read is said to be so."""
    folder = journals.log("r", *BODIES)
    ledger = journals.ledger(folder, "sqlite")
    records = tuple(Record(n, 1, body) for n, body in enumerate(BODIES * 2, 1))
    batch = Batch("r", Writer("w"), 1, 6, records)
    ledger.bury("w", 1, 6, batch_to_lines(batch), "no")
    ledger.bury("w", 7, 7, "damaged", "no")

    done = tracker("status", "r", "--dead")

    assert [row[2:] for row in done.rows[1:]] == [
        [*("1–6", "2", "created,", "2", "params,", "2", "started"), "no"],
        [*("7", "cannot", "be", "read"), "no"],
    ]


def test_programs_get_the_dead_letters(tracker: "Cli", journals: "Journals") -> None:
    """With each record where that is asked for."""
    folder = journals.log("r", *BODIES)
    refuse(journals, folder, ParamsBody({"lr": 1}))

    brief, full = (
        backend(tracker("status", "--json", *more).json)["dead"]
        for more in ((), ("--dead",))
    )

    letter = {"writer": "w", "first": 1, "last": 1, "why": "no: 1"}
    assert brief == [letter]
    records = [{"sequence": 1, "kind": "params", "keys": ["lr"]}]
    assert full == [{**letter, "records": records}]


def test_nothing_is_refused_mostly(tracker: "Cli", journals: "Journals") -> None:
    """It is said."""
    journals.log("r", *BODIES)

    assert tracker("status", "--dead").out == "nothing is refused\n"


def test_run_that_no_backend_is_to_have_says_what_to_do(
    tracker: "Cli", journals: "Journals"
) -> None:
    """The journal can give it to one."""
    journals.log("r", *BODIES, backends=())

    out = tracker("status", "@last").out

    assert "no backend is to have it; `tracker sync --to NAME` gives it to one" in out


def test_other_machines_are_named(tracker: "Cli", journals: "Journals") -> None:
    """Where several share a home, each has a part of the run."""
    folder = journals.log("r", *BODIES)
    path = folder.writers()[0].path / "writer.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "host": "node7"}))
    there = folder._replace(host="node7")
    Ledger(ledger_folder(there, "sqlite"), "sqlite").save()

    table, card = tracker("status"), tracker("status", "r")

    assert table.rows[0][:2] == ["RUN", "ID"]
    assert table.rows[1][:3] == ["r", "node7", "sqlite"]
    assert card.out.startswith("run r on node7\n")


def test_no_journal_is_no_failure(
    tracker: "Cli", place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list that is empty; nothing is made."""
    monkeypatch.setenv("TRACKER_HOME", str(place / "nowhere"))

    table, document = tracker("status"), tracker("status", "--json")

    assert (table.code, table.out) == (0, "")
    assert table.err.startswith("tracker: there is no journal under ")
    assert document.json == {"version": 1, "runs": []}
    assert not (place / "nowhere").exists()


def test_unknown_run_is_a_misuse(tracker: "Cli", journals: "Journals") -> None:
    """What has a journal here is known."""
    journals.log("alpha", *BODIES)

    done = tracker("status", "beta")

    assert done.code == 2
    assert done.err.startswith("tracker: no run 'beta' has a journal under ")


def test_damaged_ledger_is_said(tracker: "Cli", journals: "Journals") -> None:
    """The other runs are shown."""
    folder = journals.log("r", *BODIES)
    journals.log("s", *BODIES)
    (ledger_folder(folder, "sqlite") / "cursor.json").write_text('{"version": 1}')

    done = tracker("status")

    assert (done.code, done.rows[1][0]) == (1, "s")
    assert "run 'r' is left out: the ledger" in done.err


def test_narrow_terminal_gets_short_ids(tracker: "Cli", journals: "Journals") -> None:
    """All rows fit, one line each; what a backend said is there in one piece."""
    run_id = "01M8GK62TEWBQJZAKY3EJNCR3Q"
    folder = journals.log(run_id, *BODIES)
    ledger = journals.ledger(folder, "sqlite")
    ledger.error = "RetryableError: " + "busy " * 20
    ledger.save()

    table = plain(tracker.on_screen("status", columns=72)).splitlines()
    card = plain(tracker.on_screen("status", run_id, columns=72)).splitlines()

    assert [line.split()[0] for line in table] == [
        *("RUN", "01M8GK62TE", "sqlite", "tracker:")
    ]
    assert max(map(len, table[:2])) <= 72
    assert table[2] == f"sqlite said: {ledger.error}"
    assert card[-1].startswith(folder.writers()[0].writer.id[:10] + " ")
