"""domain.yml may be edited by hand in every way: the bot follows, or says what is wrong.

What is wrong is in tests/test_faults.py. Here is what is right, all in one bot, since training
takes its time.
"""

import pytest
import requests

from tests.conftest import Running, change, copied, made

pytestmark = pytest.mark.rasa

EDITS = {
    "a slot is renamed": [
        ("  plan:\n", "  tier:\n"),
        ("type: slot, name: plan", "type: slot, name: tier"),
        ("plan: {plan}", "plan: {tier}"),
    ],
    "it has another value": [('["free", "pro"]', "[free, pro, gold]")],
    "it is signed": [("metadata: account.plan", "metadata: {path: account.plan, signed: true}")],
    "a type is another": [("  locale:\n    type: text", "  locale:\n    type: list")],
    "a slot is added": [
        (
            "slots:\n",
            "slots:\n  vip:\n    type: bool\n    mappings:\n      - type: custom\n"
            "        action: action_sync_metadata\n        metadata: account.vip\n",
        )
    ],
    "a slot is filled by an entity too": [
        (
            "    mappings:\n      - type: custom\n        action: action_sync_metadata\n"
            "        metadata: {path: user.name",
            "    mappings:\n      - type: from_entity\n        entity: user_name\n"
            "      - type: custom\n        action: action_sync_metadata\n"
            "        metadata: {path: user.name",
        ),
        ("intents:\n", "entities:\n  - user_name\n\nintents:\n"),
    ],
}


@pytest.fixture(scope="module")
def edited(default_bot, tmp_path_factory):
    """Return a bot with all these edits, its domain split in two, trained and checked."""
    bot = copied(default_bot, tmp_path_factory.mktemp("edited"))
    for old, new in (edit for edits in EDITS.values() for edit in edits):
        change(bot, "domain.yml", old, new)
    rest, responses = (bot / "domain.yml").read_text().split("\nresponses:\n")
    (bot / "domain.yml").unlink()
    (bot / "tests" / "talks" / "slots.yml").unlink()  # expects what these edits change
    (bot / "domain").mkdir()
    (bot / "domain" / "slots.yml").write_text(rest)
    (bot / "domain" / "responses.yml").write_text(f'version: "3.1"\n\nresponses:\n{responses}')
    code, output = made(bot, "train", "check", "test")
    assert code == 0, output
    return bot


@pytest.fixture(scope="module")
def running(edited):
    running = Running(edited)
    yield running
    running.stop()


def slots(running, sender):
    url = f"{running.url}/conversations/{sender}/tracker"
    return requests.get(url, timeout=10).json()["slots"]


def test_a_running_bot_does_what_the_edits_say(running):
    assert running.say("hello", account={"vip": True}, locale=["de"]) == ["Hello!"]
    assert slots(running, "12321133")["vip"] is True
    assert slots(running, "12321133")["locale"] == ["de"]
    assert running.say('/greet{"user_name": "Ada"}', user={"name": "Grace"}) == ["Hello Ada!"]
    body = {"sender": "eve", "message": "hi", "metadata": {"account": {"plan": "gold"}}}
    answer = requests.post(f"{running.url}/webhooks/rest/webhook", json=body, timeout=10)
    assert answer.status_code == 403
    assert "account.plan" in answer.text


def test_each_make_target_reads_the_domain_folder(edited):
    listed = made(edited, "contract")[1]
    for line in ("user.name → user_name (", "account.plan → tier (signed", "account.vip → vip ("):
        assert line in listed
    assert "up to date" in made(edited, "train")[1]
    (edited / "domain" / "more.yml").write_text('version: "3.1"\n\nintents:\n  - greet\n')
    assert "Training" in made(edited, "--dry-run", "train")[1]
    (edited / "domain" / "more.yml").unlink()
    assert "Training" in made(edited, "--dry-run", "run")[1]
