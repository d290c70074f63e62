"""What a conversation has been told by metadata, and what its slots should say.

Every decision is a pure function of the events a tracker holds, because Rasa
undoes, wipes and repeats slots in more ways than a turn can notice: a fallback
rewinds its turn, a restart wipes everything, a form extracts twice. Events are
dicts as in `Tracker.events`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rasa_sdk import Tracker

from contract import ABSENT, Contract, Field, contract_of, lookup, merge, without
from contract.fields import RESERVED_KEYS
from contract.seal import opened

Event = Mapping[str, Any]

# Rasa's slot: it is set just before action_session_start runs, to the metadata of
# the message that opens the session (rasa/core/processor.py,
# MessageProcessor._update_tracker_session).
START_SLOT = "session_started_metadata"


def known_metadata(tracker: Tracker, domain: Mapping | None = None) -> dict:
    """Return all metadata this session has been told, the later over the earlier.

    The result is a new object, keys outside the contract included. Give `domain`
    (as `run` receives it) and a turn-scoped path is there only when the latest
    message carried it; the signed ones are in their slots alone.

    Raises:
        ContractError: if `domain` holds a broken contract.
    """
    known = _all_told(tracker.events)
    if domain:
        message = latest_message(tracker.events)
        for field in contract_of(domain).fields:
            if field.signed or (not holds(field) and lookup(message, field.path) is ABSENT):
                known = without(known, field.path)
    return _without_nulls(known)


def told(events: Sequence[Event]) -> Iterator[tuple[int, dict]]:
    """Yield (index, metadata) of each event that told this session something.

    These are the session's start metadata and its user messages, those undone by
    a fallback included: what a client said stays said.
    """
    for index in range(_after_last("session_started", events), len(events)):
        metadata = _told_by(events[index])
        if metadata:
            yield index, metadata


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


def start_metadata(events: Sequence[Event], expired: bool) -> dict:
    """Return what is known when a session begins; `events` as for `opening_message`.

    `expired` tells whether the session before was over by time, and so has nothing to
    hand on. A session that was restarted has.
    """
    restarted = _after_last("restart", events) > _after_last("session_started", events)
    if not restarted or expired:
        return _unreserved(opening_message(events))
    return _all_told(events)


def starting_slots(
    contract: Contract, start: Mapping[str, Any], opening: Mapping[str, Any], sender: str
) -> dict[str, Any]:
    """Return the slots that a session begins with, `None` for those that `start` clears."""
    signed = opened(opening, sender)
    values = {
        field.slot: lookup(
            start if holds(field) else signed if field.signed else opening, field.path
        )
        for field in contract.fields
    }
    return {slot: value for slot, value in values.items() if value is not ABSENT}


def carried_over(contract: Contract, events: Sequence[Event]) -> dict[str, Any]:
    """Return the slots set in the session that ends, as they stand at its end."""
    slots: dict[str, Any] = {}
    for _, event in in_force(events):
        if event["event"] == "reset_slots":
            slots.clear()
        elif event["event"] == "slot":
            slots[event["name"]] = event["value"]
    slots.pop(START_SLOT, None)
    for field in contract.fields:
        if not holds(field):
            slots.pop(field.slot, None)
    return slots


def slots_to_write(
    contract: Contract, events: Sequence[Event], slots: Mapping[str, Any], sender: str
) -> dict[str, Any]:
    """Return the metadata slots whose value is not what it should be, with the right one.

    A slot that holds for the session is written when nothing has set it since
    the last message that changed what is known, so that a value the conversation
    gave later stays, and one that a fallback undid comes back.
    """
    messages = list(told(events))
    message = latest_message(events)
    signed = opened(message, sender)
    last_set: dict[str, int] = {}
    last_reset = -1
    for index, event in in_force(events):
        if event["event"] == "slot":
            last_set[event["name"]] = index
        elif event["event"] == "reset_slots":
            last_reset = index

    due: dict[str, Any] = {}
    for field in contract.fields:
        if holds(field):
            value, since = _known_value(field, messages)
            if max(last_set.get(field.slot, -1), last_reset) > since:
                continue
        else:
            value = lookup(signed if field.signed else message, field.path)
            value = None if value is ABSENT else value
        if value is not ABSENT and not _same(value, slots.get(field.slot)):
            due[field.slot] = value
    return due


def in_force(events: Sequence[Event]) -> list[tuple[int, Event]]:
    """Return (index, event) of the events that are neither undone nor wiped.

    Rasa's rule: rasa/shared/core/trackers.py, DialogueStateTracker.applied_events.
    (`Tracker.applied_events` of rasa_sdk does not begin anew at a session start.)
    """
    applied: list[tuple[int, Event]] = []
    for index, event in enumerate(events):
        if event["event"] in ("restart", "session_started"):
            applied.clear()
        elif event["event"] == "undo":
            _undo(applied, "action")
        elif event["event"] == "rewind":
            _undo(applied, "user")
            _undo(applied, "action")
        else:
            applied.append((index, event))
    return applied


def holds(field: Field) -> bool:
    """Tell whether a value holds until it is changed, not for its message alone."""
    return field.scope == "session" and not field.signed


def _undo(applied: list[tuple[int, Event]], kind: str) -> None:
    while applied and applied.pop()[1]["event"] != kind:
        pass


def _known_value(field: Field, messages: list[tuple[int, dict]]) -> tuple[Any, int]:
    """Return what is known of a field and the index of the event that changed it."""
    known, since = ABSENT, -1
    for index, metadata in messages:
        value = lookup(metadata, field.path)
        if value is not ABSENT and not _same(value, known):
            known, since = value, index
    return known, since


def _all_told(events: Sequence[Event]) -> dict:
    known: dict = {}
    for _, metadata in told(events):
        known = merge(known, metadata)
    return known


def _same(first: Any, second: Any) -> bool:
    """Compare as JSON does: `false` is not `0`."""
    return type(first) is type(second) and first == second


def _told_by(event: Event) -> dict:
    return _unreserved(_stored(event))


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


def _after_last(kind: str, events: Sequence[Event]) -> int:
    """Return the index behind the last event of a kind, 0 if there is none."""
    for index in range(len(events), 0, -1):
        if events[index - 1]["event"] == kind:
            return index
    return 0


def _without_nulls(metadata: Mapping[str, Any]) -> dict:
    return {
        key: _without_nulls(value) if isinstance(value, Mapping) else value
        for key, value in metadata.items()
        if value is not None
    }
