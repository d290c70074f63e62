"""Whatever happens to the SQLite file, it is an error of a turn, and what was stored stays."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from itertools import count
from pathlib import Path

import sqlalchemy

from in_a_bot.stores.conftest import backup, messages, run, take_turn
from in_a_bot.stores.test_trackers import refused
from rasa_metadata.stores.trackers import StoreFailed

STORE = "from rasa_metadata.stores import SQLTrackerStore as Store"


def python(code, *arguments, **options):
    """Start another process, in the bot's folder."""
    command = [sys.executable, "-W", "ignore", "-c", code, *map(str, arguments)]
    env = {**os.environ, "PYTHONPATH": f"{Path.cwd()}:{os.environ.get('PYTHONPATH', '')}"}
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True, **options)


def test_only_its_owner_reads_a_new_file_and_an_old_one_stays_as_it_was(open_store, tmp_path):
    old = tmp_path / "old.db"
    sqlite3.connect(old).close()
    old.touch(mode=0o644)
    old.chmod(0o644)
    for name in ("new.db", "old.db"):
        run(take_turn(open_store(db=str(tmp_path / name)), "ada", "hello"))
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert {name for name, mode in modes.items() if mode == 0o600} == {
        "new.db",
        "new.db-shm",
        "new.db-wal",
    }
    assert modes["old.db"] == 0o644


def test_a_commit_is_on_the_disk(sqlite_store):
    connection = sqlite_store.engine.raw_connection()
    try:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
        (busy,) = connection.execute("PRAGMA busy_timeout").fetchone()
    finally:
        connection.close()
    assert busy == 5000, "shorter than a call may take"


LOCK = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
"""


def test_a_database_locked_by_another_process_is_an_error_until_it_is_free(sqlite_store, database):
    run(take_turn(sqlite_store, "ada", "a"))
    other = python(LOCK, database, stdin=subprocess.PIPE)
    try:
        assert other.stdout.readline() == "locked\n"
        started = time.monotonic()
        assert refused(take_turn(sqlite_store, "ada", "lost")) == 503
        assert time.monotonic() - started < 10
    finally:
        other.communicate()
    run(take_turn(sqlite_store, "ada", "b"))
    assert messages(sqlite_store, "ada") == ["a", "b"]


def limited(store, pragma):
    """Let each connection of a store begin with a PRAGMA."""

    def limit(connection, _):
        connection.execute(f"PRAGMA {pragma}")

    sqlalchemy.event.listen(store.engine, "connect", limit)
    store.engine.dispose()
    return lambda: (sqlalchemy.event.remove(store.engine, "connect", limit), store.engine.dispose())


def test_a_read_only_database_is_an_error_until_it_is_not(sqlite_store):
    run(take_turn(sqlite_store, "ada", "a"))
    make_writable = limited(sqlite_store, "query_only = ON")
    assert refused(take_turn(sqlite_store, "ada", "lost")) == 503
    assert run(sqlite_store.retrieve("ada")), "it can be read"
    make_writable()
    run(take_turn(sqlite_store, "ada", "b"))
    assert messages(sqlite_store, "ada") == ["a", "b"]


def fill(store):
    """Take turns until one fails, and return the texts of those that did not."""
    stored = []
    for number in count():
        text = f"{number:04}" * 1000
        try:
            run(take_turn(store, "ada", text))
        except StoreFailed:
            return stored
        stored.append(text)


def test_a_full_database_is_an_error_until_there_is_room(sqlite_store):
    make_room = limited(sqlite_store, "max_page_count = 100")
    stored = fill(sqlite_store)
    assert messages(sqlite_store, "ada") == stored != []
    make_room()
    run(take_turn(sqlite_store, "ada", "b"))
    assert messages(sqlite_store, "ada") == [*stored, "b"]


def test_a_full_disk_is_an_error_until_there_is_room(open_store, small_disk):
    (small_disk / "ballast").write_bytes(b"x" * 200_000)
    store = open_store(db=str(small_disk / "conversations.db"))
    stored = fill(store)
    assert messages(store, "ada") == stored != []
    (small_disk / "ballast").unlink()
    run(take_turn(store, "ada", "b"))
    assert messages(store, "ada") == [*stored, "b"]
    store.engine.dispose()


def test_in_place_of_a_replaced_database_the_new_one_is_used_and_no_other(sqlite_store, database):
    run(take_turn(sqlite_store, "ada", "a"))
    copy = backup(database, database.with_name("backup.db"))
    for number in range(30):
        run(take_turn(sqlite_store, "ada", f"gone-{number}"))
    copy.replace(database)
    run(take_turn(sqlite_store, "ada", "b"))
    assert messages(sqlite_store, "ada") == ["a", "b"]
    assert sqlite3.connect(database).execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_of_two_servers_the_second_to_see_a_replaced_database_keeps_the_log_of_the_first(
    open_store, database
):
    one, other = (open_store(db=str(database)) for _ in "12")
    for store in (one, other):
        run(take_turn(store, "ada", "a"))
    copy = backup(database, database.with_name("backup.db"))
    run(take_turn(other, "ada", "gone"))
    copy.replace(database)
    run(take_turn(one, "ada", "b"))
    run(take_turn(other, "ada", "c"))
    assert messages(one, "ada") == messages(other, "ada") == ["a", "a", "b", "c"]


def test_a_deleted_database_is_an_error_until_it_is_back(sqlite_store, database):
    run(take_turn(sqlite_store, "ada", "a"))
    copy = backup(database, database.with_name("backup.db"))
    database.unlink()
    assert refused(take_turn(sqlite_store, "ada", "lost")) == 503
    copy.replace(database)
    run(take_turn(sqlite_store, "ada", "b"))
    assert messages(sqlite_store, "ada") == ["a", "b"]


def test_a_file_that_is_no_database_is_an_error_and_stays_as_it_is(sqlite_store, database):
    other = database.with_name("other")
    other.write_bytes(b"something else " * 1000)
    other.replace(database)
    assert refused(take_turn(sqlite_store, "ada", "lost")) == 503
    assert database.read_bytes() == b"something else " * 1000


TALK = f"""
import asyncio, sys
from rasa.shared.core.domain import Domain
from in_a_bot.stores.conftest import take_turn
{STORE}

async def talk(store, sender):
    for number in range(int(sys.argv[2])):
        await take_turn(store, sender, str(number))
        print(sender, number, flush=True)

async def main():
    store = Store(Domain.empty(), db=sys.argv[1])
    await asyncio.gather(*(talk(store, sender) for sender in sys.argv[3].split()))

asyncio.run(main())
"""


def test_after_its_process_ends_all_of_a_database_is_in_its_file(open_store, database):
    """So a copy of the one file is a copy of all."""
    assert python(TALK, database, 3, "ada").communicate()[0].count("\n") == 3
    assert [path.name for path in database.parent.iterdir()] == [database.name]
    assert messages(open_store(db=str(database)), "ada") == ["0", "1", "2"]


def test_a_new_store_leaves_the_database_locked_for_the_old_one(open_store, database):
    """As after `PUT /model`. SQLite would let another process remove the log in use."""
    stores = [open_store(db=str(database))]
    run(take_turn(stores[0], "ada", "a"))
    stores.append(open_store(db=str(database)))
    assert python(TALK, database, 1, "another").wait() == 0
    for store in stores:
        run(take_turn(store, "ada", "b"))
    with sqlite3.connect(database) as connection:
        query = "SELECT count(*) FROM events WHERE sender_id = 'ada'"
        assert connection.execute(query).fetchone() == (3,)
    assert messages(stores[0], "another") == ["0"]


def test_after_kill_9_all_that_was_acknowledged_is_stored_once_and_in_order(open_store, database):
    for kill in range(10):
        senders = [f"{kill}-{number}" for number in range(4)]
        process = python(TALK, database, 100_000, " ".join(senders))
        lines = [process.stdout.readline() for _ in range(20 + 7 * kill)]
        process.send_signal(signal.SIGKILL)
        lines += process.communicate()[0].splitlines()
        store = open_store(db=str(database))
        for sender in senders:
            acknowledged = [line.split()[1] for line in lines if line.startswith(f"{sender} ")]
            stored = messages(store, sender)
            assert stored == [str(number) for number in range(len(stored))]
            assert len(acknowledged) <= len(stored) <= len(acknowledged) + 1
