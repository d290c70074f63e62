"""Our tracker store, which compares each tracker that it remembered with the database."""

import json

from rasa_metadata.stores import SQLTrackerStore
from rasa_metadata.stores.trackers import SESSION

STATE = ("active_loop", "followup_action", "latest_action", "latest_action_name")


def state(tracker):
    message, said = tracker.latest_message, tracker.latest_bot_utterance
    found = {
        "events": [event.as_dict() for event in tracker.events],
        "slots": {name: slot.value for name, slot in tracker.slots.items()},
        "message": {**message.as_dict(), "timestamp": None},  # one before the first is of now
        "said": (said.text, said.data, said.metadata),
        "paused": tracker.is_paused(),
        **{name: repr(getattr(tracker, name)) for name in STATE},
    }
    return json.loads(json.dumps(found))  # a tuple is stored as a list


class ComparedTrackerStore(SQLTrackerStore):
    """A turn for which both are not the same fails with the difference."""

    def _latest(self, sender_id, recent):
        tracker = super()._latest(sender_id, recent)
        if recent and tracker is recent:
            remembered, stored = state(tracker), state(self._read(sender_id, SESSION))
            for what, value in stored.items():
                assert remembered[what] == value, f"{what}: {remembered[what]}, stored is {value}"
        return tracker
