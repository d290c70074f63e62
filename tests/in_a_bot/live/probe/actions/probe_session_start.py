"""A session start of one's own, on top of the generated one."""

import json

from rasa_sdk.events import SlotSet

from actions.session_start import ActionSessionStart
from rasa_metadata import input_channel, known_metadata


class ProbeSessionStart(ActionSessionStart):
    """What somebody may add to it; this one is registered instead."""

    async def run(self, dispatcher, tracker, domain):
        *events, listen = await super().run(dispatcher, tracker, domain)
        known = json.dumps(known_metadata(tracker, domain))
        opened = SlotSet("probe_opened_by", f"{input_channel(tracker)} {known}")
        return [*events, opened, listen]
