"""Your actions. Rasa finds each `Action` in this folder, and those of rasa_metadata."""

import rasa_metadata  # noqa: F401
