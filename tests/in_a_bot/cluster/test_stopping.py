"""A server that has to stop finishes the turns in flight, and accepts no new ones."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from in_a_bot.talks import Client
from rasa_metadata.testing.processes import answers, wait_for


@pytest.fixture
def waiting_turn(tmp_path, sender):
    """Return a function that sends a message to a server, and waits until its action waits."""
    begun, released = tmp_path / "begun", tmp_path / "released"

    def send(url):
        metadata = {"begun": str(begun), "released": str(released)}
        turn = pool.submit(Client(url).say, sender, "/probe_wait", metadata)
        assert wait_for(lambda: begun.exists() or turn.done())
        return turn, released.touch

    with ThreadPoolExecutor() as pool:
        yield send
        released.touch()


def test_a_rasa_server_finishes_the_turn_in_flight(cluster, events, sender, waiting_turn):
    server, url = cluster.rasa[0], cluster.rasa_urls[0]
    turn, release = waiting_turn(url)
    try:
        server.process.terminate()
        assert wait_for(lambda: not answers(f"{url}/webhooks/rest/"))
        assert Client(cluster.url).say(f"{sender}-2", "/probe_show") == ["None None None"]
        release()
        assert turn.result() == ["at last"]
        assert [e["text"] for e in events(sender) if e["event"] == "bot"] == ["at last"]
        assert server.process.wait(20) == 0
    finally:
        server.start()
        cluster.wait()


def test_an_action_server_finishes_the_action_in_flight(cluster, sender, waiting_turn):
    turn, release = waiting_turn(cluster.url)
    try:
        for server in cluster.actions:
            server.process.terminate()
        for url in cluster.action_urls:
            assert wait_for(lambda url=url: not answers(f"{url}/health"))
        release()
        assert turn.result() == ["at last"]
        assert [server.process.wait(20) for server in cluster.actions] == [0, 0]
    finally:
        for server in cluster.actions:
            server.start()
        cluster.wait()
