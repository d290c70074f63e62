"""What your bot says when a session starts."""

from typing import Any

from rasa_sdk import Tracker
from rasa_sdk.executor import CollectingDispatcher

from rasa_metadata import SessionStart


class ActionSessionStart(SessionStart):
    """Fills slots from metadata and carries others over; `greet` is yours."""

    async def greet(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> None:
        """Greet with `dispatcher.utter_message(response="utter_greet")`, for example.

        `tracker` has the slots that the session starts with. Have no side effects here:
        this also runs when somebody only looks at an unknown conversation.
        """
