"""Each recipe of docs/recipes.md works: its code is taken from there and run."""

import os
import re
import shutil
import signal
import subprocess
from threading import Thread

import pytest
import yaml

from tests.conftest import TEMPLATE, Running, change, copied, made
from tools.demo import answers, free_port

pytestmark = pytest.mark.rasa

DOC = (TEMPLATE / "docs" / "recipes.md").read_text()
INTRODUCTION, *SECTIONS = re.split(r"^## ", DOC, flags=re.MULTILINE)
RECIPES = {title: text for title, _, text in (each.partition("\n") for each in SECTIONS)}
# Those that start other servers.
APART = ("Move to a separate action server", "Use Rasa's own channel")
# Those with commands; pages are tested in tests/in_a_bot/live/chat_page/test_recipes.py.
IN_ONE_BOT = [title for title in RECIPES if title not in APART and "```console" in RECIPES[title]]


def blocks(text, *kinds):
    """Return the content of each code block of these kinds."""
    found = re.findall(r"^```(\w+)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [content for kind, content in found if kind in kinds]


(SAY,) = (block.removeprefix("$ ") for block in blocks(INTRODUCTION, "console"))


def merged(old, new):
    """Return YAML with more added to it: objects key by key, lists at their end."""
    if isinstance(old, dict) and isinstance(new, dict):
        return {**old, **{key: merged(old.get(key), value) for key, value in new.items()}}
    return old + new if isinstance(old, list) else new


def follow(text, bot):
    """Write the files of a recipe into a bot."""
    for block in blocks(text, "yaml", "python", "js"):
        head, _, content = block.partition("\n")
        path = bot / re.match(r"(?:#|//) ([\w./]+)", head)[1]
        if head.endswith("in `greet`"):  # the last method of its file
            path.write_text(path.read_text() + content)
        elif path.suffix == ".yml":
            both = merged(yaml.safe_load(path.read_text()), yaml.safe_load(content))
            path.write_text(yaml.safe_dump(both, sort_keys=False))
        else:
            before = path.read_text() + "\n\n" if path.exists() else ""
            path.write_text(before + content)


def assert_printed(text, bot, port):
    """Run the commands of a recipe, and compare what they print with what it shows."""
    (console,) = blocks(text, "console")
    commands = re.findall(r"^\$ (.*)$", console, re.MULTILINE)
    program = "\n".join([SAY, *(f"echo '$' {n}\n{each}" for n, each in enumerate(commands))])
    run = subprocess.run(
        ["bash", "-c", program.replace(":5005", f":{port}")],
        cwd=bot,
        capture_output=True,
        text=True,
    )
    shown = iter(range(len(commands)))
    wanted = re.sub(r"^\$ .*$", lambda _: f"$ {next(shown)}", console, flags=re.MULTILINE)
    assert run.stdout == wanted, run.stderr


@pytest.fixture(scope="module")
def running(default_bot, tmp_path_factory):
    """Return the default bot with all recipes in it, running."""
    bot = copied(default_bot, tmp_path_factory.mktemp("recipes"))
    for title in IN_ONE_BOT:
        follow(RECIPES[title], bot)
    code, output = made(bot, "train", "check-wiring", "check-data")
    assert code == 0, output
    running = Running(bot)
    running.bot = bot
    change(bot, "link.mjs", ":5005", f":{running.port}")
    log = Thread(target=copy_lines, args=(running.process.stdout, bot / "bot.log"))
    log.start()
    yield running
    os.killpg(running.process.pid, signal.SIGINT)
    running.process.wait(30)
    log.join()


def copy_lines(lines, path):
    with path.open("w", buffering=1) as log:
        log.writelines(lines)


@pytest.mark.parametrize("title", IN_ONE_BOT)
def test_recipe(running, title):
    if "node " in RECIPES[title] and not shutil.which("node"):
        pytest.skip("no node")
    assert_printed(RECIPES[title], running.bot, running.port)


@pytest.fixture
def started(my_bot):
    """Return a function that starts the servers of a recipe and returns the bot's port."""
    processes = []

    def start(text):
        rasa, actions = free_port(), free_port()
        made(my_bot, ".env")
        (block,) = blocks(text, "sh")
        for command in block.splitlines():
            port, url = rasa, f"http://localhost:{rasa}/webhooks/rest/"
            flag = f"PORT={port}" if "make run" in command else f"--port {port}"
            if command == "make actions":
                url, flag = f"http://localhost:{actions}/health", f"ARGS='--port {actions}'"
            line = f"{command.replace(':5055', f':{actions}')} {flag}"
            process = subprocess.Popen(["bash", "-c", line], cwd=my_bot, start_new_session=True)
            processes.append(process)
            assert answers(url, process), url
        return rasa

    yield start
    for process in processes:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


@pytest.mark.parametrize("title", APART)
def test_recipe_with_servers_of_its_own(my_bot, started, title):
    if title == "Use Rasa's own channel":
        (my_bot / "credentials.yml").write_text("rest:\n")
    assert_printed(RECIPES[title], my_bot, started(RECIPES[title]))
