"""What the bot does when a session starts. This file is yours."""

from rasa_metadata import SessionStart


class ActionSessionStart(SessionStart):
    """Fills the slots that metadata names, and carries over those of the session before."""
