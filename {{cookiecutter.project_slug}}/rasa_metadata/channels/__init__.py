"""The channels: Rasa's own, with a door in front that checks what comes in."""
