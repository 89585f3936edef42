"""Runs as plain files on any filesystem that fsspec knows, in torchx's layout.

``TRACKER_FSSPEC_CONFIG`` says where: a URL such as ``s3://bucket/prefix``, a directory,
a JSON object with options, or torchx's file of ``key=value`` lines.
"""

from tracker_fsspec.config import create
from tracker_fsspec.tracker import FsspecTracker

__all__ = ["FsspecTracker", "create"]
