"""Tests of a metadata slot, for any bot; tests/test_slots.py uses them.

Your texts, intents, rules and actions do not matter here: after the first message, the
conversation is paused, so the bot fills slots and does nothing else.
"""

import re
from typing import Any

import pytest

from rasa_metadata.contract import Field, nested, same
from rasa_metadata.contract.examples import example_values, wrong_values
from rasa_metadata.contract.fields import VALIDATION_ACTION
from rasa_metadata.testing.bot import BotUnderTest, Sent

# Rasa handles these messages in each bot. The second does nothing in a paused conversation.
START, NEUTRAL = "/session_start", "/back"
# Claims that cannot have any value, because they decide whether a token is valid, and whose it is.
RESERVED_CLAIMS = ("aud", "exp", "iat", "iss", "jti", "metadata", "nbf", "sender", "sub")


def assert_schema_is_published(bot: BotUnderTest) -> None:
    """Assert that the bot runs, and that clients get the schema of its slots."""
    if bot.schema() != bot.contract.schema:
        pytest.fail("GET /webhooks/rest/schema is not the schema of the slots.", pytrace=False)


def assert_filled_changed_and_cleared(bot: BotUnderTest, sender: str, field: Field) -> None:
    """Assert that the first message fills the slot, a later one changes it, `null` clears it.

    A signed or turn-scoped slot is empty when a message does not set it; others keep their value.
    """
    first, *others = examples(field)
    _assert_sets(bot, sender, field, START, first)
    bot.add_events(sender, {"event": "pause"})
    latest = others[0] if others else first
    _assert_sets(bot, sender, field, NEUTRAL, latest)
    bot.send(sender, NEUTRAL)
    _assert_holds(bot, sender, field, latest if field.holds else None, "a message without metadata")
    _assert_sets(bot, sender, field, NEUTRAL, None)


def assert_wrong_value_is_rejected(bot: BotUnderTest, sender: str, field: Field) -> None:
    """Assert that a value that violates the slot's schema is a 422 that names its path."""
    sent = _send(bot, sender, field, NEUTRAL, wrong_values(field)[0])
    error = sent.answer if isinstance(sent.answer, dict) else {}
    violations = error.get("details", {}).get("violations") or [{"path": ""}]
    if sent.status != 422 or not violations[0]["path"].startswith(field.dotted):
        pytest.fail(f"{wrong_values(field)[0]!r} is not rejected: {sent.answer}", pytrace=False)


def assert_only_a_token_fills_it(bot: BotUnderTest, sender: str, field: Field) -> None:
    """Assert that a signed slot's path is a 403 in metadata that no token signs."""
    metadata = nested(field.path, examples(field)[0])
    sent = bot.send(sender, NEUTRAL, metadata)
    if sent.status != 403:
        pytest.fail(f"{metadata} is not rejected without a token: {sent.answer}", pytrace=False)


def examples(field: Field) -> list[Any]:
    """Return values that the slot accepts."""
    values = example_values(field)
    if not values:
        hint = f"add 'examples: [...]' to the 'schema' of '{field.slot}' in domain.yml."
        pytest.fail(f"No value can be made up: {hint}", pytrace=False)
    return values


def _assert_sets(bot: BotUnderTest, sender: str, field: Field, message: str, value: Any) -> None:
    sent = _send(bot, sender, field, message, value)
    if sent.status != 200:
        pytest.fail(f"{nested(field.path, value)} is answered with {sent.answer}", pytrace=False)
    _assert_holds(bot, sender, field, value, f"metadata {nested(field.path, value)}")


def _assert_holds(bot: BotUnderTest, sender: str, field: Field, value: Any, after: str) -> None:
    found = bot.tracker(sender)["slots"][field.slot]
    if not same(found, value) and not _is_validated(bot, field.slot):
        text = f"'{field.slot}' is {found!r} after {after}; it should be {value!r}."
        pytest.fail(text, pytrace=False)


def _send(bot: BotUnderTest, sender: str, field: Field, message: str, value: Any) -> Sent:
    """Send a message whose metadata, or token, gives the slot a value."""
    metadata = nested(field.path, value)
    if field.claim and value is not None:
        return bot.send(sender, message, claims={field.claim: value})
    if field.signed:
        return bot.send(sender, message, claims={"metadata": metadata})
    return bot.send(sender, message, metadata)


def _is_validated(bot: BotUnderTest, slot: str) -> bool:
    """Return whether your validation action may change the slot's value."""
    if VALIDATION_ACTION not in bot.domain.get("actions", ()):
        return False
    method = re.compile(rf"\bdef validate_{re.escape(slot)}\b")
    folder = bot.project.root.joinpath(*bot.project.actions_module.split("."))
    files = folder.rglob("*.py")
    return any(method.search(path.read_text(encoding="utf-8")) for path in files)
