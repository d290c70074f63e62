"""The metadata that a conversation has received.

All of it is a pure function of the events in a tracker, because Rasa undoes, wipes and
repeats slots in more ways than a turn can notice: a fallback rewinds its turn, a restart
wipes everything, a form extracts twice.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from rasa_sdk import Tracker

from rasa_metadata.contract import ABSENT, Contract, contract_of, lookup, merge, nested, without
from rasa_metadata.contract.fields import RESERVED_KEYS
from rasa_metadata.contract.signature import verify
from rasa_metadata.slots.applied import Event, after_last

# Rasa's slot: it is set just before action_session_start runs, to the metadata of the
# message that opens the session (rasa/core/processor.py, _update_tracker_session).
START_SLOT = "session_started_metadata"
NO_CONTRACT = Contract(())


class Message(NamedTuple):
    """A user message: its metadata as Rasa stored it, its id and text (None if unknown)."""

    metadata: Mapping[str, Any] = {}
    id: str | None = None
    text: str | None = None


def known_metadata(tracker: Tracker, domain: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the metadata of this session, later messages merged over earlier ones.

    The result is a new object and includes keys that no slot reads, and what the token of
    the current message contains. Pass `domain` (as `run` receives it) so that an object that
    fills a slot is replaced as a whole, and a turn-scoped path is included only when the
    latest message contains it.

    Raises:
        ContractError: if the slots in `domain` do not make a contract.
    """
    contract = contract_of(domain) if domain else NO_CONTRACT
    events = tracker.events
    if events and _is_start_slot(events[-1]):  # a session starts, with this metadata
        known, message = start_metadata(tracker, contract, domain or {}), opening_message(tracker)
    else:
        known, message = session_metadata(events, contract), latest_message(events)
    for field in contract.fields:
        if field.signed or (not field.holds and lookup(message.metadata, field.path) is ABSENT):
            known = without(known, field.path)
    return _without_nulls(merge(known, signed_metadata(message, tracker.sender_id)))


def input_channel(tracker: Tracker) -> str | None:
    """Return the name of the channel that the latest message came through, such as `rest`.

    This works in action_session_start too, where `tracker.get_latest_input_channel` does
    not: Rasa has not recorded the message by then, so the runtime adds the name to the
    call. `None` if no message opened the session, or one from a stock channel did.
    """
    name: str | None = (tracker.latest_message or {}).get("input_channel")
    return name or tracker.get_latest_input_channel()


def metadata_events(events: Sequence[Event]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (index, metadata) of each event of this session that brought metadata.

    These are the session's start metadata and its user messages, including those that a
    fallback undid: what a client has sent holds.
    """
    for index in range(after_last("session_started", events), len(events)):
        metadata = _unreserved(_stored(events[index]))
        if metadata:
            yield index, metadata


def session_metadata(events: Sequence[Event], contract: Contract) -> dict[str, Any]:
    """Return the metadata of this session, `None` where the last value was `null`."""
    known: dict[str, Any] = {}
    for _, metadata in metadata_events(events):
        before, known = known, merge(known, metadata)
        for field in contract.fields:
            if field.path[0] not in metadata:
                continue
            value = lookup(metadata, field.path)
            if value is ABSENT:  # `{"user": {}}` does not revive what `{"user": null}` cleared
                value = lookup(before, field.path)
            # The value of a slot is one value: an object is not merged into the previous one.
            lost = value is not ABSENT and lookup(known, field.path) is ABSENT
            if lost or isinstance(value, Mapping):
                known = merge(without(known, field.path), nested(field.path, value))
    return known


def latest_message(events: Sequence[Event]) -> Message:
    """Return the session's latest user message."""
    for event in reversed(events):
        if event["event"] == "user":
            return Message(_stored(event), event.get("message_id"), event.get("text"))
        if event["event"] == "session_started":
            break
    return Message()


def opening_message(tracker: Tracker) -> Message:
    """Return the message with which a session starts.

    `tracker` is what action_session_start receives. A message opens the session, or the
    message of this turn asks for it (`/session_start`, `/restart`).
    """
    events: Sequence[Event] = tracker.events
    if events and _is_start_slot(events[-1]):
        opening = tracker.latest_message or {}
        return Message(_stored(events[-1]), opening.get("message_id"), opening.get("text"))
    for event in reversed(events):
        if event["event"] == "user":
            return Message(_stored(event), event.get("message_id"), event.get("text"))
        if event["event"] == "action" and event["name"] == "action_listen":
            break
    return Message()


def signed_metadata(message: Message, sender: str) -> dict[str, Any]:
    """Return the metadata that the token of a message signed, {} without a valid one."""
    return verify(message.metadata, sender, message.id, message.text)


def start_metadata(
    tracker: Tracker, contract: Contract, domain: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the metadata with which a session starts; `tracker` as in `opening_message`.

    A restarted session hands its metadata on, unless it has expired.
    """
    events = tracker.events
    restarted = after_last("restart", events) > after_last("session_started", events)
    if restarted and not _expired(events, domain.get("session_config") or {}):
        return session_metadata(events, contract)
    return _unreserved(opening_message(tracker).metadata)


def _expired(events: Sequence[Event], session: Mapping[str, Any]) -> bool:
    """Return whether the session that ends has expired, by Rasa's rule."""
    minutes = session.get("session_expiration_time", 60)
    last = next((event for event in reversed(events) if event["event"] == "user"), None)
    if not minutes or last is None:
        return False
    return bool(time.time() - last["timestamp"] > minutes * 60)


def _stored(event: Event) -> Mapping[str, Any]:
    metadata = None
    if event["event"] == "user":
        metadata = event.get("metadata")
    elif _is_start_slot(event):
        metadata = event["value"]
    return metadata if isinstance(metadata, Mapping) else {}


def _unreserved(metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in metadata.items() if key not in RESERVED_KEYS}


def _is_start_slot(event: Event) -> bool:
    return bool(event["event"] == "slot" and event["name"] == START_SLOT)


def _without_nulls(metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: _without_nulls(value) if isinstance(value, Mapping) else value
        for key, value in metadata.items()
        if value is not None
    }
