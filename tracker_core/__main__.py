"""``python -m tracker_core`` is the ``tracker`` command."""

from tracker_core.cli import main

main(prog_name="tracker")
