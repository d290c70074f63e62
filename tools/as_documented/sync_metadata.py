"""The usual answer on the forum: a mapping whose action reads the latest message."""

from rasa_sdk import Action

from actions.session_start import slots_in


class ActionSyncMetadata(Action):
    def name(self):
        return "action_sync_metadata"

    def run(self, dispatcher, tracker, domain):
        return slots_in(tracker.latest_message.get("metadata") or {}, domain)
