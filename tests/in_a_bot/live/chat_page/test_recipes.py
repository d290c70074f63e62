"""The pages in docs/recipes.md work, in a real browser and from another site."""

import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from in_a_bot.live.chat_page.conftest import ICON
from in_a_bot.live.servers import Served, free_port, lay_out
from in_a_bot.tokens import KEY, token
from rasa_metadata.testing.processes import RASA, Process, wait_for

DOC = Path(__file__).parents[4] / "docs" / "recipes.md"
BLOCKS = re.findall(r"^```(yaml|html)\n.*? (\S+)(?: -->)?\n(.*?)^```", DOC.read_text(), re.M | re.S)
VIEWPORT = {"width": 400, "height": 160}
PAGES = {name: page for kind, name, page in BLOCKS if kind == "html" and "socket" in page}
(CREDENTIALS,) = (each for kind, name, each in BLOCKS if "SocketIO" in each and kind == "yaml")


@pytest.fixture(scope="module")
def bot(training, site, tmp_path_factory):
    project = lay_out(tmp_path_factory.mktemp("recipes") / "project")
    (project / "credentials.yml").write_text(CREDENTIALS)
    model = training.model()
    bot = Served(f"http://localhost:{free_port()}")
    port = bot.url.rsplit(":", 1)[1]
    command = [*RASA, "run", "--enable-api", "--interface", "localhost", "--port", port]
    command += ["--cors", site[1], "--model", str(model)]
    server = Process(project, "rasa", command, ACTION_SERVER_URL="", METADATA_JWT_KEY=KEY)
    try:
        server.wait_until_it_answers(f"{bot.url}/webhooks/socketio/")
        yield bot
    finally:
        server.stop()


@pytest.fixture(scope="module")
def packages(site):
    """Return a function that puts a file of a package of npm into the site."""
    if not shutil.which("npm"):
        pytest.skip("no npm")

    def fetch(url):
        folder = site[0] / "npm"
        folder.mkdir(exist_ok=True)
        name, _, path = re.fullmatch(r".*/npm/(([\w.-]+)@[\d.]+)/(.*)", url).groups()
        pack = ["npm", "pack", "--silent", name]
        run = subprocess.run(pack, cwd=folder, check=True, capture_output=True, text=True)
        with tarfile.open(folder / run.stdout.strip()) as archive:
            archive.extractall(folder / name)
        return f"npm/{name}/package/{path}"

    return fetch


@pytest.fixture
def opened(browser, bot, site, packages):
    """Return a function that opens a page of the recipes, with a token or without."""
    contexts = []

    def open_page(name, value=None):
        content = PAGES[name].replace("http://localhost:5005", bot.url)
        content = content.replace("TOKEN = null", f"TOKEN = {'null' if not value else repr(value)}")
        (address,) = re.findall(r'src="(https:[^"]+)"', content)
        content = content.replace(address, packages(address))
        (site[0] / name).write_text(f"<!doctype html><title>Site</title>{ICON}<body>{content}")
        contexts.append(browser.new_context(viewport=VIEWPORT))
        tab = contexts[-1].new_page()
        tab.goto(f"{site[1]}/{name}")
        return tab

    yield open_page
    for context in contexts:
        context.close()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fills_slots_and_shows_the_reply(opened, bot, name, sender):
    tab = opened(name, token(sub=sender, metadata={"user": {"id": "u1"}}))
    tab.get_by_text("plan: pro").wait_for()
    assert wait_for(lambda: bot.slots(f"user:{sender}")["plan"] == "pro", 10)  # once stored
    assert bot.slots(f"user:{sender}")["user_id"] == "u1"


@pytest.mark.parametrize("name", PAGES)
def test_a_page_needs_no_token(opened, name, tmp_path):
    tab = opened(name)
    tab.get_by_text("plan: pro").wait_for()
    picture = Path(os.environ.get("SCREENSHOTS", tmp_path), name).with_suffix(".png")
    tab.screenshot(path=picture)
    assert picture.stat().st_size > 1000


@pytest.mark.parametrize("name", PAGES)
def test_a_page_shows_why_a_message_is_rejected(opened, name, monkeypatch):
    monkeypatch.setitem(PAGES, name, PAGES[name].replace('"pro"', '"platinum"'))
    opened(name).get_by_text("The metadata does not match its schema").wait_for()
