"""What the slots hold: the session start, the sync in each turn, and the known metadata."""
