"""Fills slots from metadata. This package is the template's: an update replaces it."""

from rasa_metadata.slots.known import input_channel, known_metadata
from rasa_metadata.slots.session_start import SessionStart
from rasa_metadata.slots.sync import ActionSyncMetadata
from rasa_metadata.slots.user_token import user_token

__all__ = ["ActionSyncMetadata", "SessionStart", "input_channel", "known_metadata", "user_token"]
