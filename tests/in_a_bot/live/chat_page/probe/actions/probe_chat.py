"""An action that says whatever a link tells it to."""

import time
from pathlib import Path

from rasa_sdk import Action

from rasa_metadata import known_metadata


class ChatSay(Action):
    def name(self):
        return "action_chat_say"

    def run(self, dispatcher, tracker, domain):
        for message in known_metadata(tracker)["chat"]["say"]:
            dispatcher.utter_message(**message)
        return []


class ChatWait(Action):
    def name(self):
        return "action_chat_wait"

    def run(self, dispatcher, tracker, domain):
        while not Path(known_metadata(tracker)["chat"]["released"]).exists():
            time.sleep(0.01)
        dispatcher.utter_message(text="at last")
        return []
