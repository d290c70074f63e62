"""The page is for everybody: keyboard, screen reader, small screens, dark rooms, any script."""

import pytest

from in_a_bot.cases import PROJECT
from in_a_bot.live.chat_page.conftest import TEXTS
from in_a_bot.tokens import token
from rasa_metadata.channels.chat_page import ChatPageInput

AXE = PROJECT / "rasa_metadata/chat/node_modules" / "axe-core" / "axe.min.js"
PHONE = {"viewport": {"width": 320, "height": 568}, "device_scale_factor": 2}
DESKTOP = {"viewport": {"width": 1280, "height": 800}}
SAYS = [
    {"text": "Hello **Ada**, see [this](https://example.org).\n\n- one\n- two\n\n`code`"},
    {"text": "Choose:", "buttons": [{"title": "Yes", "payload": "/y"}, {"title": "No"}]},
    {"json_message": {"a": 1}},
]


def fill(page):
    """Show one of everything that the page can show."""
    page.open_and_let_say(*SAYS)
    page.store(token="none")
    page.open(token=token(sub="ada"), **{"probe.number": "many", "probe.text": "x" * 60})
    page.notices.nth(1).wait_for()
    page.say("hello")
    page.log.get_by_role("button", name=TEXTS["continue_as_guest"]).wait_for()
    page.complaints.clear()  # the browser's, of the 401


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("screen", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_axe_finds_nothing(open_tab, screen, colours):
    page = open_tab(**screen, color_scheme=colours)
    fill(page)
    page.tab.evaluate(AXE.read_text())
    report = page.tab.evaluate("axe.run()")
    found = [
        (each["id"], [node["target"] for node in each["nodes"]]) for each in report["violations"]
    ]
    assert found == []
    assert len(report["passes"]) > 20


@pytest.mark.parametrize("locale", ["en", "ar"])
def test_nothing_is_cut_off_on_a_small_phone(open_tab, locale):
    page = open_tab(**PHONE)
    fill(page)
    page.open(locale=locale)
    assert page.tab.evaluate("document.documentElement.scrollWidth") <= 320
    assert page.log.evaluate("log => log.scrollWidth <= log.clientWidth")
    box = page.tab.get_by_role("button", name=TEXTS["send"]).bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 320
    assert box["y"] + box["height"] <= 568
    assert min(box["width"], box["height"]) >= 24  # WCAG 2.2, target size


def test_all_of_it_works_by_keyboard(page):
    page.open_and_let_say({"text": "?", "buttons": [{"title": "Me", "payload": "/probe_who"}]})
    button = page.log.get_by_role("button", name="Me")
    button.wait_for()
    keyboard = page.tab.keyboard
    keyboard.press("Shift+Tab")
    assert button.evaluate("each => each.matches(':focus-visible')")
    keyboard.press("Enter")
    page.wait_for("None on None")
    page.box.focus()
    keyboard.type("/probe_show")
    keyboard.press("Tab")
    keyboard.press("Enter")
    page.wait_for("None None None")


def test_one_may_type_at_once(page):
    page.open()
    page.tab.keyboard.type("/probe_who")
    page.tab.keyboard.press("Enter")
    page.wait_for("None on None")


def test_everything_has_a_name_for_screen_readers(page):
    page.open()
    assert page.log.get_attribute("aria-live") == "polite"
    assert page.log.get_attribute("aria-label") == TEXTS["conversation"]
    assert page.box.get_attribute("aria-label") == TEXTS["placeholder"]
    assert page.tab.get_by_role("heading", level=1).inner_text() == TEXTS["name"]
    assert page.tab.title() == TEXTS["name"]


@pytest.mark.parametrize("locale, direction", [("ar-EG", "rtl"), ("he", "rtl"), ("de", "ltr")])
def test_the_page_reads_in_the_direction_of_the_users_language(page, locale, direction):
    page.open(locale=locale)
    assert page.tab.locator("html").get_attribute("dir") == direction
    page.say("/probe_who")
    page.wait_for("None on None")
    bubble, log = page.bubbles.first.bounding_box(), page.log.bounding_box()
    on_the_left = bubble["x"] - log["x"] < log["width"] / 2 - bubble["width"]
    assert on_the_left == (direction == "rtl")  # what one says oneself is on the far side


def test_the_panel_shows_what_is_known_and_can_be_closed(page):
    page.open(**{"probe.text": "Ada"})
    assert "probe text\nAda" in page.panel.inner_text()
    page.panel.locator("summary").click()
    assert "Ada" not in page.panel.inner_text()


def test_the_panel_shows_labels_and_joins_lists(page):
    page.open(**{"chat.list": ["tea", "milk"], "probe.flag": "true", "probe.number": "1.5"})
    shown = [each.strip() for each in page.panel.locator("dt, dd").all_inner_texts()]
    assert dict(zip(shown[::2], shown[1::2], strict=True)) == {
        "Shopping list": "tea, milk",  # its schema's `title`
        "probe flag": TEXTS["yes"],
        "probe number": "1.5",
    }


def test_the_panel_can_be_switched_off(page):
    assert ChatPageInput.from_credentials({"chat_panel": False}).panel is False
    page.configure(panel=False)
    page.open(**{"probe.text": "Ada"})
    assert not page.panel.is_visible()
    page.say("/probe_show")
    page.wait_for("Ada None None")
    body = page.tab.locator("body").bounding_box()
    assert page.log.bounding_box()["width"] == body["width"]


def test_yours_are_the_colours_of_the_page_and_of_the_conversation(page):
    colours = ":root { --accent: rgb(1, 2, 3); --page: rgb(4, 5, 6) }"
    page.tab.route("**/colors.css", lambda route: route.fulfill(body=colours))
    page.open()
    page.say("/probe_who")
    page.wait_for("None on None")
    colour = "each => getComputedStyle(each).backgroundColor"
    assert page.tab.locator("body").evaluate(colour) == "rgb(4, 5, 6)"
    assert page.bubbles.first.evaluate(colour) == "rgb(1, 2, 3)"
