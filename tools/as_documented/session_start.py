"""What Rasa's documentation of session starts amounts to, for these slots and paths."""

from rasa_sdk import Action
from rasa_sdk.events import ActionExecuted, SessionStarted, SlotSet

from rasa_metadata.contract import ABSENT, lookup


class ActionSessionStart(Action):
    def name(self):
        return "action_session_start"

    def run(self, dispatcher, tracker, domain):
        metadata = tracker.get_slot("session_started_metadata") or {}
        slots = slots_in(metadata, domain)
        return [SessionStarted(), *slots, ActionExecuted("action_listen")]


def slots_in(metadata, domain):
    """Return a SlotSet for each slot whose path is in the metadata."""
    found = []
    for slot, config in domain["slots"].items():
        for path in (mapping.get("metadata") for mapping in config["mappings"]):
            path = path["path"] if isinstance(path, dict) else path
            value = lookup(metadata, tuple(path.split("."))) if path else ABSENT
            if value is not ABSENT:
                found.append(SlotSet(slot, value))
    return found
