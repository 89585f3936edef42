"""A job that torchrun starts, as a program: each rank logs its loss.

At the first start the last rank dies once all have logged, the others wait for their
end, and torchrun starts them all again.
"""

import os
import sys
import time
from pathlib import Path

from tracker_core import AppRun


def _main() -> None:
    rank, ranks = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    start, place = os.environ["TORCHELASTIC_RESTART_COUNT"], Path(sys.argv[1])
    run = AppRun.run_from_env()
    run.log_metric("loss", rank / 8, step=int(start))
    (place / f"{start}-{rank}").write_text(run.id)
    while start == "0":
        if rank == ranks - 1 and len(list(place.glob("0-*"))) == ranks:
            os._exit(3)
        time.sleep(0.01)


if __name__ == "__main__":
    _main()
