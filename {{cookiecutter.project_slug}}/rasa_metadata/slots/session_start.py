"""Starts a session: fills the slots that its metadata names and carries others over."""

import functools
import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import ActionExecuted, SessionStarted, SlotSet
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.utils import all_subclasses, call_potential_coroutine

from rasa_metadata.contract import ABSENT, Contract, contract_of, copied, lookup
from rasa_metadata.contract.fields import VALIDATION_ACTION
from rasa_metadata.slots.applied import Event, applied_events
from rasa_metadata.slots.known import START_SLOT, opening_message, signed_metadata, start_metadata

Domain = dict[str, Any]


class SessionStart(Action):
    """Replaces Rasa's own action_session_start, which does not read metadata.

    `ActionSessionStart` in actions/session_start.py derives from it; its `greet` is yours.
    """

    def name(self) -> str:
        return "action_session_start"

    async def greet(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain
    ) -> None:
        """Say something at the start of a session; by default, nothing.

        `tracker` has the slots that the session starts with; `known_metadata(tracker,
        domain)` and `input_channel(tracker)` work. Responses are rendered with these slots.
        """

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain
    ) -> list[dict[str, Any]]:
        contract = contract_of(domain)
        start = start_metadata(tracker, contract, domain)
        slots: dict[str, Any] = {}
        if (domain.get("session_config") or {}).get("carry_over_slots_to_new_session", True):
            slots = carried_over(contract, tracker.events)
        filled = starting_slots(contract, tracker, start)
        initial = {**_initial_slots(tracker, domain), **slots}
        slots.update(await _validated(filled, initial, dispatcher, tracker, domain))

        events = [SessionStarted()]  # resets every slot, so the others come after it
        if start:
            events.append(SlotSet(START_SLOT, start))
        events += [SlotSet(slot, value) for slot, value in slots.items()]
        if greets(type(self)):
            started = _changed(tracker, {**initial, **slots}, [*tracker.events, *events])
            await call_potential_coroutine(self.greet(dispatcher, started, copied(domain)))
        # Without this, Rasa would undo the first message together with its slots.
        return [*events, ActionExecuted("action_listen")]


def greets(action: type[Action]) -> bool:
    """Return whether a class has a `greet` with a body, and not only its docstring."""
    greet = getattr(action, "greet", SessionStart.greet)
    return bool(greet.__code__.co_code != SessionStart.greet.__code__.co_code)


def starting_slots(
    contract: Contract, tracker: Tracker, start: Mapping[str, Any]
) -> dict[str, Any]:
    """Return {slot: value} of what metadata fills at the start, `None` for cleared slots.

    `tracker` is what action_session_start receives, `start` its `start_metadata`.
    """
    opening = opening_message(tracker)
    signed = signed_metadata(opening, tracker.sender_id)
    values = {
        field: lookup(
            start if field.holds else signed if field.signed else opening.metadata, field.path
        )
        for field in contract.fields
    }
    return {
        field.slot: value
        for field, value in values.items()
        if value is not ABSENT and field.accepts(value)
    }


def carried_over(contract: Contract, events: Sequence[Event]) -> dict[str, Any]:
    """Return {slot: value} of the slots set in the session that ends."""
    slots: dict[str, Any] = {}
    for _, event in applied_events(events):
        if event["event"] == "reset_slots":
            slots.clear()
        elif event["event"] == "slot":
            slots[event["name"]] = event["value"]
    slots.pop(START_SLOT, None)
    for field in contract.fields:
        if not field.holds:
            slots.pop(field.slot, None)
    return slots


async def _validated(
    slots: dict[str, Any],
    initial: Mapping[str, Any],
    dispatcher: CollectingDispatcher,
    tracker: Tracker,
    domain: Domain,
) -> dict[str, Any]:
    """Return slots after your action_validate_slot_mappings, which Rasa runs in turns only.

    It sees them as the latest events of a tracker that holds nothing else.
    """
    named = VALIDATION_ACTION in domain.get("actions", ())
    action = registered_action(VALIDATION_ACTION) if named else None
    if not slots or action is None:
        return slots
    sets = [SlotSet(slot, value) for slot, value in slots.items()]
    candidate = _changed(tracker, {**initial, **slots}, sets)
    run = action.run(dispatcher, candidate, copied(domain))
    events = await call_potential_coroutine(run) or []
    return slots | {each["name"]: each["value"] for each in events if each["event"] == "slot"}


@functools.cache
def registered_action(name: str) -> Action | None:
    """Return your action with a name; the last one defined, as in rasa_sdk."""
    classes = [
        each
        for each in all_subclasses(Action)
        if not inspect.isabstract(each) and not each.__module__.startswith("rasa_sdk.")
    ]
    actions = (each() for each in reversed(classes))
    return next((each for each in actions if each.name() == name), None)


def _initial_slots(tracker: Tracker, domain: Domain) -> dict[str, Any]:
    configured = domain.get("slots") or {}
    return {slot: (configured.get(slot) or {}).get("initial_value") for slot in tracker.slots}


def _changed(tracker: Tracker, slots: Mapping[str, Any], events: Sequence[Event]) -> Tracker:
    """Return a copy of a tracker with other slots and events."""
    state = {**tracker.current_state(), "slots": slots, "events": events}
    return Tracker.from_dict(copied(state))
