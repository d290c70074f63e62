"""What docs/api-errors.md says is what a live bot answers."""

import json
import os
import re
import shutil
import subprocess
import time

import jwt
import pytest
import requests

from tests.conftest import TEMPLATE, Running, change, copied, made

pytestmark = pytest.mark.rasa

DOCUMENT = (TEMPLATE / "docs" / "api-errors.md").read_text()
ROW = re.compile(r"^\| (.+?) \| (?:`(.*?)`)? ?\| `(.*)` \| (\d+) ?(\w*) \|$", re.MULTILINE)
ROWS = ROW.findall(DOCUMENT)
SETTINGS = """  reserved_senders: ["whatsapp:"]
  input_channels: [widget]
"""
SOCKET_IO = """
rasa_metadata.channels.socketio.MetadataSocketIOInput:
  session_persistence: true
"""


@pytest.fixture(scope="module")
def running(default_bot, tmp_path_factory):
    """Return a bot with the channels that the document describes, and its tokens by name."""
    bot = copied(default_bot, tmp_path_factory.mktemp("api_errors"))
    change(bot, "credentials.yml", "  action_timeout:", f"{SETTINGS}  action_timeout:")
    credentials = bot / "credentials.yml"
    credentials.write_text(credentials.read_text() + SOCKET_IO)
    code, output = made(bot, "--silent", "token", "SUB=u1", 'METADATA={"user": {"id": "u1"}}')
    assert code == 0, output
    key = re.search("METADATA_JWT_KEY=(.*)", (bot / ".env").read_text())[1]

    def token(**claims):
        return jwt.encode({"sub": "u1", "exp": time.time() + 600, **claims}, key, "HS256")

    running = Running(bot)
    running.tokens = {
        "TOKEN": output.split()[-1],  # behind the news of new keys
        "EXPIRED": token(exp=time.time() - 9),
        "GUEST": token(sender="ada"),
        "MEMBER": token(sender="user:u2"),
        "TAKEN": token(sender="whatsapp:1"),
    }
    yield running
    running.stop()


def test_the_table_is_read_whole():
    table = DOCUMENT.split("| request | headers | body | answer |")[1].split("\n\n")[0]
    assert len(ROWS) == table.count("\n| ") - 1
    assert len(ROWS) > 50


@pytest.mark.parametrize("form", ["", "?stream=true"])
@pytest.mark.parametrize("what, written, body, status, reason", ROWS)
def test_the_bot_answers(running, what, written, body, status, reason, form):
    headers = {"Content-Type": "application/json"}
    for header in filter(None, written.split("; ")):
        name, _, value = header.partition(":")
        scheme, _, word = value.strip().partition(" ")
        headers[name] = f"{scheme} {running.tokens.get(word, word)}".strip()
    url = f"{running.url}/webhooks/rest/webhook{form}"
    answer = requests.post(url, data=body.strip().encode(), headers=headers, timeout=30)
    assert answer.status_code == int(status)
    if reason:
        assert answer.json()["reason"] == reason
        assert answer.json()["code"] == int(status)
        assert answer.json()["status"] == "failure"
    assert ("www-authenticate" in answer.headers) == (answer.status_code == 401)
    assert answer.elapsed.total_seconds() < 5


def test_curl_talks_to_it(running):
    command = ["curl", "-s", f"{running.url}/webhooks/rest/webhook", "-H"]
    command += ["Content-Type: application/json", "-d", '{"sender": "c", "message": "hello"}']
    said = subprocess.run(command, capture_output=True, check=True).stdout
    assert json.loads(said) == [{"recipient_id": "c", "text": "Hello!"}]


@pytest.mark.skipif(not shutil.which("npm"), reason="there is no npm here")
def test_socket_io_of_javascript_talks_to_it(running, tmp_path):
    install = ["npm", "install", "--silent", "--no-audit", "--no-fund", "socket.io-client@4"]
    subprocess.run(install, cwd=tmp_path, check=True)
    (tmp_path / "talk.js").write_text(
        """
        const { io } = require("socket.io-client");
        const socket = io(process.env.URL, { auth: { token: process.env.TOKEN } });
        const said = [];
        socket.on("session_confirm", (session) => {
          said.push(session);
          socket.emit("user_uttered", { message: "hello", metadata: { locale: 7 } });
        });
        socket.on("bot_error", (error) => {
          said.push(error.code);
          const metadata = { user: { name: "Ada" } };
          socket.emit("user_uttered", { message: "hello", metadata });
        });
        socket.on("bot_uttered", (message) => {
          said.push(message.text);
          console.log(JSON.stringify(said));
          socket.disconnect();
        });
        socket.on("connect", () => socket.emit("session_request", {}));
        socket.on("connect_error", (error) => { console.log(error.message); process.exit(1); });
        """
    )
    environment = {**os.environ, "URL": running.url, "TOKEN": running.tokens["TOKEN"]}
    run = subprocess.run(
        ["node", "talk.js"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert json.loads(run.stdout) == ["user:u1", 422, "Hello Ada!"]
