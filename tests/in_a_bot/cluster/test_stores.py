"""What is answered is stored, by whichever server; what cannot be stored is not answered."""

import json
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from in_a_bot.live.test_life_cycle import probe
from in_a_bot.talks import Client
from rasa_metadata.stores.redis_locks import LEASE
from rasa_metadata.testing.processes import wait_for

SHOW = "/probe_show"


def post(url, sender, metadata=None, **headers):
    body = {"sender": sender, "message": SHOW, "metadata": metadata}
    return requests.post(f"{url}/webhooks/rest/webhook", json=body, headers=headers, timeout=30)


def ready(url):
    return requests.get(f"{url}/webhooks/rest/ready", timeout=10)


def messages(events):
    return [event["text"] for event in events if event["event"] == "user"]


def stop_redis(cluster):
    cluster.redis.kill()
    return cluster.redis.start


def stop_postgres(cluster):
    cluster.postgres.stop(signal.SIGINT)
    return cluster.postgres.start


def stop_the_action_servers(cluster):
    for server in cluster.actions:
        server.kill()
    return lambda: [server.start() for server in cluster.actions]


@pytest.mark.parametrize(
    "stop, part",
    [
        (stop_redis, "lock store"),
        (stop_postgres, "tracker store"),
        (stop_the_action_servers, "action server"),
    ],
)
def test_an_unavailable_part_is_reported_and_nothing_is_lost(cluster, events, sender, stop, part):
    client, url = Client(cluster.url), cluster.rasa_urls[0]
    client.say(sender, SHOW, probe(text="a"))
    start = stop(cluster)
    try:
        lost = post(cluster.url, sender, probe(text="b"))
        assert (lost.status_code, lost.json()["reason"]) == (503, "TryAgain")
        assert int(lost.headers["Retry-After"]) > 0
        assert ready(url).status_code == 503
        assert list(ready(url).json()["details"]) == [part]
        assert requests.get(f"{url}/webhooks/rest/", timeout=5).json() == {"status": "ok"}
    finally:
        start()
        cluster.wait()
    assert client.say(sender, SHOW, probe(number=1)) == ["a None 1"]
    assert messages(events(sender)) == [SHOW, SHOW]


def test_a_server_that_is_ready_says_what_it_checked(cluster):
    parts = ["model", "tracker store", "lock store", "action server"]
    assert ready(cluster.rasa_urls[0]).json() == dict.fromkeys(parts, "ready")


def send_and_hang_up(cluster, events, sender, headers=""):
    """Send a message, and go away as soon as it is stored, without its answer."""
    body = json.dumps({"sender": sender, "message": SHOW, "metadata": probe(text="a")})
    with socket.create_connection(("127.0.0.1", cluster.port)) as connection:
        connection.sendall(
            f"POST /webhooks/rest/webhook HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n{headers}\r\n{body}".encode()
        )
        assert wait_for(lambda: messages(events(sender)))


def test_after_a_lost_answer_the_same_key_repeats_it_and_the_message_is_stored_once(
    cluster, events, sender
):
    send_and_hang_up(cluster, events, sender, "Idempotency-Key: k1\r\n")
    for url in cluster.rasa_urls:
        again = post(url, sender, probe(text="a"), **{"Idempotency-Key": "k1"})
        assert again.json() == [{"recipient_id": sender, "text": "a None None"}]
    assert messages(events(sender)) == [SHOW]


def test_after_a_lost_answer_a_message_without_a_key_is_there_twice(cluster, events, sender):
    send_and_hang_up(cluster, events, sender)
    assert post(cluster.url, sender, probe(text="a")).status_code == 200
    assert messages(events(sender)) == [SHOW, SHOW]


def test_messages_of_one_sender_at_both_servers_are_handled_one_after_the_other(
    cluster, events, sender
):
    keys = [f"k{number}" for number in range(24)]

    def send(number):
        url = cluster.rasa_urls[number % 2]
        key = keys[number // 2]  # each message goes to both
        return post(url, sender, {"key": key}, **{"Idempotency-Key": key})

    with ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(send, range(48)))
    assert {answer.status_code for answer in answers} == {200}
    stored = events(sender)
    told = [event["metadata"]["key"] for event in stored if event["event"] == "user"]
    assert sorted(told) == sorted(keys)
    turn = ["user", "action", "bot", "action"]
    kinds = [e["event"] for e in stored if e["event"] in ("user", "bot", "action")]
    assert kinds[2:] == turn * 24  # behind action_session_start and its action_listen


def test_a_conversation_whose_server_was_killed_is_free_again_within_the_lease(
    cluster, sender, tmp_path
):
    files = {"begun": str(tmp_path / "begun"), "released": str(tmp_path / "released")}
    message = {"sender": sender, "message": "/probe_wait", "metadata": files}
    with ThreadPoolExecutor() as pool:
        url = f"{cluster.rasa_urls[0]}/webhooks/rest/webhook"
        broken = pool.submit(requests.post, url, json=message, timeout=60)
        assert wait_for((tmp_path / "begun").exists)
        cluster.rasa[0].kill()
        assert isinstance(broken.exception(), requests.ConnectionError)
    (tmp_path / "released").touch()
    try:
        started = time.monotonic()
        assert Client(cluster.rasa_urls[1]).say(sender, SHOW) == ["None None None"]
        assert time.monotonic() - started < LEASE + 2
    finally:
        cluster.rasa[0].start()
        cluster.wait()
