"""Conversations in PostgreSQL, for several Rasa servers at once."""

import asyncio
import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rasa.core.tracker_store import SQLTrackerStore
from rasa.shared.core.events import Event, SessionStarted
from rasa.shared.core.trackers import DialogueStateTracker
from sqlalchemy import func, select
from sqlalchemy.orm import Query, Session

# A database that hangs is one that is away. For connecting, DB_URL has a time of its own.
LONGEST_CALL = 10.0


class ConversationMoved(Exception):
    """Somebody else has written into the conversation since it was read."""


@dataclass
class Stored:
    """What of a tracker is in the database: so many of its events, the last in this row."""

    events: int
    last_row: int


class Conversations(SQLTrackerStore):
    """Rasa's SQL tracker store, of which several servers may share one database.

    - A turn is saved behind the events it was read with, or not at all. Rasa counts what
      is stored and leaves out as many of its own events, so that of two turns taken at
      the same time parts of both are lost. Locks prevent that, as long as they hold.
    - The latest session is the one stored last. Rasa asks for the latest time, and drops
      what a server writes whose clock is behind that of the one which began the session.
    - Calls run in threads, so a slow database keeps nobody waiting who does not need it.
    - An event broker hears of events once they are stored, not before.
    """

    async def _retrieve(
        self, sender_id: str, fetch_events_from_all_sessions: bool
    ) -> DialogueStateTracker | None:
        return await _in_a_thread(self._read, sender_id, fetch_events_from_all_sessions)

    async def save(self, tracker: DialogueStateTracker) -> None:
        """Append the tracker's new events.

        Raises:
            ConversationMoved: when others were stored since the tracker was read.
        """
        new = await _in_a_thread(self._append, tracker)
        if self.event_broker:
            await self._stream_new_events(self.event_broker, new, tracker.sender_id)

    def _read(self, sender_id: str, all_sessions: bool) -> DialogueStateTracker | None:
        with self.session_scope() as session:
            rows = self._event_query(session, sender_id, all_sessions).all()
            if not rows:
                return None
            events = [json.loads(row.data) for row in rows]
            last_row = rows[-1].id
        tracker = DialogueStateTracker.from_dict(sender_id, events, self.domain.slots)
        tracker.stored = Stored(len(tracker.events), last_row)
        return tracker

    def _append(self, tracker: DialogueStateTracker) -> Sequence[Event]:
        sender = tracker.sender_id
        with self.session_scope() as session:
            session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(sender, 0))))
            known = getattr(tracker, "stored", None) or self._stored_for(session, tracker)
            if self._last_row(session, sender) != known.last_row:
                raise ConversationMoved(f"'{sender}' was written to by another server.")
            new = list(itertools.islice(tracker.events, known.events, None))
            rows = [self._row(sender, event) for event in new]
            session.add_all(rows)
            session.flush()
            last_row = rows[-1].id if rows else known.last_row
            session.commit()
        tracker.stored = Stored(len(tracker.events), last_row)
        return new

    def _stored_for(self, session: Session, tracker: DialogueStateTracker) -> Stored:
        """Return what Rasa takes for stored of a tracker that it did not read: one that
        begins a conversation, or comes whole through its events API."""
        if not tracker.events:
            return Stored(0, 0)
        of_session = self._event_query(session, tracker.sender_id, False)
        return Stored(of_session.count(), self._last_row(session, tracker.sender_id))

    def _last_row(self, session: Session, sender_id: str) -> int:
        event = self.SQLEvent
        query = select(func.max(event.id)).where(event.sender_id == sender_id)
        return session.execute(query).scalar() or 0

    def _event_query(
        self, session: Session, sender_id: str, fetch_events_from_all_sessions: bool
    ) -> Query:
        event = self.SQLEvent
        query = session.query(event).filter(event.sender_id == sender_id)
        if not fetch_events_from_all_sessions:
            begun = select(func.max(event.id)).where(
                event.sender_id == sender_id, event.type_name == SessionStarted.type_name
            )
            query = query.filter(event.id >= func.coalesce(begun.scalar_subquery(), 0))
        return query.order_by(event.id)

    def _row(self, sender_id: str, event: Event) -> Any:
        data = event.as_dict()
        return self.SQLEvent(
            sender_id=sender_id,
            type_name=event.type_name,
            timestamp=data.get("timestamp"),
            intent_name=data.get("parse_data", {}).get("intent", {}).get("name"),
            action_name=data.get("name"),
            data=json.dumps(data),
        )


async def _in_a_thread(call: Callable[..., Any], *arguments: Any) -> Any:
    return await asyncio.wait_for(asyncio.to_thread(call, *arguments), LONGEST_CALL)
