"""A server on SQLite: whatever happens, each answered turn is stored once and in order.

The clients repeat what failed, with the same Idempotency-Key. What is stored is read from the
database itself. The store alone, without a server, is in test_sqlite_files.py.
"""

import json
import os
import resource
import sqlite3
import statistics
from concurrent.futures import ThreadPoolExecutor, TimeoutError
from contextlib import contextmanager

import pytest
import requests

from in_a_bot.live.servers import Bot, running
from in_a_bot.live.test_life_cycle import probe
from in_a_bot.talks import NO_CONNECTION, Client, Report, Talks
from rasa_metadata.testing.processes import RASA, Process, free_port, listens, wait_for

SHOW = "/probe_show"
ENV = {"CALLBACK_URL": "", "ACTION_SERVER_URL": ""}


@pytest.fixture(scope="module")
def project(training):
    return training.project


@pytest.fixture(scope="module")
def bot(project, training):
    """Return a server; with Rasa's own locks, a turn would hold its conversation for a second."""
    with running(project, training, TICKET_LOCK_LIFETIME="1", CALLBACK_URL="") as bot:
        yield bot


@pytest.fixture
def events(project):
    """Return a function that reads a conversation's events from the database itself."""

    def read(sender):
        with sqlite3.connect(project / "conversations.db", timeout=30) as connection:
            query = "SELECT data FROM events WHERE sender_id = ? ORDER BY id"
            return [json.loads(data) for (data,) in connection.execute(query, (sender,))]

    return read


def numbers(events):
    """Return the numbers in the metadata of messages."""
    return [event["metadata"]["number"] for event in events if event["event"] == "user"]


def test_nothing_is_lost_or_there_twice_without_a_fault(bot, events, report):
    with Talks([bot.url], 8, 24) as talks:
        pass
    talks.check(events, errors=())
    report(Report("none", talks))


def test_kill_9_under_load_loses_nothing(bot, events, report):
    """Three times by default, since each start takes several seconds; ten times in `make fuzz`."""
    kills = int(os.environ.get("KILLS", 3))
    with Talks([bot.url], 8, 8 * kills) as talks:
        for kill in range(kills):
            talks.wait_for((kill + 0.5) / kills)
            bot.server.kill()
            bot.server.start()
    talks.check(events, errors=[NO_CONNECTION, 503])
    assert NO_CONNECTION in talks.errors
    report(Report(f"`kill -9` of the server, {kills} times", talks))


@contextmanager
def locked(bot):
    connection = sqlite3.connect(bot.server.project / "conversations.db", isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
        connection.close()


@contextmanager
def unable_to_grow(bot):
    """Limit the size of the files that the server writes."""
    pid, kind, none = bot.server.process.pid, resource.RLIMIT_FSIZE, resource.RLIM_INFINITY
    resource.prlimit(pid, kind, (4096, none))
    try:
        yield
    finally:
        resource.prlimit(pid, kind, (none, none))


@contextmanager
def moved_away(bot):
    database = bot.server.project / "conversations.db"
    away = database.rename(database.with_name("away.db"))
    try:
        yield
    finally:
        away.rename(database)


FAULTS = {
    "another process locks the database": locked,
    "the files of the database cannot grow": unable_to_grow,
    "the database is moved away, and comes back": moved_away,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_cannot_be_stored_is_an_error_and_keeps_nobody_waiting(
    bot, events, sender, report, fault
):
    with Talks([bot.url], 8, 24) as talks, ThreadPoolExecutor() as pool:
        talks.wait_for(0.25)
        with FAULTS[fault](bot):
            stock = pool.submit(bot.post, sender, SHOW, channel="stock")

            def refused():
                assert requests.get(f"{bot.url}/webhooks/rest/", timeout=1).ok
                return stock.done() and talks.errors

            talks.wait_until(refused)
        assert stock.result().status_code >= 500, "no dropped connection"
    talks.check(events, errors=[503])
    report(Report(fault, talks))


def test_two_servers_on_one_database(bot, project, events, sender, report):
    other = Bot(project, "other", **ENV)
    urls = (bot.url, other.url)
    try:
        other.wait()
        with Talks(urls, 8, 24) as talks:
            pass
        talks.check(events, errors=[503])
        report(Report("two servers on one database", talks))

        def send(number):
            return Client(*urls).say(sender, SHOW, {"number": number})

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(send, range(16)))
        assert sorted(numbers(events(sender))) == list(range(16))
    finally:
        other.server.stop()


def test_several_sanic_workers_end_with_what_to_do(project):
    port = free_port()
    run = [*RASA, "run", "--interface", "127.0.0.1", "--port", str(port)]
    server = Process(project, "workers", run, SANIC_WORKERS="2", **ENV)
    try:
        assert server.process.wait(60) != 0
    finally:
        server.stop()
    assert "unset SANIC_WORKERS" in server.printed()
    assert wait_for(lambda: not listens(port), 20)


def test_600_messages_of_one_sender_keep_nobody_else_waiting(bot, events, sender, report):
    def send(number):  # each begins a session: a long one would only take longer
        body = {"sender": sender, "message": "/session_start", "metadata": {"number": number}}
        url = f"{bot.url}/webhooks/rest/webhook"
        assert requests.post(url, json=body, timeout=300).status_code == 200

    with ThreadPoolExecutor(600) as pool:
        sent = [pool.submit(send, number) for number in range(600)]
        with Talks([bot.url], 2, 50) as talks:
            pass
        assert statistics.quantiles(talks.seconds, n=100)[98] < 1
        assert not all(each.done() for each in sent)
        for each in sent:
            each.result()
    talks.check(events, errors=())
    report(Report("600 messages of another sender wait", talks))
    assert sorted(numbers(events(sender))) == list(range(600))


def test_a_second_message_waits_however_long_the_first_takes(bot, events, sender, tmp_path):
    files = {"begun": str(tmp_path / "begun"), "released": str(tmp_path / "released")}
    with ThreadPoolExecutor() as pool:
        first = pool.submit(Client(bot.url).say, sender, "/probe_wait", files)
        assert wait_for((tmp_path / "begun").exists, 20)
        second = pool.submit(Client(bot.url).say, sender, SHOW, probe(text="a"))
        with pytest.raises(TimeoutError):
            second.result(3)
        (tmp_path / "released").touch()
        assert (first.result(), second.result()) == (["at last"], ["a None None"])
    assert [e["text"] for e in events(sender) if e["event"] == "user"] == ["/probe_wait", SHOW]
