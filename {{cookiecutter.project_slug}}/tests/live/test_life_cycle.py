"""Slots stay right while a conversation goes through what Rasa does to it."""

import uuid

import pytest


def probe(**values):
    return {"probe": values}


def values(bot, sender):
    slots = bot.slots(sender)
    return slots["probe_text"], slots["probe_flag"], slots["probe_number"]


def test_the_first_reply_knows_the_metadata(bot, sender):
    metadata = probe(text="a", flag=True, number=1)
    assert bot.say(sender, "/probe_show", metadata) == ["a True 1"]
    assert values(bot, sender) == ("a", True, 1)


def test_metadata_may_begin_on_a_later_turn(bot, sender):
    assert bot.say(sender, "/probe_show") == ["None None None"]
    assert bot.say(sender, "/probe_show", probe(text="a")) == ["a None None"]


def test_a_change_is_in_the_very_same_reply_and_partial(bot, sender):
    bot.say(sender, "/probe_show", probe(text="a", number=1))
    assert bot.say(sender, "/probe_show", probe(text="b")) == ["b None 1"]


def test_absent_metadata_changes_nothing(bot, sender):
    bot.say(sender, "/probe_show", probe(text="a"))
    assert bot.say(sender, "/probe_show") == ["a None None"]
    assert bot.say(sender, "/probe_show", {}) == ["a None None"]
    assert bot.say(sender, "/probe_show", {"other": 1}) == ["a None None"]


def test_null_clears(bot, sender):
    bot.say(sender, "/probe_show", probe(text="a", flag=True))
    assert bot.say(sender, "/probe_show", probe(text=None)) == ["None True None"]
    assert bot.say(sender, "/probe_show", {"probe": None}) == ["None None None"]


def test_false_zero_and_empty_are_values(bot, sender):
    bot.say(sender, "/probe_show", probe(text="", flag=False, number=0))
    assert values(bot, sender) == ("", False, 0)
    bot.say(sender, "/probe_show", probe(text="a", flag=True, number=1))
    bot.say(sender, "/probe_show", probe(text="", flag=False, number=0))
    assert values(bot, sender) == ("", False, 0)


def test_two_conversations_stay_apart(bot, sender):
    other = f"other-{sender}"
    bot.say(sender, "/probe_show", probe(text="a"))
    bot.say(other, "/probe_show", probe(text="b"))
    assert bot.say(sender, "/probe_show") == ["a None None"]
    assert bot.say(other, "/probe_show") == ["b None None"]


def test_restart_keeps_what_this_session_knows(bot, sender):
    bot.say(sender, "/probe_show", probe(text="a", flag=True))
    bot.say(sender, "/probe_show", probe(text="b"))
    bot.say(sender, "/restart")
    assert bot.say(sender, "/probe_show") == ["b True None"]


def test_restart_forgets_what_an_action_set(bot, sender):
    bot.say(sender, "/probe_show", probe(text="a"))
    bot.say(sender, "/probe_set")
    assert bot.say(sender, "/probe_show", probe(text="a")) == ["set by an action None None"]
    bot.say(sender, "/restart")
    assert bot.say(sender, "/probe_show") == ["a None None"]


def test_a_change_that_a_fallback_undid_comes_back(bot, sender):
    bot.say(sender, "/probe_show", probe(text="a"))
    bot.say(sender, "/probe_fallback", probe(text="b"))
    assert "rewind" in [event["event"] for event in bot.events(sender)]
    assert bot.slots(sender)["probe_text"] == "a"
    assert bot.say(sender, "/probe_show") == ["b None None"]


def test_session_start_may_be_the_first_message(bot, sender):
    bot.say(sender, "/session_start", probe(text="a"))
    assert bot.say(sender, "/probe_show") == ["a None None"]


def test_a_turn_scoped_slot_holds_for_its_message(bot, sender):
    bot.say(sender, "/probe_show", probe(page="/a"))
    assert bot.slots(sender)["probe_page"] == "/a"
    bot.say(sender, "/probe_show")
    assert bot.slots(sender)["probe_page"] is None


def test_an_action_gets_all_known_metadata_in_one_call(bot, sender):
    bot.say(sender, "/probe_show", {**probe(text="a"), "more": [1]})
    assert bot.say(sender, "/probe_known", probe(flag=False)) == [
        '{"probe": {"text": "a", "flag": false}, "more": [1]}'
    ]


def two_hours_later(bot, sender):
    """Return the name of a conversation like this one whose last word is two hours old."""
    events = bot.events(sender)
    for event in events:
        event["timestamp"] -= 2 * 60 * 60
    later = f"later-{uuid.uuid4().hex}"
    bot.put_events(later, events)
    return later


@pytest.mark.parametrize("carry_over, plan", [(True, "a"), (False, "None")])
def test_a_new_session_carries_over_as_configured(
    bot, sender, with_session_config, carry_over, plan
):
    with_session_config(carry_over_slots_to_new_session=carry_over)
    bot.say(sender, "/probe_show", probe(text="a"))
    later = two_hours_later(bot, sender)
    assert bot.say(later, "/probe_show", probe(number=2)) == [f"{plan} None 2"]
    events = [event["event"] for event in bot.events(later)]
    assert events.count("session_started") == 2
    bot.say(later, "/restart")
    assert bot.say(later, "/probe_show") == ["None None 2"]
