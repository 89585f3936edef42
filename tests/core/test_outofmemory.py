"""What the kernel tells of processes that it has killed, since memory ran out."""

from pathlib import Path

import pytest

from tracker_core import outofmemory
from tracker_core.outofmemory import OutOfMemory


@pytest.fixture
def groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the file that tells of the cgroups of this process; it is not there yet."""
    path = tmp_path / "cgroup"
    monkeypatch.setattr(outofmemory, "_GROUPS", path)
    monkeypatch.setattr(outofmemory, "_MOUNT", tmp_path / "mount")
    return path


@pytest.fixture
def second(groups: Path, tmp_path: Path) -> Path:
    """Give the counts of a cgroup of version 2, in which nothing was killed."""
    groups.write_text("0::/jobs/one\n")
    return _counts(tmp_path / "mount" / "jobs" / "one" / "memory.events", 0)


def _counts(path: Path, killed: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"low 0\nhigh 7\nmax 9\noom 3\noom_kill {killed}\n")
    return path


def test_kill_of_version_2_is_seen(second: Path) -> None:
    """The count of the group has grown."""
    memory = OutOfMemory()
    before = memory.has_killed()

    _counts(second, 1)

    assert not before
    assert memory.has_killed()


def test_kill_of_version_1_is_seen(groups: Path, tmp_path: Path) -> None:
    """It is counted in another file, in the folder of the memory controller."""
    groups.write_text("5:cpu,cpuacct:/a\n4:hugetlb,memory:/b\n1:name=systemd:/c\n")
    kept = tmp_path / "mount" / "memory" / "b" / "memory.oom_control"
    kept.parent.mkdir(parents=True)
    kept.write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 4\n")
    memory = OutOfMemory()
    before = memory.has_killed()

    kept.write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 5\n")

    assert not before
    assert memory.has_killed()


def test_kill_before_the_job_does_not_count(second: Path) -> None:
    """Other processes may have been killed in this group."""
    _counts(second, 12)

    assert not OutOfMemory().has_killed()


def test_group_of_the_root_is_at_the_mount(groups: Path, tmp_path: Path) -> None:
    """As it is inside a container."""
    groups.write_text("0::/\n")
    kept = _counts(tmp_path / "mount" / "memory.events", 0)
    memory = OutOfMemory()

    _counts(kept, 2)

    assert memory.has_killed()


def test_count_that_comes_later_counts_from_nothing(second: Path) -> None:
    """The file may appear when the controller is switched on."""
    second.unlink()
    memory = OutOfMemory()

    _counts(second, 1)

    assert memory.has_killed()


def test_count_that_goes_is_no_kill(second: Path) -> None:
    """A group may be removed with the job."""
    _counts(second, 3)
    memory = OutOfMemory()

    second.unlink()

    assert not memory.has_killed()


@pytest.mark.parametrize("text", ["", "oom_kill_disable 0\nunder_oom 0\n"])
def test_file_without_the_count_tells_nothing(second: Path, text: str) -> None:
    """Kernels before 4.13 do not count."""
    second.write_text(text)

    assert not OutOfMemory().has_killed()


@pytest.mark.parametrize("text", [None, "", "3:cpu:/a\n"])
def test_system_without_such_groups_tells_nothing(
    groups: Path, text: str | None
) -> None:
    """Nothing is known there of what was killed."""
    if text is not None:
        groups.write_text(text)

    assert not OutOfMemory().has_killed()
