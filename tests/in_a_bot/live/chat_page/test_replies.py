"""What the bot says is shown as it was meant, and what goes wrong in a plain sentence."""

import json

import pytest

from in_a_bot.live.chat_page.conftest import TEXTS

PICTURE = (
    "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"  # one pixel
)


def test_text_is_markdown(page):
    page.open_and_let_say({"text": "**bold** _soft_ `code`\nnext [site](https://example.org)"})
    bubble = page.bubbles.last
    assert bubble.locator("strong").inner_text() == "bold"
    assert bubble.locator("code").inner_text() == "code"
    assert bubble.locator("br").count() == 1
    link = bubble.get_by_role("link", name="site")
    assert link.get_attribute("href") == "https://example.org"
    assert link.get_attribute("target") == "_blank"
    assert link.get_attribute("rel") == "noopener noreferrer"


def test_a_button_shows_its_title_and_sends_its_payload(page):
    buttons = [{"title": "Who am I?", "payload": "/probe_who"}, {"title": "No", "payload": "/no"}]
    page.open_and_let_say({"text": "And now?", "buttons": buttons})
    choices = page.log.get_by_role("group", name=TEXTS["buttons"])
    assert choices.get_by_role("button").all_inner_texts() == ["Who am I?", "No"]
    choices.get_by_role("button", name="Who am I?").click()
    page.wait_for("None on None")
    assert "Who am I?" in page.messages()
    assert "/probe_who" not in page.messages()
    events = page.bot.events(page.stored()["sender"])
    assert [each["text"] for each in events if each["event"] == "user"][-1] == "/probe_who"


def test_a_button_still_works_after_a_reload(page):
    page.open_and_let_say({"text": "?", "buttons": [{"title": "Me", "payload": "/probe_who"}]})
    page.log.get_by_role("button", name="Me").wait_for()
    page.tab.reload()
    page.log.get_by_role("button", name="Me").click()
    page.wait_for("None on None")


def test_an_image_is_shown(page):
    page.open_and_let_say({"image": PICTURE})
    image = page.log.get_by_role("img", name="Picture")
    assert image.get_attribute("src") == PICTURE
    assert image.evaluate("image => image.decode().then(() => image.naturalWidth)") == 1


def test_an_attachment_is_a_link(page):
    page.open_and_let_say({"attachment": "https://example.org/terms.pdf"})
    link = page.log.get_by_role("link", name=TEXTS["attachment"])
    assert link.get_attribute("href") == "https://example.org/terms.pdf"


def test_a_custom_payload_is_shown_as_what_it_is(page):
    custom = {"type": "card", "price": 3}
    page.open_and_let_say({"json_message": custom})
    assert json.loads(page.bubbles.last.inner_text()) == custom


def test_several_messages_keep_their_order(page):
    page.open_and_let_say(*({"text": f"message {number}"} for number in range(9)))
    page.wait_for("message 8")
    assert page.messages()[1:] == [f"message {number}" for number in range(9)]


def test_messages_are_answered_in_the_order_in_which_they_were_typed(page):
    page.open(**{"probe.text": "Ada"})
    for message in ("/probe_show", "/probe_who", "/probe_show"):
        page.say(message)
    page.bubbles.nth(5).wait_for()
    answers = [each for each in page.messages() if not each.startswith("/")]
    assert answers == ["Ada None None", "None on None", "Ada None None"]


def test_no_answer_is_not_an_empty_bubble(page):
    page.open()
    page.say("/probe_set")
    page.wait_for(TEXTS["no_answer"])
    assert all(page.messages())


def test_each_message_is_shown_as_soon_as_it_is_said(page, tmp_path):
    released = tmp_path / "released"
    page.open(**{"chat.say": '[{"text": "one moment"}]', "chat.released": str(released)})
    page.say("/chat_stream")
    page.log.get_by_text("one moment").wait_for()
    status = page.tab.get_by_role("status")
    assert status.inner_text() == TEXTS["typing"]
    assert page.log.locator(".deep-chat-loading-message-bubble").count() == 1
    released.touch()
    page.wait_for("at last")
    page.log.locator(".deep-chat-loading-message-bubble").wait_for(state="detached")
    assert status.inner_text() == ""
    assert page.messages() == ["/chat_stream", "one moment", "at last"]


@pytest.mark.parametrize(
    "message, text",
    [
        ("x" * 70_000, "error_413"),  # 413
        ("x" * 5_000, "error_422"),  # 422
        ("/probe_fail", "error_500"),  # 500
        ("/probe_hang", "error_503"),  # 503
    ],
    ids=["413", "422", "500", "503"],
)
def test_each_error_has_its_sentence(page, message, text):
    page.open()
    page.say(message)
    page.wait_for(TEXTS[text])
    page.say("/probe_who")
    page.wait_for("None on None")
    page.complaints.clear()  # the browser's, of the status


def test_a_reserved_sender_gets_a_sentence(page):
    page.open()
    page.store(sender="user:x")
    page.tab.reload()
    page.say("/probe_who")
    page.wait_for(TEXTS["error_403"])
    page.complaints.clear()  # the browser's, of the 403


def test_what_failed_can_be_tried_again(page):
    page.open()
    page.tab.context.set_offline(True)
    page.say("/probe_who")
    page.wait_for(TEXTS["error_offline"])
    page.tab.context.set_offline(False)
    page.log.get_by_role("button", name=TEXTS["retry"]).click()
    page.wait_for("None on None")
    users = [each for each in page.bot.events(page.stored()["sender"]) if each["event"] == "user"]
    assert len(users) == 1
    page.complaints.clear()  # the browser's, of being offline


def test_a_message_whose_answer_was_lost_is_handled_once(page):
    def lose(route):
        route.fetch()
        route.abort()

    page.open()
    page.tab.route("**/webhook?stream=true", lose, times=1)
    page.say("/probe_who")
    page.wait_for(TEXTS["error_offline"])
    page.log.get_by_role("button", name=TEXTS["retry"]).click()
    page.wait_for("None on None")
    users = [each for each in page.bot.events(page.stored()["sender"]) if each["event"] == "user"]
    assert len(users) == 1
    page.complaints.clear()  # the browser's, of the lost answer
