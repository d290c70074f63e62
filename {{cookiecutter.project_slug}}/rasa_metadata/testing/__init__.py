"""What the bot's tests are made of: `plugin.py` collects talks and tests of slots."""
