"""Your own actions. Write them here, list them under `actions:` in domain.yml."""

import json
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.executor import CollectingDispatcher

from rasa_metadata import known_metadata


class ActionTellKnownMetadata(Action):
    """Answers "what do you know about me?"."""

    def name(self) -> str:
        return "action_tell_known_metadata"

    def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[dict[str, Any]]:
        known = known_metadata(tracker, domain)
        if known:
            text = f"I was told: {json.dumps(known, ensure_ascii=False)}"
        else:
            text = "I was told nothing about you yet."
        dispatcher.utter_message(text=text)
        return []
