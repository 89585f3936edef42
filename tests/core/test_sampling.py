"""Tests of sampling the machine and the job while it runs."""

import os
import queue
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tracker_core.errors import RunEndedError
from tracker_core.records import MetricsBody
from tracker_core.sampling import Sampling
from tracker_core.settings import Settings

_OFTEN = Settings(system_interval=0.02)
_WAIT_S = 60


@contextmanager
def _sampling(
    folder: Path, settings: Settings = _OFTEN
) -> Iterator[Callable[[], MetricsBody]]:
    """Sample, and give what waits for the next one."""
    sent: queue.Queue[MetricsBody] = queue.Queue()
    with Sampling(sent.put, folder, settings, os.getpid):
        yield lambda: sent.get(timeout=_WAIT_S)


def _never(body: MetricsBody) -> None:
    pytest.fail(f"{body} was sampled")


def test_samples_come_one_after_the_other(tmp_path: Path) -> None:
    """Each is one record of the stream `system`, without a step."""
    with _sampling(tmp_path) as following:
        bodies = [following() for _ in range(2)]

    assert [(body.step, *body.streams) for body in bodies] == [(None, "system")] * 2


def test_sample_tells_units_in_its_names(tmp_path: Path) -> None:
    """What every system tells is there."""
    with _sampling(tmp_path) as following:
        fields = following().streams["system"]

    assert {"cpu_percent", "memory_used_bytes", "memory_percent"} <= fields.keys()
    assert {"disk_free_bytes", "job_cpu_percent"} <= fields.keys()
    assert all(isinstance(number, int | float) for number in fields.values())


@pytest.mark.parametrize(("rank", "stream"), [(0, "system"), (3, "system/3")])
def test_launcher_of_a_rank_has_a_stream_of_its_own(
    tmp_path: Path, rank: int, stream: str
) -> None:
    """Several launchers of a run are each on a machine of its own."""
    with _sampling(tmp_path, _OFTEN._replace(rank=rank)) as following:
        body = following()

    assert [*body.streams] == [stream]


def test_sampling_goes_on_when_a_record_is_refused(tmp_path: Path) -> None:
    """A disk may be full for a while."""
    calls: queue.Queue[MetricsBody] = queue.Queue()

    def refuse(body: MetricsBody) -> None:
        calls.put(body)
        raise RunEndedError("r")

    with Sampling(refuse, tmp_path, _OFTEN, os.getpid):
        bodies = [calls.get(timeout=_WAIT_S) for _ in range(2)]

    assert len(bodies) == 2


@pytest.mark.parametrize(
    "settings", [Settings(system_interval=0), _OFTEN._replace(mode="off")], ids=str
)
def test_nothing_is_sampled_where_nobody_wants_it(
    tmp_path: Path, settings: Settings
) -> None:
    """There is no thread either."""
    before = threading.active_count()

    with Sampling(_never, tmp_path, settings, os.getpid):
        assert threading.active_count() == before


def test_short_job_has_no_sample(tmp_path: Path) -> None:
    """There would be nothing to see."""
    with Sampling(_never, tmp_path, Settings(system_interval=1e6), os.getpid):
        pass


def test_machine_that_cannot_be_read_is_told_of(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A psutil that was built for another system costs the samples alone."""
    monkeypatch.delitem(sys.modules, "tracker_core.machine", raising=False)
    monkeypatch.setitem(sys.modules, "psutil", None)
    settings = Settings(system_interval=1e-3)

    with Sampling(_never, tmp_path, settings, os.getpid):
        for thread in threading.enumerate():
            if thread.name == "tracker-system":
                thread.join(_WAIT_S)

    assert "the machine is not sampled: " in caplog.text
