"""What the user says in a message, as far as it fills slots: entities and form answers.

Rasa fills the slots one after the other in the domain's order, and the later value
wins (rasa/core/actions/action.py, ActionExtractSlots). action_sync_metadata runs
somewhere in between and sees nothing of the others, so it has to know by itself
which slots it must leave to them. This is Rasa's rule, on what an action is given.
"""

from collections.abc import Mapping
from typing import Any

from rasa_sdk import Tracker

Mapped = Mapping[str, Any]


def says(tracker: Tracker, domain: Mapping[str, Any], slot: str) -> bool:
    """Tell whether Rasa fills a slot from the latest message itself."""
    return any(
        _applies(mapping, slot, tracker, domain) and _finds(mapping, slot, tracker, domain)
        for mapping in domain["slots"][slot].get("mappings") or ()
        if mapping["type"] != "custom"
    )


def _applies(mapping: Mapped, slot: str, tracker: Tracker, domain: Mapping[str, Any]) -> bool:
    loop = (tracker.active_loop or {}).get("name")
    form = (domain.get("forms") or {}).get(loop) or {}
    conditions = mapping.get("conditions") or ()
    loops = [condition.get("active_loop") for condition in conditions]
    intent = ((tracker.latest_message or {}).get("intent") or {}).get("name")

    wanted, unwanted = _as_list(mapping.get("intent")), _as_list(mapping.get("not_intent"))
    if loop and (not conditions or loop in loops):
        unwanted += _as_list(form.get("ignored_intents"))
    if intent not in wanted and (wanted or intent in unwanted):
        return False

    if mapping["type"] == "from_trigger_intent":
        return loop is not None and (not conditions or loop in loops)
    if conditions and not _meets_one(conditions, slot, tracker):
        return False
    if mapping["type"] == "from_entity" and slot in form.get("required_slots", ()):
        asked = tracker.slots.get("requested_slot") == slot
        return asked or _is_unique(mapping, form["required_slots"], domain)
    return True


def _meets_one(conditions: list[Mapped], slot: str, tracker: Tracker) -> bool:
    active, requested = tracker.active_loop or {}, tracker.slots.get("requested_slot")
    loop = active.get("name")
    if active.get("rejected") and requested == slot:
        return False
    return any(
        condition.get("active_loop") == loop
        and (loop is None or condition.get("requested_slot") in (None, requested))
        for condition in conditions
    )


def _is_unique(mapping: Mapped, required: list[str], domain: Mapping[str, Any]) -> bool:
    """Tell whether no other slot of the form is filled by the very same mapping."""
    mappings = [m for slot in required for m in domain["slots"][slot].get("mappings") or ()]
    return mappings.count(mapping) == 1


def _finds(mapping: Mapped, slot: str, tracker: Tracker, domain: Mapping[str, Any]) -> bool:
    message = tracker.latest_message or {}
    if mapping["type"] == "from_entity":
        found = [
            entity.get("value")
            for entity in message.get("entities") or ()
            if all(entity.get(key) == mapping.get(key) for key in ("entity", "role", "group"))
        ]
    else:
        found = [message.get("text") if mapping["type"] == "from_text" else mapping["value"]]
    if not found or domain["slots"][slot]["type"] == "list":
        return bool(found)
    return found[-1] is not None or tracker.slots.get(slot) is not None


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]
