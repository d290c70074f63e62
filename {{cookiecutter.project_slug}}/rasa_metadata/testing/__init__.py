"""What the bot's tests are made of."""
