"""What this bot changes in a running Rasa: actions in process, failing turns, patches."""
