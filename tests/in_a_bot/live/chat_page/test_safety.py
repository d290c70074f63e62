"""Nothing that a bot or a link says runs in the page, and no other site may frame it."""

import base64
import hashlib
import json
import re
import shutil

import pytest
import requests
from rasa.shared.exceptions import RasaException

from in_a_bot.cases import PROJECT
from in_a_bot.live.chat_page.conftest import TEXTS
from rasa_metadata.channels.chat_page import ChatPageInput, policy

RUN = "window.pwned = 1"
ATTACKS = [
    f"<script>{RUN}</script>",
    f"<img src=x onerror='{RUN}'>",
    f"<svg onload='{RUN}'></svg>",
    f"[click](javascript:{RUN.replace(' ', '')})",
    f"[click](JaVaScRiPt:{RUN.replace(' ', '')})",
    f"[click](&#106;avascript:{RUN.replace(' ', '')})",
    f"[click](data:text/html;base64,{base64.b64encode(f'<script>{RUN}</script>'.encode()).decode()})",
    f"![x](javascript:{RUN.replace(' ', '')})",
    f'![x](x" onerror="{RUN})',
    "<iframe srcdoc='<script>parent.pwned = 1</script>'></iframe>",
    f"<a href='javascript:{RUN}'>click</a>",
    f"<math><mtext><style><img src=x onerror='{RUN}'></style></mtext></math>",
    f"</textarea><script>{RUN}</script>",
    f"`` ` `` <details open ontoggle='{RUN}'>",
]


def assert_harmless(page):
    """Look at every element, click each link, and see that nothing ran."""
    found = page.tab.locator("body").evaluate("""() => {
        const inside = (root) => [...root.querySelectorAll("*")].flatMap(
            (each) => [each, ...(each.shadowRoot ? inside(each.shadowRoot) : [])]);
        return inside(document.body).flatMap((each) => [
            each.tagName,
            ...[...each.attributes].filter((a) => a.name.startsWith("on")).map((a) => a.name),
            ...["href", "src"].map((name) => each.getAttribute(name)).filter(Boolean),
        ]);
    }""")
    assert not {"SCRIPT", "IFRAME", "OBJECT", "EMBED", "STYLE", "FORM", "BASE"} & set(found)
    assert [each for each in found if re.match(r"on|javascript:|data:(?!image/)", each, re.I)] == []
    for link in page.log.locator("a").all():
        link.click()
    assert page.tab.evaluate("window.pwned") is None
    assert len(page.tab.context.pages) == 1


def test_text_of_the_bot_does_not_run(page):
    page.open_and_let_say(*({"text": attack} for attack in ATTACKS))
    page.bubbles.nth(len(ATTACKS)).wait_for()
    assert_harmless(page)


def test_what_the_user_types_does_not_run(page):
    page.open()
    for number, attack in enumerate(ATTACKS, start=1):
        page.say(attack)
        page.bubbles.nth(2 * number - 1).wait_for()
    assert_harmless(page)
    page.tab.reload()
    page.bubbles.nth(2 * len(ATTACKS) - 1).wait_for()
    assert_harmless(page)


def test_titles_and_payloads_of_buttons_do_not_run(page):
    attacks = [*ATTACKS, '"><script>x</script>', "' onclick='x", "%", "{}"]
    buttons = [{"title": attack, "payload": attack} for attack in attacks]
    page.open_and_let_say({"text": "?", "buttons": buttons})
    titles = page.log.get_by_role("group").get_by_role("button")
    titles.nth(len(attacks) - 1).wait_for()
    assert titles.all_inner_texts() == attacks
    assert_harmless(page)
    for number in range(len(attacks)):
        titles.nth(number).click()
    page.bubbles.nth(2 + 2 * len(attacks)).wait_for()
    assert_harmless(page)
    users = [each for each in page.bot.events(page.stored()["sender"]) if each["event"] == "user"]
    assert [each["text"] for each in users[1:]] == attacks


def test_addresses_of_images_and_attachments_do_not_run(page):
    urls = [f"javascript:{RUN}", f"data:text/html,<script>{RUN}</script>", f'x" onerror="{RUN}']
    urls += ["file:///etc/passwd", "//example.org/x.png", " javascript:x", "java\nscript:x"]
    page.open_and_let_say(*({kind: url} for url in urls for kind in ("image", "attachment")))
    page.log.get_by_text(TEXTS["attachment"]).nth(len(urls) - 1).wait_for()
    assert page.log.locator("img").count() == len(urls)
    assert page.log.locator("img[src], a[href]").count() == 0
    assert_harmless(page)


def test_custom_payloads_do_not_run(page):
    page.open_and_let_say({"json_message": {attack: attack for attack in ATTACKS}})
    assert json.loads(page.bubbles.last.inner_text()) == {attack: attack for attack in ATTACKS}
    assert_harmless(page)


def test_metadata_of_a_link_does_not_run(page):
    attack = "".join(ATTACKS)
    page.open(**{"probe.text": attack, "probe.number": attack, "locale": attack})
    assert attack in page.panel.inner_text()
    assert attack in page.notices.first.inner_text()
    page.say("/probe_show")
    page.bubbles.nth(1).wait_for()
    assert_harmless(page)


def test_links_go_to_the_web_to_mail_and_to_telephones_only(page):
    links = ["https://a.example", "http://a.example", "mailto:a@a.example", "tel:+4930"]
    others = ["ftp://a.example", "/conversations", "rasa:x", "blob:x", "javascript:x"]
    text = " ".join(f"[{url}]({url})" for url in [*links, *others])
    page.open_and_let_say({"text": text})
    anchors = page.bubbles.last.locator("a[href]")
    assert [each.get_attribute("href") for each in anchors.all()] == links


def test_the_headers_allow_nothing_inline_and_nothing_from_elsewhere(chat_bot, site):
    headers = requests.get(f"{chat_bot.url}/webhooks/rest/chat").headers
    policy = dict(each.split(" ", 1) for each in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == f"'self' {site[1]}"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_the_browser_asks_only_once_for_what_has_not_changed(chat_bot):
    url = f"{chat_bot.url}/webhooks/rest/chat/deep-chat.js"
    first = requests.get(url)
    assert first.headers["Content-Type"] == "text/javascript; charset=utf-8"
    again = requests.get(url, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("name", ["..%2Fcredentials.yml", "%2e%2e/.env", "package.json", "x"])
def test_no_other_file_is_served(chat_bot, name):
    assert requests.get(f"{chat_bot.url}/webhooks/rest/chat/{name}").status_code == 404


def test_the_browser_checks_the_hashes_of_what_npm_installed():
    """npm checked them against package-lock.json, and these are the same files."""
    web = PROJECT / "rasa_metadata/chat"
    html = (web / "chat.html").read_text()
    for name, file in [
        ("deep-chat.js", "deep-chat/dist/deepChat.bundle.js"),
        ("purify.js", "dompurify/dist/purify.min.js"),
    ]:
        digest = hashlib.sha384((web / "node_modules" / file).read_bytes()).digest()
        integrity = f'integrity="sha384-{base64.b64encode(digest).decode()}"'
        assert re.search(f'src="chat/{name}"\\s+{re.escape(integrity)}', html), name


def test_a_widget_that_was_tampered_with_is_not_run(page, chat_bot):
    web = chat_bot.server.project / "rasa_metadata/chat"
    real = (web / "node_modules").readlink()
    (web / "node_modules").unlink()
    try:
        for name in ("deep-chat/dist/deepChat.bundle.js", "dompurify/dist/purify.min.js"):
            copy = web / "node_modules" / name
            copy.parent.mkdir(parents=True)
            copy.write_text((real / name).read_text() + "\nwindow.pwned = 1")
        page.tab.goto(page.url)
        page.notices.wait_for()
        assert "make chat" in page.notices.inner_text()
        assert page.tab.evaluate("window.pwned") is None
        assert any("integrity" in each for each in page.complaints)
        page.complaints.clear()
    finally:
        shutil.rmtree(web / "node_modules")
        (web / "node_modules").symlink_to(real)


def test_a_page_without_its_widget_says_what_to_type(page, chat_bot):
    modules = chat_bot.server.project / "rasa_metadata/chat" / "node_modules"
    real = modules.readlink()
    modules.unlink()
    try:
        page.tab.goto(page.url)
        page.notices.wait_for()
        assert "make chat" in page.notices.inner_text()
        page.complaints.clear()  # the browser's, of the 404
    finally:
        modules.symlink_to(real)


@pytest.mark.parametrize(
    "key, value",
    [
        ("chat_origins", "https://shop.example.com"),
        ("chat_origins", ["shop.example.com"]),
        ("chat_origins", ["https://shop.example.com/path"]),
        ("chat_origins", ["https://a.example; script-src *"]),
        ("chat_origins", ["*"]),
        ("chat_panel", "no"),
        ("chat_orgins", []),
    ],
)
def test_a_wrong_key_stops_the_bot_with_a_sentence(key, value):
    with pytest.raises(RasaException, match=f"credentials.yml: '{key}' is "):
        ChatPageInput.from_credentials({key: value})


# What a link may try to make the bot say, by values of the slots `probe_text` and `probe_page`.
INJECTED = {
    "a link": ["[click](http://evil.example)"],
    "a picture": ["![x](http://evil.example/p.png)"],
    "an address": ["http://evil.example"],
    "an address in angle brackets": ["<http://evil.example>"],
    "HTML": ["<img src=http://evil.example/p.png>", "<a href=http://evil.example>x</a>"],
    "a reference": ["[click][1]\n\n[1]: http://evil.example"],
    "a link in two values": ["[click", "](http://evil.example)"],
    "an address in two values": ["http:", "//evil.example"],
    "another host": [".evil.example"],
    "a user name in an address": ["x@evil.example"],
    "an entity": ["http&colon;//evil.example"],
}
# Each is what an owner may write, with an address or markup around the values.
REPLIES = [
    {"text": "Hello {a}{b}!"},
    {"text": "Hello {a} and {b}!"},
    {"text": "See [this]({a}{b}), or [that](https://shop.example{a}{b})."},
    {"text": "[{a}]({b})"},
    {"text": '{{"quoted": "{a}", "more": "{b}"}}'},
    {"image": "{a}{b}"},
    {"image": "https://shop.example{a}{b}"},
    {"attachment": "{a}{b}"},
]


@pytest.mark.parametrize("values", INJECTED.values(), ids=INJECTED)
def test_values_of_a_link_are_text_wherever_the_bot_says_them(page, values):
    a, b = (*values, "")[:2]
    says = [{key: text.format(a=a, b=b) for key, text in each.items()} for each in REPLIES]
    page.open(**{"probe.text": a, "probe.answer": b})
    page.store(metadata={**page.stored()["metadata"], "chat": {"say": says}})
    page.tab.reload()
    page.say("/chat_say")
    page.bubbles.nth(len(says)).wait_for()
    found = page.log.locator("a[href], img[src]").evaluate_all(
        "all => all.map((each) => each.href || each.src)"
    )
    assert found == []
    assert f"Hello {a}{b}!".split("\n")[0] in page.bubbles.nth(1).inner_text()


@pytest.mark.parametrize("value", ["Ada", "Dr. J. O'Hara-Smith", "/cart", "pro", "größer", "1,5 %"])
def test_ordinary_values_of_a_link_leave_the_bot_its_links(page, value):
    say = {"text": f"Hello {value}, see [this](https://a.example)"}
    page.open(**{"probe.text": value})
    page.store(metadata={**page.stored()["metadata"], "chat": {"say": [say]}})
    page.tab.reload()
    page.say("/chat_say")
    page.log.get_by_role("link", name="this").wait_for()


def test_what_a_link_brought_stays_text_after_other_links(page):
    page.open(**{"probe.text": "[click](http://evil.example)"})
    page.open(**{"probe.text": "Ada"})
    assert page.stored()["plain"] is True
    with page.tab.expect_navigation():
        page.tab.get_by_role("button", name=TEXTS["restart"]).click()
    page.greeting.wait_for()
    assert page.stored()["plain"] is False


@pytest.mark.parametrize(
    "images, allowed",
    [
        (None, "'self' data: https:"),
        ([], "'self'"),
        (["https://cdn.example.com"], "'self' https://cdn.example.com"),
    ],
)
def test_pictures_come_from_where_the_bot_says(images, allowed):
    channel = ChatPageInput.from_credentials({"chat_images": images})
    found = dict(each.split(" ", 1) for each in policy((), channel.images).split("; "))
    assert found["img-src"] == allowed
