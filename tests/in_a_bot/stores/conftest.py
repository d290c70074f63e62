"""The databases of these tests: an SQLite file for each, one PostgreSQL and one Redis for all."""

import asyncio
import os
import shutil
import signal
import sqlite3
import subprocess
from contextlib import contextmanager

import pytest
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import UserUttered

from in_a_bot.local_cluster import SECRETS, Cluster
from in_a_bot.programs import missing
from rasa_metadata.stores import SQLTrackerStore


@pytest.fixture(scope="package")
def servers(tmp_path_factory):
    """Return a running PostgreSQL and Redis."""
    if missing():
        pytest.skip(f"Not installed: {', '.join(missing())}.")
    state = tmp_path_factory.mktemp("servers")
    keys = dict.fromkeys(SECRETS, "of-the-tests")
    running = Cluster(state, state, model=state, keys=keys)
    try:
        running.redis = running._redis()
        running.postgres = running._postgres()
        yield running
    finally:
        running.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def options(request, tmp_path):
    """Return what endpoints.yml would say of the database: of SQLite, and of PostgreSQL."""
    if request.param == "sqlite":
        return {"dialect": "sqlite", "db": str(tmp_path / "conversations.db")}
    return {"host": request.getfixturevalue("servers").env["DB_URL"]}


@pytest.fixture
def open_store():
    """Return a function that opens a store, as one more server would."""
    opened = []

    def open_one(kind=SQLTrackerStore, **options):
        opened.append(kind(Domain.empty(), **options))
        return opened[-1]

    yield open_one
    for store in opened:
        store.engine.dispose()


@pytest.fixture
def store(open_store, options):
    return open_store(**options)


@pytest.fixture
def database(tmp_path):
    return tmp_path / "conversations.db"


@pytest.fixture
def sqlite_store(open_store, database):
    return open_store(db=str(database))


def run(*coroutines):
    """Run coroutines at once and return their results, of one not in a list."""

    async def gathered():
        return await asyncio.gather(*coroutines)

    results = asyncio.run(gathered())
    return results[0] if len(results) == 1 else results


async def take_turn(store, sender, *texts):
    """Do with a conversation what a turn does."""
    tracker = await store.get_or_create_tracker(sender, append_action_listen=False)
    for text in texts:
        tracker.update(UserUttered(text))
    await store.save(tracker)


def messages(store, sender):
    """Return the texts of a conversation, as another server would read them."""
    tracker = run(store.retrieve_full_tracker(sender))
    return [] if tracker is None else [e.text for e in tracker.events if hasattr(e, "text")]


@contextmanager
def frozen(server):
    """Stop a process as it is."""
    server.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        server.process.send_signal(signal.SIGCONT)


def backup(database, file):
    """Copy a database that is in use, as `sqlite3 DATABASE '.backup FILE'` does."""
    with sqlite3.connect(database) as source, sqlite3.connect(file) as target:
        source.backup(target)
    return file


@pytest.fixture
def small_disk(tmp_path):
    """Return a folder on a disk of 1 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or not shutil.which("mount") or subprocess.run(mount).returncode:
        pytest.skip("Only root can mount a small disk.")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)
