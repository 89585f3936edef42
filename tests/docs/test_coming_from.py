"""What the pages tell those who come from elsewhere is true: their tables run."""

import argparse
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pydantic
import pytest
from click.testing import CliRunner

from tracker_core import AppRun, TrackerArtifact
from tracker_core.cli import main
from tracker_core.fields import STATUSES
from tracker_core.plain import native
from tracker_core.registry import build_trackers
from tracker_core.runlog import run_log

if TYPE_CHECKING:
    from tracker_core.api import NativeTracker

pytestmark = pytest.mark.one_python

PAGES = ("torchx", "devqubit", "entrenar", "magnus", "ml-dash")
DOCS = Path(__file__).parents[2] / "docs"
DEVQUBIT = {"qpy_bytes": b"QISKIT", "error": ValueError("drift")}
JOB = "from tracker_core import AppRun; AppRun.run_from_env().log_metric('loss', 0.5)"

Program = Callable[[str, str], str]
Cells = Callable[[str, str], list[str]]


class Ham(pydantic.BaseModel):
    """The object that the page on magnus tracks."""

    ham: str


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "Iterator[NativeTracker]":
    """Work in a folder with all that the pages name, and give the configured store."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("TRACKER_BACKENDS", "sqlite")
    monkeypatch.setenv("TRACKER_SQLITE_CONFIG", str(tmp_path / "experiments.db"))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    monkeypatch.setenv("PATH", path)
    (tmp_path / "circuit.qasm").write_text("OPENQASM 3.0;\n")
    (tmp_path / "config.json").write_text('{"seed": 7}')
    (tmp_path / "model.pt").write_bytes(b"weights")
    (tmp_path / "train.py").write_text(JOB)
    tracker = native(build_trackers({"sqlite": str(tmp_path / "experiments.db")})[0])
    with closing(tracker):
        yield tracker


def run_python(code: str, **names: object) -> dict[str, object]:
    """Run the code of a page with what its reader has at hand; return its names."""
    exec(code, names)  # noqa: S102 - the code of our own pages
    return names


def close(names: Mapping[str, object]) -> None:
    """Close what runs have opened that were read after their end, or never ended."""
    for run in names.values():
        if isinstance(run, AppRun):
            for backend in run.backends:
                native(backend).close()


def run_commands(commands: list[str]) -> list[str]:
    """Run the commands of a page, each of which ends well; return what they print."""
    return [_run_command(shlex.split(command)) for command in commands]


def _run_command(words: list[str]) -> str:
    assert words[0] == "tracker"
    if words[1] == "run":
        command = [sys.executable, "-m", "tracker_core", *words[1:]]
        return subprocess.run(
            command, check=True, capture_output=True, text=True, timeout=60
        ).stdout
    done = CliRunner().invoke(main, words[1:], prog_name="tracker")
    assert done.exit_code == 0, f"{shlex.join(words)}: {done.output}"
    return done.stdout


def test_python_of_devqubit(store: "NativeTracker", program: Program) -> None:
    """Each call of the table does what it says."""
    names = run_python(program("devqubit", "In Python"), **DEVQUBIT)
    close(names)

    run = names["run"]
    assert isinstance(run, AppRun)
    info = store.run(run.run_id)
    assert (info.experiment, info.name) == ("my-experiment", "by hand")
    assert info.status == "FAILED"
    assert info.cause == {"kind": "exception", "type": "ValueError", "message": "drift"}
    assert store.params(run.run_id) == {"seed": 42, "shots": 1000}
    assert list(store.points(run.run_id, "loss").steps) == [1, 2]
    assert list(store.tags(run.run_id)) == ["device", "experiment", "version"]
    assert {found.role for found in store.artifacts(run.run_id).values()} == {
        "artifact",
        "program",
        "results",
    }
    assert names["digest"] == store.artifacts(run.run_id)["qiskit.qpy.circuits"].digest
    child, member = names["child"], names["member"]
    assert isinstance(child, AppRun)
    assert isinstance(member, AppRun)
    assert store.lineage(run.run_id).children == (child.run_id,)
    assert store.run(member.run_id).group_id == "sweep_20240115"
    assert store.run(member.run_id).status == "PENDING"
    environment = store.provenance(run.run_id)["environment"]
    assert isinstance(environment, dict)
    assert "packages" in environment


def test_commands_of_devqubit(
    store: "NativeTracker", program: Program, cells: Cells
) -> None:
    """Each command of the table ends well, and the searches find the run."""
    names = run_python(program("devqubit", "In Python"), **DEVQUBIT)
    run = names["run"]
    assert isinstance(run, AppRun)
    close(names)
    del store

    printed = run_commands(cells("devqubit", "On the command line"))

    (listed, of_experiment, of_group, found, shown, artifacts, counts, *_) = printed
    assert all(run.run_id in text for text in (listed, of_experiment, found, shown))
    assert "shot-sweep" in of_group
    assert "qiskit.qpy.circuits" in artifacts
    assert counts.strip() == '{"00":500,"11":500}'


def test_python_of_entrenar(store: "NativeTracker", program: Program) -> None:
    """Each call of the table does what it says."""
    names = run_python(program("entrenar", "In Python"), model_bytes=b"weights")
    run, file = names["run"], names["file"]
    assert isinstance(run, AppRun)
    with file:  # type: ignore[attr-defined]  # it is a file
        content = file.read()  # type: ignore[attr-defined]  # it is a file
    for opened in ("backend", "in_memory", "storage"):
        names[opened].close()  # type: ignore[attr-defined]  # they are trackers

    assert store.params(run.run_id) == {
        "amp": True,
        "batch_size": 32,
        "layers": [128, 256],
        "learning_rate": 1e-4,
        "optimizer": "adamw",
    }
    assert content == b"weights"
    assert (names["status"], names["span_id"]) == ("FINISHED", "trace-abc-123")
    assert names["lines"] == ["Step 0: 0.5"]
    expected = [store.run(run.run_id)]
    assert names["runs"] == names["found"] == names["everywhere"] == expected
    assert names["experiments"] == [names["experiment"]]


def test_statuses_of_entrenar(cells: Cells) -> None:
    """Each of ours has its counterpart."""
    assert set(cells("entrenar", "Statuses")) == set(STATUSES)


def test_tables_of_entrenar(cells: Cells) -> None:
    """Each is a table of ours, by the same name."""
    schema = (DOCS / "backend-sqlite.md").read_text(encoding="utf-8")

    assert all(
        f"| `{name}` |" in schema for name in cells("entrenar", "Database schema")
    )


def test_commands_of_entrenar(
    store: "NativeTracker",
    program: Program,
    cells: Cells,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each command of the table ends well once it is told of the file."""
    page = (DOCS / "coming-from-entrenar.md").read_text(encoding="utf-8")
    export = re.search(r"^export (\w+)=(\S+)$", page, re.MULTILINE)
    assert export
    monkeypatch.delenv("TRACKER_BACKENDS")
    monkeypatch.setenv(export[1], export[2])
    names = run_python(program("entrenar", "In Python"), model_bytes=b"weights")
    for opened in ("file", "backend", "in_memory", "storage"):
        names[opened].close()  # type: ignore[attr-defined]  # they can be closed

    run = names["run"]
    assert isinstance(run, AppRun)
    commands = cells("entrenar", "On the command line")
    printed = run_commands([cell.replace("RUN_ID", run.run_id) for cell in commands])

    assert "gpt2-finetune" in printed[1]
    assert all(run.run_id in text for text in printed[2:])
    assert [info.experiment for info in store.runs()] == [None, "gpt2-finetune"]


def test_python_of_magnus(store: "NativeTracker", program: Program) -> None:
    """What is tracked in the first table is read back in the second."""
    names = run_python(program("magnus", "In Python"), Ham=Ham, os=os)
    names = run_python(program("magnus", "Reading back"), **names)
    close(names)

    run = names["run"]
    assert isinstance(run, AppRun)
    assert names["metrics"] == {
        "answer": 42.0,
        "eggs": {"0": {"ham": "world"}, "1": {"ham": "universe"}},
        "is_it_true": False,
        "model": {"ham": "world"},
        "spam": {"0": "hello", "1": "hello", "2": "hello"},
    }
    assert names["document"] == run_log(store, run.run_id)
    assert store.run(run.run_id).status == "FINISHED"


def test_query_of_magnus(store: "NativeTracker") -> None:
    """The values of a step whose name has a blank are found."""
    page = (DOCS / "coming-from-magnus.md").read_text(encoding="utf-8")
    query = re.search(r"`(tracker list --where [^`]+)`", page)
    assert query
    run = AppRun("r1", [store])
    run.log_metric("Emit Metrics/answer", 42.0)

    (printed,) = run_commands([query[1]])

    assert "r1" in printed


def test_track_this_without_a_run_keeps_nothing(tmp_path: Path) -> None:
    """As the page on magnus says: no block and no launcher, no run."""
    code = "from tracker_core import track_this; track_this(answer=42)"

    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, timeout=60)

    assert list(tmp_path.iterdir()) == []


def test_commands_of_magnus(store: "NativeTracker", cells: Cells) -> None:
    """Each command of the table ends well."""
    printed = run_commands(cells("magnus", "On the command line"))

    newest, shell, _ = store.runs()
    assert newest.experiment == "baseline"
    assert store.series(shell.run_id)["answer"].last == 42.0
    assert f'"run_id": "{newest.run_id}"' in printed[-1]


def test_python_of_ml_dash(store: "NativeTracker", program: Program) -> None:
    """Each call of the table does what it says."""
    args = argparse.Namespace(lr=0.001)
    names = run_python(program("ml-dash", "In Python"), Path=Path, args=args)
    close(names)

    run = names["run"]
    assert isinstance(run, AppRun)
    assert names["flat"] == {
        "batch_size": 32,
        "epochs": 100,
        "learning_rate": 0.001,
        "lr": 0.001,
        "model.architecture": "resnet50",
        "model.pretrained": True,
        "optimizer": "adam",
        "seed": 7,
    }
    assert names["total"] == 3
    assert names["lines"] == [
        "Index 0: {'epoch': 1, 'loss': 0.5}",
        "Index 1: {'loss': 0.5}",
        "Index 2: {'loss.mean': 0.5, 'loss.p95': 0.5}",
    ]
    assert names["data"] == names["some"]
    assert [log.message for log in store.logs(run.run_id)][-1] == "Epoch completed"
    assert list(store.artifacts(run.run_id)) == [
        "models/model.pt",
        "results/results.json",
    ]


def test_commands_of_ml_dash(
    store: "NativeTracker", program: Program, cells: Cells
) -> None:
    """Each command of the table ends well, and shows what was logged."""
    args = argparse.Namespace(lr=0.001)
    close(run_python(program("ml-dash", "In Python"), Path=Path, args=args))
    del store

    *_, shown, logs = run_commands(cells("ml-dash", "On the command line"))

    assert '"model.architecture": "resnet50"' in shown
    assert "GPU memory low" in logs


def test_commands_of_torchx(store: "NativeTracker", cells: Cells) -> None:
    """Each command of the table ends well, and shows what was logged."""
    run = AppRun("scheduler://session/app", [store])
    run.add_metadata(lr=0.1)
    run.add_artifact("ckpt", "ckpt.pt")
    run.add_source("parent")

    jobs, children, metadata, artifacts, lineage = run_commands(
        cells("torchx", "On the command line")
    )

    assert jobs == children == "JOB ID\nscheduler://session/app\n"
    assert re.search(r"^lr +0\.1$", metadata, re.MULTILINE)
    assert store.artifacts(run.id)["ckpt"] == TrackerArtifact("ckpt", "ckpt.pt")
    assert "ckpt.pt" in artifacts
    assert "parent" in lineage


@pytest.mark.parametrize("page", PAGES)
def test_page_says_what_is_not_provided(page: str) -> None:
    """Nobody has to find out by trying."""
    text = (DOCS / f"coming-from-{page}.md").read_text(encoding="utf-8")

    assert len(text.partition("## What is not provided\n")[2].split()) > 10


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("devqubit", ("adapters", "baseline", "web interface")),
        ("entrenar", ("model registry",)),
        ("magnus", ("DAG", "dag_hash")),
        ("ml-dash", ("parameters.json", "MongoDB")),
    ],
)
def test_page_names_what_is_missing(page: str, words: tuple[str, ...]) -> None:
    """The parts of each system that have no place here."""
    text = (DOCS / f"coming-from-{page}.md").read_text(encoding="utf-8")
    missing = text.partition("## What is not provided\n")[2]

    assert all(word in missing for word in words)
