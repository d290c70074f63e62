"""Slots stay right while a conversation goes through what Rasa does to it.

The names of these tests and of those in test_sessions.py are the rows of the table in
the template's docs/life-cycle.md, where Rasa's own channel takes the same tests.
"""

import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone

import pytest

from in_a_bot.tokens import bearer

WAIT_SECONDS = 20


def probe(**values):
    return {"probe": values}


def member(user, sender, **claims):
    """Return the header of somebody whose token signs a slot, in a guest's conversation."""
    return bearer(sub=user, sender=sender, metadata=probe(id=user), **claims)


def show(bot, sender, metadata=None, **kwargs):
    """Return what three of the slots hold when the bot decides what to say."""
    (text,) = bot.say(sender, "/probe_show", metadata, **kwargs)
    return text


def who(bot, sender, metadata=None, **kwargs):
    """Return what the signed slot and the turn-scoped one hold, in the same way."""
    (text,) = bot.say(sender, "/probe_who", metadata, **kwargs)
    return text


def kinds(bot, sender):
    return [event["event"] for event in bot.events(sender)]


def wait_for(happened):
    """Wait until something is so."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


# Metadata, turn by turn


def test_the_first_reply_knows_the_metadata(bot, sender):
    assert show(bot, sender, probe(text="a", flag=True, number=1)) == "a True 1"


def test_metadata_may_begin_on_a_later_turn(bot, sender):
    assert show(bot, sender) == "None None None"
    assert show(bot, sender, probe(text="a")) == "a None None"


def test_a_change_is_in_the_same_reply(bot, sender):
    show(bot, sender, probe(text="a"))
    assert show(bot, sender, probe(text="b")) == "b None None"


def test_a_rule_sees_the_change_at_once(bot, sender):
    assert bot.say(sender, "/probe_tier") == ["No gold"]
    assert bot.say(sender, "/probe_tier", probe(tier="gold")) == ["Gold"]
    assert bot.say(sender, "/probe_tier", probe(tier=None)) == ["No gold"]


def test_a_conditional_response_sees_the_change_at_once(bot, sender):
    bot.say(sender, "/probe_tier", probe(tier="gold"))
    assert bot.say(sender, "/probe_tier", probe(flag=True)) == ["All that glitters"]
    assert bot.say(sender, "/probe_tier", probe(flag=False)) == ["Gold"]


def test_a_partial_change_leaves_the_rest(bot, sender):
    show(bot, sender, probe(text="a", number=1))
    assert show(bot, sender, probe(text="b")) == "b None 1"


def test_absent_metadata_changes_nothing(bot, sender):
    show(bot, sender, probe(text="a"))
    assert show(bot, sender) == "a None None"
    assert show(bot, sender, {}) == "a None None"
    assert show(bot, sender, {"other": 1}) == "a None None"


def test_null_clears(bot, sender):
    show(bot, sender, probe(text="a", flag=True))
    assert show(bot, sender, probe(text=None)) == "None True None"
    assert show(bot, sender, {"probe": None}) == "None None None"


def test_false_zero_and_empty_are_values(bot, sender):
    nothing = probe(text="", flag=False, number=0)
    assert show(bot, sender, nothing) == "False 0"
    assert show(bot, sender, probe(text="a", flag=True, number=1)) == "a True 1"
    assert show(bot, sender, nothing) == "False 0"
    assert bot.slots(sender)["probe_text"] == ""


def test_two_conversations_stay_apart(bot, sender):
    show(bot, sender, probe(text="a"))
    show(bot, f"other-{sender}", probe(text="b"))
    assert show(bot, sender) == "a None None"
    assert show(bot, f"other-{sender}") == "b None None"


# Slots that are wiped, and slots that something else sets


def test_restart_keeps_what_this_session_knows(bot, sender):
    show(bot, sender, probe(text="a", flag=True))
    show(bot, sender, probe(text="b"))
    bot.say(sender, "/restart")
    assert show(bot, sender) == "b True None"


def test_restart_forgets_what_an_action_set(bot, sender):
    show(bot, sender, probe(text="a"))
    bot.say(sender, "/probe_set")
    bot.say(sender, "/restart")
    assert show(bot, sender) == "a None None"


def test_restart_uses_its_own_metadata(bot, sender):
    show(bot, sender, probe(text="a", flag=True))
    bot.say(sender, "/restart", probe(text="b"))
    assert show(bot, sender) == "b True None"


def test_slots_that_were_reset_stay_empty_until_metadata_changes(bot, sender):
    show(bot, sender, probe(text="a"))
    bot.say(sender, "/probe_wipe", probe(text="a"))
    assert show(bot, sender, probe(text="a")) == "None None None"
    assert show(bot, sender, probe(text="b")) == "b None None"


def test_a_value_from_an_action_stays_until_metadata_changes(bot, sender):
    show(bot, sender, probe(text="a"))
    bot.say(sender, "/probe_set", probe(text="a"))
    assert show(bot, sender, probe(text="a")) == "set by an action None None"
    assert show(bot, sender, probe(text="b")) == "b None None"


def test_a_value_from_the_events_api_stays_until_metadata_changes(bot, sender):
    show(bot, sender, probe(text="a"))
    bot.add_events(sender, {"event": "slot", "name": "probe_text", "value": "by the API"})
    assert show(bot, sender, probe(text="a")) == "by the API None None"
    assert show(bot, sender, probe(text="b")) == "b None None"


def said_and_told(bot, sender, slot):
    """Yield what a slot holds after entity and metadata, one after another, and together."""
    field = slot.removeprefix("probe_")
    for message, told in [
        ("/probe_show", "a"),
        (f'/probe_show{{"{slot}": "said"}}', "a"),
        ("/probe_show", "a"),
        ("/probe_show", "b"),
        (f'/probe_show{{"{slot}": "said too"}}', "c"),
        ("/probe_show", "c"),
        ("/probe_show", "d"),
    ]:
        bot.say(sender, message, probe(**{field: told}))
        yield bot.slots(sender)[slot]


@pytest.mark.parametrize("slot", ["probe_early", "probe_late"])
def test_an_entity_takes_precedence_over_the_metadata_of_its_message(bot, sender, slot):
    found = list(said_and_told(bot, sender, slot))
    assert found == ["a", "said", "said", "b", "said too", "said too", "d"]


# Messages that are more than a text


def test_session_start_may_be_the_first_message(bot, sender):
    bot.say(sender, "/session_start", probe(text="a"))
    assert show(bot, sender) == "a None None"


def test_session_start_in_the_middle_begins_with_its_own_metadata(bot, sender):
    show(bot, sender, probe(text="a"))
    bot.say(sender, "/session_start", probe(text="b"))
    assert show(bot, sender) == "b None None"
    bot.say(sender, "/restart")
    assert show(bot, sender) == "b None None"


def test_a_button_payload_carries_metadata(bot, sender):
    bot.say(sender, '/probe_show{"probe_late": "x"}', probe(text="a"))
    assert bot.say(sender, '/probe_show{"probe_late": "y"}', probe(text="b")) == ["b None None"]
    assert bot.slots(sender)["probe_late"] == "y"


def test_a_conversation_that_trigger_intent_opened(bot, sender):
    assert bot.trigger(sender, "probe_show") == ["None None None"]
    assert show(bot, sender, probe(text="a")) == "a None None"


def test_a_conversation_that_the_events_api_opened(bot, sender):
    bot.add_events(sender, {"event": "slot", "name": "probe_late", "value": "by the API"})
    assert show(bot, sender, probe(text="a")) == "a None None"
    assert show(bot, sender, probe(flag=True)) == "a True None"


def test_a_conversation_that_a_reminder_opened(bot, sender):
    bot.add_events(sender, {"event": "slot", "name": "probe_late", "value": "by the API"})
    remind(bot, sender)
    assert show(bot, sender, probe(text="a")) == "a None None"
    assert show(bot, sender, probe(flag=True)) == "a True None"


def test_a_reminder_in_the_middle_changes_no_session_slot(bot, sender):
    show(bot, sender, probe(text="a", page="/a"), headers=member("u1", sender))
    remind(bot, sender)
    slots = bot.slots(sender)
    assert (slots["probe_text"], slots["probe_page"], slots["probe_id"]) == ("a", None, None)


def remind(bot, sender):
    """Schedule a reminder for now and wait until its turn is over."""
    before = kinds(bot, sender).count("user")
    now = datetime.now(timezone.utc).isoformat()
    reminder = {"event": "reminder", "intent": "probe_show", "date_time": now, "name": sender}
    bot.add_events(sender, {**reminder, "kill_on_user_msg": False})
    wait_for(lambda: kinds(bot, sender).count("user") > before)


# What Rasa undoes


def test_a_change_that_a_fallback_undid_is_there_again(bot, sender):
    show(bot, sender, probe(text="a"))
    bot.say(sender, "/probe_fallback", probe(text="b"))
    assert "rewind" in kinds(bot, sender)
    assert show(bot, sender) == "b None None"


def test_a_fallback_undoes_no_metadata_between_turns_either(bot, sender):
    show(bot, sender, probe(text="a"))
    bot.say(sender, "/probe_fallback", probe(text="b"))
    assert "rewind" in kinds(bot, sender)
    assert bot.slots(sender)["probe_text"] == "b"


def test_two_fallbacks_in_a_row(bot, sender):
    show(bot, sender, probe(text="a"))
    bot.say(sender, "/probe_fallback", probe(text="b"))
    bot.say(sender, "/probe_fallback", probe(flag=True))
    assert kinds(bot, sender).count("rewind") == 2
    assert show(bot, sender) == "b True None"


def test_a_fallback_as_the_very_first_turn(bot, sender):
    bot.say(sender, "/probe_fallback", probe(text="a"))
    assert "rewind" in kinds(bot, sender)
    assert show(bot, sender) == "a None None"


def test_a_fallback_in_two_stages(bot, sender):
    show(bot, sender, probe(text="a", two_stages=True))
    asked = bot.say(sender, "/nlu_fallback", probe(text="b"))
    assert asked == ["Did you mean 'nlu_fallback'?"]
    clarified = bot.say(sender, "/probe_show", probe(flag=True))
    assert "rewind" in kinds(bot, sender)
    assert clarified == ["b True None"]
    assert show(bot, sender) == "b True None"


def test_an_action_that_reverts_itself(bot, sender):
    show(bot, sender, probe(text="a"))
    bot.say(sender, "/probe_revert", probe(flag=True))
    assert "undo" in kinds(bot, sender)
    assert show(bot, sender) == "a True None"


def test_back_undoes_two_messages_but_no_metadata(bot, sender):
    show(bot, sender, probe(text="a"))
    show(bot, sender, probe(text="b"))
    bot.say(sender, "/back", probe(flag=True))
    assert kinds(bot, sender).count("rewind") == 2
    assert show(bot, sender) == "b True None"


# Forms


def test_metadata_gives_the_answer_before_a_form_asks(bot, sender):
    assert bot.say(sender, "/probe_ask", probe(answer="42")) == ["The answer is 42."]


def test_metadata_gives_the_answer_while_a_form_asks(bot, sender):
    assert bot.say(sender, "/probe_ask") == ["What is the answer?"]
    assert bot.say(sender, "/probe_who", probe(answer="42"))[-1] == "The answer is 42."


def test_an_answer_takes_precedence_over_the_metadata_of_its_message(bot, sender):
    bot.say(sender, "/probe_ask")
    assert bot.say(sender, "fine", probe(answer="42", text="a")) == ["The answer is fine."]
    assert bot.slots(sender)["probe_answer"] == "fine"
    assert show(bot, sender, probe(answer="42")) == "a None None"
    assert bot.slots(sender)["probe_answer"] == "fine"


def test_a_form_that_begins_extracts_twice(bot, sender):
    assert bot.say(sender, "/probe_ask", probe(text="a")) == ["What is the answer?"]
    bot.say(sender, "fine", probe(text="b"))
    assert show(bot, sender) == "b None None"
    set_to = [e["value"] for e in bot.events(sender) if e.get("name") == "probe_text"]
    assert set_to == ["a", "b"]


def test_a_message_that_a_form_ignores_still_brings_metadata(bot, sender):
    bot.say(sender, "/probe_ask", probe(page="/a"))
    assert bot.say(sender, "/probe_who", probe(page="/b"))[0] == "None on /b"
    assert bot.say(sender, "/probe_who")[0] == "None on None"
    assert bot.say(sender, "fine") == ["The answer is fine."]


# Turn-scoped slots, and signed ones


def test_a_turn_scoped_slot_keeps_its_value_for_one_message(bot, sender):
    assert who(bot, sender, probe(page="/a")) == "None on /a"
    assert who(bot, sender, probe(page="/b")) == "None on /b"
    assert who(bot, sender) == "None on None"
    assert who(bot, sender, probe(page="")) == "None on"


def test_a_turn_scoped_slot_in_a_fallback(bot, sender):
    assert who(bot, sender, probe(page="/a")) == "None on /a"
    bot.say(sender, "/probe_fallback", probe(page="/b"))
    assert "rewind" in kinds(bot, sender)
    assert who(bot, sender) == "None on None"


def test_restart_does_not_restore_a_turn_scoped_slot(bot, sender):
    assert who(bot, sender, probe(page="/a")) == "None on /a"
    bot.say(sender, "/restart")
    assert bot.slots(sender)["probe_page"] is None


def test_login_in_the_middle_and_logout(bot, sender):
    show(bot, sender, probe(text="a"))
    assert who(bot, sender, headers=member("u1", sender)) == "u1 on None"
    assert who(bot, sender) == "None on None"
    assert show(bot, sender) == "a None None"


def test_a_signed_slot_is_what_the_token_of_this_message_says(bot, sender):
    assert who(bot, sender, headers=member("u1", sender)) == "u1 on None"
    assert who(bot, sender, headers=member("u2", sender)) == "u2 on None"
    assert who(bot, sender, headers=bearer(sub="u2", sender=sender)) == "None on None"


def test_a_token_that_expires_between_two_messages(bot, sender):
    headers = member("u1", sender, exp=time.time() + 2)
    assert who(bot, sender, headers=headers) == "u1 on None"
    url = f"{bot.url}/webhooks/rest/webhook"
    wait_for(lambda: bot.session.post(url, headers=headers).status_code == 401)
    before = len(bot.events(sender))
    assert bot.post(sender, "/probe_who", headers=headers).status_code == 401
    assert len(bot.events(sender)) == before
    assert who(bot, sender) == "None on None"


def test_logout_in_a_fallback_leaves_no_identity(bot, sender):
    assert who(bot, sender, headers=member("u1", sender)) == "u1 on None"
    bot.say(sender, "/probe_fallback")
    assert "rewind" in kinds(bot, sender)
    assert bot.slots(sender)["probe_id"] is None


def test_logout_in_a_form_leaves_no_identity(bot, sender):
    bot.say(sender, "/probe_ask", headers=member("u1", sender))
    assert bot.slots(sender)["probe_id"] == "u1"
    assert bot.say(sender, "/probe_who")[0] == "None on None"


def test_restart_with_a_token_and_without(bot, sender):
    who(bot, sender, headers=member("u1", sender))
    bot.say(sender, "/restart", headers=member("u1", sender))
    assert bot.slots(sender)["probe_id"] == "u1"
    bot.say(sender, "/restart")
    assert bot.slots(sender)["probe_id"] is None


def test_a_conversation_that_begins_without_a_token_has_no_identity(bot, sender):
    assert who(bot, sender, headers=member("u1", sender)) == "u1 on None"
    assert bot.trigger(sender, "probe_who") == ["None on None"]


# Many at once, and many turns


def test_messages_of_one_sender_at_once(bot, sender):
    numbers = [n / 2 for n in range(16)]
    with ThreadPoolExecutor(len(numbers)) as pool:
        shown = list(pool.map(lambda n: show(bot, sender, probe(number=n)), numbers))
    assert shown == [f"None None {n}" for n in numbers]
    told = [e["metadata"]["probe"] for e in bot.events(sender) if e["event"] == "user"]
    assert sorted(each["number"] for each in told) == numbers
    assert bot.slots(sender)["probe_number"] == told[-1]["number"]


def test_fifty_conversations_at_once(bot):
    senders = [f"sender-{uuid.uuid4().hex}" for _ in range(50)]
    with ThreadPoolExecutor(16) as pool:
        for _ in range(2):
            shown = list(pool.map(lambda s: show(bot, s, probe(text=s)), senders))
            assert shown == [f"{sender} None None" for sender in senders]
    for sender in senders:
        assert kinds(bot, sender).count("user") == 2


def test_a_conversation_of_five_hundred_turns(bot, sender):
    show(bot, sender, probe(text="a", number=0))
    bot.say(sender, "/probe_set")
    begun = bot.events(sender)
    show(bot, sender, probe(text="a", number=1))
    show(bot, sender, probe(text="a", number=2))
    two_turns = bot.events(sender)[len(begun) :]
    events = begun + 248 * two_turns
    for index, event in enumerate(events):
        event["timestamp"] = begun[0]["timestamp"] - (len(events) - index) / 100
    long = f"long-{sender}"
    bot.put_events(long, events)
    assert show(bot, long, probe(text="a", flag=True)) == "set by an action True 2"
    assert show(bot, long, probe(text="b")) == "b True 2"
    bot.say(long, "/probe_fallback", probe(text="c"))
    assert show(bot, long) == "c True 2"
    assert kinds(bot, long).count("user") == 500 + 2
    bot.say(long, "/restart")
    assert show(bot, long) == "c True 2"
