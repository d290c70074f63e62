"""A plugin of pytest, for Rasa's own tests: Rasa's classes, with an SQL store in memory.

Our tracker store takes the place of Rasa's store in memory, too. For them to be compared with
each other, so does Rasa's SQL store. Only tests run that failed before, in the same folder;
all are collected, because some depend on what others define.
"""

from typing import Any

from rasa.core.tracker_store import InMemoryTrackerStore, SQLTrackerStore
from replacing import in_memory, replace

replace({InMemoryTrackerStore: in_memory(SQLTrackerStore)})


def pytest_collection_modifyitems(config: Any, items: list[Any]) -> None:
    failed = config.cache.get("cache/lastfailed", {})
    items[:] = [item for item in items if item.nodeid in failed]
