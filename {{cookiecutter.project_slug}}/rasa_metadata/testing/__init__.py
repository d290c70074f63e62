"""The tests of a bot: talks in YAML and tests of its metadata slots, as a pytest plugin."""
