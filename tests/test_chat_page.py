"""The chat page of a baked bot: its pictures, its widget, and what is left without it."""

import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import jwt
import pytest
import requests

from tests.conftest import TEMPLATE, Running, made
from tools.demo import PARAMETERS

CHAT = Path("rasa_metadata", "chat")
KEYS = re.compile(r"^METADATA_JWT_KEY=(.+)$", re.MULTILINE)


def test_the_widget_is_locked_with_hashes_and_no_addresses(bake):
    web = bake() / CHAT
    lock = (web / "package-lock.json").read_text()
    assert "http" not in lock
    packages = json.loads(lock)["packages"]
    wanted = packages.pop("")
    package = json.loads((web / "package.json").read_text())
    assert wanted["dependencies"] == package["dependencies"]
    assert wanted["devDependencies"] == package["devDependencies"]
    assert all(each["integrity"].startswith("sha512-") for each in packages.values())


def test_a_bot_without_it_contains_no_trace_of_it(bake):
    bot = bake(web_chat="no")
    for path in filter(Path.is_file, bot.rglob("*")):
        name = path.relative_to(bot).as_posix()
        assert "chat" not in name
        if not name.startswith("rasa_metadata/"):
            assert not re.search(r"(?i)chat.?page|deep-chat|playwright|npm", path.read_text()), name
    assert "rasa_metadata.channels.rest.MetadataRestInput:" in (bot / "credentials.yml").read_text()


@pytest.mark.rasa
def test_pictures_of_it_can_be_taken(default_bot, tmp_path):
    folder = Path(os.environ.get("SCREENSHOTS", tmp_path)).absolute()
    running = Running(default_bot)
    try:
        key = KEYS.search((default_bot / ".env").read_text())[1]
        expired = jwt.encode({"sub": "u1", "exp": time.time() - 60}, key)
        page = f"{running.url}/webhooks/rest/chat"
        config = requests.get(f"{page}/config.json", timeout=10).json()
        assert config["greets"] is False  # so the page needs no turn for its greeting
        program = TEMPLATE / "tests" / "in_a_bot" / "pictures.py"
        command = [".venv/bin/python", program, shutil.which("chromium"), page]
        taken = subprocess.run(
            [*command, PARAMETERS, expired, folder], cwd=default_bot, capture_output=True, text=True
        )
        assert taken.returncode == 0, taken.stderr
        assert taken.stdout.count("Hello Ada!") == 3
        running.stop()
    finally:
        if running.process.poll() is None:
            running.stop()
    assert f"{page}?user.name=Ada&account.plan=free" in running.printed
    for name in ("desktop", "phone", "dark", "error"):
        assert (folder / f"{name}.png").stat().st_size > 10_000
        assert f"images/{name}.png" in (TEMPLATE / "docs" / "chat.md").read_text()
        assert (TEMPLATE / "docs" / "images" / f"{name}.png").exists()


@pytest.mark.rasa
def test_without_a_network_the_bot_runs_and_says_what_is_missing(my_bot, monkeypatch):
    shutil.rmtree(my_bot / CHAT / "node_modules", ignore_errors=True)
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9")
    monkeypatch.setenv("npm_config_cache", str(my_bot / "no-cache"))
    running = Running(my_bot)
    try:
        assert running.say("hey", user={"name": "Ada"}) == ["Hello Ada!"]
        assert requests.get(f"{running.url}/webhooks/rest/chat", timeout=10).ok
        missing = requests.get(f"{running.url}/webhooks/rest/chat/deep-chat.js", timeout=10)
        assert missing.status_code == 404
    finally:
        running.stop()
    assert "It could not be installed; the bot runs without. Run 'make chat'" in running.printed
    assert "The chat page has no widget: run 'make chat', with a network." in running.printed


@pytest.mark.rasa
def test_a_machine_without_npm_uses_the_one_from_pypi(my_bot, tmp_path, monkeypatch):
    shutil.rmtree(my_bot / CHAT / "node_modules", ignore_errors=True)
    for folder in reversed(os.environ["PATH"].split(os.pathsep)):
        for program in Path(folder).glob("*"):
            link = tmp_path / "bin" / program.name
            link.parent.mkdir(exist_ok=True)
            if program.name not in ("npm", "npx", "node", "nodejs"):
                link.unlink(missing_ok=True)
                link.symlink_to(program)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert shutil.which("npm") is None
    code, output = made(my_bot, "chat", "client")
    assert code == 0, output
    assert (my_bot / CHAT / "node_modules/deep-chat/dist/deepChat.bundle.js").exists(), output
    assert "paths" in (my_bot / "client/api.d.ts").read_text()
