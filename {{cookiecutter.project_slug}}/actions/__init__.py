"""The bot's actions; Rasa finds every `Action` in this folder by itself.

custom.py is the place for yours. session_start.py and sync_metadata.py write
metadata into slots, known.py holds the rule by which they do.
"""

from actions.known import known_metadata

__all__ = ["known_metadata"]
