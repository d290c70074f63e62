"""Writes what the metadata of a message changed into the slots."""

from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import SlotSet
from rasa_sdk.executor import CollectingDispatcher

from rasa_metadata.slots.rule import slots_to_write


class ActionSyncMetadata(Action):
    """Runs once for each user message, before the bot decides what to do.

    Rasa calls it because the slots' mappings in domain.yml name it.
    """

    def name(self) -> str:
        return "action_sync_metadata"

    def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[dict[str, Any]]:
        return [SlotSet(slot, value) for slot, value in slots_to_write(tracker, domain).items()]
