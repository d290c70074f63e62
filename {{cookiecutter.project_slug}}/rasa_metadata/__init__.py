"""Metadata in slots: this package is the template's, and an update replaces it as a whole."""

from rasa_metadata.slots.known import input_channel, known_metadata
from rasa_metadata.slots.session_start import SessionStart
from rasa_metadata.slots.sync import ActionSyncMetadata

__all__ = ["ActionSyncMetadata", "SessionStart", "input_channel", "known_metadata"]
