"""What docs/door.md says of the door is what a live bot answers."""

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

ROW = re.compile(r"^\| (.+?) \| (?:`(.*?)`)? ?\| `(.*)` \| (\d+) ?(\w*) \|$", re.MULTILINE)
ROWS = ROW.findall((TEMPLATE / "docs" / "api-errors.md").read_text())


@pytest.fixture(scope="module")
def running(default_bot, tmp_path_factory):
    """Return a bot that answers on Socket.IO too, with the keys that `make run` made."""
    bot = copied(default_bot, tmp_path_factory.mktemp("door"))
    change(
        bot,
        "credentials.yml",
        "# rasa_metadata.channels.socketio.",
        "rasa_metadata.channels.socketio.",
    )
    change(bot, "credentials.yml", "#   session_persistence", "  session_persistence")
    running = Running(bot)
    code, output = made(bot, "--silent", "token", "SUB=u1", 'METADATA={"user": {"id": "u1"}}')
    assert code == 0, output
    running.token = output.strip()
    running.key = re.search("METADATA_JWT_KEY=(.*)", (bot / ".env").read_text())[1]
    yield running
    running.stop()


def test_the_table_is_read_whole():
    table = (TEMPLATE / "docs" / "api-errors.md").read_text()
    assert len(ROWS) == len(re.findall(r"^\| ", table, re.MULTILINE)) - 2
    assert len(ROWS) >= 30


@pytest.mark.parametrize("form", ["", "?stream=true"])
@pytest.mark.parametrize("what, header, body, status, reason", ROWS)
def test_the_bot_answers(running, what, header, body, status, reason, form):
    expired = jwt.encode({"sub": "u1", "exp": time.time() - 9}, running.key, "HS256")
    header = header.replace("TOKEN", running.token).replace("EXPIRED", expired)
    headers = {"Content-Type": "application/json"}
    if header:
        name, _, value = header.partition(": ")
        headers[name] = value
    url = f"{running.url}/webhooks/rest/webhook{form}"
    answer = requests.post(url, data=body.strip().encode(), headers=headers, timeout=30)
    assert answer.status_code == int(status)
    if reason:
        assert answer.json()["reason"] == reason
        assert answer.json()["code"] == int(status)
        assert answer.json()["status"] == "failure"
    assert ("www-authenticate" in answer.headers) == (answer.status_code == 401)


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
    environment = {**os.environ, "URL": running.url, "TOKEN": running.token}
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
