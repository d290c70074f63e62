"""Actions behave the same inside the Rasa server and on an action server."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from in_a_bot.cases import CONTRACT
from rasa_metadata.contract.examples import example_metadata

TOLD = {"probe": {"text": "a"}}


def test_another_model_leaves_the_actions_in_their_place(bot, sender):
    bot.say(sender, "/probe_show", TOLD)
    bot.load(bot.model)
    assert bot.say(sender, "/probe_show", {"probe": {"flag": True}}) == ["a True None"]


def another_contract(domain):
    slots = domain["slots"]
    del slots["probe_flag"]
    slots["probe_id"]["mappings"][0]["metadata"] = "probe.id"
    slots["probe_text"]["mappings"][0]["metadata"] = {"path": "probe.text", "signed": True}
    slots["probe_number"]["min_value"] = 5
    slots["probe_new"] = {
        "type": "text",
        "influence_conversation": False,
        "mappings": [{"type": "custom", "action": "action_sync_metadata", "metadata": "probe.new"}],
    }


def test_a_model_with_another_contract_while_a_conversation_is_open(bot, sender, with_domain):
    told = {"probe": {"text": "a", "flag": True, "number": 1, "new": "n"}}
    assert bot.say(sender, "/probe_show", told) == ["a True 1"]
    bot.load(with_domain(another_contract))
    try:
        assert bot.post(sender, "/probe_show", told).status_code == 403  # text is signed now
        open_to_all = {"probe": {"id": "u1"}}
        bot.say(sender, "/probe_known", open_to_all)
        slots = bot.slots(sender)
        assert (slots["probe_text"], slots["probe_id"], slots["probe_new"]) == (None, "u1", "n")
        assert "probe_flag" not in slots
        assert bot.post(sender, "/probe_known", {"probe": {"number": 1}}).status_code == 422
    finally:
        bot.load(bot.model)
    assert bot.say(sender, "/probe_show", TOLD)[0].endswith("True 1")
    assert bot.slots(sender)["probe_id"] is None


def test_an_action_gets_all_known_metadata_in_one_call(bot, sender):
    bot.say(sender, "/probe_show", {**TOLD, "more": [1]})
    (known,) = bot.say(sender, "/probe_known", {"probe": {"flag": False}})
    assert known == '{"probe": {"text": "a", "flag": false}, "more": [1]}'


def test_an_action_knows_metadata_and_channel_at_session_start_too(bot, sender):
    assert bot.say(sender, "/probe_channel", TOLD) == ["rest"]
    assert bot.slots(sender)["probe_opened_by"] == 'rest {"probe": {"text": "a"}}'
    assert bot.say(sender, "/probe_channel", channel="stock") == ["stock"]


def test_an_action_cannot_change_what_it_was_given(bot, sender):
    metadata = {**example_metadata(CONTRACT), **TOLD}
    schema = bot.schema()
    bot.say(sender, "/probe_show", metadata)
    assert bot.say(sender, "/probe_mutate") == ["mutated"]
    assert bot.slots(sender)["probe_text"] == "a"
    assert bot.schema() == schema
    messages = [event for event in bot.events(sender) if event["event"] == "user"]
    assert messages[0]["metadata"]["probe"] == TOLD["probe"]
    assert bot.say(sender, "/probe_show") == ["a None None"]


def test_a_rejection_makes_rasa_leave_the_form(bot, sender):
    assert bot.say(sender, "/probe_ask", TOLD) == ["What is the answer?"]
    bot.say(sender, "reject me")
    rejected = [e for e in bot.events(sender) if e["event"] == "action_execution_rejected"]
    assert [event["name"] for event in rejected] == ["probe_form"]


def test_an_accepted_answer_ends_the_form(bot, sender):
    bot.say(sender, "/probe_ask", TOLD)
    assert bot.say(sender, "fine") == ["The answer is fine."]
    assert bot.slots(sender)["probe_answer"] == "fine"


@pytest.mark.parametrize("message", ["/probe_unknown", "/probe_fail"])
def test_an_action_that_fails_is_reported_and_the_talk_continues(bot, sender, message):
    response = bot.post(sender, message, TOLD)
    assert (response.status_code, response.json()["reason"]) == (500, "TurnFailed")
    assert bot.say(sender, "/probe_show") == ["a None None"]


def test_an_action_that_fails_after_the_bot_spoke_is_as_in_rasa(bot, sender):
    assert bot.say(sender, "/probe_speak_and_fail", TOLD) == ["one moment"]
    assert bot.say(sender, "/probe_show") == ["a None None"]


def test_each_bot_says_where_its_actions_run_and_how_to_talk_to_it(bots):
    alone, apart = (bots[name].server.printed() for name in ("in process", "action server"))
    assert "Actions run inside this server." in alone
    assert "Actions run on http://127.0.0.1:" in apart


def test_info_lines_of_an_action_are_in_the_servers_log(bots, sender):
    bots["in process"].say(sender, "/probe_set")
    assert "the probe was set" in bots["in process"].server.printed()


def test_an_action_that_blocks_lets_other_conversations_go_on(bots, sender, tmp_path):
    bot, begun, released = bots["in process"], tmp_path / "begun", tmp_path / "released"
    files = {"begun": str(begun), "released": str(released)}
    with ThreadPoolExecutor() as pool:
        blocked = pool.submit(bot.say, sender, "/probe_block", files)
        while not begun.exists():
            assert not blocked.done(), blocked.result()
            time.sleep(0.01)
        others = [f"{sender}-{n}" for n in range(8)]
        told = list(pool.map(lambda other: bot.say(other, "/probe_show", TOLD), others))
        assert told == [["a None None"]] * len(others)
        assert not blocked.done()
        released.touch()
        assert blocked.result() == ["at last"]
