"""The page on the data model is complete, and what it shows is so."""

import json
import re
from datetime import date
from enum import Enum
from pathlib import Path, PurePosixPath
from types import SimpleNamespace

import numpy as np
import pydantic
import pytest

from tracker_core import AppRun, Capability, NotSupportedError, RunInfo, Summary, wire
from tracker_core.bodies import RESERVED_PREFIX
from tracker_core.plain import native
from tracker_core.plainwords import ABOUT_ARTIFACT, METRICS, PARAMS, PROVENANCE, TAGS
from tracker_core.records import MetricsBody, Sequencer
from tracker_core.testing import MemoryTracker
from tracker_core.values import to_json

PAGE = (Path(__file__).parents[2] / "docs" / "data-model.md").read_text("utf-8")


class Device(Enum):
    """A member of an enum has a value."""

    CPU = "cpu"


class Model(pydantic.BaseModel):
    """A pydantic model has an alias."""

    rate: float = pydantic.Field(alias="learning-rate")


def rows(heading: str) -> list[list[str]]:
    """Give the cells of the first table under a heading, without its head."""
    section = PAGE.partition(f"# {heading}\n")[2]
    (table,) = re.findall(r"\n\|.*\n\|[-|]+\n((?:\|.*\n)+)", section)[:1]
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in table.splitlines()
    ]


def words(cell: str) -> list[str]:
    """Give the pieces of code in a cell."""
    return re.findall(r"`([^`]+)`", cell)


def test_page_has_every_field_of_a_run() -> None:
    """Each is in the table of runs."""
    named = {word for row in rows("Runs") for word in words(row[0])}

    assert named == set(RunInfo.__slots__)


def test_page_has_every_kind_of_record() -> None:
    """Each that is ever written is in the table of records."""
    named = {word for row in rows("Records") for word in words(row[0])}

    assert named == set(wire._KINDS)  # noqa: SLF001 - the one list of them


def test_page_has_every_field_of_a_summary() -> None:
    """Each is in the table of metrics."""
    named = {word for row in rows("Metrics") for word in words(row[0])}

    assert named == set(Summary._fields)


def test_page_has_every_capability() -> None:
    """Each is in the table of capabilities."""
    named = {word for row in rows("Capabilities") for word in words(row[0])}

    assert named == set(Capability)


@pytest.mark.parametrize("prefix", [PARAMS, TAGS, METRICS, PROVENANCE, ABOUT_ARTIFACT])
def test_page_has_the_words_of_plain_trackers(prefix: str) -> None:
    """What the raw object shows is explained."""
    assert prefix.startswith(RESERVED_PREFIX)
    assert f"`{prefix}" in PAGE


def test_rewind_of_the_page_is_so() -> None:
    """The steps that the table says stand are those that are read."""
    tracker = MemoryTracker()
    listed = [[_steps(cell) for cell in row] for row in rows("Rewinds")]
    clock = iter(range(1, 100))
    for (attempt,), logged, _ in listed:
        sequencer = Sequencer(attempt, clock=lambda: next(clock))
        for step in logged:
            body = MetricsBody(step, {"": {"loss": 0.5}})
            tracker.write(sequencer.batch("r1", body))

    standing = [step for _, _, stand in listed for step in stand]
    everything = [step for _, logged, _ in listed for step in logged]
    assert list(tracker.points("r1", "loss").steps) == standing
    assert list(tracker.points("r1", "loss", abandoned=True).steps) == everything


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ((1, 2), [1, 2]),
        (np.float32(0.5), 0.5),
        (np.zeros(2), [0.0, 0.0]),
        (SimpleNamespace(a=1), {"a": 1}),
        (Model.model_validate({"learning-rate": 0.5}), {"learning-rate": 0.5}),
        (Device.CPU, "cpu"),
        (PurePosixPath("a/b"), "a/b"),
        (date(2026, 1, 31), "2026-01-31"),
    ],
    ids=str,
)
def test_objects_of_the_page_are_kept_so(given: object, kept: object) -> None:
    """Deep within a value of any kind of record."""
    tracker = MemoryTracker()

    AppRun("r1", [tracker]).log_metric("value", [{"inner": given}])

    assert tracker.series("r1")["value"].last == [{"inner": kept}]


@pytest.mark.parametrize("number", ["nan", "inf", "-inf"])
def test_number_that_json_lacks_is_written_as_the_page_says(number: str) -> None:
    """As a mark that JSON can say."""
    written = json.dumps(json.loads(to_json(float(number))))

    assert written == f'{{"$float": "{number}"}}'
    assert f"`{written}`" in PAGE


def test_plain_tracker_refuses_the_reads_that_the_page_names() -> None:
    """The history of a series, of params, logs, tracks, steps and content."""
    run = AppRun("r1", [native(Metadata())])
    run.log_metric("loss", 0.5)
    (tracker,) = run.backends
    plain = native(tracker)

    for read in (
        lambda: plain.points("r1", "loss"),
        lambda: plain.param_history("r1", "lr"),
        lambda: plain.logs("r1"),
        lambda: plain.topics("r1"),
        lambda: plain.steps("r1"),
        lambda: plain.open_content("sha256:0"),
    ):
        with pytest.raises(NotSupportedError):
            read()
    assert plain.series("r1")["loss"].last == 0.5


class Metadata:
    """A plain tracker that holds metadata alone."""

    def __init__(self) -> None:
        """Hold nothing."""
        self.kept: dict[str, object] = {}

    def add_metadata(self, run_id: str, **kwargs: object) -> None:
        """Keep it."""
        del run_id
        self.kept.update(kwargs)

    def metadata(self, run_id: str) -> dict[str, object]:
        """Give it."""
        del run_id
        return self.kept

    def run_ids(self) -> list[str]:
        """Know one run."""
        return ["r1"]

    def add_artifact(self, *_: object) -> None:
        """Refuse."""
        raise NotImplementedError

    artifacts = add_source = sources = lineage = add_artifact


def _steps(cell: str) -> list[int]:
    return [int(number) for number in cell.split(",")]
