"""Actions of the live tests; each does one thing that a bot's action may do."""

import asyncio
import hashlib
import json
import logging
import time
from pathlib import Path

from rasa_sdk import Action, FormValidationAction, ValidationAction
from rasa_sdk.events import ActionReverted, AllSlotsReset, FollowupAction, SlotSet
from rasa_sdk.interfaces import ActionExecutionRejection

from rasa_metadata import input_channel, known_metadata, user_token

logger = logging.getLogger(__name__)


class ProbeSet(Action):
    def name(self):
        return "action_probe_set"

    def run(self, dispatcher, tracker, domain):
        logger.info("the probe was set")
        return [SlotSet("probe_text", "set by an action")]


class ProbeWipe(Action):
    def name(self):
        return "action_probe_wipe"

    def run(self, dispatcher, tracker, domain):
        return [AllSlotsReset()]


class ProbeRevert(Action):
    def name(self):
        return "action_probe_revert"

    def run(self, dispatcher, tracker, domain):
        undone_by_rasa = [SlotSet("probe_text", "undone"), ActionReverted()]
        return [*undone_by_rasa, FollowupAction("action_listen")]


class ProbeMutate(Action):
    def name(self):
        return "action_probe_mutate"

    def run(self, dispatcher, tracker, domain):
        tracker.slots["probe_text"] = "mutated"
        tracker.latest_message["metadata"] = {"probe": {"text": "mutated"}}
        for event in tracker.events:
            event["metadata"] = {"probe": {"text": "mutated"}}
            event["value"] = "mutated"
        domain["slots"].clear()
        domain["responses"].clear()
        dispatcher.utter_message(text="mutated")
        return []


class ProbeFail(Action):
    def name(self):
        return "action_probe_fail"

    def run(self, dispatcher, tracker, domain):
        raise RuntimeError("this action always fails")


class ProbeSpeak(Action):
    def name(self):
        return "action_probe_speak"

    def run(self, dispatcher, tracker, domain):
        dispatcher.utter_message(text="one moment")
        return []


class ProbeHang(Action):
    def name(self):
        return "action_probe_hang"

    async def run(self, dispatcher, tracker, domain):
        await asyncio.Event().wait()


class ProbeBlock(Action):
    def name(self):
        return "action_probe_block"

    def run(self, dispatcher, tracker, domain):
        files = known_metadata(tracker)
        Path(files["begun"]).touch()
        while not Path(files["released"]).exists():
            time.sleep(0.01)  # as `requests.get` would, it lets nobody else run
        dispatcher.utter_message(text="at last")
        return []


class ProbeWait(Action):
    def name(self):
        return "action_probe_wait"

    async def run(self, dispatcher, tracker, domain):
        files = known_metadata(tracker)
        Path(files["begun"]).touch()
        while not Path(files["released"]).exists():
            await asyncio.sleep(0.01)
        dispatcher.utter_message(text="at last")
        return []


class ProbeKnown(Action):
    def name(self):
        return "action_probe_known"

    def run(self, dispatcher, tracker, domain):
        dispatcher.utter_message(text=json.dumps(known_metadata(tracker, domain)))
        return []


class ProbeChannel(Action):
    def name(self):
        return "action_probe_channel"

    def run(self, dispatcher, tracker, domain):
        dispatcher.utter_message(text=input_channel(tracker))
        return []


class ProbeToken(Action):
    """Says a hash of the user's token, so that it is in no tracker."""

    def name(self):
        return "action_probe_token"

    def run(self, dispatcher, tracker, domain):
        token = user_token()
        said = hashlib.sha256(token.encode()).hexdigest() if token else "no token"
        dispatcher.utter_message(text=said)
        return []


class ProbeTokenAwaited(ProbeToken):
    def name(self):
        return "action_probe_token_awaited"

    async def run(self, dispatcher, tracker, domain):
        await asyncio.sleep(0.01)
        return super().run(dispatcher, tracker, domain)


class ProbeValidation(FormValidationAction):
    def name(self):
        return "validate_probe_form"

    def validate_probe_answer(self, value, dispatcher, tracker, domain):
        if value == "reject me":
            raise ActionExecutionRejection("probe_form", "the answer was rejected")
        return {"probe_answer": value}


class ProbePrice(Action):
    """A custom mapping of the owner's: a price that depends on a slot."""

    def name(self):
        return "action_probe_price"

    def run(self, dispatcher, tracker, domain):
        tier = tracker.get_slot("probe_tier")
        return [SlotSet("probe_price", {"gold": 100, "silver": 10}.get(tier))]


class ProbeValidateSlotMappings(ValidationAction):
    def validate_probe_valid(self, value, dispatcher, tracker, domain):
        if value == "reject":
            return {"probe_valid": None}
        if value == "two":
            return {"probe_valid": "two", "probe_also": "set too"}
        return {"probe_valid": value and value.upper()}
