"""Checks a message before it reaches the bot; independent of HTTP servers."""
