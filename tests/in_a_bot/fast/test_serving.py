"""What a server says about itself: the addresses that it logs, and whether it is ready."""

import logging
import re
import shlex
import ssl
import subprocess
import sys

import pytest
from rasa.core.tracker_store import InMemoryTrackerStore
from rasa.shared.core.domain import Domain

from in_a_bot.cases import PROJECT
from in_a_bot.fast.conversation import mapped
from in_a_bot.fast.served import Running, serve
from in_a_bot.live.servers import RASA, Process, free_port
from in_a_bot.tokens import KEY
from rasa_metadata.channels import serving
from rasa_metadata.contract.signature import SIGNATURE_KEY_VARIABLE
from rasa_metadata.runtime.in_process import ACTION_SERVER_URL
from rasa_metadata.stores import InProcessLockStore

OPEN = Domain.from_dict({"slots": {"plan": mapped("plan")}})
SIGNED = Domain.from_dict({"slots": {"user_id": mapped({"path": "user.id", "signed": True})}})


@pytest.fixture
def certificate(tmp_path):
    """Return (certificate, its key) for 127.0.0.2."""
    files = str(tmp_path / "certificate.pem"), str(tmp_path / "key.pem")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=bot"]
    command += ["-addext", "subjectAltName=IP:127.0.0.2", "-out", files[0], "-keyout", files[1]]
    subprocess.run(command, check=True, capture_output=True)
    return files


def printed_curl(caplog):
    return shlex.split(re.search(r"^  (curl .*)$", caplog.text, re.MULTILINE)[1])


def test_the_curl_has_the_host_and_the_protocol_of_the_server(caplog, certificate):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    with caplog.at_level(logging.INFO), Running(serve(OPEN), "127.0.0.2", context) as app:
        curl = printed_curl(caplog)
        assert curl[1] == f"https://127.0.0.2:{app.ctx.port}/webhooks/rest/webhook"
        pasted = [*curl, "--silent", "--cacert", certificate[0]]
        assert "hello" in subprocess.run(pasted, capture_output=True, text=True).stdout


def test_a_server_on_all_interfaces_is_at_localhost(caplog):
    with caplog.at_level(logging.INFO), Running(serve(OPEN), "0.0.0.0") as app:
        assert printed_curl(caplog)[1] == f"http://localhost:{app.ctx.port}/webhooks/rest/webhook"


def test_a_port_in_use_is_one_sentence_before_rasa_is_loaded():
    with Running(serve(OPEN)) as app:
        command = [*RASA, "run", "--interface", "localhost", "--port", str(app.ctx.port)]
        run = subprocess.run(command, capture_output=True, text=True, timeout=5)
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr.startswith(f"Port {app.ctx.port} is in use.")
    assert len(run.stderr.splitlines()) == 1


def none(context):
    context.agent = None


def no_attribute(context):  # as in an app that `rasa.server.create_app` has not made
    del context.agent


@pytest.mark.parametrize("remove", [none, no_attribute])
def test_a_server_without_an_agent_starts_and_says_what_is_missing(caplog, remove):
    app = serve()
    remove(app.ctx)
    with Running(app):
        post, url = app.ctx.session.post, f"{app.ctx.url}/webhooks/rest"
        answer = post(f"{url}/webhook", json={"sender": "ada", "message": "hello"})
        assert (answer.status_code, answer.json()["reason"]) == (503, "NoModel")
        ready = app.ctx.session.get(f"{url}/ready")
        assert (ready.status_code, ready.json()["details"]) == (503, {"model": "not ready"})
    assert "The bot has no model: run 'make train'." in caplog.messages


@pytest.fixture
def action_server(tmp_path):
    """Return a function that starts the bot's action server with a signature key."""
    started = []

    def start(key):
        port = free_port()
        command = [sys.executable, "-m", "rasa_sdk", "--actions", "actions", "--port", str(port)]
        env = {"SANIC_HOST": "127.0.0.1", SIGNATURE_KEY_VARIABLE: key}
        process = Process(PROJECT, f"actions-{port}", command, tmp_path, **env)
        started.append(process)
        process.url = f"http://127.0.0.1:{port}/webhook"
        process.wait_until_it_answers(f"http://127.0.0.1:{port}/health")
        return process

    yield start
    for process in started:
        process.stop()


def ready(domain, server, monkeypatch, **credentials):
    """Return (status, answer) of a server that uses an action server."""
    monkeypatch.setenv(ACTION_SERVER_URL, server.url)
    app = serve(domain, **credentials)
    app.ctx.agent.is_ready = lambda: True
    app.ctx.agent.tracker_store = InMemoryTrackerStore(domain)
    app.ctx.agent.lock_store = InProcessLockStore()
    with Running(app):
        answer = app.ctx.session.get(f"{app.ctx.url}/webhooks/rest/ready")
    return answer.status_code, answer.json()


def test_a_server_is_ready_if_its_action_server_has_the_same_key(
    action_server, monkeypatch, caplog
):
    monkeypatch.setenv(SIGNATURE_KEY_VARIABLE, "ours")
    same, other = action_server("ours"), action_server("another")
    assert ready(SIGNED, same, monkeypatch, jwt_key=KEY)[0] == 200
    status, answer = ready(SIGNED, other, monkeypatch, jwt_key=KEY)
    assert (status, answer["details"]) == (503, {"action server": "not ready"})
    assert "another METADATA_SIGNATURE_KEY" in caplog.text
    assert ready(OPEN, other, monkeypatch, jwt_key=KEY)[0] == 200  # nothing is signed


def test_servers_without_keys_say_so(action_server, monkeypatch, caplog):
    for name in (SIGNATURE_KEY_VARIABLE, "METADATA_JWT_KEY"):
        monkeypatch.delenv(name, raising=False)
    server = action_server("")
    assert server.printed().count(f"There is no {SIGNATURE_KEY_VARIABLE}") == 1
    status, answer = ready(SIGNED, server, monkeypatch)
    assert (status, answer["signed slots"]) == (200, serving.NO_TOKENS)
    assert caplog.messages.count(serving.NO_TOKENS) == 1
    assert ready(SIGNED, server, monkeypatch, jwt_key=KEY)[0] == 503
    assert caplog.text.count(f"There is no {SIGNATURE_KEY_VARIABLE}") == 1
    assert "signed slots" not in ready(OPEN, server, monkeypatch)[1]
