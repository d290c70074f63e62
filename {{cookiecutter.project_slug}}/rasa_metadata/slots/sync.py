"""Updates the slots with the metadata of a message."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import SlotSet
from rasa_sdk.executor import CollectingDispatcher

from rasa_metadata.contract import ABSENT, Contract, contract_of, lookup, same
from rasa_metadata.contract.fields import SYNC_ACTION
from rasa_metadata.slots.applied import after_last, applied_events
from rasa_metadata.slots.known import latest_message, metadata_events, signed_metadata


class ActionSyncMetadata(Action):
    """Runs once for each user message, before Rasa extracts slots from the message itself.

    Rasa calls it because the slots' mappings in domain.yml name it.
    """

    def name(self) -> str:
        return SYNC_ACTION

    def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[dict[str, Any]]:
        return [SlotSet(slot, value) for slot, value in slots_to_write(tracker, domain).items()]


def slots_to_write(tracker: Tracker, domain: Mapping[str, Any]) -> dict[str, Any]:
    """Return {slot: value} for the metadata slots whose value has to change.

    A slot is written when no applied event has set it since the last message that changed
    its metadata. So a value that the conversation gave later is left alone, and one that a
    fallback undid is written again. A signed slot is always what the token of the latest
    message says.

    Raises:
        ContractError: if the slots in `domain` do not make a contract.
    """
    contract, events = contract_of(domain), tracker.events
    known = _known_values(contract, metadata_events(events))
    message, message_index = latest_message(events), after_last("user", events) - 1
    signed = signed_metadata(message, tracker.sender_id)
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
        else:
            value = lookup(signed if field.signed else message.metadata, field.path)
            value = value if value is not ABSENT and field.accepts(value) else None
            since = len(events) if field.signed else message_index
        younger = max(last_set.get(field.slot, -1), last_reset) > since
        if value is not ABSENT and not younger and not same(value, tracker.slots.get(field.slot)):
            due[field.slot] = value
    return due


def _known_values(
    contract: Contract, messages: Iterable[tuple[int, Mapping[str, Any]]]
) -> dict[str, tuple[Any, int]]:
    """Return {slot: (value, index of the event that changed it)}.

    A value that violates the contract is passed over: another model may have had another
    contract, and stock channels validate nothing.
    """
    fields_by_key = defaultdict(list)  # a message has few of them
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
