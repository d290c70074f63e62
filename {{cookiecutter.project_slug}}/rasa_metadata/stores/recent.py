"""Keeps the trackers of recent conversations: replaying events is most of reading one."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from rasa.shared.core.domain import Domain
from rasa.shared.core.trackers import DialogueStateTracker

# Of all remembered events as JSON, some thousand turns; as objects they take several times that.
MOST_CHARACTERS = 8_000_000


@dataclass(frozen=True)
class Stored:
    """The stored part of a tracker: the number of its events, and the row of the last.

    `characters` is the length of these events as JSON; `is_session`: whether they are the
    latest session and nothing else.
    """

    events: int
    last_row: int
    characters: int = 0
    is_session: bool = False


Recent = tuple[Domain, DialogueStateTracker, Stored]


class RecentTrackers:
    """Trackers as they are in the database, each for its first reader only."""

    def __init__(self) -> None:
        self._trackers: OrderedDict[str, Recent] = OrderedDict()
        self._characters = 0

    def take(self, sender_id: str, domain: Domain) -> Any:
        """Return a conversation's tracker, None if it is not known as it is in the database.

        Whoever saves a tracker may change it afterwards without saving it again.
        """
        if sender_id not in self._trackers:
            return None
        of_domain, tracker, stored = self._trackers.pop(sender_id)
        self._characters -= stored.characters
        as_stored = tracker.stored is stored and len(tracker.events) == stored.events
        return tracker if of_domain is domain and as_stored else None

    def put(self, tracker: Any, domain: Domain) -> None:
        """Keep a tracker that was just saved, and drop the oldest ones for it.

        One in which a session began also has events of the session before, and is not kept.
        """
        self.take(tracker.sender_id, domain)
        if not tracker.stored.is_session:
            return
        self._trackers[tracker.sender_id] = domain, tracker, tracker.stored
        self._characters += tracker.stored.characters
        while self._characters > MOST_CHARACTERS:
            self.take(next(iter(self._trackers)), domain)
