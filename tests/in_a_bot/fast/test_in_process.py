"""Actions inside the Rasa server behave as they would on an action server."""

import asyncio
import json
import threading

import aiohttp
import pytest
from rasa.utils.endpoints import ClientResponseError, EndpointConfig
from rasa_sdk import Action
from rasa_sdk.events import SlotSet
from rasa_sdk.interfaces import ActionExecutionRejection

from in_a_bot.fast.conversation import Conversation, mapped
from rasa_metadata.runtime import in_process, turn


class FastTierPlainAction(Action):
    """Does what a test asks of it, and is no coroutine."""

    behave = None

    def name(self):
        return "action_fast_tier_plain"

    def run(self, dispatcher, tracker, domain):
        return type(self).behave()


class FastTierAction(Action):
    """Does what a test asks of it."""

    behave = None

    def name(self):
        return "action_fast_tier"

    async def run(self, dispatcher, tracker, domain):
        return await type(self).behave(dispatcher, tracker, domain)


@pytest.fixture
def actions(monkeypatch):
    monkeypatch.delenv(in_process.ACTION_SERVER_URL, raising=False)
    return in_process.actions_of(EndpointConfig(actions_module="actions"))


def call(actions, behave, action="action_fast_tier", timeout=300):
    """Run an action the way Rasa's RemoteAction does; return (answer, body)."""
    FastTierAction.behave = staticmethod(behave)
    body = {
        "next_action": action,
        "sender_id": "ada",
        "tracker": {"sender_id": "ada", "slots": {"name": "Ada"}, "events": [{"event": "user"}]},
        "domain": {"slots": {"name": mapped("name")}},
        "version": "3.6.21",
    }
    return asyncio.run(actions.request(body, timeout)), body


def test_an_action_answers_with_events_and_responses(actions):
    async def behave(dispatcher, tracker, domain):
        dispatcher.utter_message(text=f"Hello {tracker.get_slot('name')}")
        return [SlotSet("name", "Bob")]

    answer, _ = call(actions, behave)
    assert answer["events"][0]["value"] == "Bob"
    assert answer["responses"][0]["text"] == "Hello Ada"


def test_what_an_action_does_to_its_arguments_stays_with_it(actions):
    async def behave(dispatcher, tracker, domain):
        tracker.slots["name"] = "Mallory"
        tracker.events.clear()
        domain["slots"].clear()

    _, body = call(actions, behave)
    assert body["tracker"]["slots"] == {"name": "Ada"}
    assert body["tracker"]["events"] == [{"event": "user"}]
    assert list(body["domain"]["slots"]) == ["name"]


def test_what_an_action_returns_is_json(actions):
    async def behave(dispatcher, tracker, domain):
        return [SlotSet("name", ("a", "tuple"))]

    assert call(actions, behave)[0]["events"][0]["value"] == ["a", "tuple"]


def test_a_rejection_is_the_400_that_rasa_expects(actions):
    async def behave(dispatcher, tracker, domain):
        raise ActionExecutionRejection("action_fast_tier", "not now")

    with pytest.raises(ClientResponseError) as error:
        call(actions, behave)
    assert error.value.status == 400
    assert json.loads(error.value.text) == {"action_name": "action_fast_tier", "error": "not now"}


def test_an_unknown_action_is_a_404(actions):
    with pytest.raises(ClientResponseError) as error:
        call(actions, None, action="action_nobody_wrote")
    assert error.value.status == 404


def test_any_other_error_is_a_500(actions):
    async def behave(dispatcher, tracker, domain):
        raise KeyError("oops")

    with pytest.raises(ClientResponseError) as error:
        call(actions, behave)
    assert error.value.status == 500


def test_an_action_has_bounded_time(actions):
    async def behave(dispatcher, tracker, domain):
        await asyncio.Event().wait()

    with pytest.raises(aiohttp.ServerTimeoutError, match="action_fast_tier did not end"):
        call(actions, behave, timeout=0.05)


def test_a_timeout_inside_an_action_is_a_fault_of_the_action(actions):
    async def behave(dispatcher, tracker, domain):
        raise asyncio.TimeoutError

    with pytest.raises(ClientResponseError) as error:
        call(actions, behave)
    assert error.value.status == 500


def test_our_own_two_actions_run_too(actions):
    conversation = Conversation({"name": mapped("name")}).say({"name": "Ada"})
    for name in (turn.SESSION_START, in_process.READ_ONLY_ACTION):
        body = {
            "next_action": name,
            "tracker": conversation.tracker.current_state(),
            "domain": conversation.domain.as_dict(),
        }
        body["tracker"]["events"] = []
        assert asyncio.run(actions.request(body, 1))["responses"] == []


def test_an_action_server_is_asked_if_the_environment_names_one(monkeypatch):
    monkeypatch.setenv(in_process.ACTION_SERVER_URL, "http://actions:5055/webhook")
    endpoint = EndpointConfig(actions_module="actions")
    assert in_process.actions_of(endpoint) is None
    assert endpoint.url == "http://actions:5055/webhook"


def test_an_endpoint_without_a_module_is_not_changed(monkeypatch):
    monkeypatch.delenv(in_process.ACTION_SERVER_URL, raising=False)
    assert in_process.actions_of(EndpointConfig("http://localhost:5055/webhook")) is None


def test_actions_are_imported_once_for_an_endpoint(monkeypatch):
    monkeypatch.delenv(in_process.ACTION_SERVER_URL, raising=False)
    endpoint = EndpointConfig(actions_module="actions")
    assert in_process.actions_of(endpoint) is in_process.actions_of(endpoint)


def test_a_plain_action_runs_in_a_thread_so_that_others_go_on(actions):
    others_are_done = threading.Event()
    FastTierPlainAction.behave = lambda: others_are_done.wait(20) and [SlotSet("name", "late")]

    async def behave(dispatcher, tracker, domain):
        return [SlotSet("name", "soon")]

    FastTierAction.behave = staticmethod(behave)
    tracker = {"sender_id": "ada", "slots": {}, "events": []}

    async def talk():
        def run(action):
            body = {"next_action": action, "tracker": tracker, "domain": {}}
            return asyncio.ensure_future(actions.request(body, 20))

        blocked = run("action_fast_tier_plain")
        for _ in range(3):
            assert (await run("action_fast_tier"))["events"][0]["value"] == "soon"
        assert not blocked.done()
        others_are_done.set()
        return await blocked

    assert asyncio.run(talk())["events"][0]["value"] == "late"


def test_hanging_actions_do_not_use_up_the_threads_of_others(actions, monkeypatch, caplog):
    monkeypatch.setattr(in_process, "MOST_THREADS", 3)
    release = threading.Event()
    FastTierPlainAction.behave = release.wait
    body = {
        "next_action": "action_fast_tier_plain",
        "tracker": {"sender_id": "ada", "slots": {}, "events": []},
    }

    async def behave(*_):
        return [SlotSet("name", "Bob")]

    FastTierAction.behave = staticmethod(behave)

    async def talk():
        hanging = [actions.request(body, 0.05) for _ in range(5)]
        answers = await asyncio.gather(*hanging, return_exceptions=True)
        other = await actions.request({**body, "next_action": "action_fast_tier"}, 5)
        overdue = actions.overdue
        with pytest.raises(in_process.TooManyActions):  # so /ready answers 503
            await actions.check()
        release.set()
        while actions.threads:
            await asyncio.sleep(0.01)
        await actions.check()
        return answers, other, overdue

    answers, other, overdue = asyncio.run(talk())
    kinds = sorted(type(answer).__name__ for answer in answers)
    assert kinds == ["ServerTimeoutError"] * 3 + ["TooManyActions"] * 2
    assert other["events"][0]["value"] == "Bob"
    assert (overdue, actions.overdue) == (3, 0)
    assert "3 of 3 threads do" in caplog.text


def test_a_plain_action_that_fails_is_reported_as_ever(actions):
    def reject():
        raise ActionExecutionRejection("action_fast_tier_plain", "no")

    FastTierPlainAction.behave = reject
    with pytest.raises(ClientResponseError) as raised:
        call(actions, None, action="action_fast_tier_plain")
    assert raised.value.status == 400


def test_a_coroutine_that_blocks_the_others_is_named_in_the_log(actions, monkeypatch, caplog):
    async def behave(dispatcher, tracker, domain):
        await asyncio.sleep(0)
        return [SlotSet("name", "Bob")]

    call(actions, behave)
    assert not caplog.records
    monkeypatch.setattr(in_process, "BLOCKING_SECONDS", 0)
    answer, _ = call(actions, behave)
    assert answer["events"][0]["value"] == "Bob"
    assert "action_fast_tier blocked all conversations" in caplog.text
