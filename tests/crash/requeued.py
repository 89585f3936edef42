"""A launcher that is told the id of its run, as a scheduler's script tells it."""

import os
import sys

from tracker_core.launcher import launch_job
from tracker_core.launches import plan_launch
from tracker_core.opening import open_targets

if __name__ == "__main__":
    launch = plan_launch(os.environ, run_id=sys.argv[1])
    targets = open_targets(launch.backends, launch.on_error)
    sys.exit(launch_job(launch, targets, sys.argv[2:], os.environ))
