"""Slots stay right when one session ends and another begins."""

import uuid

import pytest

from in_a_bot.live.test_life_cycle import kinds, member, probe, show, who

SETTINGS = {
    "carry over": {"session_expiration_time": 60, "carry_over_slots_to_new_session": True},
    "no carry over": {"session_expiration_time": 60, "carry_over_slots_to_new_session": False},
    "no sessions": {"session_expiration_time": 0, "carry_over_slots_to_new_session": True},
}


@pytest.fixture(scope="module", params=SETTINGS)
def settings(request, bot, with_domain):
    """Give the running bot another `session_config`; return its name."""
    bot.load(with_domain(lambda domain: domain["session_config"].update(SETTINGS[request.param])))
    yield request.param
    bot.load(bot.model)


def only(*wanted):
    """Take the test with these settings alone."""
    return pytest.mark.parametrize("settings", wanted, indirect=True)


def two_hours_later(bot, sender):
    """Return the name of a conversation like this one whose last word is two hours old."""
    events = bot.events(sender)
    for event in events:
        event["timestamp"] -= 2 * 60 * 60
    later = f"later-{uuid.uuid4().hex}"
    bot.put_events(later, events)
    return later


@only("carry over")
def test_a_new_session_carries_slots_over(bot, settings, sender):
    show(bot, sender, probe(text="a", flag=True))
    bot.say(sender, "/probe_set")
    later = two_hours_later(bot, sender)
    assert show(bot, later) == "set by an action True None"


@only("no carry over")
def test_a_new_session_forgets_slots_when_configured_to(bot, settings, sender):
    assert show(bot, sender, probe(text="a", flag=True)) == "a True None"
    assert show(bot, two_hours_later(bot, sender)) == "None None None"


@only("no carry over")
def test_a_session_that_was_restarted_and_then_left_expires_too(bot, settings, sender):
    assert show(bot, sender, probe(text="a")) == "a None None"
    bot.say(sender, "/restart")
    assert show(bot, two_hours_later(bot, sender)) == "None None None"


@only("carry over", "no carry over")
def test_a_new_session_begins_with_its_own_metadata(bot, settings, sender):
    show(bot, sender, probe(text="a", flag=True))
    later = two_hours_later(bot, sender)
    kept = "True" if settings == "carry over" else "None"
    assert show(bot, later, probe(text="b")) == f"b {kept} None"
    assert show(bot, later, probe(number=1)) == f"b {kept} 1"


@only("carry over")
def test_null_clears_what_would_be_carried_over(bot, settings, sender):
    show(bot, sender, probe(text="a", flag=True))
    assert show(bot, two_hours_later(bot, sender), probe(text=None)) == "None True None"


@only("carry over", "no carry over")
def test_a_new_session_is_recorded_as_one(bot, settings, sender):
    show(bot, sender, probe(text="a"))
    later = two_hours_later(bot, sender)
    show(bot, later, probe(text="b"))
    assert bot.slots(later)["probe_text"] == "b"
    recorded = kinds(bot, later)
    assert recorded.count("session_started") == 2
    started = len(recorded) - recorded[::-1].index("session_started")
    assert recorded[started:].count("user") == 1


@only("carry over", "no carry over")
def test_restart_in_a_new_session_revives_nothing_older(bot, settings, sender):
    show(bot, sender, probe(text="a", flag=True))
    later = two_hours_later(bot, sender)
    show(bot, later, probe(number=2))
    bot.say(later, "/restart")
    assert show(bot, later) == "None None 2"


@only("no carry over")
def test_restart_and_then_expiry_revives_nothing(bot, settings, sender):
    show(bot, sender, probe(text="a"))
    bot.say(sender, "/restart")
    assert show(bot, sender) == "a None None"
    assert show(bot, two_hours_later(bot, sender)) == "None None None"


@only("no sessions")
def test_disabled_sessions_never_end(bot, settings, sender):
    show(bot, sender, probe(text="a"))
    later = two_hours_later(bot, sender)
    assert show(bot, later, probe(flag=True)) == "a True None"
    assert kinds(bot, later).count("session_started") == 1


@only("carry over", "no carry over")
def test_a_new_session_inherits_no_identity_and_no_page(bot, settings, sender):
    assert who(bot, sender, probe(page="/a"), headers=member("u1", sender)) == "u1 on /a"
    assert who(bot, two_hours_later(bot, sender)) == "None on None"


@only("carry over")
def test_a_new_session_knows_its_own_token(bot, settings, sender):
    who(bot, sender, headers=member("u1", sender))
    later = two_hours_later(bot, sender)
    assert who(bot, later, headers=member("u2", later)) == "u2 on None"


@only("carry over", "no carry over")
def test_a_session_that_the_api_opens_has_no_identity(bot, settings, sender):
    assert who(bot, sender, headers=member("u1", sender)) == "u1 on None"
    assert bot.trigger(two_hours_later(bot, sender), "probe_who") == ["None on None"]
