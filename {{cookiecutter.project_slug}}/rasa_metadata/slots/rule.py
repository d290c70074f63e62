"""What the slots should hold: the rule by which metadata is written into them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rasa_sdk import Tracker

from rasa_metadata.contract import ABSENT, Contract, contract_of, lookup, same
from rasa_metadata.contract.signature import verify
from rasa_metadata.slots.applied import Event, applied_events
from rasa_metadata.slots.known import START_SLOT, latest_message, metadata_events, opening_message
from rasa_metadata.slots.said import says


def slots_to_write(tracker: Tracker, domain: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metadata slots whose value is not what it should be, with the right one.

    A slot that holds for the session is written when nothing has set it since
    the last message that changed what is known, so that a value the conversation
    gave later stays, and one that a fallback undid comes back. What the user says in
    the latest message goes before that message's own metadata.

    Raises:
        ContractError: if `domain` holds a broken contract.
    """
    contract, events = contract_of(domain), tracker.events
    known = _known_values(contract, metadata_events(events))
    message = latest_message(events)
    signed = verify(message, tracker.sender_id)
    last_set: dict[str, int] = {}
    last_reset = -1
    for index, event in applied_events(events):
        if event["event"] == "slot":
            last_set[event["name"]] = index
        elif event["event"] == "reset_slots":
            last_reset = index

    due: dict[str, Any] = {}
    for field in contract.fields:
        if field.holds:
            value, since = known.get(field.slot, (ABSENT, -1))
            if max(last_set.get(field.slot, -1), last_reset) > since:
                continue
        else:
            value = lookup(signed if field.signed else message, field.path)
            value = value if value is not ABSENT and field.accepts(value) else None
        if value is ABSENT or same(value, tracker.slots.get(field.slot)):
            continue
        if field.signed or not says(tracker, domain, field.slot):
            due[field.slot] = value
    return due


def starting_slots(
    contract: Contract, events: Sequence[Event], start: Mapping[str, Any], sender: str
) -> dict[str, Any]:
    """Return the slots that a session begins with, `None` for those that are cleared.

    `events` end where action_session_start runs; `start` is what is known by then.
    """
    opening = opening_message(events)
    signed = verify(opening, sender)
    values = {
        field: lookup(start if field.holds else signed if field.signed else opening, field.path)
        for field in contract.fields
    }
    return {
        field.slot: value
        for field, value in values.items()
        if value is not ABSENT and field.accepts(value)
    }


def carried_over(contract: Contract, events: Sequence[Event]) -> dict[str, Any]:
    """Return the slots set in the session that ends, as they stand at its end."""
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


def _known_values(
    contract: Contract, messages: Iterable[tuple[int, dict]]
) -> dict[str, tuple[Any, int]]:
    """Return what is known of each slot, and the index of the event that changed it.

    A value that breaks the contract says nothing: another model may have had another
    contract, and Rasa's own channels have no door.
    """
    fields_by_key = defaultdict(list)  # a message names few of them
    for field in contract.fields:
        if field.holds:
            fields_by_key[field.path[0]].append(field)
    known: dict[str, tuple[Any, int]] = {}
    for index, metadata in messages:
        for key in metadata:
            for field in fields_by_key.get(key, ()):
                value = lookup(metadata, field.path)
                before, _ = known.get(field.slot, (ABSENT, -1))
                if value is not ABSENT and not same(value, before) and field.accepts(value):
                    known[field.slot] = value, index
    return known
