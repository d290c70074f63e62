"""Each metadata slot in domain.yml, in a trained bot over HTTP."""

import pytest

from in_a_bot.cases import CONTRACT, OPEN_FIELDS, REFUSING_FIELDS, SIGNED_FIELDS, bad, good, names
from rasa_metadata.contract import merge, nested
from rasa_metadata.contract.examples import example_metadata, example_values


def test_all_of_them_are_filled_by_the_first_message(bot, sender):
    bot.say(sender, "/probe_show", example_metadata(CONTRACT))
    slots = bot.slots(sender)
    for field in OPEN_FIELDS:
        assert slots[field.slot] == example_values(field)[0]


@pytest.mark.parametrize("field", OPEN_FIELDS, ids=names(OPEN_FIELDS))
def test_each_is_filled_changed_and_cleared(bot, sender, field):
    bot.say(sender, "/probe_show", good(field))
    assert bot.slots(sender)[field.slot] == example_values(field)[0]
    bot.say(sender, "/probe_show", nested(field.path, example_values(field)[-1]))
    assert bot.slots(sender)[field.slot] == example_values(field)[-1]
    bot.say(sender, "/probe_show", nested(field.path, None))
    assert bot.slots(sender)[field.slot] is None


@pytest.mark.parametrize("field", REFUSING_FIELDS, ids=names(REFUSING_FIELDS))
def test_each_refuses_what_it_cannot_hold(bot, sender, field):
    response = bot.post(sender, "/probe_show", bad(field))
    assert response.status_code == 422
    assert response.json()["details"]["violations"][0]["path"].startswith(field.dotted)


@pytest.mark.parametrize("field", SIGNED_FIELDS, ids=names(SIGNED_FIELDS))
def test_each_signed_one_is_closed_to_the_open_body(bot, sender, field):
    assert bot.post(sender, "/probe_show", good(field)).status_code == 403
    bot.say(sender, "/probe_show", merge(example_metadata(CONTRACT), {}))
    assert bot.slots(sender)[field.slot] is None


def test_the_schema_that_clients_get_is_your_contracts(bot):
    properties = bot.schema()["properties"]
    for name, schema in CONTRACT.schema["properties"].items():
        assert properties[name] == schema
