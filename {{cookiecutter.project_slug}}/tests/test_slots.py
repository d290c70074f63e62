"""Each metadata slot of the trained model, over HTTP. This follows domain.yml by itself."""

from rasa_metadata.testing import slots


def test_metadata_fills_changes_and_clears_the_slot(bot, sender, slot):
    slots.assert_filled_changed_and_cleared(bot, sender, slot)


def test_a_value_that_the_slot_cannot_hold_is_rejected(bot, sender, slot):
    slots.assert_wrong_values_are_rejected(bot, sender, slot)


def test_a_signed_slot_is_filled_by_a_token_alone(bot, sender, slot):
    slots.assert_only_a_token_fills_it(bot, sender, slot)
