"""In a turn that came through the door no failure of an action stays silent."""

import asyncio

import aiohttp
import pytest
from rasa.core.channels.channel import CollectingOutputChannel, UserMessage
from rasa.utils.endpoints import ClientResponseError

from rasa_metadata import user_token
from rasa_metadata.runtime import turn
from rasa_metadata.validation.errors import try_again

TIMEOUT = 7


def take(*steps, says=()):
    """Take a turn in which each step is (action, what the endpoint raises or None)."""
    seen = []

    async def on_new_message(message):
        for text in says:
            await message.output_channel.send_response("ada", {"text": text})
        for action, error in steps:
            seen.append(await run(action, error))

    message = UserMessage("hi", CollectingOutputChannel(), "ada")
    return asyncio.run(turn.take(on_new_message, message, TIMEOUT)), seen


async def run(action, error):
    """Call an action as Rasa's RemoteAction does; Rasa logs an error and goes on."""

    async def send(call, timeout):
        if error:
            raise error
        return timeout

    call = {"next_action": action, "tracker": {"latest_message": None}}
    try:
        return await turn.run_action(send, call, timeout=300)
    except Exception as caught:
        return caught


def test_an_action_gets_the_time_of_the_door():
    assert take(("action_x", None)) == (None, [TIMEOUT])


def test_our_own_action_that_fails_ends_the_turn():
    error, seen = take(
        (turn.SESSION_START, ClientResponseError(500, "oops", "")), ("action_x", None)
    )
    assert (error.status, seen) == (500, [])


@pytest.mark.parametrize(
    "error",
    [
        aiohttp.ServerDisconnectedError(),
        aiohttp.ServerTimeoutError(),
        ConnectionRefusedError(),
        asyncio.TimeoutError(),
        ClientResponseError(502, "a balancer before the action servers", ""),
        ClientResponseError(503, "a balancer before the action servers", ""),
        ClientResponseError(504, "a balancer before the action servers", ""),
    ],
)
@pytest.mark.parametrize("action", [turn.SESSION_START, "action_x"])
def test_a_server_that_does_not_answer_ends_the_turn_and_may_be_tried_again(action, error):
    error, seen = take((action, error), ("action_x", None))
    assert (error.status, seen) == (503, [])
    assert "Retry-After" in error.headers


@pytest.mark.parametrize("status", [404, 500])
def test_an_action_of_yours_that_fails_is_reported_unless_the_bot_spoke(status):
    error = ClientResponseError(status, "oops", "the whole tracker")
    error, seen = take(("action_x", error), ("action_y", None))
    assert error.status == 500
    assert "action_x" in error.message
    assert seen[1] == TIMEOUT
    assert "tracker" not in str(seen[0])
    assert take(("action_x", error), says=["hello"])[0] is None


def test_a_store_that_fails_ends_the_turn_and_may_be_tried_again():
    async def on_new_message(message):
        raise turn.TurnEnded(try_again("The conversation could not be stored."))

    message = UserMessage("hi", CollectingOutputChannel(), "ada")
    error = asyncio.run(turn.take(on_new_message, message, TIMEOUT))
    assert (error.status, error.reason) == (503, "TryAgain")
    assert "Retry-After" in error.headers


def test_a_rejection_is_for_rasa_to_deal_with():
    error = ClientResponseError(400, "no", '{"action_name": "action_x"}')
    assert take(("action_x", error)) == (None, [error])


def test_what_does_not_come_through_the_door_is_as_in_rasa():
    error = ClientResponseError(500, "oops", "")
    assert asyncio.run(run(turn.SESSION_START, error)) is error
    assert asyncio.run(run(turn.SESSION_START, None)) == 300


def test_what_a_turn_scheduled_for_later_is_not_of_that_turn():
    async def both():
        over, later = asyncio.Event(), []

        async def run_later():
            await over.wait()
            return await run(turn.SESSION_START, None)

        async def on_new_message(message):
            later.append(asyncio.ensure_future(run_later()))

        message = UserMessage("hi", CollectingOutputChannel(), "ada")
        await turn.take(on_new_message, message, TIMEOUT)
        over.set()
        return await later[0]

    assert asyncio.run(both()) == 300


def test_an_action_has_the_users_token_until_its_turn_is_over():
    seen, later = [], []

    async def talk():
        async def remind(over):
            seen.append(user_token())
            await over.wait()
            seen.append(user_token())

        async def on_new_message(message):
            later.append(asyncio.create_task(remind(over)))
            await asyncio.sleep(0)

        over, message = asyncio.Event(), UserMessage("hi", CollectingOutputChannel(), "ada")
        await turn.take(on_new_message, message, TIMEOUT, "the token")
        over.set()
        await later[0]
        await turn.take(lambda _: remind(over), message, TIMEOUT)
        seen.append(user_token())

    asyncio.run(talk())
    assert seen == ["the token", None, None, None, None]


def test_headers_that_were_sent_are_not_in_the_log(caplog):
    info = aiohttp.RequestInfo("http://x", "POST", {"X-User-Token": "secret"}, "http://x")
    error, _ = take(("action_x", aiohttp.ContentTypeError(info, (), message="not JSON")))
    assert error.status == 503
    assert "not JSON" in caplog.text
    assert "secret" not in caplog.text
