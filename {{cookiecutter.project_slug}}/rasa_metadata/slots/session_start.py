"""Begins a session: carries slots over and fills those that metadata names."""

from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import ActionExecuted, SessionStarted, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from rasa_metadata.contract import contract_of
from rasa_metadata.slots.known import START_SLOT, start_metadata
from rasa_metadata.slots.rule import carried_over, starting_slots


class SessionStart(Action):
    """Takes the place of Rasa's own action, which knows nothing of metadata.

    To greet at the start of a session, add `dispatcher.utter_message(...)` to `run`:
    `slots` and `start` hold what the bot knows by then, `input_channel(tracker)` tells
    where it is talked to.
    """

    def name(self) -> str:
        return "action_session_start"

    def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[dict[str, Any]]:
        contract = contract_of(domain)
        start = start_metadata(tracker.events, contract, domain)
        slots = {}
        if (domain.get("session_config") or {}).get("carry_over_slots_to_new_session", True):
            slots = carried_over(contract, tracker.events)
        slots.update(starting_slots(contract, tracker.events, start, tracker.sender_id))

        events = [SessionStarted()]  # wipes every slot, so all the others come after
        if start:
            events.append(SlotSet(START_SLOT, start))
        events += [SlotSet(slot, value) for slot, value in slots.items()]
        # Without this the first message would be undone together with its slots.
        return [*events, ActionExecuted("action_listen")]
