"""Whatever part of the cluster fails, each answered turn is stored once and in order.

The clients repeat what failed, with the same Idempotency-Key. What is stored is read from
PostgreSQL itself.
"""

import signal

import pytest
import requests

from in_a_bot.talks import Report, Talks


def nothing(cluster):
    pass


def kill_a_rasa_server(cluster):
    cluster.rasa[0].kill()
    cluster.rasa[0].start()


def kill_an_action_server(cluster):
    cluster.actions[0].kill()
    cluster.actions[0].start()


def restart_redis(cluster):
    cluster.redis.kill()
    cluster.redis.start()


def restart_postgres(cluster):
    cluster.postgres.stop(signal.SIGINT)
    cluster.postgres.start()


def reload_nginx(cluster):
    cluster.nginx.process.send_signal(signal.SIGHUP)


def restart_the_rasa_servers_in_turn(cluster):
    for server, url in zip(cluster.rasa, cluster.rasa_urls, strict=True):
        server.stop()
        server.start()
        server.wait_until_it_answers(f"{url}/webhooks/rest/ready")


def change_the_model_in_turn(cluster):
    for url in cluster.rasa_urls:
        loaded = requests.put(f"{url}/model", json={"model_file": str(cluster.model)}, timeout=60)
        assert loaded.status_code == 204


FAULTS = {
    "none": (nothing, 30, 10),
    "`kill -9` of a Rasa server": (kill_a_rasa_server, 60, 15),
    "`kill -9` of an action server": (kill_an_action_server, 30, 10),
    "`kill -9` of Redis, and a new one": (restart_redis, 30, 10),
    "restart of PostgreSQL": (restart_postgres, 30, 10),
    "reload of nginx": (reload_nginx, 30, 10),
    "restart of each Rasa server in turn": (restart_the_rasa_servers_in_turn, 30, 30),
    "another model for each server in turn": (change_the_model_in_turn, 30, 10),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_is_lost_or_there_twice(cluster, events, report, fault):
    happen, conversations, turns = FAULTS[fault]
    try:
        with Talks([cluster.url], conversations, turns) as talks:
            talks.wait_for(0.25)
            happen(cluster)
        talks.check(events)
        report(Report(fault, talks))
    finally:
        cluster.wait()
