"""Patches of Rasa: few, and each can be left out.

What they do to a turn is proved by the forms, fallbacks, sessions and greetings of
in_a_bot/live; the template's test_patches.py shows that those fail without them.
"""

import asyncio
import gc
import inspect
import re
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from rasa.core.channels.channel import CollectingOutputChannel, UserMessage
from rasa.utils.endpoints import EndpointConfig

from rasa_metadata import runtime
from rasa_metadata.runtime import in_process, patches, startup, turn
from rasa_metadata.slots.user_token import TOKEN_HEADER


def test_four_classes_of_rasa_are_patched():
    classes = re.findall(r"^    (\w+)\.\w+ = ", inspect.getsource(patches), re.MULTILINE)
    assert set(classes) == {
        "ActionExtractSlots",
        "EndpointConfig",
        "MessageProcessor",
        "RemoteAction",
    }


def test_a_garbage_collection_passes_over_rasas_libraries(monkeypatch):
    monkeypatch.setattr(patches, "apply", lambda: None)
    for other in ("keep_root_logger", "keep_logs_clean", "answer_ended_turns"):
        monkeypatch.setattr(startup, other, lambda: None)
    gc.unfreeze()
    runtime.load.__wrapped__()
    assert gc.get_freeze_count() > 100_000


def test_each_can_be_left_out(monkeypatch):
    done = []

    def one():
        done.append("one")

    def another():
        done.append("another")

    monkeypatch.setattr(patches, "PATCHES", (one, another))
    monkeypatch.setenv(patches.PATCHES_OFF, "one,nothing")
    patches.apply()
    assert done == ["another"]


@pytest.mark.parametrize("forward, sent", [(True, "the token"), (False, None), ("yes", None)])
def test_an_action_server_gets_a_users_token_only_if_it_is_to(monkeypatch, forward, sent):
    received = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            received.append((self.headers.get(TOKEN_HEADER), body))
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_):
            pass

    monkeypatch.setattr(EndpointConfig, "request", EndpointConfig.request)  # put back at the end
    patches.run_actions_in_process()
    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    monkeypatch.setenv(in_process.ACTION_SERVER_URL, f"http://127.0.0.1:{server.server_port}")
    endpoint = EndpointConfig(actions_module="actions", forward_token=forward)

    async def on_new_message(message):
        call = {"next_action": "action_x", "tracker": {"latest_message": None}}
        await endpoint.request(json=call, method="post")

    message = UserMessage("hi", CollectingOutputChannel(), "ada")
    assert asyncio.run(turn.take(on_new_message, message, 5, "the token")) is None
    assert asyncio.run(turn.take(on_new_message, message, 5)) is None
    server.shutdown()
    server.server_close()
    assert [header for header, _ in received] == [sent, None]
    assert not any("the token" in body for _, body in received)
