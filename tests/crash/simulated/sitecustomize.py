"""Files that stand for those of cgroups, for the programs that a test starts.

Python imports this module first where its folder is on ``PYTHONPATH``.
``SIMULATED_GROUPS`` names the folder of the files.
"""

import os
from pathlib import Path

if "SIMULATED_GROUPS" in os.environ:
    from tracker_core import outofmemory

    _FOLDER = Path(os.environ["SIMULATED_GROUPS"])
    outofmemory._GROUPS = _FOLDER / "groups"  # noqa: SLF001 - there is no other way in
    outofmemory._MOUNT = _FOLDER / "mount"  # noqa: SLF001 - as above
