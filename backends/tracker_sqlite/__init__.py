"""Runs in one SQLite database file, for one machine and any number of processes.

``TRACKER_SQLITE_CONFIG`` is the path of the file, or ``:memory:``; without it the file
is ``tracker.db`` in the home of Tracker. The tables are those of
:mod:`tracker_sqlite.tables`, made to be read with plain SQL.
"""

from tracker_sqlite.functions import register_functions
from tracker_sqlite.tracker import SqliteTracker, create

__all__ = ["SqliteTracker", "create", "register_functions"]
