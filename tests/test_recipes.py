"""Each recipe of docs/recipes.md works: its code is taken from there and run."""

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Thread

import pytest
import requests
import yaml

from tests.conftest import TEMPLATE, Running, change, copied, made
from tests.test_machinery import BROWSERS
from tools.demo import answers, free_port

pytestmark = pytest.mark.rasa

DOC = (TEMPLATE / "docs" / "recipes.md").read_text()
INTRODUCTION, *SECTIONS = re.split(r"^## ", DOC, flags=re.MULTILINE)
RECIPES = {title: text for title, _, text in (each.partition("\n") for each in SECTIONS)}
# Those that start other servers.
APART = ("Move to a separate action server", "Use Rasa's own channel")
DEBUG = "Debug an action with breakpoints in an editor"
# Edits after which `make check` and `make test` pass: tests/test_battery.py follows them.
EDITS = ("Write a talk", "Remove the demo", "Speak another language")
# Those with pages are tested in tests/in_a_bot/live/chat_page/test_recipes.py.
IN_ONE_BOT = [
    title
    for title, text in RECIPES.items()
    if title not in (*APART, *EDITS, DEBUG) and "```console" in text
]


BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(text, *kinds):
    """Return the content of each code block of these kinds."""
    return [content for kind, content in re.findall(BLOCK, text) if kind in kinds]


(SAY,) = (block.removeprefix("$ ") for block in blocks(INTRODUCTION, "console"))


def merged(old, new):
    """Return YAML with more added to it: objects key by key, lists at their end."""
    if isinstance(old, dict) and isinstance(new, dict):
        return {**old, **{key: merged(old.get(key), value) for key, value in new.items()}}
    return old + new if isinstance(old, list) else new


def follow(text, bot):
    """Write the files of a recipe into a bot."""
    for kind, block in re.findall(BLOCK, text):
        if kind == "sh":
            subprocess.run(["bash", "-c", block], cwd=bot, check=True)
        head, _, content = block.partition("\n")
        named = re.match(r"(?:#|//|<!--) ([\w./]+)", head)
        if kind in ("sh", "console") or (kind == "html" and not named):  # of another site's page
            continue
        path = bot / named[1]
        path.parent.mkdir(parents=True, exist_ok=True)
        if head.endswith("all of it"):
            path.write_text(content)
        elif head.endswith("in `greet`"):  # the last method of its file
            path.write_text(path.read_text() + content)
        elif path.suffix == ".yml":
            old = yaml.safe_load(path.read_text()) if path.exists() else {}
            both = merged(old, yaml.safe_load(content))
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


def test_the_recipe_for_keycloak_passes_the_check(my_bot):
    follow(RECIPES["Use the tokens of Keycloak"], my_bot)
    code, output = made(my_bot, "check-wiring", "contract")
    assert code == 0, output
    assert "user.roles → roles (signed, claim realm_access.roles, “roles”)" in output


def test_recipe_with_a_page_in_typescript(running, tmp_path):
    """A wrong field does not compile."""
    if not shutil.which("npm"):
        pytest.skip("no npm")
    text, bot = RECIPES["Write a page in TypeScript"], running.bot
    follow(text.replace(":5005", f":{running.port}"), bot)
    compiler, page = blocks(text, "sh")[1], (bot / "page.ts").read_text()
    for old, new in {
        '"pro"': '"gold"',
        "plan:": "plam:",
        'sender: "r14", ': "",
        "{ account": '{ user: { id: "u1" }, account',
        "reply.text": "reply.txt",
    }.items():
        assert old in page
        (bot / "wrong.ts").write_text(page.replace(old, new))
        command = ["bash", "-c", f"{compiler.strip()} --noEmit".replace("page.ts", "wrong.ts")]
        run = subprocess.run(command, cwd=bot, capture_output=True, text=True)
        assert re.match(r"wrong\.ts\(\d+,\d+\): error", run.stdout), (new, run.stdout)
    chromium = next(filter(None, map(shutil.which, BROWSERS)), None)
    if not chromium:
        pytest.skip("no browser")
    port = free_port()
    site = subprocess.Popen([sys.executable, "-m", "http.server", str(port)], cwd=bot)
    try:
        assert answers(f"http://localhost:{port}/page.html", site)
        options = ["--headless", "--no-sandbox", "--disable-web-security", "--dump-dom"]
        options += [f"--user-data-dir={tmp_path}", "--virtual-time-budget=10000"]
        command = [chromium, *options, f"http://localhost:{port}/page.html"]
        run = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert "plan: pro" in run.stdout, run.stdout
    finally:
        site.terminate()
        site.wait(10)


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


def test_recipe_with_a_debugger(my_bot):
    """As an editor starts it, in a terminal of its own; the breakpoint is Python's."""
    follow(RECIPES[DEBUG], my_bot)
    made(my_bot, ".env")
    launch, _ = json.loads((my_bot / ".vscode/launch.json").read_text())["configurations"]
    python, keys = (
        launch[name].replace("${workspaceFolder}", str(my_bot)) for name in ("python", "envFile")
    )
    command = [python, "-m", launch["module"], *launch["args"], "--port", str(free_port())]
    change(
        my_bot, "actions/custom.py", "        return []", "        breakpoint()\n        return []"
    )
    keys = dict(line.split("=") for line in Path(keys).read_text().splitlines())
    terminal, theirs = pty.openpty()
    process = subprocess.Popen(
        command, cwd=my_bot, env={**os.environ, **keys}, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    printed = ""

    def read_until(text):
        nonlocal printed
        while text not in printed:
            printed += os.read(terminal, 4096).decode()

    try:
        url = f"http://localhost:{command[-1]}/webhooks/rest"
        read_until("Talk to the bot")
        assert answers(f"{url}/", process)
        message = {"sender": "ada", "message": "/show_metadata", "metadata": {"a": 1}}
        with ThreadPoolExecutor() as pool:
            answer = pool.submit(requests.post, f"{url}/webhook", json=message)
            read_until("(Pdb)")
            os.write(terminal, b"p 'at', tracker.sender_id\nc\n")
            read_until("('at', 'ada')")
            assert answer.result(30).json() == [{"recipient_id": "ada", "text": "a: 1"}]
    finally:
        process.terminate()
        os.close(terminal)
        process.wait(30)
