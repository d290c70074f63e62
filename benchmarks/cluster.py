"""Measures one Rasa server against two, and what a turn takes of each part of a cluster.

`make bench-cluster` bakes and trains a bot and runs this with the bot's own Python, in the
bot's folder, in some eight minutes; it prints the tables of the bot's deploy/capacity.md. With
QUICK=1 it does a small part, to try the benchmark itself.
"""

import os
import statistics
import tempfile
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg2
import requests

from in_a_bot.local_cluster import SECRETS, Cluster, stop

MESSAGES = ["hey", "what plan am I on?", "what is my locale?", "what is my name?"]
QUICK = bool(os.environ.get("QUICK"))
CLIENTS, CONVERSATIONS, TURNS, ROUNDS = 16, 16 if QUICK else 48, 8, 1 if QUICK else 3
LONG = [1, 10, 50] if QUICK else [1, 10, 50, 100, 200, 400]
MORE_ROWS = 20_000 if QUICK else 2_000_000
TICK = 100  # a second has so many in /proc


def talk(url: str, turns: int) -> list[float]:
    """Hold a conversation, and return how long each turn took, in milliseconds."""
    sender, times = uuid.uuid4().hex, []
    with requests.Session() as session:
        for turn in range(turns):
            metadata = {
                "user": {"name": "Ada"},
                "account": {"plan": ("free", "pro")[turn % 2]},
                "locale": "de",
            }
            message = MESSAGES[turn % len(MESSAGES)]
            body = {"sender": sender, "message": message, "metadata": metadata}
            started = time.perf_counter()
            answer = session.post(f"{url}/webhooks/rest/webhook", json=body, timeout=60)
            times.append((time.perf_counter() - started) * 1000)
            assert answer.status_code == 200, answer.text
            assert answer.json(), "an empty answer"
    return times


def turns_a_second(url: str) -> float:
    started = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(lambda _: talk(url, TURNS), range(CONVERSATIONS)))
    return CONVERSATIONS * TURNS / (time.perf_counter() - started)


def cpu_seconds(pid: int) -> float:
    """Return what a process and its children have used of a core so far."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):  # it has ended; its parent counts it
        return 0
    return sum(map(int, fields[11:15])) / TICK + sum(cpu_seconds(int(child)) for child in children)


def used(cluster: Cluster) -> dict[str, float]:
    parts = {"Rasa": cluster.rasa, "action servers": cluster.actions, "nginx": [cluster.nginx]}
    parts |= {"PostgreSQL": [cluster.postgres], "Redis": [cluster.redis]}
    return {
        name: sum(cpu_seconds(server.process.pid) for server in servers)
        for name, servers in parts.items()
    }


def memory(pid: int) -> float:
    """Return the megabytes that a process holds."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0


def one_server(cluster: Cluster) -> Cluster:
    """Return a second way in, to the first Rasa server alone."""
    alone = Cluster(cluster.project, cluster.state / "alone", cluster.model, cluster.keys)
    alone.state.mkdir(exist_ok=True)
    alone.requests_per_second = cluster.requests_per_second
    alone.rasa_urls, alone.action_urls = cluster.rasa_urls[:1], cluster.action_urls
    alone.nginx = alone._nginx()
    return alone


def query(cluster: Cluster, statement: str) -> tuple[Any, ...]:
    connection = psycopg2.connect(cluster.env["DB_URL"])
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(statement)
        row = cursor.fetchone() if cursor.description else ()
    connection.close()
    return row


def measure(cluster: Cluster) -> None:
    alone = one_server(cluster)
    try:
        turns_a_second(cluster.url)  # warms up
        rates: dict[str, list[float]] = {"one": [], "two": []}
        for _ in range(ROUNDS):
            rates["one"].append(turns_a_second(alone.url))
            rates["two"].append(turns_a_second(cluster.url))
        one, two = (statistics.median(each) for each in rates.values())
        print(f"| Rasa servers | turns/s | |\n| --- | --- | --- |\n| 1 | {one:.0f} | |")
        print(f"| 2 | {two:.0f} | {two / one:.2f} times |\n")
    finally:
        for process in alone.others:
            stop(process)

    rows, size = count(cluster)
    before = used(cluster)
    turns_a_second(cluster.url)
    after, turns = used(cluster), CONVERSATIONS * TURNS
    print("| of a core, for a turn | ms |\n| --- | --- |")
    for name in before:
        print(f"| {name} | {(after[name] - before[name]) / turns * 1000:.1f} |")
    more_rows, more_size = count(cluster)
    print(f"\nA turn is {(more_rows - rows) / turns:.1f} rows", end="")
    print(f" and {(more_size - size) / turns / 1024:.1f} kB in PostgreSQL, its index included.")
    print(f"Memory: a Rasa server {memory(cluster.rasa[0].process.pid):.0f} MB", end="")
    print(f", an action server {memory(cluster.actions[0].process.pid):.0f} MB.\n")

    lengths(cluster, "and nothing else")
    statement = (
        "INSERT INTO events (sender_id, type_name, timestamp, intent_name, action_name, data) "
        "SELECT 'old-' || (n / 100), type_name, timestamp, intent_name, action_name, data "
        f"FROM generate_series(1, {MORE_ROWS}) n JOIN events e ON e.id = 1 + n % 1000"
    )
    query(cluster, statement)
    query(cluster, "VACUUM ANALYZE events")
    rows, size = count(cluster)
    lengths(cluster, f"and {rows / 1e6:.1f} million rows of others, {size / 1e9:.1f} GB")


def lengths(cluster: Cluster, beside: str) -> None:
    talks = [talk(cluster.url, LONG[-1]) for _ in range(2)]
    print(f"| turn of a conversation | {' | '.join(map(str, LONG))} |")
    print(f"| --- |{' --- |' * len(LONG)}")
    around = [
        statistics.median(time for each in talks for time in each[max(0, n - 3) : n + 2])
        for n in LONG
    ]
    print(f"| ms, {beside} | {' | '.join(f'{ms:.0f}' for ms in around)} |\n", flush=True)


def count(cluster: Cluster) -> tuple[int, int]:
    return query(cluster, "SELECT count(*), pg_total_relation_size('events') FROM events")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="cluster-") as folder:
        cluster = Cluster(
            project=Path.cwd(),
            state=Path(folder),
            model=Path("models/bot.tar.gz").resolve(),
            keys=dict.fromkeys(SECRETS, "of-the-benchmark-" * 4),
            requests_per_second=5000,
        )
        with cluster:
            measure(cluster)
