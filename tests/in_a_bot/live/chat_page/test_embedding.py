"""A site embeds the page, and passes metadata and tokens to it."""

import json
import time

import pytest

from in_a_bot.live.chat_page.conftest import ICON, TEXTS, serving
from in_a_bot.tokens import token


@pytest.fixture
def embedded(open_tab, chat_bot, site):
    """Return a function that puts HTML into a site, which shows the page in a frame."""

    def show(html, origin=site[1], folder=site[0]):
        (folder / "index.html").write_text(f"<!doctype html><title>Site</title>{ICON}<body>{html}")
        page = open_tab()
        page.frame = page.tab.frame_locator("iframe")
        page.tab.goto(origin)
        page.asked[:] = [url for url in page.asked if not url.startswith(origin)]
        return page

    return show


@pytest.fixture
def snippet(chat_bot):
    return f'<script src="{chat_bot.url}/webhooks/rest/chat/embed.js"></script>'


def open_chat(page):
    page.tab.get_by_role("button", name="Chat").click()
    page.box.wait_for()


def test_one_line_puts_the_chat_into_a_site(embedded, snippet):
    page = embedded(snippet)
    button = page.tab.get_by_role("button", name="Chat")
    assert not page.tab.locator("iframe").is_visible()
    assert page.asked == [f"{page.url}/embed.js"]
    button.click()
    assert button.get_attribute("aria-expanded") == "true"
    page.say("/probe_who")
    page.wait_for("None on None")
    button.click()
    assert not page.tab.locator("iframe").is_visible()


def test_it_fills_an_element_where_the_site_says_so(embedded, snippet):
    place = '<div id="chat" style="width: 400px; height: 500px"></div>'
    page = embedded(place + snippet.replace("<script ", '<script data-into="#chat" '))
    page.box.wait_for()
    frame = page.tab.locator("#chat iframe")
    assert frame.bounding_box()["width"] == 400
    assert frame.get_attribute("title") == "Chat"


def test_the_site_passes_metadata_and_a_token(embedded, snippet):
    known = {"probe": {"text": "Ada", "page": "/cart"}, "own": {"key": [1]}}
    signed = token(sub="embedded", metadata={"probe": {"id": "u1"}})
    page = embedded(
        f"{snippet}<script>botChat.setMetadata({json.dumps(known)});"
        f"botChat.setToken({json.dumps(signed)})</script>"
    )
    open_chat(page)
    page.say("/probe_who")
    page.wait_for("u1 on /cart")
    slots = page.slots("user:embedded")
    assert (slots["probe_text"], slots["probe_id"]) == ("Ada", "u1")
    page.tab.evaluate("botChat.setToken(null)")
    page.say("/probe_who")
    page.wait_for("None on /cart")
    assert page.metadata()["own"] == {"key": [1]}


def test_metadata_changes_during_the_talk(embedded, snippet):
    page = embedded(f'{snippet}<script>botChat.setMetadata({{probe: {{page: "/a"}}}})</script>')
    open_chat(page)
    page.say("/probe_who")
    page.wait_for("None on /a")
    page.tab.evaluate('botChat.setMetadata({probe: {page: "/b", text: "Ada"}})')
    page.panel.get_by_text("/b").wait_for()
    page.say("/probe_who")
    page.wait_for("None on /b")
    page.tab.evaluate("botChat.setMetadata({probe: {text: null}})")
    page.panel.get_by_text(TEXTS["cleared"]).wait_for()
    page.say("/probe_show")
    page.wait_for("None None None")


def test_what_only_a_token_may_set_is_left_out(embedded, snippet):
    page = embedded(f'{snippet}<script>botChat.setMetadata({{probe: {{id: "u1"}}}})</script>')
    open_chat(page)
    page.say("/probe_who")
    page.wait_for("None on None")
    notice = TEXTS["left_out_signed"].format(label="probe id", value="u1")
    assert notice in page.notices.inner_text()
    page.complaints.clear()  # the browser's, of the 403


def test_the_site_receives_custom_payloads(embedded, snippet):
    say = {"chat": {"say": [{"json_message": {"open": "cart"}}]}}
    page = embedded(
        f"{snippet}<script>botChat.setMetadata({json.dumps(say)});"
        "botChat.onCustom = (payload) => { document.title = payload.open }</script>"
    )
    open_chat(page)
    page.say("/chat_say")
    page.tab.wait_for_function("document.title === 'cart'")


def test_a_plain_frame_with_a_link_works_too(embedded, chat_bot):
    link = f"{chat_bot.url}/webhooks/rest/chat?probe.text=Ada"
    page = embedded(f'<iframe title="Chat" src="{link}" width="400" height="500"></iframe>')
    page.say("/probe_show")
    page.wait_for("Ada None None")
    page.tab.evaluate("frames[0].postMessage({metadata: {probe: {text: 'Grace'}}}, '*')")
    page.panel.get_by_text("Grace").wait_for()
    page.say("/probe_show")
    page.wait_for("Grace None None")


def test_no_other_site_may_show_the_page(embedded, snippet, tmp_path):
    with serving(tmp_path) as origin:
        page = embedded(snippet, origin, tmp_path)
        with page.tab.expect_console_message(lambda line: "frame-ancestors" in line.text):
            page.tab.get_by_role("button", name="Chat").click()
        assert page.box.count() == 0
        page.asked.clear()
        page.complaints.clear()


def test_only_the_page_around_it_is_listened_to(embedded, chat_bot):
    chat = f'<iframe src="{chat_bot.url}/webhooks/rest/chat" width="400" height="500"></iframe>'
    page = embedded(f'{chat}<iframe name="other"></iframe>')
    page.frame = page.tab.frame_locator("iframe >> nth=0")
    page.box.wait_for()
    post = "parent.frames[0].postMessage({metadata: {probe: {text: 'x'}}}, '*')"
    page.tab.frame("other").evaluate(post)
    page.say("/probe_show")
    page.wait_for("None None None")


def renewing(snippet, tokens):
    """Return a snippet whose site counts how often it renews, and then has these tokens."""
    return (
        f"{snippet}<script>const tokens = {json.dumps(tokens)}; let renewals = 0;"
        "botChat.setToken(tokens[0]);"
        "botChat.onTokenExpired = async () => tokens[Math.min(++renewals, tokens.length - 1)]"
        "</script>"
    )


def short(seconds, number, sub="renewed"):
    return token(sub=sub, metadata={"probe": {"id": str(number)}}, exp=time.time() + seconds)


def test_a_token_is_renewed_before_it_expires(embedded, snippet):
    page = embedded(renewing(snippet, [short(4, 1), short(60, 2)]))
    open_chat(page)
    page.say("/probe_who")
    page.wait_for("1 on None")
    page.tab.wait_for_function("renewals === 1")
    page.panel.get_by_text("2", exact=True).wait_for()
    page.say("/probe_who")
    page.wait_for("2 on None")
    assert page.tab.evaluate("renewals") == 1


def test_a_rejected_token_is_renewed_once_and_the_message_sent_again(embedded, snippet):
    page = embedded(renewing(snippet, [short(-5, 1, "once"), short(60, 2, "once")]))
    open_chat(page)
    for _ in range(3):
        page.say("/probe_who")
    page.bubbles.nth(5).wait_for()
    assert page.messages().count("2 on None") == 3
    assert page.tab.evaluate("renewals") == 1
    users = [each for each in page.bot.events("user:once") if each["event"] == "user"]
    assert len(users) == 3
    page.complaints.clear()  # the browser's, of the 401


def test_a_message_keeps_its_key_when_it_is_sent_with_a_new_token(embedded, snippet):
    page = embedded(renewing(snippet, [short(60, 1), short(60, 2)]))
    sent = []
    open_chat(page)
    page.greeting.wait_for()

    def expire(route):
        sent.append(route.request.headers["idempotency-key"])
        if len(sent) == 1:
            route.fulfill(status=401, json={})
        else:
            route.continue_()

    page.tab.route("**/webhook?stream=true", expire)
    page.say("/probe_who")
    page.wait_for("2 on None")
    assert sent == [sent[0]] * 2
    page.complaints.clear()  # the browser's, of the 401


@pytest.mark.parametrize(
    "renewal",
    ["null", "async () => null", "async () => { throw new Error('no') }", "async () => 'bad'"],
)
def test_a_sign_in_that_cannot_be_renewed_is_said_so(embedded, snippet, renewal):
    page = embedded(
        f"{snippet}<script>botChat.setToken({json.dumps(short(-5, 1))});"
        f"botChat.onTokenExpired = {renewal}</script>"
    )
    open_chat(page)
    page.say("/probe_who")
    page.wait_for(TEXTS["error_401"])
    page.log.get_by_role("button", name=TEXTS["continue_as_guest"]).click()
    page.wait_for("None on None")
    page.complaints.clear()  # the browser's, of the 401, and the site's own error


def test_the_greeting_waits_for_what_the_site_knows(embedded, snippet):
    known = {"probe": {"greet": True, "text": "Ada"}}
    page = embedded(f"{snippet}<script>botChat.setMetadata({json.dumps(known)})</script>")
    open_chat(page)
    page.wait_for("Welcome, Ada None")
    assert page.messages() == ["Welcome, Ada None"]


def test_a_page_that_starts_over_still_knows_what_the_site_knows(embedded, snippet):
    page = embedded(f'{snippet}<script>botChat.setMetadata({{probe: {{text: "Ada"}}}})</script>')
    open_chat(page)
    page.panel.get_by_text("Ada").wait_for()
    page.say("/probe_who")
    page.wait_for("None on None")
    page.frame.get_by_role("button", name=TEXTS["restart"]).click()
    page.greeting.wait_for()
    page.panel.get_by_text("Ada").wait_for()
    page.say("/probe_show")
    page.wait_for("Ada None None")
