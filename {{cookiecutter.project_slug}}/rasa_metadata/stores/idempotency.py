"""Handles a message once, and repeats its response for the same Idempotency-Key.

A client that has lost an answer cannot know whether its message was handled. A key belongs
to the sender, the identity, the text and the metadata that it came with.
"""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from rasa.shared.core.constants import ACTION_LISTEN_NAME, SESSION_START_METADATA_SLOT
from rasa.shared.core.events import ActionExecuted, BotUttered, Event, SlotSet, UserUttered

from rasa_metadata.contract.fields import IDEMPOTENCY_KEY, RESERVED_KEYS
from rasa_metadata.contract.signature import SIGNED_KEY, identity
from rasa_metadata.runtime.turn import AnsweredBefore, TurnFailed, current_turn
from rasa_metadata.validation.errors import ApiError

# The greeting of a session is stored before the session begins.
BEFORE_THIS_SESSION = """
SELECT id, data FROM events WHERE sender_id = ? AND type_name IN ('user', 'slot')
AND data LIKE ? ESCAPE '!' AND id < (
  SELECT coalesce(max(id), 0) FROM events WHERE sender_id = ? AND type_name = 'session_started'
) ORDER BY id
"""
ANYWHERE = """
SELECT id, data FROM events WHERE sender_id = ? AND type_name IN ('user', 'slot')
AND data LIKE ? ESCAPE '!' ORDER BY id
"""
FROM_A_ROW = "SELECT id, data FROM events WHERE sender_id = ? AND id >= ? ORDER BY id LIMIT 1000"

Rows = Sequence[tuple[int, str]]
Query = Callable[..., Awaitable[Rows]]


async def look_back(
    sender_id: str,
    session: Sequence[Event],
    query: Query,
    parsed: Callable[[Sequence[str]], list[Event]],
) -> None:
    """End a turn whose Idempotency-Key was used before.

    It has to be asked while the conversation is locked: the same message may be at another
    server.

    Args:
        sender_id: whose conversation it is.
        session: the events of its latest session.
        query: runs an SQL query with values and returns its rows.
        parsed: turns the data of rows into events.

    Raises:
        AnsweredBefore: with the answer, as it can be sent.
        TurnFailed: if the key came with another message.
    """
    turn = current_turn()
    if turn is None or turn.key is None:
        return
    key, turn.key = turn.key, None  # a turn reads its conversation first; once is enough
    text = json.dumps({IDEMPOTENCY_KEY: key})[1:-1]
    pattern = "%" + "".join(f"!{each}" if each in "!%_" else each for each in text) + "%"
    if any(key_of(event) == key for event in session):
        rows = await query(ANYWHERE, sender_id, pattern)
    else:
        rows = await query(BEFORE_THIS_SESSION, sender_id, pattern, sender_id)
    first = next((row for row, data in rows if any(key_of(e) == key for e in parsed([data]))), None)
    if first is None:
        return
    stored = await query(FROM_A_ROW, sender_id, first)
    of_turn = events_with(key, parsed([data for _, data in stored]))
    before = next((event for event in of_turn if isinstance(event, UserUttered)), None)
    if before is None or _content(before.text, before.metadata) != _content(
        turn.text, turn.metadata
    ):
        message = "This Idempotency-Key came with another message; make a new one for each."
        raise TurnFailed(ApiError(422, "KeyReused", message))
    raise AnsweredBefore([event.message() for event in of_turn if isinstance(event, BotUttered)])


def events_with(key: str, events: Sequence[Event]) -> list[Event]:
    """Return the events of the turn whose message had an Idempotency-Key, [] without one."""
    of_turn: list[Event] = []
    heard = False
    for event in events:
        ends = isinstance(event, ActionExecuted) and event.action_name == ACTION_LISTEN_NAME
        if key_of(event) == key or (of_turn and not isinstance(event, UserUttered)):
            of_turn.append(event)
            heard = heard or isinstance(event, UserUttered)
        elif of_turn:
            break
        if heard and ends:  # before the message, it ends the session start
            break
    return of_turn


def key_of(event: Event) -> str | None:
    """Return the key that came with a message, or with the message that opens a session."""
    metadata = None
    if isinstance(event, UserUttered):
        metadata = event.metadata
    elif isinstance(event, SlotSet) and event.key == SESSION_START_METADATA_SLOT:
        metadata = event.value
    return metadata.get(IDEMPOTENCY_KEY) if isinstance(metadata, dict) else None


def _content(text: str | None, metadata: Mapping[str, Any] | None) -> tuple[Any, ...]:
    """Return what must be equal in a repetition; the token may have been renewed."""
    metadata = metadata or {}
    sent = {key: value for key, value in metadata.items() if key not in RESERVED_KEYS}
    return text, sent, identity(metadata.get(SIGNED_KEY))
