"""What the slots hold: the session start, the sync of each turn, and what metadata is known."""
