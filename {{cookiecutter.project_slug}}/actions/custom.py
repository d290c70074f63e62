"""Your own actions. Write them here and list them under `actions:` in domain.yml."""

from collections.abc import Iterator, Mapping
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.executor import CollectingDispatcher

from rasa_metadata import known_metadata


class ActionTellKnownMetadata(Action):
    """Answers "what do you know about me?"."""

    def name(self) -> str:
        return "action_tell_known_metadata"

    def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[dict[str, Any]]:
        known = "\n".join(lines(known_metadata(tracker, domain)))
        dispatcher.utter_message(text=known or "I know nothing about you yet.")
        return []


def lines(metadata: Mapping[str, Any], above: str = "") -> Iterator[str]:
    """Yield `path: value` for each value in metadata."""
    for key, value in metadata.items():
        if isinstance(value, Mapping):
            yield from lines(value, f"{above}{key}.")
        else:
            values = value if isinstance(value, list) else [value]
            texts = ("yes" if v is True else "no" if v is False else str(v) for v in values)
            yield f"{above}{key}: {', '.join(texts)}"
