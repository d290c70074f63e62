"""A new conversation begins with the bot's greeting, once."""

from types import SimpleNamespace

import pytest
from rasa.utils.endpoints import EndpointConfig

from in_a_bot.live.chat_page.conftest import TEXTS
from in_a_bot.live.test_life_cycle import kinds
from in_a_bot.tokens import token
from rasa_metadata import SessionStart
from rasa_metadata.channels import chat_page

WELCOME = "Welcome, Ada None"


def greeted(page):
    """Open the page with metadata for which the bot says something at the session start."""
    page.tab.route("**/chat/greeting", add_metadata)
    page.tab.goto(f"{page.url}?probe.text=Ada")


def add_metadata(route):
    body = route.request.post_data_json
    body["metadata"]["probe"]["greet"] = True  # no slot, so a link cannot set it
    route.continue_(post_data=body)


def sessions(page, sender=None):
    found = kinds(page.bot, sender or page.stored()["sender"])
    return found.count("session_started"), found.count("user"), found.count("bot")


def test_what_greet_says_knows_the_link_and_is_said_once(page):
    greeted(page)
    page.wait_for(WELCOME)
    assert sessions(page) == (1, 0, 1)
    page.say("/probe_show")
    page.wait_for("Ada None None")
    assert page.messages() == [WELCOME, "/probe_show", "Ada None None"]
    assert sessions(page) == (1, 1, 2)
    assert page.greeting.count() == 0


def test_a_reload_does_not_greet_again(page):
    greeted(page)
    page.wait_for(WELCOME)
    page.tab.reload()
    page.wait_for(WELCOME)
    page.say("/probe_show")
    page.wait_for("Ada None None")
    assert page.messages() == [WELCOME, "/probe_show", "Ada None None"]


def test_a_greeting_that_was_lost_is_shown_by_the_next_page(page):
    greeted(page)
    page.wait_for(WELCOME)
    page.store(messages=[])
    page.tab.reload()
    page.wait_for(WELCOME)
    assert sessions(page) == (1, 0, 1)


def test_a_message_typed_at_once_is_answered_after_the_greeting(page):
    greeted(page)
    page.say("/probe_show")
    page.wait_for("Ada None None")
    answers = [each for each in page.messages() if each != "/probe_show"]
    assert answers == [WELCOME, "Ada None None"]


def test_signed_metadata_is_there_when_a_session_starts(page):
    page.open(token=token(sub="greeted", metadata={"probe": {"id": "u1"}}))
    opened = page.slots("user:greeted")["probe_opened_by"]
    assert opened == 'rest {"probe": {"id": "u1"}}'
    assert page.slots("user:greeted")["probe_id"] == "u1"


def test_a_text_greets_where_the_bot_says_nothing(page):
    page.open()
    page.say("/probe_who")
    page.wait_for("None on None")
    shown = page.log.locator(".message-bubble").all_inner_texts()
    assert [each.strip() for each in shown] == [TEXTS["greeting"], "/probe_who", "None on None"]


def test_without_a_greet_of_yours_nobody_has_talked_to_the_bot_yet(page):
    page.configure(greets=False)
    page.open()
    assert not [url for url in page.asked if url.endswith("greeting")]
    assert page.bot.events(page.stored()["sender"])[-1]["event"] == "action"
    page.say("/probe_who")
    page.wait_for("None on None")
    assert sessions(page) == (1, 1, 1)


def test_an_empty_text_greets_nobody(page):
    page.configure(greets=False, texts={**TEXTS, "greeting": ""})
    page.tab.goto(page.url)
    page.say("/probe_who")
    page.wait_for("None on None")
    assert page.log.locator(".message-bubble").count() == 2


def test_a_greeting_that_fails_is_the_text(page):
    page.tab.route("**/chat/greeting", lambda route: route.fulfill(status=503, json={}))
    page.open()
    page.say("/probe_who")
    page.wait_for("None on None")
    page.complaints.clear()  # the browser's, of the 503


def test_start_over_greets_again(page):
    page.open()
    with page.tab.expect_navigation():
        page.tab.get_by_role("button", name=TEXTS["restart"]).click()
    page.greeting.wait_for()


class Greeting(SessionStart):
    async def greet(self, dispatcher, tracker, domain):
        dispatcher.utter_message(text="Hello!")


@pytest.mark.parametrize("server, known", [("", True), ("http://localhost:5055/webhook", False)])
def test_what_runs_on_an_action_server_cannot_be_asked(monkeypatch, server, known):
    monkeypatch.setenv("ACTION_SERVER_URL", server)
    monkeypatch.setattr(chat_page, "registered_action", lambda _: Greeting())
    agent = SimpleNamespace(action_endpoint=EndpointConfig(actions_module="actions"))
    assert chat_page.greets_in(SimpleNamespace(ctx=SimpleNamespace(agent=agent))) is known
