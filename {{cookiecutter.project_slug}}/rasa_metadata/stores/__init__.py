"""Where conversations and their locks are kept; endpoints.yml names these classes."""

from typing import Any

from rasa.core.lock_store import InMemoryLockStore
from rasa.core.tracker_store import SQLTrackerStore

from rasa_metadata import runtime

__all__ = ["InProcessLockStore", "SQLTrackerStore"]

runtime.load()


class InProcessLockStore(InMemoryLockStore):
    """Rasa's lock store for one process."""

    def __init__(self, endpoint_config: Any) -> None:
        super().__init__()
