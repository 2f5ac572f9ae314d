"""Records that are named by their ids or found by a filter: read, changed, deleted."""
