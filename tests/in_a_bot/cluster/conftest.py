"""A cluster of two Rasa and two action servers, which the tests of this folder share."""

import psycopg2
import pytest

from in_a_bot.live.servers import lay_out
from in_a_bot.local_cluster import SECRETS, Cluster
from in_a_bot.programs import how_to_install, missing
from in_a_bot.tokens import KEY


@pytest.fixture(scope="package")
def cluster(training, tmp_path_factory):
    if missing():
        pytest.skip(f"Not installed: {', '.join(missing())}. {how_to_install()}")
    folder = tmp_path_factory.mktemp("cluster")
    cluster = Cluster(
        lay_out(folder / "project"),
        folder / "state",
        model=training.model(),
        keys=dict.fromkeys(SECRETS, KEY.replace(" ", "-").replace(",", "")),
        requests_per_second=5000,
    )
    cluster.env["CALLBACK_URL"] = ""
    with cluster:
        yield cluster


@pytest.fixture
def events(cluster):
    """Return a function that reads a conversation's events from PostgreSQL itself."""

    def read(sender):
        with psycopg2.connect(cluster.env["DB_URL"]) as connection:
            cursor = connection.cursor()
            query = "SELECT data::json FROM events WHERE sender_id = %s ORDER BY id"
            cursor.execute(query, (sender,))
            return [data for (data,) in cursor.fetchall()]

    return read
