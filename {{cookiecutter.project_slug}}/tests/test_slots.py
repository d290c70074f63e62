"""Each metadata slot of the trained model, over HTTP. These tests follow domain.yml."""

from rasa_metadata.testing import slots


def test_clients_get_the_schema_of_the_slots(bot):
    slots.assert_schema_is_published(bot)


def test_metadata_fills_changes_and_clears_a_slot(bot, sender, slot):
    slots.assert_filled_changed_and_cleared(bot, sender, slot)


def test_a_value_that_violates_the_schema_is_rejected(bot, sender, strict_slot):
    slots.assert_wrong_value_is_rejected(bot, sender, strict_slot)


def test_only_a_token_fills_a_signed_slot(bot, sender, signed_slot):
    slots.assert_only_a_token_fills_it(bot, sender, signed_slot)
