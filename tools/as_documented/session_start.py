"""What Rasa's documentation of session starts amounts to, for the slots of a contract."""

from contract import ABSENT, contract_of, lookup
from rasa_sdk import Action
from rasa_sdk.events import ActionExecuted, SessionStarted, SlotSet


class ActionSessionStart(Action):
    def name(self):
        return "action_session_start"

    def run(self, dispatcher, tracker, domain):
        metadata = tracker.get_slot("session_started_metadata") or {}
        events = [SessionStarted()]
        for field in contract_of(domain).fields:
            value = lookup(metadata, field.path)
            if value is not ABSENT:
                events.append(SlotSet(field.slot, value))
        return [*events, ActionExecuted("action_listen")]
