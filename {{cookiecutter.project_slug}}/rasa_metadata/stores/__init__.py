"""The tracker store and the lock stores; endpoints.yml names these classes.

Importing them loads the runtime. Rasa would go on in memory, with a warning, if this
module raised ImportError or AttributeError; so it raises another error.
"""

try:
    from rasa_metadata import runtime
    from rasa_metadata.stores.locks import InProcessLockStore
    from rasa_metadata.stores.trackers import SQLTrackerStore

    runtime.load()
except (ImportError, AttributeError) as error:
    raise RuntimeError(f"rasa_metadata cannot be loaded: {error}") from error

__all__ = ["InProcessLockStore", "SQLTrackerStore"]
