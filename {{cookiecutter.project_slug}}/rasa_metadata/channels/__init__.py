"""The channels: Rasa's own classes, with request validation in front of them."""
