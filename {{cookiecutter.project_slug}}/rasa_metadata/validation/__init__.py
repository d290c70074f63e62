"""Checks a message before it reaches the bot; knows nothing of HTTP servers."""
