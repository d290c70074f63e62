"""The commands of `python -m rasa_metadata`."""
