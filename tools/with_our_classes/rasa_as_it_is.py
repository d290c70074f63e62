"""A plugin of pytest, for Rasa's own tests: Rasa's classes, with an SQL store in memory.

Our tracker store takes the place of Rasa's store in memory, too. For them to be compared with
each other, so does Rasa's SQL store.
"""

from rasa.core.tracker_store import InMemoryTrackerStore, SQLTrackerStore
from replacing import in_memory, replace

replace({InMemoryTrackerStore: in_memory(SQLTrackerStore)})
