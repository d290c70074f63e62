"""The usual answer on the forum: a mapping whose action reads the latest message."""

from contract import ABSENT, contract_of, lookup
from rasa_sdk import Action
from rasa_sdk.events import SlotSet


class ActionSyncMetadata(Action):
    def name(self):
        return "action_sync_metadata"

    def run(self, dispatcher, tracker, domain):
        metadata = tracker.latest_message.get("metadata") or {}
        values = {f.slot: lookup(metadata, f.path) for f in contract_of(domain).fields}
        return [SlotSet(slot, value) for slot, value in values.items() if value is not ABSENT]
