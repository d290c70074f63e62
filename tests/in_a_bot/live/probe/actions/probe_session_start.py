"""A session start that greets, and records what it knows."""

import json

from rasa_sdk.events import SlotSet

from actions.session_start import ActionSessionStart
from rasa_metadata import input_channel, known_metadata


class ProbeSessionStart(ActionSessionStart):
    """What an owner may write; the subclass is registered in place of its base."""

    async def greet(self, dispatcher, tracker, domain):
        probe = known_metadata(tracker, domain).get("probe") or {}
        if probe.get("greet"):
            dispatcher.utter_message(response="utter_probe_welcome")
            tracker.slots.clear()  # what it does to its arguments stays here
            domain.clear()

    async def run(self, dispatcher, tracker, domain):
        *events, listen = await super().run(dispatcher, tracker, domain)
        known = json.dumps(known_metadata(tracker, domain))
        opened = SlotSet("probe_opened_by", f"{input_channel(tracker)} {known}")
        return [*events, opened, listen]
