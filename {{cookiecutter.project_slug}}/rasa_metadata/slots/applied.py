"""The applied events of a tracker, as in Rasa: some events undo others, some remove all."""

from collections.abc import Mapping, Sequence
from typing import Any

Event = Mapping[str, Any]

Applied = list[tuple[int, Event]]


def applied_events(events: Sequence[Event]) -> Applied:
    """Return (index, event) of the events that are neither undone nor wiped.

    Events are dicts as in `Tracker.events`. The rule is Rasa's:
    rasa/shared/core/trackers.py, DialogueStateTracker.applied_events.
    (`Tracker.applied_events` of rasa_sdk knows neither session starts nor loops.)
    """
    loops = {event["name"] for event in events if event["event"] == "active_loop"}
    applied: Applied = []
    for index, event in enumerate(events):
        kind = event["event"]
        if kind in ("restart", "session_started"):
            applied.clear()
        elif kind == "undo":
            _undo_till("action", applied)
        elif kind == "rewind":
            _undo_till("user", applied)
            _undo_till("action", applied)
        elif kind == "action" and event["name"] in loops and _goes_on(event["name"], applied):
            _forget_turns_of(event["name"], applied)
        else:
            applied.append((index, event))
    return applied


def after_last(kind: str, events: Sequence[Event]) -> int:
    """Return the index behind the last event of a kind, 0 if there is none."""
    for index in range(len(events), 0, -1):
        if events[index - 1]["event"] == kind:
            return index
    return 0


def _undo_till(kind: str, applied: Applied) -> None:
    while applied and applied.pop()[1]["event"] != kind:
        pass


def _goes_on(loop: str, applied: Applied) -> bool:
    """Return whether a loop (such as a form) ran before and was not left in between."""
    action = None
    for _, event in reversed(applied):
        kind = event["event"]
        if kind == "active_loop" and event["name"] is None:
            return False
        if kind == "action_execution_rejected" and event["name"] == loop:
            return False
        if kind == "user" and action not in (None, loop):
            return False
        if kind == "action":
            if event["name"] == loop:
                return True
            action = event["name"]
    return False


def _forget_turns_of(loop: str, applied: Applied) -> None:
    """Remove the turns since the loop last ran; the slots that they set stay."""
    kept: Applied = []
    while applied:
        _, event = applied[-1]
        if event["event"] == "action" and event["name"] == loop:
            break
        taken = applied.pop()
        if event["event"] not in ("action", "user", "user_featurization"):
            kept.append(taken)
    applied += reversed(kept)
