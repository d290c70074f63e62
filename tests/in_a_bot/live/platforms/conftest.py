"""The bot with all messaging platforms, and a stand-in for the APIs of all of them."""

import json
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import pytest

from in_a_bot.live.platforms.platforms import PLATFORMS, credentials
from in_a_bot.live.servers import lay_out, running


@dataclass
class Api:
    """What the bot has sent to the platforms: (path, content) of each call."""

    url: str = ""
    calls: list = field(default_factory=list)
    is_away: bool = False
    seconds: float = 0  # that each answer takes

    def answer(self, path, content):
        self.calls.append((path, content))
        for platform in PLATFORMS.values():
            if (found := platform.api(path, content)) is not None:
                return found
        return {}


@pytest.fixture(scope="package")
def api():
    api = Api()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
            form = {key: values[-1] for key, values in parse_qs(body).items()}
            is_json = "json" in self.headers.get("content-type", "") or body.startswith("{")
            self.respond(json.loads(body) if is_json else form)

        def do_GET(self):
            self.respond({})

        def respond(self, content):
            time.sleep(api.seconds)
            status = 503 if api.is_away else 200
            answer = json.dumps(api.answer(urlsplit(self.path).path, content)).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        api.url = f"http://127.0.0.1:{server.server_port}"
        yield api
        server.shutdown()


@pytest.fixture(scope="package")
def platform_bot(training, api, tmp_path_factory):
    """Return one server with all platforms, with the model that the other tests trained."""
    project = lay_out(tmp_path_factory.mktemp("platforms") / "project")
    (project / "credentials.yml").write_text(json.dumps(credentials(api.url)))
    with running(project, training) as bot:
        yield bot


@pytest.fixture(params=PLATFORMS)
def platform(request, platform_bot, api):
    """Return one user of one platform, who has never written before."""
    return PLATFORMS[request.param](platform_bot, api)
