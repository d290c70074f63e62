"""What a conversation has been told by metadata.

All of it is a pure function of the events that a tracker holds, because Rasa undoes,
wipes and repeats slots in more ways than a turn can notice: a fallback rewinds its
turn, a restart wipes everything, a form extracts twice.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rasa_sdk import Tracker

from rasa_metadata.contract import ABSENT, Contract, contract_of, lookup, merge, nested, without
from rasa_metadata.contract.fields import RESERVED_KEYS
from rasa_metadata.slots.applied import Event, after_last

# Rasa's slot: it is set just before action_session_start runs, to the metadata of
# the message that opens the session (rasa/core/processor.py,
# MessageProcessor._update_tracker_session).
START_SLOT = "session_started_metadata"
NO_CONTRACT = Contract(())


def known_metadata(tracker: Tracker, domain: Mapping | None = None) -> dict:
    """Return all metadata this session has been told, the later over the earlier.

    The result is a new object, keys outside the contract included. Objects are laid
    over one another key by key. Give `domain` (as `run` receives it), and an object
    that fills a slot is replaced as a whole; a turn-scoped path is there only when the
    latest message carried it; the signed ones are in their slots alone.

    Raises:
        ContractError: if `domain` holds a broken contract.
    """
    contract = contract_of(domain) if domain else NO_CONTRACT
    events = tracker.events
    if events and _is_start_slot(events[-1]):  # a session begins, and this is what with
        known, message = start_metadata(events, contract, domain or {}), opening_message(events)
    else:
        known, message = session_metadata(events, contract), latest_message(events)
    for field in contract.fields:
        if field.signed or (not field.holds and lookup(message, field.path) is ABSENT):
            known = without(known, field.path)
    return _without_nulls(known)


def input_channel(tracker: Tracker) -> str | None:
    """Return the name of the channel that the latest message came through, `rest` say.

    It tells in action_session_start too, where `tracker.get_latest_input_channel` cannot:
    Rasa has not recorded the message by then, so the door adds the name to the call. `None`
    stands for a session that no message opens, and for one that a channel of Rasa's does.
    """
    return (tracker.latest_message or {}).get("input_channel") or tracker.get_latest_input_channel()


def metadata_events(events: Sequence[Event]) -> Iterator[tuple[int, dict]]:
    """Yield (index, metadata) of each event that told this session something.

    These are the session's start metadata and its user messages, those undone by
    a fallback included: what a client said stays said.
    """
    for index in range(after_last("session_started", events), len(events)):
        metadata = _unreserved(_stored(events[index]))
        if metadata:
            yield index, metadata


def session_metadata(events: Sequence[Event], contract: Contract) -> dict:
    """Return what this session has been told, `None` where it was told `null`."""
    known: dict = {}
    for _, metadata in metadata_events(events):
        before, known = known, merge(known, metadata)
        for field in contract.fields:
            if field.path[0] not in metadata:
                continue
            value = lookup(metadata, field.path)
            if value is ABSENT:  # `{"user": {}}` says nothing of what `{"user": null}` cleared
                value = lookup(before, field.path)
            # What fills a slot is one value, not a place for more.
            lost = value is not ABSENT and lookup(known, field.path) is ABSENT
            if lost or isinstance(value, Mapping):
                known = merge(without(known, field.path), nested(field.path, value))
    return known


def latest_message(events: Sequence[Event]) -> Mapping[str, Any]:
    """Return the metadata of the session's latest user message, as it is stored."""
    for event in reversed(events):
        if event["event"] == "user":
            return _stored(event)
        if event["event"] == "session_started":
            break
    return {}


def opening_message(events: Sequence[Event]) -> Mapping[str, Any]:
    """Return the metadata, as it is stored, of the message that begins a session.

    `events` end where action_session_start runs: because a message opens the session,
    or because the message of this turn asked for it (`/session_start`, `/restart`).
    """
    if events and _is_start_slot(events[-1]):
        return _stored(events[-1])
    for event in reversed(events):
        if event["event"] == "user":
            return _stored(event)
        if event["event"] == "action" and event["name"] == "action_listen":
            break
    return {}


def start_metadata(events: Sequence[Event], contract: Contract, domain: Mapping) -> dict:
    """Return what is known when a session begins; `events` as for `opening_message`.

    A session that was restarted hands on what it was told, unless it was over by time.
    """
    restarted = after_last("restart", events) > after_last("session_started", events)
    if restarted and not _expired(events, domain.get("session_config") or {}):
        return session_metadata(events, contract)
    return _unreserved(opening_message(events))


def _expired(events: Sequence[Event], session: Mapping[str, Any]) -> bool:
    """Tell whether the session that ends is over by time, as Rasa reckons it."""
    minutes = session.get("session_expiration_time", 60)
    last = next((event for event in reversed(events) if event["event"] == "user"), None)
    return bool(minutes and last) and time.time() - last["timestamp"] > minutes * 60


def _stored(event: Event) -> Mapping[str, Any]:
    metadata = None
    if event["event"] == "user":
        metadata = event.get("metadata")
    elif _is_start_slot(event):
        metadata = event["value"]
    return metadata if isinstance(metadata, Mapping) else {}


def _unreserved(metadata: Mapping[str, Any]) -> dict:
    return {key: value for key, value in metadata.items() if key not in RESERVED_KEYS}


def _is_start_slot(event: Event) -> bool:
    return event["event"] == "slot" and event["name"] == START_SLOT


def _without_nulls(metadata: Mapping[str, Any]) -> dict:
    return {
        key: _without_nulls(value) if isinstance(value, Mapping) else value
        for key, value in metadata.items()
        if value is not None
    }
