"""Who talks to the bot: a link signs in only where nobody is, and a tab remembers one bot."""

import time

import pytest
import yaml

from in_a_bot.cases import PROJECT
from in_a_bot.live.chat_page.conftest import TEXTS
from in_a_bot.tokens import token

ASSISTANT = yaml.safe_load((PROJECT / "config.yml").read_text())["assistant_id"]


def link(sub, **claims):
    return token(sub=sub, metadata={"probe": {"id": sub}}, **claims)


@pytest.fixture
def signed_in(page):
    """Return the page, in which somebody is signed in who has not said anything yet."""
    page.open(token=link("first"))
    page.tab.reload()
    return page


@pytest.fixture
def talking_guest(page):
    page.open(**{"probe.text": "Ada"})
    page.say("/probe_who")
    page.wait_for("None on None")
    return page


def offer(page, sub):
    return page.notices.filter(has_text=TEXTS["switch"].format(name=sub))


@pytest.mark.parametrize("running", ["signed_in", "talking_guest"])
def test_a_link_does_not_take_over_a_running_conversation(request, running):
    page = request.getfixturevalue(running)
    before = page.stored()
    page.open(token=link("other"), **{"probe.text": "Eve"})
    offer(page, "other").get_by_role("button", name=TEXTS["dismiss"]).click()
    page.say("/probe_show")
    page.bubbles.nth(len(before["messages"])).wait_for()
    after = page.stored()
    keys = ("token", "sender", "metadata")
    assert [after[key] for key in keys] == [before[key] for key in keys]
    assert page.bot.events("user:other")[-1]["event"] == "action"  # nobody has talked to it


@pytest.mark.parametrize("running", ["signed_in", "talking_guest"])
def test_a_link_starts_another_conversation_once_the_user_agrees(request, running):
    page = request.getfixturevalue(running)
    page.open(token=link("agreed"), **{"probe.page": "/cart"})
    with page.tab.expect_navigation():
        offer(page, "agreed").get_by_role("button", name=TEXTS["switch_button"]).click()
    page.greeting.wait_for()
    assert "Ada" not in page.panel.inner_text()
    page.say("/probe_who")
    page.wait_for("agreed on /cart")
    assert page.messages() == ["/probe_who", "agreed on /cart"]


def test_a_link_with_a_newer_token_of_the_same_user_just_renews_it(signed_in):
    signed_in.say("/probe_who")
    signed_in.wait_for("first on None")
    newer = link("first", exp=time.time() + 90)
    signed_in.open(token=newer)
    assert signed_in.stored()["token"] == newer
    assert signed_in.notices.count() == 0


def test_a_link_with_the_same_subject_of_another_issuer_is_somebody_else(signed_in):
    signed_in.open(token=link("first", iss="https://other.example.com"))
    offer(signed_in, "first").wait_for()


def test_a_guest_who_signs_in_by_a_token_for_this_conversation_goes_on(talking_guest):
    sender = talking_guest.stored()["sender"]
    talking_guest.open(token=link("u9", sender=sender))
    assert talking_guest.notices.count() == 0
    talking_guest.say("/probe_who")
    talking_guest.wait_for("u9 on None")
    assert talking_guest.slots(sender)["probe_text"] == "Ada"


def test_links_that_sign_in_can_be_switched_off(page):
    page.configure(link_tokens=False)
    page.open(token=link("first"), **{"probe.text": "Ada"})
    assert page.tab.url == page.url
    assert page.stored()["token"] is None
    assert page.notices.count() == 0
    page.say("/probe_show")
    page.wait_for("Ada None None")


def test_another_bot_at_the_same_address_gets_nothing_of_this_one(page):
    page.open(token=link("first"), **{"probe.text": "Ada"})
    page.say("/probe_who")
    page.wait_for("first on None")
    sender = page.stored()["sender"]
    page.configure(bot="another-bot")
    page.open()
    assert page.messages() == []
    assert TEXTS["nothing_known"] in page.panel.inner_text()
    page.say("/probe_who")
    page.wait_for("None on None")
    kept = page.tab.evaluate("Object.entries(sessionStorage)")
    assert {key.split()[-1]: sender in value for key, value in kept} == {
        ASSISTANT: True,
        "another-bot": False,
    }
    page.tab.unroute("**/chat/config.json")
    page.open()
    page.wait_for("first on None")
