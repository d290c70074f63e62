"""The bot's actions; Rasa finds every `Action` in this folder by itself.

custom.py is the place for yours. session_start.py and sync_metadata.py write
metadata into slots; slots.py holds the rule by which they do, known.py what was told,
said.py what the user says instead, replay.py which events count.
"""

from actions.known import input_channel, known_metadata

__all__ = ["input_channel", "known_metadata"]
