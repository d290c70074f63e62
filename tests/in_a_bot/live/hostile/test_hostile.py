"""Nothing a stranger sends, and nothing an action does, takes the bot down or holds it up."""

import json
import os
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from in_a_bot.fast.conversation import mapped
from in_a_bot.fast.test_contract import SLOW
from in_a_bot.hostile import http_fuzz
from in_a_bot.hostile.corpus import COUNT, KINDS, message
from in_a_bot.hostile.talk import (
    CHANNELS,
    LONGEST,
    TABLE,
    assert_answered,
    assert_harmless,
    memory,
    neighbour,
)
from in_a_bot.live.hostile.probe.actions.hostile import FAULTS, ODD

MOST_GROWTH = 100  # MB


@pytest.fixture(scope="module")
def alone(bots):
    return bots["in process"]


@pytest.fixture(scope="module")
def other(alone):
    with neighbour(alone.url) as other:
        yield other


def test_there_are_many_cases():
    assert COUNT >= 300


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("kind", KINDS)
def test_each_input_gets_its_answer_in_time_and_so_do_others(alone, other, channel, kind):
    assert_answered(alone.url, channel, kind, other)


LARGE = {
    "letters": "a" * 60_000,
    "letters of two bytes": "é" * 30_000,
    "texts": ["a" * 110] * 500,
    "numbers": [1] * 29_000,
}


@pytest.mark.parametrize("name", LARGE)
def test_long_conversations_of_large_messages_hold_nobody_up(alone, other, name):
    """Each turn reads what the conversation has stored, and Python parses it for one at a time."""
    row, begun = TABLE[f"two talks, each 25 times 60 KB of {name}"], time.monotonic()
    metadata = json.dumps({"x": LARGE[name]}, ensure_ascii=False, separators=(",", ":"))

    def talk(sender):
        raw = message(sender=json.dumps(sender), metadata=metadata)
        for _ in range(25):
            started = time.monotonic()
            answer = requests.post(f"{alone.url}/webhooks/rest/webhook", data=raw, timeout=60)
            row.answers[answer.status_code] += 1
            row.worst = max(row.worst, time.monotonic() - started)

    with ThreadPoolExecutor() as pool:
        list(pool.map(talk, [f"{name}-{uuid.uuid4().hex}" for _ in "12"]))
    row.others_worst = other.worst_since(begun)
    assert set(row.answers) == {422 if name == "numbers" else 200}
    assert max(row.worst, row.others_worst) < 2 * LONGEST  # Rasa copies and walks through all of it


@pytest.mark.parametrize("kind", ["hostile", "hostile_async"])
def test_whatever_an_action_does_affects_its_own_turn_only(alone, other, kind):
    assert_harmless(alone, kind, FAULTS, (500,), other)
    assert_harmless(alone, kind, ODD, (200, 500), other)


def test_no_schema_and_no_value_holds_others_up(alone, other, with_domain):
    slots = {f"slow_{number}": pair for number, pair in enumerate(SLOW.values())}

    def change(domain):
        for name, (schema, _) in slots.items():
            domain["slots"][name] = mapped({"path": name, "schema": schema}, "any")

    alone.load(with_domain(change))
    try:
        other.worst_since(time.monotonic())  # while the model was loaded, nobody was served
        begun, row = time.monotonic(), TABLE["schemas"]
        for name, (_, value) in slots.items():
            started = time.monotonic()
            status = alone.post("hostile", "/probe_show", {name: value}).status_code
            row.answers[status] += 1
            row.worst = max(row.worst, time.monotonic() - started)
            assert status in (413, 422), name
        row.others_worst = other.worst_since(begun)
        assert max(row.worst, row.others_worst) < LONGEST
    finally:
        alone.load(alone.model)


def test_whatever_comes_over_a_raw_socket_the_server_goes_on(alone, other):
    """A few seconds by default, ten minutes in `make fuzz`."""
    seconds = float(os.environ.get("FUZZ_SECONDS", 3))
    pid, port = alone.server.process.pid, int(alone.url.rsplit(":", 1)[1])
    before, begun = memory(pid), time.monotonic()
    wrong = http_fuzz.fuzz(port, seconds, seed=int(time.time()))
    worst = other.worst_since(begun)
    after = memory(pid)
    TABLE["HTTP, others meanwhile"].others_worst = worst
    TABLE[f"HTTP, memory {before:.0f} MB, after it {after:.0f} MB"].worst = seconds
    assert wrong == []
    assert worst < LONGEST
    assert after - before < MOST_GROWTH
