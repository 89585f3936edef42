"""Tests of what ``tracker list`` shows."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

import pytest

from tracker_core.records import (
    ArtifactBody,
    CreatedBody,
    EndedBody,
    MetadataBody,
    SourceBody,
    SpanBody,
    StartedBody,
)
from tracker_core.values import Value

if TYPE_CHECKING:
    from tests.cli.conftest import Cli, Store

CAUSES: list[tuple[str, dict[str, Value] | None, str]] = [
    ("FINISHED", None, "FINISHED"),
    ("FAILED", {"kind": "exit_code", "exit_code": 3}, "FAILED: exit 3"),
    ("KILLED", {"kind": "signal", "signal": "SIGTERM"}, "KILLED: SIGTERM"),
    (
        "FAILED",
        {"kind": "exception", "type": "torch.OutOfMemoryError", "message": "no"},
        "FAILED: OutOfMemoryError",
    ),
    ("KILLED", {"kind": "time_limit"}, "KILLED: time limit"),
    ("FAILED", {}, "FAILED: unknown cause"),
]

READS = [
    ("show", "--json"),
    ("list", "metadata", "--json"),
    ("list", "artifacts", "--json"),
    ("list", "lineage", "--json"),
]


@pytest.fixture
def family(store: "Store") -> "Store":
    """Record ``middle``, made from ``top`` and a file, and what came of it."""
    store.run("top", SourceBody("data.csv", "dataset"), at=1)
    store.run("middle", SourceBody("top", "weights"), SourceBody("x.csv", None), at=2)
    store.run("low", SourceBody("middle", None), SourceBody("top", None), at=3)
    store.run("lowest", SourceBody("low", "weights"), SourceBody("middle", None), at=4)
    return store


def test_list_shows_runs_with_the_newest_first(tracker: "Cli", store: "Store") -> None:
    """A row is a run: name, id, experiment, status, start and duration."""
    store.run("01A", at=100, name="older")
    store.run("01B", at=200, name="newer")

    done = tracker("list")

    titles = ["NAME", "RUN", "ID", "EXPERIMENT", "STATUS", "STARTED", "TOOK"]
    assert done.rows[0] == titles
    assert done.rows[1][:4] == ["newer", "01B", "iris", "FINISHED"]
    assert done.rows[1][5:] == ["d", "ago", "1.0s"]
    assert done.rows[2][:2] == ["older", "01A"]
    assert (done.code, done.err) == (0, "")


@pytest.mark.parametrize(("status", "cause", "words"), CAUSES)
def test_list_says_how_a_run_fared(
    tracker: "Cli",
    store: "Store",
    status: str,
    cause: dict[str, Value] | None,
    words: str,
) -> None:
    """The status comes with its cause in a few words."""
    store.write("x", StartedBody("launcher"), EndedBody("launcher", status, cause))

    done = tracker("list")

    assert f"  {words}  " in done.out


def test_list_shows_runs_without_a_life_cycle(tracker: "Cli", store: "Store") -> None:
    """What is not known is a dash."""
    store.write("x", MetadataBody({"a": 1}))

    done = tracker("list")

    words = done.rows[1]
    assert words[1:4] == ["x", "–", "–"]
    assert words[-1] == "–"


def test_list_says_that_there_are_more(tracker: "Cli", store: "Store") -> None:
    """Beyond the limit runs are not shown, and this is said on stderr."""
    for number in range(3):
        store.run(f"x{number}", at=number + 1)

    done = tracker("list", "--limit", "2")

    assert len(done.rows) == 3
    assert done.err == ("tracker: showing the newest 2 runs; --limit N shows more\n")


def test_list_says_that_all_are_shown(tracker: "Cli", store: "Store") -> None:
    """A limit that is just reached hides nothing."""
    store.run("x0")

    done = tracker("list", "--limit", "1", "--json")

    assert done.json["has_more"] is False
    assert done.err == ""


def test_list_without_runs_says_how_to_make_one(tracker: "Cli", store: "Store") -> None:
    """An empty table comes with a hint."""
    del store

    done = tracker("list")

    assert len(done.rows) == 1
    assert done.err == (
        "tracker: no run yet in 'one'; start one with `tracker run -- COMMAND`\n"
    )


def test_list_shows_groups_when_there_are_any(tracker: "Cli", store: "Store") -> None:
    """The group is a column as soon as one of the runs has one."""
    store.write("x", CreatedBody("n", "iris", "sweep"))
    store.run("y", at=2)

    done = tracker("list")

    assert done.rows[0][3:5] == ["EXPERIMENT", "GROUP"]
    assert [row[3] for row in done.rows[1:]] == ["–", "sweep"]


def test_list_as_json_holds_the_whole_run(tracker: "Cli", store: "Store") -> None:
    """Programs get identity, life cycle and times of each run."""
    store.write("p", StartedBody("job"))
    store.write(
        "x",
        CreatedBody("n", "iris", "g", "p", {"depth": 50}),
        StartedBody("launcher", "node1"),
        EndedBody(
            "launcher", "FAILED", {"kind": "exit_code", "exit_code": 3}, 3, 2**27
        ),
        SpanBody("t", "s"),
        at=100,
    )

    done = tracker("list", "--json", "--limit", "1")

    cause = {"kind": "exit_code", "exit_code": 3}
    started, ended = "1970-01-01T00:01:41.000000Z", "1970-01-01T00:01:42.000000Z"
    life = {
        "status": "FAILED",
        "cause": cause,
        "started_at": started,
        "ended_at": ended,
    }
    facts = {
        "duration": 1.0,
        "host": "node1",
        "exit_code": 3,
        "signal": None,
        "peak_memory_bytes": 2**27,
    }
    assert done.json == {
        "version": 1,
        "has_more": True,
        "runs": [
            {
                "run_id": "x",
                "name": "n",
                "experiment": "iris",
                "group_id": "g",
                "parent_run_id": "p",
                "attempts": [{"number": 1, **life, **facts}],
                "created_at": "1970-01-01T00:01:40.000000Z",
                "experiment_config": {"depth": 50},
                "trace_id": "t",
                "span_id": "s",
                "heartbeat_at": None,
                "is_lost": False,
                "values": {},
                **life,
            }
        ],
        "columns": [],
        "same_for_all": {},
        "series": None,
    }


def test_run_that_was_not_seen_for_long_is_lost(tracker: "Cli", store: "Store") -> None:
    """For people; programs get the status as it was recorded, and when that was."""
    store.write("x", StartedBody("job"))
    store.tracker.beat("x", 3 * 10**9)

    table, document = tracker("list"), tracker("list", "--json")

    assert table.rows[1][2:4] == ["–", "LOST"]
    (run,) = cast("list[dict[str, object]]", document.json["runs"])
    assert (run["status"], run["is_lost"]) == ("RUNNING", True)
    assert run["heartbeat_at"] == "1970-01-01T00:00:03.000000Z"


def test_run_that_was_seen_lately_is_not_lost(tracker: "Cli", store: "Store") -> None:
    """Somebody delivers, and says that it is alive."""
    store.write("x", StartedBody("job"))
    store.tracker.beat("x", time.time_ns())

    assert tracker("list").rows[1][3] == "RUNNING"


def test_jobs_are_filtered_by_their_parent(tracker: "Cli", family: "Store") -> None:
    """Only runs that used the parent are listed; it may be named in any way."""
    del family

    done = tracker("list", "jobs", "--parent-run-id", "mid")

    assert done.out == "JOB ID\nlowest\nlow\n"


def test_jobs_are_filtered_by_a_foreign_source(tracker: "Cli", family: "Store") -> None:
    """A source that is no run has users too."""
    del family

    done = tracker("list", "jobs", "--parent-run-id", "data.csv", "--json")

    assert done.json == {"version": 1, "jobs": ["top"]}


def test_jobs_of_an_ambiguous_parent_are_a_failure(
    tracker: "Cli", family: "Store"
) -> None:
    """The beginning of several ids is no parent."""
    del family

    done = tracker("list", "jobs", "--parent-run-id", "lo")

    assert (done.code, done.out) == (1, "")


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ((), "no run yet in 'one'; start one"),
        (("--parent-run-id", "typo"), "no run 'typo' in 'one', and none that used it"),
    ],
)
def test_no_jobs_come_with_a_hint(
    tracker: "Cli", store: "Store", options: tuple[str, ...], hint: str
) -> None:
    """An empty table of ids is no failure, and is explained."""
    del store

    done = tracker("list", "jobs", *options)

    assert (done.code, done.out) == (0, "JOB ID\n")
    assert done.err.startswith(f"tracker: {hint}")


def test_jobs_that_used_a_run_in_vain_come_with_a_hint(
    tracker: "Cli", family: "Store"
) -> None:
    """A run that nobody used is named as it was found."""
    name = family.tracker.run("lowest").name

    done = tracker("list", "jobs", "--parent-run-id", "lowe")

    assert done.err == f"tracker: no run in 'one' used {name!r} (lowest)\n"


def test_metadata_that_is_not_there_is_said(tracker: "Cli", store: "Store") -> None:
    """A run without metadata is an empty table with a hint."""
    store.run("x", name="n")

    done = tracker("list", "metadata", "x")

    assert (done.code, done.out) == (0, "ID  VALUE\n")
    assert done.err == "tracker: run 'n' has no metadata\n"


def test_metadata_is_a_table_of_values(tracker: "Cli", store: "Store") -> None:
    """Text stands as it is, unless it would read as another value."""
    values: dict[str, Value] = {
        "text": "resnet 50",
        "number": 3,
        "digits": "3",
        "real": 3.0,
        "nothing": None,
        "empty": "",
        "nan": float("nan"),
        "brackets": "[" * 100_000,
        "list": [1, "a", float("inf")],
    }
    store.run("x", MetadataBody(values))

    done = tracker("list", "metadata", "x")

    shown = dict(line.split(maxsplit=1) for line in done.out.splitlines())
    assert shown == {
        "ID": "VALUE",
        "text": "resnet 50",
        "number": "3",
        "digits": '"3"',
        "real": "3.0",
        "nothing": "null",
        "empty": '""',
        "nan": "nan",
        "brackets": "[" * 100_000,
        "list": '[1,"a",{"$float":"inf"}]',
    }


def test_metadata_as_json_tags_what_json_lacks(tracker: "Cli", store: "Store") -> None:
    """NaN is valid JSON, and so is a mapping that looks like its mark."""
    store.run("x", MetadataBody({"a": float("nan"), "b": {"$float": "nan"}}))

    done = tracker("list", "metadata", "x", "--json")

    assert done.json == {
        "version": 1,
        "run_id": "x",
        "metadata": {"a": {"$float": "nan"}, "b": {"$dict": {"$float": "nan"}}},
    }


def test_artifacts_are_listed(tracker: "Cli", store: "Store") -> None:
    """A row is an artifact: name, path, metadata."""
    weights = ArtifactBody("weights", "w.json", {"epoch": 10})
    store.run("x", weights, ArtifactBody("plot", "s3://b/p", None))

    done = tracker("list", "artifacts", "x")

    assert done.rows == [
        ["ARTIFACT", "PATH", "METADATA"],
        ["plot", "s3://b/p"],
        ["weights", "w.json", '{"epoch":10}'],
    ]


def test_artifacts_are_filtered_by_name(tracker: "Cli", store: "Store") -> None:
    """Only the artifact of exactly that name is listed."""
    names = ("weights", "weights2")
    store.run("x", *(ArtifactBody(name, "p", None) for name in names))

    done = tracker("list", "artifacts", "--artifact", "weights", "x", "--json")

    about = ("metadata", "digest", "size_bytes", "media_type", "kind", "role")
    found = {"name": "weights", "path": "p", **dict.fromkeys(about)}
    assert done.json == {"version": 1, "run_id": "x", "artifacts": [found]}


def test_artifacts_with_content_are_listed_with_what_is_known(
    tracker: "Cli", store: "Store"
) -> None:
    """Where any artifact has content, digest, size and kind stand beside the path."""
    notes = store.content("notes", b"hello", kind="text.note")
    store.run("x", notes, ArtifactBody("plot", "s3://b/p", None))

    done = tracker("list", "artifacts", "x")

    assert done.rows == [
        ["ARTIFACT", "PATH", "DIGEST", "SIZE", "KIND", "METADATA"],
        ["notes", "–", notes.digest, "5", "B", "text.note"],
        ["plot", "s3://b/p", "–", "–", "–"],
    ]


@pytest.mark.parametrize(
    ("artifact", "hint"),
    [
        ("wieghts", "run 'n' has no artifact 'wieghts'; did you mean 'weights'?"),
        ("qqq", "run 'n' has no artifact 'qqq'; it has plot, weights"),
    ],
)
def test_artifact_that_is_not_there_is_said(
    tracker: "Cli", store: "Store", artifact: str, hint: str
) -> None:
    """A name that no artifact has is an empty table with a hint."""
    names = ("weights", "plot")
    store.run("x", *(ArtifactBody(name, "p", None) for name in names), name="n")

    done = tracker("list", "artifacts", "--artifact", artifact, "x")

    assert (done.code, done.err) == (0, f"tracker: {hint}\n")


def test_artifacts_that_are_not_there_are_said(tracker: "Cli", store: "Store") -> None:
    """A run without artifacts is an empty table with a hint."""
    store.run("x", name="n")

    done = tracker("list", "artifacts", "x")

    assert (done.code, done.err) == (0, "tracker: run 'n' has no artifact\n")


def test_lineage_of_a_source_shows_who_used_it(tracker: "Cli", family: "Store") -> None:
    """An id that is no run here has descendants, and says what it is."""
    name = family.tracker.run("top").name

    done = tracker("list", "lineage", "data.csv")

    assert (done.code, done.err) == (0, "")
    assert "\ndata.csv (no run here)\nused by\n" in done.out
    assert f"── top ({name}) as dataset\n" in done.out


def test_lineage_of_a_source_is_read_by_programs(
    tracker: "Cli", family: "Store"
) -> None:
    """The object is that of a run, with descendants alone."""
    del family

    found = tracker("list", "lineage", "x.csv", "--json").json

    assert (found["run_id"], found["children"]) == ("x.csv", ["middle"])
    assert found["ancestors"] == []


def test_lineage_of_nothing_is_a_failure(tracker: "Cli", family: "Store") -> None:
    """What is no run, and no source of one, is unknown."""
    del family

    done = tracker("list", "lineage", "midle")

    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("tracker: no run 'midle' in 'one'; did you mean")


def test_lineage_is_drawn_around_the_run(tracker: "Cli", family: "Store") -> None:
    """Ancestors stand above the run, descendants below, nearest first."""
    middle = family.tracker.run("middle").name
    others = {run: family.tracker.run(run).name for run in ("top", "low", "lowest")}

    done = tracker("list", "lineage", "middle")

    assert done.out == (
        "made from\n"
        f"├── top ({others['top']}) as weights\n"
        "│   └── data.csv as dataset\n"
        "└── x.csv\n"
        f"middle ({middle})\n"
        "used by\n"
        f"├── low ({others['low']})\n"
        f"│   └── lowest ({others['lowest']}) as weights (shown elsewhere)\n"
        f"└── lowest ({others['lowest']})\n"
    )


def test_lineage_of_a_lonely_run_is_nothing(tracker: "Cli", store: "Store") -> None:
    """A run without edges says so."""
    store.run("x", name="n")

    done = tracker("list", "lineage", "x")

    assert done.out == "made from nothing\nx (n)\nused by nothing\n"


def test_lineage_survives_a_circle(tracker: "Cli", store: "Store") -> None:
    """Runs that used each other are drawn once."""
    store.run("a", SourceBody("b", None), name="a")
    store.run("b", SourceBody("a", None), name="b")

    done = tracker("list", "lineage", "a", "--sources-only")

    assert done.out == (
        "made from\n└── b (b)\n    └── a (a) (shown elsewhere)\na (a)\n"
    )


@pytest.mark.parametrize(
    ("options", "ancestors", "descendants"),
    [
        ((), ["data.csv", "top", "x.csv"], ["low", "lowest"]),
        (("--sources-only",), ["data.csv", "top", "x.csv"], []),
        (("--descendants-only",), [], ["low", "lowest"]),
        (("--artifact", "weights"), ["top"], []),
        (("--artifact", "dataset"), [], []),
    ],
)
def test_lineage_is_narrowed(
    tracker: "Cli",
    family: "Store",
    options: tuple[str, ...],
    ancestors: list[str],
    descendants: list[str],
) -> None:
    """One direction, or only paths whose edges all have one label."""
    del family

    found = tracker("list", "lineage", "middle", "--json", *options).json

    assert (found["ancestors"], found["descendants"]) == (ancestors, descendants)


def test_lineage_as_json_has_the_edges(tracker: "Cli", family: "Store") -> None:
    """Programs get relatives and edges."""
    del family

    done = tracker("list", "lineage", "top", "--artifact", "weights", "--json")

    edge = {"run_id": "middle", "source_run_id": "top", "artifact_name": "weights"}
    assert done.json == {
        "version": 1,
        "run_id": "top",
        "parents": [],
        "children": ["middle"],
        "ancestors": [],
        "descendants": ["middle"],
        "edges": [edge],
    }


def test_lineage_draws_one_direction(tracker: "Cli", family: "Store") -> None:
    """With an option only one of the trees is drawn."""
    del family

    down = tracker("list", "lineage", "top", "--descendants-only")
    up = tracker("list", "lineage", "top", "--sources-only")

    assert "made from" not in down.out
    assert "used by" not in up.out


@pytest.mark.parametrize(
    "arguments",
    [("lineage",), ("lineage", "x", "--sources-only", "--descendants-only")],
)
def test_lineage_refuses_wrong_usage(
    tracker: "Cli", store: "Store", arguments: tuple[str, ...]
) -> None:
    """A run is needed, and the directions exclude each other."""
    del store

    assert tracker("list", *arguments).code == 2


def test_json_is_the_same_from_two_backends(
    tracker: "Cli", stores: Callable[..., "list[Store]"]
) -> None:
    """What a program reads does not depend on where it is kept."""
    for store in stores("one", "two"):
        store.run("x", MetadataBody({"a": [1, 2.5, None]}), SourceBody("p", "l"))

    from_one = [tracker(*read, "x", "--tracker", "one") for read in READS]
    from_two = [tracker(*read, "x", "--tracker", "two") for read in READS]

    assert from_one == from_two
    assert all(done.code == 0 for done in from_one)
