"""Copies all conversations from SQLite to PostgreSQL: all of them, or none.

    DB_URL=postgresql://user:password@host:5432/name python -m deploy.migrate conversations.db

`make migrate` runs it. Stop the bot before: what it stores meanwhile is not copied.
"""

import os
import sys
from pathlib import Path

import sqlalchemy as sa
from rasa.core.tracker_store import SQLTrackerStore

EVENTS = SQLTrackerStore.SQLEvent.__table__
BATCH = 1000
HOW = "Set DB_URL=postgresql://user:password@host:5432/name, and name the SQLite file."


def migrate(source: sa.engine.Engine, target: sa.engine.Engine) -> int:
    """Copy all events in their order, and return how many there are.

    Raises:
        SystemExit: when the target holds conversations already, or less than it was given.
    """
    EVENTS.create(target, checkfirst=True)
    with source.connect() as read, target.begin() as write:
        wanted = count(read)
        found = count(write)
        if found:
            raise SystemExit(f"Nothing was copied: there are {sum(found.values())} events already.")
        for rows in read.execute(sa.select(EVENTS).order_by(EVENTS.c.id)).partitions(BATCH):
            write.execute(EVENTS.insert(), [dict(row._mapping) for row in rows])
        if count(write) != wanted:
            raise SystemExit("Nothing was copied: PostgreSQL has not what SQLite has.")
        if wanted:  # the next event comes behind the last of these
            last = sa.select(sa.func.max(EVENTS.c.id)).scalar_subquery()
            write.execute(sa.select(sa.func.setval("events_id_seq", last)))
    return sum(wanted.values())


def count(connection: sa.engine.Connection) -> dict[str, int]:
    """Return how many events each conversation has."""
    sender = EVENTS.c.sender_id
    query = sa.select(sender, sa.func.count()).group_by(sender)
    return dict(connection.execute(query).all())


def main() -> None:
    url, files = os.environ.get("DB_URL", ""), sys.argv[1:]
    if not url.startswith("postgresql") or len(files) != 1 or not Path(files[0]).exists():
        raise SystemExit(HOW)
    source = sa.create_engine(f"sqlite:///{Path(files[0]).resolve()}")
    copied = migrate(source, sa.create_engine(url))
    print(f"Copied {copied} events; the SQLite file is as it was.")


if __name__ == "__main__":
    main()
