"""Network filesystems are refused by the sqlite backend."""

from pathlib import Path

import pytest

from tracker_core.errors import ConfigError
from tracker_core.mounts import filesystem_type
from tracker_sqlite.mounts import refuse_network

# Lines as Linux writes them, with and without optional fields.
_MOUNTINFO = r"""
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
23 22 0:21 / /proc rw,nosuid shared:2 master:3 - proc proc rw
30 22 0:45 / /home rw,relatime - nfs4 server:/home rw,vers=4.2
31 30 8:2 / /home/local rw shared:4 - xfs /dev/sdb1 rw
32 22 0:46 / /mnt/with\040space rw - cifs //server/share rw
33 22 8:3 / /scratch rw - ext4 /dev/sdc1 rw
34 33 0:47 / /scratch rw - lustre 10.0.0.1@tcp:/fs rw
35 22 0:48 / /data rw - fuse.sshfs me@server:/data rw
36 22 0:49 / /disk rw - fuseblk /dev/sdd1 rw
37 22 0:50 / /shared rw - 9p host rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "ext4"),
        ("/var/lib/runs.db", "ext4"),
        ("/home/me/runs.db", "nfs4"),
        ("/homes/me/runs.db", "ext4"),
        ("/home/local/me/runs.db", "xfs"),
        ("/mnt/with space/runs.db", "cifs"),
        ("/scratch/runs.db", "lustre"),
        ("/disk/runs.db", "fuseblk"),
    ],
)
def test_filesystem_type_is_that_of_the_deepest_mount(path: str, kind: str) -> None:
    """The nearest mount above a path holds it; a later one covers an earlier one."""
    assert filesystem_type(Path(path), _MOUNTINFO) == kind


@pytest.mark.parametrize("mountinfo", ["", "\n", "22 1 8:1 / / rw shared:1", "- -"])
def test_filesystem_type_is_unknown_without_mounts(mountinfo: str) -> None:
    """Lines that are cut off, or none at all, tell nothing."""
    assert filesystem_type(Path("/home"), mountinfo) is None


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home/me/runs.db", "nfs4"),
        ("/mnt/with space/runs.db", "cifs"),
        ("/scratch/runs.db", "lustre"),
        ("/data/runs.db", "fuse.sshfs"),
    ],
)
def test_network_filesystem_is_refused(path: str, kind: str) -> None:
    """The message names the path and the filesystem, and what to use instead."""
    with pytest.raises(ConfigError, match=rf"{path}.*\({kind}\).*fsspec"):
        refuse_network(Path(path), _MOUNTINFO)


@pytest.mark.parametrize("path", ["/var/runs.db", "/disk/runs.db", "/shared/runs.db"])
def test_local_filesystem_is_accepted(path: str) -> None:
    """Local disks pass, also those of a virtual machine's host."""
    refuse_network(Path(path), _MOUNTINFO)


def test_mounts_of_this_machine_are_read(tmp_path: Path) -> None:
    """Without a text the kernel's own is read, and a local folder passes."""
    refuse_network(tmp_path / "runs.db")
