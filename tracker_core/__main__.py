"""``python -m tracker_core`` is the ``tracker`` command."""

from tracker_core.cli.entry import main

main()
