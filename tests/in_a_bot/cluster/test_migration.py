"""Conversations continue in PostgreSQL after a bot has moved from SQLite."""

import asyncio
import subprocess
import sys

import psycopg2
import pytest
from rasa.shared.core.events import UserUttered

from in_a_bot.cases import DOMAIN
from in_a_bot.live.servers import Served, running
from in_a_bot.live.test_life_cycle import probe
from in_a_bot.talks import Client
from rasa_metadata.stores import SQLTrackerStore
from rasa_metadata.testing.processes import free_port


@pytest.fixture(scope="module")
def database(cluster):
    """Return the address of an empty database."""
    connection = psycopg2.connect(cluster.env["DB_URL"])
    connection.autocommit = True
    connection.cursor().execute("CREATE DATABASE migrated")
    connection.close()
    return cluster.env["DB_URL"].replace("/postgres?", "/migrated?")


def migrate(cluster, url, file="conversations.db"):
    command = [sys.executable, "-m", "deploy.migrate", file]
    env = {**cluster.env, "DB_URL": url}
    return subprocess.run(command, cwd=cluster.project, env=env, capture_output=True, text=True)


def test_each_conversation_continues_where_it_was(cluster, training, database, sender):
    with running(cluster.project, training, CALLBACK_URL="") as local:
        metadata = probe(text="a", flag=True, number=1)
        assert local.say(sender, "/probe_show", metadata) == ["a True 1"]
        local.say(f"{sender}-2", "/probe_set", probe(flag=False))
        slots = {name: local.slots(name) for name in (sender, f"{sender}-2")}

    done = migrate(cluster, database)
    assert done.returncode == 0, done.stderr
    assert "Copied " in done.stdout

    url = f"http://127.0.0.1:{free_port()}"
    server = cluster.rasa_server(url, DB_URL=database)
    try:
        server.wait_until_it_answers(f"{url}/webhooks/rest/ready")
        moved = Served(url)
        assert {name: moved.slots(name) for name in slots} == slots
        assert Client(url).say(sender, "/probe_show", probe(number=2)) == ["a True 2"]
    finally:
        server.stop()


def test_a_database_with_conversations_is_not_changed(cluster, database):
    again = migrate(cluster, database)
    assert again.returncode == 1
    assert "Nothing was copied" in again.stderr


@pytest.mark.parametrize("url, file", [("", "conversations.db"), ("postgresql://x/y", "none.db")])
def test_what_is_missing_is_named(cluster, url, file):
    missing = migrate(cluster, url, file)
    assert missing.returncode == 1
    assert "DB_URL=postgresql://" in missing.stderr


def test_a_large_table_has_room_for_more_events_than_rasa_can_count(cluster, database, sender):
    """deploy/large.sql can run twice, and a turn is stored behind Rasa's last number."""
    connection = psycopg2.connect(database)
    connection.autocommit = True
    cursor = connection.cursor()
    for _ in "12":
        cursor.execute((cluster.project / "deploy/large.sql").read_text())
    cursor.execute("SELECT setval('events_id_seq', 2147483647)")
    connection.close()

    store = SQLTrackerStore(DOMAIN, host=database)

    async def talk():
        tracker = await store.get_or_create_tracker(sender, append_action_listen=False)
        tracker.update(UserUttered("hello"))
        await store.save(tracker)
        return await store.retrieve(sender)

    tracker = asyncio.run(talk())
    store.engine.dispose()
    assert [event.text for event in tracker.events] == ["hello"]
    assert tracker.stored.last_row > 2147483647
