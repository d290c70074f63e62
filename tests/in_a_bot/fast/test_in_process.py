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
from rasa_metadata.runtime import in_process


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
def endpoint(monkeypatch):
    monkeypatch.delenv(in_process.ACTION_SERVER_URL, raising=False)
    config = {"url": "http://localhost:5055/webhook", "actions_module": "actions"}
    endpoint = EndpointConfig.from_dict(config)
    in_process.use(endpoint)
    return endpoint


def call(endpoint, behave, action="action_fast_tier", timeout=300):
    """Run an action the way Rasa's RemoteAction does; return (answer, body)."""
    FastTierAction.behave = staticmethod(behave)
    body = {
        "next_action": action,
        "sender_id": "ada",
        "tracker": {"sender_id": "ada", "slots": {"name": "Ada"}, "events": [{"event": "user"}]},
        "domain": {"slots": {"name": mapped("name")}},
        "version": "3.6.21",
    }
    request = endpoint.request(json=body, method="post", timeout=timeout, compress=False)
    return asyncio.run(request), body


def test_an_action_answers_with_events_and_responses(endpoint):
    async def behave(dispatcher, tracker, domain):
        dispatcher.utter_message(text=f"Hello {tracker.get_slot('name')}")
        return [SlotSet("name", "Bob")]

    answer, _ = call(endpoint, behave)
    assert answer["events"][0]["value"] == "Bob"
    assert answer["responses"][0]["text"] == "Hello Ada"


def test_what_an_action_does_to_its_arguments_stays_with_it(endpoint):
    async def behave(dispatcher, tracker, domain):
        tracker.slots["name"] = "Mallory"
        tracker.events.clear()
        domain["slots"].clear()

    _, body = call(endpoint, behave)
    assert body["tracker"]["slots"] == {"name": "Ada"}
    assert body["tracker"]["events"] == [{"event": "user"}]
    assert list(body["domain"]["slots"]) == ["name"]


def test_what_an_action_returns_is_json(endpoint):
    async def behave(dispatcher, tracker, domain):
        return [SlotSet("name", ("a", "tuple"))]

    assert call(endpoint, behave)[0]["events"][0]["value"] == ["a", "tuple"]


def test_a_rejection_is_the_400_that_rasa_expects(endpoint):
    async def behave(dispatcher, tracker, domain):
        raise ActionExecutionRejection("action_fast_tier", "not now")

    with pytest.raises(ClientResponseError) as error:
        call(endpoint, behave)
    assert error.value.status == 400
    assert json.loads(error.value.text) == {"action_name": "action_fast_tier", "error": "not now"}


def test_an_unknown_action_is_a_404(endpoint):
    with pytest.raises(ClientResponseError) as error:
        call(endpoint, None, action="action_nobody_wrote")
    assert error.value.status == 404


def test_any_other_error_is_a_500(endpoint):
    async def behave(dispatcher, tracker, domain):
        raise KeyError("oops")

    with pytest.raises(ClientResponseError) as error:
        call(endpoint, behave)
    assert error.value.status == 500


def test_an_action_has_bounded_time(endpoint):
    async def behave(dispatcher, tracker, domain):
        await asyncio.Event().wait()

    with pytest.raises(aiohttp.ServerTimeoutError, match="action_fast_tier did not end"):
        call(endpoint, behave, timeout=0.05)


def test_a_timeout_inside_an_action_is_a_fault_of_the_action(endpoint):
    async def behave(dispatcher, tracker, domain):
        raise asyncio.TimeoutError

    with pytest.raises(ClientResponseError) as error:
        call(endpoint, behave)
    assert error.value.status == 500


def test_our_own_two_actions_run_too(endpoint):
    conversation = Conversation({"name": mapped("name")}).say({"name": "Ada"})
    for name in in_process.READ_ONLY_ACTIONS:
        body = {
            "next_action": name,
            "tracker": conversation.tracker.current_state(),
            "domain": conversation.domain.as_dict(),
        }
        body["tracker"]["events"] = []
        assert asyncio.run(endpoint.request(json=body, timeout=1))["responses"] == []


def asks_a_server(endpoint):
    """Tell whether the endpoint's own `request` is what runs in the end."""
    return endpoint.request.__wrapped__.__func__ is EndpointConfig.request


def test_an_action_server_is_asked_when_the_environment_names_one(monkeypatch):
    monkeypatch.setenv(in_process.ACTION_SERVER_URL, "http://actions:5055/webhook")
    endpoint = EndpointConfig("http://localhost:5055/webhook", actions_module="actions")
    in_process.use(endpoint)
    assert endpoint.url == "http://actions:5055/webhook"
    assert asks_a_server(endpoint)


def test_an_endpoint_without_a_module_is_left_alone(monkeypatch):
    monkeypatch.delenv(in_process.ACTION_SERVER_URL, raising=False)
    endpoint = EndpointConfig("http://localhost:5055/webhook")
    in_process.use(endpoint)
    in_process.use(None)
    assert asks_a_server(endpoint)


def test_a_plain_action_runs_in_a_thread_so_that_others_go_on(endpoint):
    others_are_done = threading.Event()
    FastTierPlainAction.behave = lambda: others_are_done.wait(20) and [SlotSet("name", "late")]

    async def behave(dispatcher, tracker, domain):
        return [SlotSet("name", "soon")]

    FastTierAction.behave = staticmethod(behave)
    tracker = {"sender_id": "ada", "slots": {}, "events": []}

    async def talk():
        def run(action):
            body = {"next_action": action, "tracker": tracker, "domain": {}}
            return asyncio.ensure_future(endpoint.request(json=body, timeout=20))

        blocked = run("action_fast_tier_plain")
        for _ in range(3):
            assert (await run("action_fast_tier"))["events"][0]["value"] == "soon"
        assert not blocked.done()
        others_are_done.set()
        return await blocked

    assert asyncio.run(talk())["events"][0]["value"] == "late"


def test_a_plain_action_that_fails_is_told_as_ever(endpoint):
    def reject():
        raise ActionExecutionRejection("action_fast_tier_plain", "no")

    FastTierPlainAction.behave = reject
    with pytest.raises(ClientResponseError) as raised:
        call(endpoint, None, action="action_fast_tier_plain")
    assert raised.value.status == 400


def test_a_coroutine_that_blocks_the_others_is_named_in_the_log(endpoint, monkeypatch, caplog):
    async def behave(dispatcher, tracker, domain):
        await asyncio.sleep(0)
        return [SlotSet("name", "Bob")]

    call(endpoint, behave)
    assert not caplog.records
    monkeypatch.setattr(in_process, "BLOCKING_SECONDS", 0)
    answer, _ = call(endpoint, behave)
    assert answer["events"][0]["value"] == "Bob"
    assert "action_fast_tier kept all conversations waiting" in caplog.text
