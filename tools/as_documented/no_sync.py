"""Does nothing; the slots' mappings in the domain need an action of this name."""

from rasa_sdk import Action


class ActionSyncMetadata(Action):
    def name(self):
        return "action_sync_metadata"

    def run(self, dispatcher, tracker, domain):
        return []
