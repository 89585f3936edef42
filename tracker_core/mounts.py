"""What lies where: the types of the filesystems that are mounted.

Network filesystems forget locks and mappings that a disk of this machine keeps. Linux
tells in ``/proc/self/mountinfo`` what is mounted where; other systems do not tell.
"""

import re
from pathlib import Path

__all__ = ["filesystem_type", "network_type"]

_MOUNTINFO = Path("/proc/self/mountinfo")

# 9p is not listed: virtual machines mount their own local disks by it.
_NETWORK = frozenset(
    {
        "acfs",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "gfs2",
        "glusterfs",
        "gpfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs3",
        "nfs4",
        "ocfs2",
        "orangefs",
        "panfs",
        "pvfs2",
        "smb2",
        "smb3",
        "smbfs",
        "wekafs",
        "fuse.beegfs",
        "fuse.blobfuse",
        "fuse.blobfuse2",
        "fuse.ceph",
        "fuse.ceph-fuse",
        "fuse.cephfs",
        "fuse.curlftpfs",
        "fuse.davfs",
        "fuse.gcsfuse",
        "fuse.glusterfs",
        "fuse.goofys",
        "fuse.juicefs",
        "fuse.mount-s3",
        "fuse.mountpoint-s3",
        "fuse.rclone",
        "fuse.s3fs",
        "fuse.seaweedfs",
        "fuse.smbnetfs",
        "fuse.sshfs",
    }
)


def network_type(path: Path, mountinfo: str | None = None) -> str | None:
    """Return the type of the network filesystem that holds ``path``, if it is one.

    Args:
        path: An absolute path without symbolic links; it need not exist.
        mountinfo: The text of ``/proc/self/mountinfo``; None reads it.
    """
    kind = filesystem_type(path, _read() if mountinfo is None else mountinfo)
    return kind if kind in _NETWORK else None


def filesystem_type(path: Path, mountinfo: str) -> str | None:
    """Return the type of the filesystem that holds ``path``, such as ``ext4``.

    Returns:
        The type of the mount with the longest path above it, the last one where
        several lie on each other; None when none is listed.
    """
    found: tuple[int, str] | None = None
    for line in mountinfo.splitlines():
        mount, _, details = line.partition(" - ")
        fields = mount.split(" ")
        if len(fields) > _MOUNT_POINT and details:
            point = Path(_unescaped(fields[_MOUNT_POINT]))
            depth = len(point.parts)
            if path.is_relative_to(point) and (found is None or depth >= found[0]):
                found = (depth, details.split(" ")[0])
    return found[1] if found else None


# The fifth field of a line; https://docs.kernel.org/filesystems/proc.html
_MOUNT_POINT = 4


def _unescaped(field: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), field)


def _read() -> str:
    try:
        # As os.fsdecode, so that the result compares with paths.
        return _MOUNTINFO.read_text("utf-8", "surrogateescape")
    except OSError:
        return ""
