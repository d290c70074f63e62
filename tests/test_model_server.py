"""A bot goes on talking while it pulls another model from a model server."""

import hashlib
import json
import tarfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from tests.conftest import Running, copied
from tools.demo import READY_SECONDS

pytestmark = pytest.mark.rasa


@pytest.fixture
def model_server():
    """Return a server that hands out the file named by its `model`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            content = self.server.model.read_bytes()
            tag = hashlib.sha256(content).hexdigest()
            new = self.headers.get("If-None-Match") != tag
            self.send_response(200 if new else 304)
            self.send_header("ETag", tag)
            self.send_header("filename", self.server.model.name)
            self.send_header("Content-Length", str(len(content) if new else 0))
            self.end_headers()
            if new:
                self.wfile.write(content)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def signed_locale(model, folder):
    """Return a copy of a model in whose contract the locale is signed."""
    with tarfile.open(model) as tar:
        tar.extractall(folder / "model")
    metadata = folder / "model" / "metadata.json"
    content = json.loads(metadata.read_text())
    mapping = content["domain"]["slots"]["locale"]["mappings"][0]
    mapping["metadata"] = {"path": "locale", "signed": True}
    metadata.write_text(json.dumps(content))
    with tarfile.open(folder / "signed.tar.gz", "w:gz") as tar:
        tar.add(folder / "model", arcname="")
    return folder / "signed.tar.gz"


def test_a_pulled_model_brings_its_contract_and_the_talk_goes_on(
    default_bot, model_server, tmp_path
):
    bot = copied(default_bot, tmp_path)
    model_server.model = bot / "models" / "bot.tar.gz"
    with (bot / "endpoints.yml").open("a") as endpoints:
        url = f"http://127.0.0.1:{model_server.server_port}/model"
        endpoints.write(f"\nmodels:\n  url: {url}\n  wait_time_between_pulls: 1\n")
    running = Running(bot)
    try:
        assert running.say("hey", user={"name": "Ada"}, locale="de") == ["Hello Ada!"]
        model_server.model = signed_locale(model_server.model, tmp_path)
        schema = f"{running.url}/webhooks/rest/schema"
        deadline = time.monotonic() + READY_SECONDS
        while "readOnly" not in requests.get(schema, timeout=30).json()["properties"]["locale"]:
            assert time.monotonic() < deadline, "the new model was not pulled"
            time.sleep(0.1)
        assert running.say("what is my name?") == ["name: Ada"]
        assert running.say("what is my locale?") == ["locale: not known yet"]
        body = {"sender": "12321133", "message": "hey", "metadata": {"locale": "de"}}
        rejected = requests.post(f"{running.url}/webhooks/rest/webhook", json=body, timeout=30)
        assert rejected.status_code == 403
    finally:
        running.stop()
