"""The bot with its chat page, a browser, and a site that embeds the page."""

import json
import os
import shutil
from contextlib import ExitStack, contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlencode

import pytest

from in_a_bot.cases import PROJECT
from in_a_bot.live.servers import lay_out, running
from rasa_metadata.chat import texts

# All tests run with a translated page: none of them may depend on an English text.
TEXTS = {**{name: f"¤ {text}" for name, text in texts().items()}, "lang": "eo"}
CHROMIUM = next(
    filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None
)
ICON = '<link rel="icon" href="data:,">'  # or the browser asks the site for one
QUIET = ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
CREDENTIALS = """
rasa_metadata.channels.chat_page.ChatPageInput:
  chat_origins: ["{site}"]
  action_timeout: 2
"""


@contextmanager
def serving(folder):
    """Serve a folder as a site of its own, and yield its origin."""

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=folder)) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="package")
def browser():
    if not CHROMIUM:
        pytest.skip("no Chromium: 'sudo apt-get install chromium' lets the chat page be tested")
    if not (PROJECT / "rasa_metadata/chat/node_modules").exists():
        pytest.skip("no chat widget: run 'make chat', with a network")
    without = "no Playwright: tests/in_a_bot/requirements.txt of the template brings it"
    playwright = pytest.importorskip("playwright.sync_api", reason=without)
    root = ["--no-sandbox"] if os.geteuid() == 0 else []
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=[*QUIET, *root])
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def site(tmp_path_factory):
    """Return a folder, and the origin at which it is a site that may embed the page."""
    folder = tmp_path_factory.mktemp("site")
    with serving(folder) as origin:
        yield folder, origin


@pytest.fixture(scope="package")
def chat_bot(browser, training, site, tmp_path_factory):
    """Return the bot whose page the tests look at, with the model that the others trained."""
    project = lay_out(tmp_path_factory.mktemp("chat") / "project")
    (project / "rasa_metadata/chat/node_modules").symlink_to(
        PROJECT / "rasa_metadata/chat/node_modules"
    )
    (project / "chat/texts.json").write_text(json.dumps(TEXTS))
    (project / "credentials.yml").write_text(CREDENTIALS.format(site=site[1]))
    with running(project, training) as bot:
        yield bot


class Page:
    """The chat page in a tab, as somebody sees and uses it."""

    def __init__(self, bot, tab):
        self.bot, self.tab, self.frame = bot, tab, tab
        self.url = f"{bot.url}/webhooks/rest/chat"
        self.asked, self.complaints = [], []
        tab.on("request", lambda request: self.asked.append(request.url))
        tab.on("pageerror", lambda error: self.complaints.append(str(error)))
        tab.on("console", lambda line: self.complaints.append(line.text))
        tab.on("dialog", lambda dialog: self.complaints.append(dialog.message))

    def open(self, token=None, **parameters):
        fragment = f"#token={token}" if token else ""
        self.tab.goto(f"{self.url}?{urlencode(parameters, doseq=True)}{fragment}")
        self.greeting.wait_for()

    def open_and_let_say(self, *messages):
        """Open the page, ask the bot to say these messages, and wait for the first.

        The metadata with the messages does not come from a link, whose values are text.
        """
        self.open()
        self.store(metadata={"chat": {"say": messages}})
        self.tab.reload()
        self.say("/chat_say")
        self.bubbles.nth(1).wait_for()

    @property
    def box(self):
        return self.frame.get_by_role("textbox")

    @property
    def log(self):
        return self.frame.get_by_role("log")

    @property
    def greeting(self):
        return self.log.get_by_text(TEXTS["greeting"], exact=True)

    @property
    def bubbles(self):
        """The messages of both sides, without the page's greeting and the dots of a bot that
        is typing."""
        messages = self.log.locator(".message-bubble:not(.deep-chat-loading-message-bubble)")
        return messages.filter(has_not_text=TEXTS["greeting"])

    @property
    def notices(self):
        return self.frame.locator("#notices li")

    @property
    def panel(self):
        return self.frame.locator("#panel")

    def say(self, text):
        self.box.fill(text)
        self.box.press("Enter")

    def wait_for(self, text):
        """Wait until the log has this text, and the turn that says it is over."""
        self.log.get_by_text(text, exact=True).last.wait_for()
        self.log.locator(".deep-chat-loading-message-bubble").wait_for(state="detached")

    def messages(self):
        return [text.strip() for text in self.bubbles.all_inner_texts()]

    def stored(self):
        """Return the session that the tab remembers."""
        read = "() => sessionStorage.getItem(Object.keys(sessionStorage)[0])"
        return json.loads(self.frame.locator("html").evaluate(read))

    def configure(self, **settings):
        """Let the page load with other settings than those in the bot's credentials.yml."""

        def change(route):
            response = route.fetch()
            route.fulfill(response=response, json={**response.json(), **settings})

        self.tab.route("**/chat/config.json", change)

    def store(self, **values):
        """Change the session that the tab remembers."""
        session = json.dumps({**self.stored(), **values})
        self.frame.locator("html").evaluate(
            "(_, value) => sessionStorage.setItem(Object.keys(sessionStorage)[0], value)", session
        )

    def slots(self, sender=None):
        return self.bot.slots(sender or self.stored()["sender"])

    def metadata(self):
        """Return what came with the latest message."""
        events = self.bot.events(self.stored()["sender"])
        return [each["metadata"] for each in events if each["event"] == "user"][-1]


@pytest.fixture
def open_tab(browser, chat_bot):
    """Return a function that opens a tab; arguments are those of Playwright's new_context.

    No page asks anybody but the bot for anything, and none has anything to complain of,
    unless the test takes it out of the lists.
    """
    with ExitStack() as stack:
        opened = []

        def open_one(**kwargs):
            context = browser.new_context(**kwargs)
            context.set_default_timeout(10_000)  # milliseconds
            stack.callback(context.close)
            opened.append(Page(chat_bot, context.new_page()))
            return opened[-1]

        yield open_one
        for page in opened:
            assert [url for url in page.asked if not url.startswith((chat_bot.url, "data:"))] == []
            assert page.complaints == []


@pytest.fixture
def page(open_tab):
    return open_tab()
