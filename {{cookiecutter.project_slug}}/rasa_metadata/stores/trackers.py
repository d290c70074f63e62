"""Conversations in an SQL database: SQLite for one process, PostgreSQL for many."""

import asyncio
import functools
import itertools
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy
from rasa.core.tracker_store import SQLTrackerStore as RasaSQLTrackerStore
from rasa.core.tracker_store import validate_port
from rasa.shared.core.events import Event, SessionStarted
from rasa.shared.core.trackers import DialogueStateTracker

from rasa_metadata.runtime.turn import TurnEnded
from rasa_metadata.stores import idempotency
from rasa_metadata.stores.recent import RecentTrackers, Stored
from rasa_metadata.validation.errors import failed, try_again

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

# A database that hangs counts as unavailable. The URL of PostgreSQL has its own timeout for
# connecting; SQLite times out a little earlier.
LONGEST_CALL = 10.0
SQLITE_BUSY_SECONDS = 5.0
THREADS = 8

# Rasa searches all event classes for each event that it reads.
event_class = functools.cache(Event.resolve_by_type)

COLUMNS = "sender_id, type_name, timestamp, intent_name, action_name, data"
# The latest session is the one stored last. Rasa asks for the latest time, and drops what
# is stored by a clock behind that of the one which began the session.
SESSION = """
SELECT id, data FROM events WHERE sender_id = ? AND id >= (
  SELECT coalesce(max(id), 0) FROM events WHERE sender_id = ? AND type_name = 'session_started'
) ORDER BY id
"""
ALL_SESSIONS = "SELECT id, data FROM events WHERE sender_id = ? ORDER BY id"
LAST_ROW = "SELECT coalesce(max(id), 0) FROM events WHERE sender_id = ?"
APPEND = f"INSERT INTO events ({COLUMNS}) VALUES "
ROW = "(?, ?, ?, ?, ?, ?)"
MOST_ROWS = 100  # in one statement: before version 3.32, SQLite took 999 values

# The sender whose conversation this task has found to be new.
_new_sender: ContextVar[str | None] = ContextVar("new_sender", default=None)


class StoreFailed(TurnEnded):
    """A conversation could not be read or stored.

    It passes Rasa's FailSafeTrackerStore, which would go on with an empty conversation,
    save into memory, which it never looks at again, and answer 200.
    """


class ConversationMoved(Exception):
    """Others have stored events of the conversation since it was read."""


class SQLTrackerStore(RasaSQLTrackerStore):
    """Rasa's SQL tracker store, for one process or many, that loses nothing.

    - A turn is appended behind the events it was read with, or not at all. Rasa counts
      what is stored and leaves out as many of its own events, so that of two turns at
      the same time parts of both are lost.
    - Calls run in threads of their own and are bounded in time: a slow or locked database
      keeps nobody waiting who does not need it.
    - Each failure is a `StoreFailed`; none ends the process.
    - SQLite is in WAL mode with full durability, its file readable by its owner alone.
    - An event broker hears of events once they are stored.
    """

    engine: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        try:
            self._open(*args, **kwargs)
        except (ImportError, AttributeError) as error:  # Rasa would continue in memory
            raise RuntimeError(f"The tracker store cannot be opened: {error}") from error

    def _open(self, *args: Any, **kwargs: Any) -> None:
        url = sqlalchemy.engine.make_url(self.get_db_url(**_url_arguments(kwargs)))
        is_sqlite = url.get_backend_name() == "sqlite"
        self.file: Path | None = None
        if is_sqlite and url.database not in (None, "", ":memory:"):
            self.file = Path(url.database)
            # Only a new file: closing one releases the locks that this process has on it.
            with suppress(FileExistsError):
                os.close(os.open(self.file, os.O_CREAT | os.O_EXCL, 0o600))
        self.in_memory = is_sqlite and not self.file
        threads = 1 if self.in_memory else THREADS
        self.threads = ThreadPoolExecutor(threads, thread_name_prefix="tracker-store")
        self.recent = RecentTrackers()
        super().__init__(*args, **kwargs)
        if self.in_memory:  # a connection is the database, and Rasa's engine has one a thread
            self.engine = sqlalchemy.create_engine(
                url,
                poolclass=sqlalchemy.pool.StaticPool,
                connect_args={"check_same_thread": False},
            )
            self.Base.metadata.create_all(self.engine)
        if self.file:
            self.engine.dispose()
            self.engine = _sqlite_engine(self.engine.url, self._opened)
            self.logs: dict[Path, tuple[int, int]] = {}
            self.reopening = threading.Lock()
            self.identity = _identity(self.file)

    async def retrieve(self, sender_id: str) -> DialogueStateTracker | None:
        """Return the latest session of a conversation, None if there is none.

        Raises:
            StoreFailed: if the database does not answer.
            AnsweredBefore: if the turn's Idempotency-Key was used before.
        """
        recent = self.recent.take(sender_id, self.domain)
        tracker = await self._call(self._latest, sender_id, recent)
        _new_sender.set(None if tracker else sender_id)
        session = tracker.events if tracker else ()
        query = functools.partial(self._call, self._rows)
        await idempotency.look_back(sender_id, session, query, parsed)
        return tracker

    async def retrieve_full_tracker(self, conversation_id: str) -> DialogueStateTracker | None:
        return await self._call(self._read, conversation_id, ALL_SESSIONS)

    async def save(self, tracker: DialogueStateTracker) -> None:
        """Append the tracker's new events.

        Raises:
            StoreFailed: if they could not be stored, or others were since it was read.
        """
        is_new = _new_sender.get() == tracker.sender_id
        deadline = time.monotonic() + LONGEST_CALL
        events = await self._call(self._append, tracker, is_new, deadline)
        self.recent.put(tracker, self.domain)
        if self.event_broker:
            try:
                await self._stream_new_events(self.event_broker, events, tracker.sender_id)
            except Exception:
                logger.exception("Stored events could not be sent to the event broker.")

    async def check_writable(self) -> None:
        """Test whether events can be stored, on SQLite down to the disk; store nothing.

        Raises:
            StoreFailed: if the database is away, its disk is full or cannot be written to.
        """
        await self._call(self._touch)

    async def keys(self) -> Iterable[str]:
        return await self._call(self._senders)

    async def _call(self, function: Callable[..., Result], *args: Any) -> Result:
        loop = asyncio.get_running_loop()
        running = loop.run_in_executor(self.threads, functools.partial(function, *args))
        try:
            return await asyncio.wait_for(running, LONGEST_CALL)
        except Exception as error:
            logger.error(f"The tracker store failed: {error!r}")
            if isinstance(error, ValueError):  # text that cannot be stored
                raise StoreFailed(failed("The conversation cannot be stored.")) from error
            raise StoreFailed(try_again("The conversation could not be stored.")) from error

    def _latest(self, sender_id: str, recent: Any) -> DialogueStateTracker | None:
        """Return the latest session: the recent tracker, if nothing was stored since."""
        if recent and self._rows(LAST_ROW, sender_id)[0][0] == recent.stored.last_row:
            return recent
        return self._read(sender_id, SESSION)

    def _read(self, sender_id: str, query: str) -> DialogueStateTracker | None:
        rows = self._rows(query, *[sender_id] * query.count("?"))
        if not rows:
            return None
        events = parsed(data for _, data in rows)
        tracker = DialogueStateTracker.from_events(sender_id, events, self.domain.slots)
        characters = sum(len(data) for _, data in rows)
        tracker.stored = Stored(len(events), rows[-1][0], characters, query is SESSION)
        return tracker

    def _rows(self, query: str, *values: Any) -> list[tuple[int, str]]:
        with self._cursor() as cursor:
            rows: list[tuple[int, str]] = self._execute(cursor, query, *values).fetchall()
        return rows

    def _append(
        self, tracker: DialogueStateTracker, is_new: bool, deadline: float
    ) -> Sequence[Event]:
        sender = tracker.sender_id
        with self._cursor(for_writing_to=sender) as cursor:
            ((last_row,),) = self._execute(cursor, LAST_ROW, sender).fetchall()
            stored = getattr(tracker, "stored", None)
            if stored is None:
                # One that begins a conversation, or comes whole through Rasa's API: of that,
                # Rasa leaves out as many events as the latest session has.
                known = self._execute(cursor, SESSION, sender, sender).fetchall()
                stored = Stored(0, 0) if is_new else Stored(len(known), last_row)
            if last_row != stored.last_row:
                raise ConversationMoved(f"'{sender}' was written to by another process.")
            events = list(itertools.islice(tracker.events, stored.events, None))
            rows = [_row(sender, event) for event in events]
            for first in range(0, len(rows), MOST_ROWS):
                some = rows[first : first + MOST_ROWS]
                append = APPEND + ", ".join([ROW] * len(some))
                self._execute(cursor, append, *itertools.chain.from_iterable(some))
            if events:
                ((last_row,),) = self._execute(cursor, LAST_ROW, sender).fetchall()
            if time.monotonic() > deadline:  # the client has already received a 503
                raise TimeoutError(f"'{sender}' could not be stored in time.")
        began = any(isinstance(event, SessionStarted) for event in events)
        tracker.stored = Stored(
            events=len(tracker.events),
            last_row=last_row,
            characters=stored.characters + sum(len(row[-1]) for row in rows),
            is_session=stored.is_session and not began,
        )
        return events

    def _touch(self) -> None:
        with self._cursor(for_writing_to="") as cursor:
            writes_nothing = "DELETE FROM events WHERE 1 = 0"
            cursor.execute("PRAGMA user_version = 0" if self.file else writes_nothing)

    def _senders(self) -> list[str]:
        rows = self._rows("SELECT max(id), sender_id FROM events GROUP BY sender_id")
        return [sender for _, sender in rows]

    @contextmanager
    def _cursor(self, for_writing_to: str | None = None) -> Iterator[Any]:
        """Yield a DBAPI cursor in a transaction, which is rolled back if it fails.

        SQLAlchemy's own ways cost several times as much: with an ORM session, a quarter
        of a turn went into building queries.
        """
        if self.file and _identity(self.file) != self.identity:
            self._reopen(self.file)
        connection = self.engine.raw_connection()
        try:
            cursor = connection.cursor()
            if for_writing_to is not None:
                if self.file:
                    cursor.execute("BEGIN IMMEDIATE")
                elif self.engine.name == "postgresql":
                    lock = "SELECT pg_advisory_xact_lock(hashtextextended(?, 0))"
                    self._execute(cursor, lock, for_writing_to)
            yield cursor
            cursor.close()  # an open one would pin SQLite's connection to an old snapshot
            connection.commit()
        except BaseException as error:
            if self.in_memory or isinstance(error, ConversationMoved):
                connection.rollback()
            else:
                connection.invalidate()
                self.engine.dispose()  # its other connections are as old
            raise
        finally:
            connection.close()

    def _reopen(self, file: Path) -> None:
        """Continue with the file that has replaced the database.

        The old one's logs have to go: SQLite would write their content into the new one.
        """
        with self.reopening:
            if _identity(file) == self.identity:  # another thread was first
                return
            for log, identity in self.logs.items():
                if log.exists() and _identity(log) == identity:  # not another process's new one
                    log.unlink()
            self.engine.dispose()
            self.recent = RecentTrackers()
            self.Base.metadata.create_all(self.engine)
            self.identity = _identity(file)

    def _opened(self, *_: Any) -> None:
        logs = (Path(f"{self.file}{ending}") for ending in ("-wal", "-shm"))
        self.logs = {log: _identity(log) for log in logs if log.exists()}

    def _execute(self, cursor: Any, query: str, *values: Any) -> Any:
        if self.engine.dialect.paramstyle != "qmark":
            query = query.replace("?", "%s")
        cursor.execute(query, values)
        return cursor


def parsed(rows: Iterable[str]) -> list[Event]:
    """Return the events whose JSON is in these rows."""
    found = []
    for data in map(json.loads, rows):
        kind = event_class(data["event"])
        if kind is not None:  # None for an event of an older Rasa
            found.append(kind._from_parameters(data))
    return found


def _row(sender_id: str, event: Event) -> tuple[Any, ...]:
    """Return the values of a row as Rasa fills it (SQLTrackerStore.save)."""
    data = event.as_dict()
    intent = data.get("parse_data", {}).get("intent", {}).get("name")
    times = data.get("timestamp"), intent, data.get("name")
    return sender_id, event.type_name, *times, json.dumps(data)


def _url_arguments(kwargs: dict[str, Any]) -> dict[str, Any]:
    names = ("dialect", "host", "port", "db", "username", "password", "login_db", "query")
    arguments = {name: kwargs[name] for name in names if name in kwargs}
    return {**arguments, "port": validate_port(arguments.get("port"))}


def _sqlite_engine(url: Any, opened: Callable[..., None]) -> Any:
    """Return an engine that keeps its connections, which Rasa's opens for each query.

    `opened` is called after each connection.
    """
    engine = sqlalchemy.create_engine(
        url,
        poolclass=sqlalchemy.pool.QueuePool,
        pool_size=THREADS,
        connect_args={
            "check_same_thread": False,
            "timeout": SQLITE_BUSY_SECONDS,
            "isolation_level": None,  # transactions begin here, not in sqlite3
        },
    )

    @sqlalchemy.event.listens_for(engine, "connect")
    def prepare(connection: Any, _: Any) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("SELECT 1 FROM sqlite_master").fetchall()  # opens its logs
        opened()

    return engine


def _identity(file: Path) -> tuple[int, int]:
    """Return what distinguishes a file from another that replaces it.

    Raises:
        FileNotFoundError: if it is gone.
    """
    found = file.stat()
    return found.st_dev, found.st_ino
