"""How a run's records reach its trackers: at once, or through the journal."""
