"""What `greet` says at the start of a session is said in that session."""

import pytest

from in_a_bot.live.test_life_cycle import kinds, probe, show
from in_a_bot.live.test_sessions import two_hours_later


@pytest.fixture(params=["rest", "stock"])
def channel(request):
    return request.param


def greeted(**values):
    return probe(greet=True, **values)


def test_a_greeting_comes_before_the_reply_and_knows_the_slots(bot, sender, channel):
    said = bot.say(sender, "/probe_show", greeted(text="Ada"), channel=channel)
    assert said == ["Welcome, Ada None", "Ada None None"]


def test_a_condition_on_a_slot_holds_in_a_greeting(bot, sender, channel):
    said = bot.say(sender, "/probe_show", greeted(text="Ada", flag=True), channel=channel)
    assert said[0] == "Welcome back, Ada None"


def test_a_greeting_sees_validated_values(bot, sender, channel):
    said = bot.say(sender, "/probe_show", greeted(text="Ada", valid="x"), channel=channel)
    assert said[0] == "Welcome, Ada X"


def test_a_greeting_is_stored_after_the_session_started_and_before_the_message(bot, sender):
    bot.say(sender, "/probe_show", greeted(text="Ada"))
    found = kinds(bot, sender)
    assert found.index("session_started") < found.index("bot") < found.index("user")
    assert found[found.index("bot") + 1] == "action", "action_listen ends the session start"


def test_a_new_session_is_greeted_with_the_slots_it_carries_over(bot, sender):
    bot.say(sender, "/probe_show", greeted(text="Ada"))
    later = two_hours_later(bot, sender)
    assert bot.say(later, "/probe_show", greeted())[0] == "Welcome, Ada None"


def test_a_restarted_session_is_greeted_with_what_it_knows(bot, sender):
    bot.say(sender, "/probe_show", greeted(text="Ada"))
    assert bot.say(sender, "/restart") == ["Welcome, Ada None"]


def test_a_session_without_an_output_channel_starts_and_says_nothing(bot, sender):
    bot.say(sender, "/probe_show", greeted(text="Ada"))
    later = two_hours_later(bot, sender)
    bot.add_events(later, {"event": "slot", "name": "probe_late", "value": "by the API"})
    assert "restart" not in kinds(bot, later)
    assert show(bot, later) == "Ada None None"


def test_looking_at_an_unknown_conversation_stores_nothing(bot, sender):
    bot.slots(sender)
    assert bot.say(sender, "/probe_show", greeted(text="Ada"))[0] == "Welcome, Ada None"
    assert kinds(bot, sender).count("bot") == 2
