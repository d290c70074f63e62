"""nginx accepts what the channels accept, limits each client, and answers errors in their form."""

import http.client
import json
import queue
import re
import socket
import subprocess

import pytest
import requests
import socketio

from in_a_bot.cases import PROJECT
from in_a_bot.cluster.files import SERVICES, variables
from in_a_bot.live.servers import free_port
from in_a_bot.live.test_life_cycle import probe
from in_a_bot.local_cluster import Cluster
from in_a_bot.programs import ACTIONS, NGINX, nginx_config, program
from rasa_metadata.testing.processes import wait_for

SHOW = "/probe_show"
SHAPE = {"status", "code", "reason", "message", "details"}


def get(cluster, path):
    """GET a path as it is: `requests` would tidy it up."""
    connection = http.client.HTTPConnection("127.0.0.1", cluster.port, timeout=5)
    connection.request("GET", path)
    return connection.getresponse()


READY = ["", "/", "//", "?x", "/?x"]


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/conversations/ada/tracker", "/model", "//webhooks//rest//ready"),
        *("/webhooks/rest/%72eady", "/webhooks/rest/./ready/.", "/x/../webhooks/callback/ready"),
        *(f"/webhooks/rest/ready{end}" for end in READY),
    ],
)
def test_only_the_channels_are_open_to_clients(cluster, path):
    answer = get(cluster, path)
    assert (answer.status, set(json.load(answer))) == (404, SHAPE)


def test_no_query_string_is_in_the_log_of_requests(cluster, sender):
    assert get(cluster, f"/webhooks/rest/?user.name={sender}").status == 200
    assert wait_for(lambda: '"GET /webhooks/rest/" 200' in cluster.nginx.printed())
    assert sender not in cluster.nginx.printed()


def test_a_body_that_is_too_large_gets_the_channels_own_answer(cluster):
    url = "/webhooks/rest/webhook"
    answers = [
        requests.post(server + url, data=b"x" * 65537, timeout=5)
        for server in (cluster.url, cluster.rasa_urls[0])
    ]
    assert [answer.status_code for answer in answers] == [413, 413]
    assert answers[0].json() == answers[1].json()


def test_a_streamed_answer_comes_piece_by_piece(cluster, sender, tmp_path):
    files = {"begun": str(tmp_path / "begun"), "released": str(tmp_path / "released")}
    body = {"sender": sender, "message": "/probe_speak_and_wait", "metadata": files}
    url = f"{cluster.url}/webhooks/rest/webhook?stream=true"
    with requests.post(url, json=body, stream=True, timeout=30) as answer:
        lines = answer.iter_lines()
        assert b"one moment" in next(lines)
        (tmp_path / "released").touch()
        assert b"at last" in next(lines)


def test_a_client_that_sends_too_much_at_once_gets_a_429(cluster, tmp_path):
    slow = Cluster(PROJECT, tmp_path, cluster.model, cluster.keys, requests_per_second=1)
    slow.rasa_urls, slow.action_urls = cluster.rasa_urls, cluster.action_urls
    try:
        slow.nginx = slow._nginx()
        got = [requests.get(f"{slow.url}/webhooks/rest/", timeout=5) for _ in range(6)]
    finally:
        slow.stop()
    assert [answer.status_code for answer in got] == [200, 200, 200, 429, 429, 429]
    assert (set(got[-1].json()), got[-1].json()["reason"]) == (SHAPE, "TooManyRequests")
    assert got[-1].headers["Retry-After"]


WAITING = b"POST /webhooks/rest/webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"


def test_a_client_may_have_so_many_connections_and_no_longer_than_they_are_used(
    cluster, tmp_path, monkeypatch
):
    def impatient(*args):
        return nginx_config(*args).replace("header_timeout 15s", "header_timeout 1s")

    monkeypatch.setattr("in_a_bot.local_cluster.nginx_config", impatient)
    slow = Cluster(PROJECT, tmp_path, cluster.model, cluster.keys, requests_per_second=1)
    slow.rasa_urls, slow.action_urls = cluster.rasa_urls, cluster.action_urls
    try:
        slow.nginx = slow._nginx()
        waiting = [socket.create_connection(("127.0.0.1", slow.port), 5) for _ in range(3)]
        for each, sent in zip(waiting, (WAITING, WAITING, WAITING[:30]), strict=True):
            each.sendall(sent)
        assert waiting[2].recv(1) == b""  # its head did not come in time
        answer = get(slow, "/webhooks/rest/")
        assert (answer.status, json.load(answer)["reason"]) == (429, "TooManyRequests")
        for each in waiting:
            each.close()
        assert wait_for(lambda: get(slow, "/webhooks/rest/").status == 200)
    finally:
        slow.stop()


def test_without_any_server_the_answer_is_a_502_in_the_form_of_other_errors(
    cluster, sender, tmp_path
):
    lonely = Cluster(PROJECT, tmp_path, cluster.model, cluster.keys)
    try:
        lonely.nginx = lonely._nginx()
        url = f"{lonely.url}/webhooks/rest/webhook?user.name={sender}"
        answer = requests.post(url, json={}, timeout=10)
    finally:
        lonely.stop()
    log = lonely.nginx.printed()
    assert re.search(r"502 .* 127\.0\.0\.1:\d+ 502", log), "it says which server was away"
    assert sender not in log
    assert (answer.status_code, answer.json()["reason"]) == (502, "TryAgain")
    assert set(answer.json()) == SHAPE
    assert answer.headers["Retry-After"]


def test_nginx_gets_every_variable_of_its_templates(cluster):
    asked = variables((PROJECT / NGINX / "bot.conf.template").read_text())
    assert asked == set(SERVICES["nginx"]["environment"])
    assert asked | variables(ACTIONS.read_text()) == set(cluster.nginx_values())


def test_nginx_accepts_its_configuration(cluster, tmp_path):
    config = tmp_path / "nginx.conf"
    config.write_text(
        nginx_config(PROJECT, tmp_path, {**cluster.nginx_values(), "PORT": str(free_port())})
    )
    command = [program("nginx"), "-t", "-e", "stderr", "-p", tmp_path, "-c", config]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert "warn" not in run.stderr


def test_socketio_works_by_websocket(cluster, sender):
    replies = queue.Queue()
    client = socketio.Client(reconnection=False)
    client.on("bot_uttered", replies.put)
    client.connect(cluster.url, transports=["websocket"], wait_timeout=20)
    try:
        client.emit("session_request", {"session_id": sender})
        message = {"session_id": sender, "message": SHOW, "metadata": probe(text="a")}
        client.emit("user_uttered", message)
        assert replies.get(timeout=20)["text"] == "a None None"
    finally:
        client.disconnect()


def test_socketio_by_polling_always_reaches_the_same_server(cluster):
    url = f"{cluster.url}/socket.io/?EIO=4&transport=polling"
    session = json.loads(requests.get(url, timeout=5).text[1:])["sid"]
    for _ in range(4):  # another server would know nothing of this session
        assert requests.post(f"{url}&sid={session}", data="3", timeout=5).text.lower() == "ok"
