"""The owner's action_validate_slot_mappings sees each value that metadata writes."""

import pytest

from in_a_bot.live.test_life_cycle import kinds, probe
from in_a_bot.live.test_sessions import two_hours_later

OUTCOMES = {
    "changed": ("x", "X None"),
    "rejected": ("reject", "None None"),
    "with another slot": ("two", "two set too"),
    "emptied": ("", "None"),
}


@pytest.fixture(params=["rest", "stock"])
def channel(request):
    return request.param


@pytest.fixture(params=OUTCOMES)
def outcome(request):
    """Return a value that metadata brings, and what the two slots hold then."""
    value, shown = OUTCOMES[request.param]
    return probe(valid=value), shown.strip()


def valid(bot, sender, metadata=None, **kwargs):
    return bot.say(sender, "/probe_valid", metadata, **kwargs)[-1].strip()


def test_at_the_session_start(bot, sender, channel, outcome):
    metadata, shown = outcome
    assert valid(bot, sender, metadata, channel=channel) == shown


def test_in_a_later_turn(bot, sender, channel, outcome):
    metadata, shown = outcome
    assert valid(bot, sender, channel=channel) == "None None"
    assert valid(bot, sender, metadata, channel=channel) == shown


def test_after_a_restart(bot, sender, channel, outcome):
    metadata, shown = outcome
    valid(bot, sender, metadata, channel=channel)
    bot.say(sender, "/restart", channel=channel)
    assert valid(bot, sender, channel=channel) == shown


def test_with_the_restart_itself(bot, sender, channel, outcome):
    metadata, shown = outcome
    valid(bot, sender, channel=channel)
    bot.say(sender, "/restart", metadata, channel=channel)
    assert valid(bot, sender, channel=channel) == shown


@pytest.mark.parametrize("first", [True, False])
def test_with_session_start_as_a_message(bot, sender, channel, outcome, first):
    metadata, shown = outcome
    if not first:
        valid(bot, sender, channel=channel)
    bot.say(sender, "/session_start", metadata, channel=channel)
    assert valid(bot, sender, channel=channel) == shown


def test_in_a_turn_that_a_fallback_undoes(bot, sender, channel, outcome):
    metadata, shown = outcome
    valid(bot, sender, channel=channel)
    bot.say(sender, "/probe_fallback", metadata, channel=channel)
    assert "rewind" in kinds(bot, sender)
    slots = bot.slots(sender)
    assert f"{slots['probe_valid']} {slots['probe_also']}".strip() in (shown, f" {shown}".strip())
    assert valid(bot, sender, channel=channel) == shown


def test_in_a_new_session(bot, sender, outcome):
    metadata, shown = outcome
    valid(bot, sender)
    assert valid(bot, two_hours_later(bot, sender), metadata) == shown


def test_another_custom_mapping_sees_the_metadata_of_its_message(bot, sender, channel):
    def price(metadata=None):
        return bot.say(sender, "/probe_price", metadata, channel=channel)[-1]

    assert price(probe(tier="silver")) == "10"
    assert price(probe(tier="gold")) == "100"
    assert price(probe(tier=None)) == "None"
