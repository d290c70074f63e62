"""The chat page's channel; ../conftest.py leaves this file out in a bot without a page."""

import pytest

from in_a_bot.fast.served import Running, serve
from in_a_bot.fast.test_rest_channel import assert_guests_are_turned_away
from in_a_bot.fast.test_serving import no_attribute, none
from in_a_bot.tokens import KEY
from rasa_metadata.channels.chat_page import ChatPageInput


def test_guests_can_be_turned_away_before_they_are_greeted():
    app = serve(channel=ChatPageInput, guests=False, jwt_key=KEY)
    assert_guests_are_turned_away(app, "/webhooks/rest/chat/greeting")


@pytest.mark.parametrize("remove", [none, no_attribute])
def test_the_chat_page_of_a_server_without_an_agent_loads(remove):
    app = serve(channel=ChatPageInput)
    remove(app.ctx)
    with Running(app):
        config = app.ctx.session.get(f"{app.ctx.url}/webhooks/rest/chat/config.json")
    assert (config.status_code, config.json()["bot"]) == (200, None)
