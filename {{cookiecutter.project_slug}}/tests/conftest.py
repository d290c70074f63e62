"""Collects the talks in tests/talks/ and starts the bot that they talk to."""

pytest_plugins = ["rasa_metadata.testing.plugin"]
