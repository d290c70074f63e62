"""Recent trackers are remembered, and never when the database has something else.

The live tests compare each tracker that was remembered with the database
(live/probe/compared.py).
"""

import pytest
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import SessionStarted, UserUttered

from in_a_bot.stores.conftest import run, take_turn
from rasa_metadata.stores import recent
from rasa_metadata.stores.trackers import StoreFailed


def texts(tracker):
    return [event.text for event in tracker.events if isinstance(event, UserUttered)]


@pytest.fixture
def remembered(store, sender):
    """Return the tracker of a conversation of two messages, which `store` remembers."""

    async def talk():
        await take_turn(store, sender, "a")
        tracker = await store.retrieve(sender)
        tracker.update(UserUttered("b"))
        await store.save(tracker)
        return tracker

    return run(talk())


def test_a_tracker_is_remembered_for_whoever_reads_it_first(store, sender, remembered):
    assert run(store.retrieve(sender)) is remembered
    again = run(store.retrieve(sender))
    assert again is not remembered
    assert texts(again) == ["a", "b"]


def test_what_another_process_stores_is_seen(open_store, options, store, sender, remembered):
    run(take_turn(open_store(**options), sender, "c"))
    tracker = run(store.retrieve(sender))
    assert tracker is not remembered
    assert texts(tracker) == ["a", "b", "c"]


def test_a_conversation_that_was_deleted_is_gone(store, sender, remembered):
    with store._cursor(for_writing_to=sender) as cursor:
        store._execute(cursor, "DELETE FROM events WHERE sender_id = ?", sender)
    assert run(store.retrieve(sender)) is None


def test_what_was_not_saved_is_forgotten(open_store, options, store, sender, remembered):
    remembered.update(UserUttered("never saved"))
    assert texts(run(store.retrieve(sender))) == ["a", "b"]

    tracker = run(store.retrieve(sender))
    run(take_turn(open_store(**options), sender, "c"))
    tracker.update(UserUttered("too late"))
    with pytest.raises(StoreFailed):
        run(store.save(tracker))
    assert texts(run(store.retrieve(sender))) == ["a", "b", "c"]


def test_slots_are_those_of_the_domain_in_use(store, sender, remembered):
    slot = {"plan": {"type": "text", "mappings": [], "initial_value": "free"}}
    store.domain = Domain.from_dict({"slots": slot})
    tracker = run(store.retrieve(sender))
    assert tracker.get_slot("plan") == "free"
    assert texts(tracker) == ["a", "b"]


@pytest.mark.parametrize("saves", [1, 2])
@pytest.mark.parametrize("read", ["retrieve", "retrieve_full_tracker"])
def test_only_the_latest_session_is_remembered(store, sender, remembered, read, saves):
    async def start_a_session():
        tracker = await getattr(store, read)(sender)
        tracker.update(SessionStarted())
        tracker.update(UserUttered("c"))
        for _ in range(saves):
            await store.save(tracker)
        assert texts(await store.retrieve(sender)) == ["c"]
        tracker = await store.retrieve_full_tracker(sender)
        tracker.update(UserUttered("d"))
        await store.save(tracker)
        return await store.retrieve(sender)

    assert texts(run(start_a_session())) == ["c", "d"]


def test_what_is_remembered_is_bounded(monkeypatch, store, sender):
    monkeypatch.setattr(recent, "MOST_CHARACTERS", 2_000)

    async def talk(name):
        for text in ("a", "b"):
            await take_turn(store, name, text * 300)

    for number in range(5):
        run(talk(f"{sender}-{number}"))
    known = [run(store.retrieve(f"{sender}-{number}")) for number in range(5)]
    assert all(texts(tracker) == ["a" * 300, "b" * 300] for tracker in known)
    assert store.recent._characters == 0
