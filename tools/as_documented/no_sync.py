"""Stands in where nothing is done in each turn: the domain names an action all the same."""

from rasa_sdk import Action


class ActionSyncMetadata(Action):
    def name(self):
        return "action_sync_metadata"

    def run(self, dispatcher, tracker, domain):
        return []
