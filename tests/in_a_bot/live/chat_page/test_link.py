"""A link's parameters become metadata, and metadata becomes slots."""

import time

import pytest

from in_a_bot.cases import CONTRACT
from in_a_bot.live.chat_page.conftest import TEXTS
from in_a_bot.tokens import token
from rasa_metadata.channels.chat_page import as_parameters
from rasa_metadata.contract.examples import example_metadata


def test_a_link_fills_slots_from_the_first_message_on(page):
    page.open(**{"probe.text": "Ada", "probe.flag": "true", "probe.number": "1.5"})
    page.say("/probe_show")
    page.wait_for("Ada True 1.5")
    slots = page.slots()
    assert (slots["probe_text"], slots["probe_flag"], slots["probe_number"]) == ("Ada", True, 1.5)
    page.say("/probe_show")
    page.bubbles.nth(3).wait_for()
    assert page.messages() == ["/probe_show", "Ada True 1.5"] * 2


def test_values_have_the_types_of_the_contract(page):
    link = {"probe.tier": "gold", "probe.flag": "0", "probe.text": "1", "probe.number": "-2"}
    page.open(**link, **{"chat.list": ["a", "b"], "chat.say": "[1]", "probe.page": ""})
    page.say("/probe_show")
    page.wait_for("1 False -2")
    probe = {"tier": "gold", "flag": False, "text": "1", "number": -2, "page": ""}
    assert page.stored()["metadata"] == {
        "probe": probe,
        "chat": {"list": ["a", "b"], "say": [1]},
    }
    assert page.slots()["chat_list"] == ["a", "b"]


def test_what_the_contract_does_not_know_is_not_sent(page):
    unknown = {"utm_source": "mail", "probe.other": "x", "__proto__.x": "1", "constructor": "1"}
    page.open(**unknown, **{"probe": "x", "probe.text": "Ada"})
    page.say("/probe_show")
    page.wait_for("Ada None None")
    assert page.metadata()["probe"] == {"text": "Ada"}
    assert not {"utm_source", "constructor", "__proto__"} & set(page.metadata())
    assert page.tab.evaluate("({}).x") is None


@pytest.mark.parametrize(
    "path, label, value",
    [
        ("probe.flag", "probe flag", "maybe"),
        ("probe.number", "probe number", "many"),
        ("probe.tier", "probe tier", "<b>tin</b>"),
    ],
)
def test_a_value_of_another_type_is_shown_and_the_chat_still_works(page, path, label, value):
    page.open(**{path: value, "probe.text": "Ada"})
    assert TEXTS["left_out"].format(label=label, value=value) in page.notices.inner_text()
    page.say("/probe_show")
    page.wait_for("Ada None None")
    assert page.metadata()["probe"] == {"text": "Ada"}
    page.notices.get_by_role("button", name=TEXTS["dismiss"]).click()
    assert page.notices.count() == 0


def test_a_value_that_the_bot_rejects_is_left_out_and_the_message_answered(page):
    page.open(**{"probe.number": "99", "probe.text": "Ada"})
    page.say("/probe_show")
    page.wait_for("Ada None None")
    notice = TEXTS["left_out"].format(label="probe number", value="99")
    assert notice in page.notices.inner_text()
    assert page.messages() == ["/probe_show", "Ada None None"]
    page.complaints.clear()  # the browser's, of the 422


def test_a_link_cannot_set_what_only_a_token_may(page):
    page.open(**{"probe.id": "u1"})
    notice = TEXTS["left_out_signed"].format(label="probe id", value="u1")
    assert notice in page.notices.inner_text()
    page.say("/probe_who")
    page.wait_for("None on None")


def test_parameters_and_token_leave_the_address_bar(page):
    page.open(token=token(), **{"probe.text": "Ada"})
    assert page.tab.url == page.url
    assert page.tab.evaluate("history.length") == 2  # the empty tab and this page


def test_a_slash_at_the_end_of_the_link_does_no_harm(page):
    page.url += "/"
    page.open(**{"probe.text": "Ada"})
    assert page.tab.url == page.url.rstrip("/")
    assert page.stored()["metadata"] == {"probe": {"text": "Ada"}}


def test_a_reload_keeps_the_conversation_and_what_it_knew(page):
    page.open(**{"probe.text": "Ada"})
    page.say("/probe_show")
    page.wait_for("Ada None None")
    sender = page.stored()["sender"]
    page.tab.reload()
    page.wait_for("Ada None None")
    assert page.messages() == ["/probe_show", "Ada None None"]
    assert "Ada" in page.panel.inner_text()
    page.say("/probe_show")
    page.bubbles.nth(3).wait_for()
    assert page.stored()["sender"] == sender
    assert page.slots()["probe_text"] == "Ada"


def test_each_tab_is_a_conversation_of_its_own(open_tab):
    ada, grace = open_tab(), open_tab()
    ada.open(**{"probe.text": "Ada"})
    grace.open()
    assert ada.stored()["sender"] != grace.stored()["sender"]
    grace.say("/probe_show")
    grace.wait_for("None None None")


def test_another_link_in_the_same_tab_changes_what_is_known(page):
    page.open(**{"probe.text": "Ada", "probe.flag": "true"})
    page.say("/probe_show")
    page.wait_for("Ada True None")
    page.open(**{"probe.text": "Grace"})
    page.say("/probe_show")
    page.wait_for("Grace True None")


def test_start_over_forgets(page):
    page.open(**{"probe.text": "Ada"})
    page.say("/probe_show")
    page.wait_for("Ada None None")
    sender = page.stored()["sender"]
    with page.tab.expect_navigation():
        page.tab.get_by_role("button", name=TEXTS["restart"]).click()
    page.box.wait_for()
    assert TEXTS["nothing_known"] in page.panel.inner_text()
    assert page.messages() == []
    assert page.stored()["sender"] != sender


def test_a_token_signs_its_bearer_in(page):
    signed = token(sub="ada", metadata={"probe": {"id": "u1"}})
    page.open(token=signed, **{"probe.page": "/cart"})
    assert f"{TEXTS['signed_in']}\nada" in page.panel.inner_text()
    assert "probe id\nu1" in page.panel.inner_text()
    page.say("/probe_who")
    page.wait_for("u1 on /cart")
    assert page.slots("user:ada")["probe_id"] == "u1"
    page.tab.reload()
    page.say("/probe_who")
    page.bubbles.nth(3).wait_for()
    assert page.messages()[-1] == "u1 on /cart"
    assert page.tab.evaluate("Object.keys(localStorage)") == []
    assert not any(signed in url for url in page.asked[1:])  # the first is the link itself


def test_an_expired_token_says_so_and_offers_to_go_on_as_a_guest(page):
    page.open(token=token(exp=time.time() - 60, metadata={"probe": {"id": "u1"}}))
    page.say("/probe_who")
    page.wait_for(TEXTS["error_401"])
    assert TEXTS["signed_in"] not in page.panel.inner_text()
    page.log.get_by_role("button", name=TEXTS["continue_as_guest"]).click()
    page.wait_for("None on None")
    assert page.stored()["token"] is None
    assert "u1" not in page.panel.inner_text()
    page.complaints.clear()  # the browser's, of the 401


def test_what_is_not_a_token_is_rejected_in_the_same_words(page):
    page.open(token="<img src=x onerror=alert(1)>")
    page.say("/probe_who")
    page.wait_for(TEXTS["error_401"])
    page.complaints.clear()  # the browser's, of the 401


def test_the_page_works_without_storage(open_tab):
    page = open_tab()
    page.tab.add_init_script(
        "Object.defineProperty(window, 'sessionStorage', {get() { throw new Error('none') }})"
    )
    page.open(**{"probe.text": "Ada"})
    page.say("/probe_show")
    page.wait_for("Ada None None")


def test_the_link_that_the_bot_prints_fills_the_slots_of_the_bot(page):
    example = example_metadata(CONTRACT)
    page.tab.goto(f"{page.url}?{'&'.join(as_parameters(example))}")
    page.box.wait_for()
    assert page.notices.count() == 0
    assert page.stored()["metadata"] == example
