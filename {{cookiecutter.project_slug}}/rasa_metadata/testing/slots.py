"""What each metadata slot of a bot has to do, whatever the bot is; tests/test_slots.py uses it.

The bot's replies do not matter here: an owner's texts, rules and actions are theirs.
"""

import pytest

from rasa_metadata.contract import Field, merge, nested
from rasa_metadata.contract.examples import example_metadata, example_values, wrong_values
from rasa_metadata.testing.bot import BotUnderTest

MESSAGE = "?"
VALIDATION_ACTION = "action_validate_slot_mappings"


def assert_filled_changed_and_cleared(bot: BotUnderTest, sender: str, field: Field) -> None:
    """Assert that a message fills the slot, a later one changes it, and `null` clears it."""
    values = examples(field)
    for value in (values[0], values[-1], None):
        assert send(bot, sender, field, value) in (200, 500), "the value is valid"
        if VALIDATION_ACTION not in bot.domain.get("actions", ()):  # which may change values
            assert bot.slots(sender)[field.slot] == value
    if field.scope == "turn" or field.signed:
        send(bot, sender, field, values[0])
        bot.post(sender, MESSAGE)
        assert bot.slots(sender)[field.slot] is None, "it held for its message alone"


def assert_wrong_values_are_rejected(bot: BotUnderTest, sender: str, field: Field) -> None:
    """Assert that a value that the slot cannot hold is a 422 that names the path."""
    wrong = wrong_values(field)
    if not wrong:
        pytest.skip("the slot accepts any value")
    claims = {"metadata": nested(field.path, wrong[0])} if field.signed else None
    metadata = None if field.signed else nested(field.path, wrong[0])
    response = bot.post(sender, MESSAGE, metadata, claims)
    assert response.status_code == 422, response.text
    violations = response.json()["details"]["violations"]
    assert violations[0]["path"].startswith(field.dotted)


def assert_only_a_token_fills_it(bot: BotUnderTest, sender: str, field: Field) -> None:
    """Assert that a signed slot is closed to the open body, and any other is not."""
    response = bot.post(sender, MESSAGE, nested(field.path, examples(field)[0]))
    assert response.status_code == (403 if field.signed else 200) or response.status_code == 500
    if field.signed:
        bot.post(sender, MESSAGE, merge(example_metadata(bot.contract), {}))
        assert bot.slots(sender)[field.slot] is None


def send(bot: BotUnderTest, sender: str, field: Field, value: object) -> int:
    """Send a message whose metadata, or token, gives the slot a value; return the status."""
    metadata = nested(field.path, value)
    if field.signed:
        return bot.post(sender, MESSAGE, claims={"metadata": metadata}).status_code
    return bot.post(sender, MESSAGE, metadata).status_code


def examples(field: Field) -> list[object]:
    values = example_values(field)
    assert values, (
        f"no example of a value for the slot '{field.slot}' is known: add "
        "'examples: [...]' to its 'schema' in domain.yml"
    )
    return values
