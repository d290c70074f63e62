"""What is acknowledged is stored once and in order; what cannot be stored is an error."""

import asyncio
import time
from contextlib import contextmanager
from itertools import pairwise

import pytest
from rasa.core.tracker_store import FailSafeTrackerStore, TrackerStore
from rasa.core.tracker_store import SQLTrackerStore as RasasStore
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, SessionStarted, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.exceptions import RasaException
from rasa.utils.endpoints import EndpointConfig

from in_a_bot.stores.conftest import messages, run, take_turn
from rasa_metadata.stores import trackers
from rasa_metadata.stores.trackers import StoreFailed
from rasa_metadata.testing.processes import free_port


def refused(*coroutines):
    """Return the status of the error that a call ends with."""
    with pytest.raises(StoreFailed) as failure:
        run(*coroutines)
    return failure.value.error.status


async def two_turns_at_once(one, other, sender):
    """Take two turns that read a conversation before either stores it, as if a lock had expired."""
    read = [await store.get_or_create_tracker(sender) for store in (one, other)]
    for tracker, text in zip(read, ("first", "second"), strict=True):
        tracker.update(UserUttered(text))
    await one.save(read[0])
    await other.save(read[1])


def test_of_two_turns_at_once_one_is_stored_and_the_other_is_an_error(open_store, options, sender):
    one, other = open_store(**options), open_store(**options)
    for _ in "12":  # as the conversation begins, and as it goes on
        assert refused(two_turns_at_once(one, other, sender)) == 503
    assert messages(one, sender) == ["first", "first"]
    run(take_turn(other, sender, "third"))
    assert messages(one, sender) == ["first", "first", "third"]


def test_rasas_own_store_acknowledges_both_and_loses_one(open_store, options, sender):
    """Why there is a store of ours."""
    one, other = open_store(RasasStore, **options), open_store(RasasStore, **options)
    run(take_turn(one, sender, "begin"))
    run(two_turns_at_once(one, other, sender))
    assert messages(one, sender) == ["begin", "first"]


def test_a_turn_of_any_length_is_stored_in_order(store, sender):
    texts = [str(number) for number in range(2 * trackers.MOST_ROWS + 1)]
    run(take_turn(store, sender, *texts))
    assert messages(store, sender) == texts


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_clock_that_was_set_makes_nothing_be_forgotten(store, sender, hours):
    async def talk():
        tracker = await store.get_or_create_tracker(sender, append_action_listen=False)
        tracker.update(SessionStarted(timestamp=time.time() + hours * 3600))
        tracker.update(UserUttered("a", timestamp=time.time() - hours * 3600))
        await store.save(tracker)
        await take_turn(store, sender, "b")
        return await store.retrieve(sender)

    texts = [event.text for event in run(talk()).events if isinstance(event, UserUttered)]
    assert texts == ["a", "b"]


def test_the_latest_session_is_read_and_all_of_them_on_request(store, sender):
    async def talk():
        for text in "ab":
            tracker = await store.get_or_create_tracker(sender, append_action_listen=False)
            for event in (ActionExecuted("action_session_start"), SessionStarted()):
                tracker.update(event)
            tracker.update(UserUttered(text))
            await store.save(tracker)
        return await store.retrieve(sender), await store.retrieve_full_tracker(sender)

    latest, full = run(talk())
    assert [event.type_name for event in latest.events] == ["session_started", "user"]
    assert [event.type_name for event in full.events] == ["action", "session_started", "user"] * 2


def test_a_tracker_that_is_saved_twice_is_stored_once(store, sender):
    async def talk():
        tracker = await store.get_or_create_tracker(sender, append_action_listen=False)
        for text in "ab":
            tracker.update(UserUttered(text))
            for _ in "12":
                await store.save(tracker)

    run(talk())
    assert messages(store, sender) == ["a", "b"]


def test_a_tracker_that_comes_whole_is_stored_as_rasa_does(store, sender):
    """Rasa's API appends what a tracker has more than the latest session."""
    for texts in (["a"], ["a", "b"]):
        events = [UserUttered(text) for text in texts]
        run(store.save(DialogueStateTracker.from_events(sender, events, [])))
    assert messages(store, sender) == ["a", "b"]


def test_rasas_database_is_read_as_it_is_and_rasa_reads_ours(open_store, options, sender):
    rasas = open_store(RasasStore, **options)
    run(take_turn(rasas, sender, "a", "b"))
    ours = open_store(**options)
    run(take_turn(ours, sender, "c"))
    assert run(rasas.retrieve(sender)) == run(ours.retrieve(sender))
    assert messages(rasas, sender) == ["a", "b", "c"]
    assert sender in run(ours.keys())


def test_an_event_that_rasa_no_longer_has_is_left_out():
    assert trackers.parsed(['{"event": "topic", "topic": "gone since Rasa 1"}']) == []
    assert trackers.parsed(['{"event": "restart", "timestamp": 1}'])[0].type_name == "restart"


@pytest.mark.parametrize("text", ["a\0b", "a\ud800b"])
def test_a_message_may_have_any_text(store, sender, text):
    run(take_turn(store, sender, text, "hello"))
    assert messages(store, sender) == [text, "hello"]


def test_a_sender_that_cannot_be_stored_is_an_error_of_its_turn(store, sender):
    """The process goes on; Rasa's ends."""
    assert refused(take_turn(store, "a\ud800b", "hello")) == 500
    if store.engine.name == "postgresql":
        assert refused(take_turn(store, "a\0b", "hello")) == 500
    run(take_turn(store, sender, "hello"))
    assert messages(store, sender) == ["hello"]


@pytest.fixture
def away(open_store):
    """Return a store whose database does not answer."""
    return open_store(host=f"postgresql://u:p@127.0.0.1:{free_port()}/x?connect_timeout=1")


def test_each_call_of_a_database_that_is_away_is_an_error_behind_rasas_fallback_too(away, sender):
    for store in (away, FailSafeTrackerStore(away)):
        assert refused(store.retrieve(sender)) == 503
        assert refused(store.retrieve_full_tracker(sender)) == 503
        assert refused(store.keys()) == 503
        assert refused(store.save(DialogueStateTracker(sender, []))) == 503


def test_a_missing_driver_is_an_error_and_not_a_store_in_memory():
    url, kind = "postgresql+pg8000://u:p@127.0.0.1/x", "rasa_metadata.stores.SQLTrackerStore"
    with pytest.raises(RuntimeError, match="pg8000"):
        TrackerStore.create(EndpointConfig(url, type=kind), Domain.empty())


def test_a_port_that_is_not_a_number_is_rasas_error():
    kind = "rasa_metadata.stores.SQLTrackerStore"
    with pytest.raises(RasaException, match=r"port '\$DB_PORT' cannot be cast to integer"):
        TrackerStore.create(EndpointConfig(type=kind, port="$DB_PORT"), Domain.empty())


@pytest.mark.parametrize("database", [{"db": ":memory:"}, {"db": ""}, {"host": "sqlite://"}])
def test_a_database_in_memory_is_one_for_all_threads_and_outlives_an_error(open_store, database):
    store, senders = open_store(**database), [str(number) for number in range(20)]
    run(*(take_turn(store, sender, "a") for sender in senders))
    assert refused(take_turn(store, "a\ud800b", "hello")) == 500
    assert sorted(run(store.keys())) == sorted(senders)
    run(store.check_writable())


@contextmanager
def nobody_else_can_write(store, sender):
    """Hold the lock that a save takes, as a process does that hangs in the middle of it."""
    connection = store.engine.raw_connection()
    cursor = connection.cursor()
    if store.engine.name == "sqlite":
        cursor.execute("BEGIN IMMEDIATE")
    else:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (sender,))
    try:
        yield
    finally:
        connection.rollback()
        connection.close()


def test_a_save_is_bounded_in_time_and_stores_nothing_later(
    open_store, options, sender, monkeypatch
):
    store = open_store(**options)
    run(take_turn(store, sender, "a"))
    monkeypatch.setattr(trackers, "LONGEST_CALL", 0.3)
    ticks = []

    async def tick():
        while len(ticks) < 10:
            ticks.append(time.monotonic())
            await asyncio.sleep(0.01)

    with nobody_else_can_write(store, sender):
        started = time.monotonic()
        assert refused(take_turn(store, sender, "late"), tick()) == 503
        assert time.monotonic() - started < 2
        assert run(store.retrieve(sender)), "reading goes on"
    assert max(b - a for a, b in pairwise(ticks)) < 0.2
    store.threads.shutdown(wait=True)  # the save has had the lock by now
    assert messages(open_store(**options), sender) == ["a"]


def test_a_turn_that_is_cancelled_stays_cancelled(store, sender):
    async def cancelled():
        reading = asyncio.ensure_future(store.retrieve(sender))
        await asyncio.sleep(0)
        reading.cancel()
        await reading

    with pytest.raises(asyncio.CancelledError):
        run(cancelled())


def test_two_stores_on_one_database_keep_each_conversation_in_order(open_store, options, sender):
    stores = [open_store(**options) for _ in "12"]
    senders = [f"{sender}-{number}" for number in range(10)]

    async def talk(name, store):
        for number in range(10):
            await take_turn(store, name, str(number))

    run(*(talk(name, stores[number % 2]) for number, name in enumerate(senders)))
    for name in senders:
        assert messages(stores[0], name) == [str(number) for number in range(10)]


class Broker:
    def __init__(self):
        self.heard = []

    def publish(self, event):
        self.heard.append(event["text"])


def test_an_event_broker_hears_of_events_once_they_are_stored(open_store, options, sender):
    broker = Broker()
    store, other = open_store(event_broker=broker, **options), open_store(**options)

    async def late():
        tracker = await store.retrieve(sender)
        await take_turn(other, sender, "elsewhere")
        tracker.update(UserUttered("not stored"))
        await store.save(tracker)

    run(take_turn(store, sender, "a"))
    assert refused(late()) == 503
    run(take_turn(store, sender, "b"))
    assert broker.heard == ["a", "b"]


def test_a_broker_that_fails_does_not_fail_the_turn_that_is_stored(open_store, options, sender):
    store = open_store(event_broker=object(), **options)
    run(take_turn(store, sender, "a"))
    assert messages(store, sender) == ["a"]
