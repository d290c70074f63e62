"""Compares the default bot with the ways to do without it; writes benchmarks/RESULTS.md.

`make bench` runs it, in about a quarter of an hour. All figures are of one run on one
machine: only their ratios tell anything. What is compared takes turns, so that all of it
meets the machine in the same mood.
"""

import os
import platform
import random
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import jwt
import requests

from benchmarks.bots import (
    SETTINGS,
    TURNS,
    Bot,
    bake,
    bare,
    large,
    with_each_turn,
    with_session_start,
)
from tools.demo import TEMPLATE, free_port
from tools.in_a_bot import pytest_in

RESULTS = TEMPLATE / "benchmarks" / "RESULTS.md"
QUICK = bool(os.environ.get("QUICK"))  # a tenth of everything, to try the benchmark itself


def many(number: int) -> int:
    return max(2, number // 10) if QUICK else number


def p50(times: list[float]) -> float:
    return statistics.median(times)


def p99(times: list[float]) -> float:
    return statistics.quantiles(times, n=100)[98]


def shuffled(bots: Iterable[Bot]) -> list[Bot]:
    return random.sample(list(bots), len(list(bots)))


class Table:
    """The rows of RESULTS.md, printed as they come."""

    def __init__(self, *columns: str) -> None:
        self.lines = [self._line(columns), self._line(["---"] * len(columns))]

    def add(self, *cells: object) -> None:
        self.lines.append(self._line(cells))
        print(self.lines[-1], flush=True)

    @staticmethod
    def _line(cells: Iterable[object]) -> str:
        return f"| {' | '.join(map(str, cells))} |"

    def __str__(self) -> str:
        return "\n".join(self.lines)


def ratio(value: float, of: float, most: float | None = None, least: float | None = None) -> str:
    """Return a ratio and the target beside it."""
    found = value / of
    if most is None and least is None:
        return f"{found:.2f}"
    met = found <= most if most is not None else found >= least
    target = f"≤ {most}" if most is not None else f"≥ {least}"
    return f"{found:.2f} ({target}{'' if met else ': missed'})"


def turns(bots: list[Bot]) -> dict[str, tuple[list[float], list[float]]]:
    """Return the times of first turns and of later ones, by title."""
    times = {bot.title: ([], []) for bot in bots}
    for _ in range(many(100)):
        for bot in shuffled(bots):
            sender = uuid.uuid4().hex
            first, later = times[bot.title]
            first.append(bot.timed(sender, 0))
            later.extend(bot.timed(sender, turn) for turn in range(1, 10))
    return times


def throughput(bots: list[Bot], clients: int) -> dict[str, float]:
    """Return messages a second, each client in conversations of ten turns."""

    def talk(bot: Bot, until: float) -> int:
        session, messages = requests.Session(), 0
        while True:
            sender = uuid.uuid4().hex
            for turn in range(10):
                if time.perf_counter() > until:
                    return messages
                bot.say(sender, TURNS[turn % len(TURNS)], turn, session)
                messages += 1

    seconds, counted = 2, dict.fromkeys((bot.title for bot in bots), 0)
    rounds = many(5)
    for _ in range(rounds):
        for bot in shuffled(bots):
            until = time.perf_counter() + seconds
            with ThreadPoolExecutor(clients) as pool:
                jobs = [pool.submit(talk, bot, until) for _ in range(clients)]
                counted[bot.title] += sum(job.result() for job in jobs)
    return {title: count / (rounds * seconds) for title, count in counted.items()}


def turn_number(bots: list[Bot], number: int) -> dict[str, float]:
    """Return the median time of such a turn of a conversation."""
    times = {bot.title: [] for bot in bots}
    for _ in range(many(20)):
        for bot in shuffled(bots):
            sender = bot.long_talk(number - 2)
            bot.timed(sender, number - 2)  # the first after the events API is no usual one
            times[bot.title].append(bot.timed(sender, number - 1))
    return {title: p50(found) for title, found in times.items()}


def channel_alone(bot: Bot) -> dict[str, float]:
    """Return requests a second: our channel without and with a token, and Rasa's."""
    ports = {"ours": free_port(), "stock": free_port()}
    script = TEMPLATE / "benchmarks" / "channel_alone.py"
    servers = [
        subprocess.Popen(
            [bot.python, str(script), kind, str(port)],
            cwd=bot.folder,
            env={**os.environ, **SETTINGS, "PYTHONPATH": "."},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for kind, port in ports.items()
    ]
    # A client is on another machine: left to itself, the system would rather put both on one
    # core, where a request takes a third of the time.
    one, another = sorted(os.sched_getaffinity(0))[:2]
    for server in servers:
        os.sched_setaffinity(server.pid, {one})
    os.sched_setaffinity(0, {another})
    claims = {"sub": "u1", "exp": time.time() + 3600, "metadata": {"user": {"id": "u1"}}}
    token = jwt.encode(claims, SETTINGS["METADATA_JWT_KEY"], "HS256")
    kinds = {
        "ours": (ports["ours"], ""),
        "ours with a token": (ports["ours"], f"Authorization: Bearer {token}\r\n"),
        "stock": (ports["stock"], ""),
    }
    spent, sent = dict.fromkeys(kinds, 0.0), 0
    try:
        clients = {kind: RawClient(*wanted) for kind, wanted in kinds.items()}
        for client in clients.values():
            client.post(100)
        for _ in range(many(40)):
            sent += 100
            for kind in random.sample(list(kinds), len(kinds)):
                spent[kind] += clients[kind].post(100)
    finally:
        os.sched_setaffinity(0, {one, another})
        for server in servers:
            server.terminate()
            server.wait()
    return {kind: sent / seconds for kind, seconds in spent.items()}


class RawClient:
    """Sends one request over and over, and spends next to nothing on it."""

    BODY = (
        b'{"sender": "ada", "message": "hello", "metadata": '
        b'{"user": {"name": "Ada"}, "account": {"plan": "pro"}, "locale": "de"}}'
    )

    def __init__(self, port: int, header: str) -> None:
        head = (
            "POST /webhooks/rest/webhook HTTP/1.1\r\nHost: localhost\r\n"
            f"Content-Type: application/json\r\n{header}Content-Length: {len(self.BODY)}\r\n\r\n"
        )
        self.request = head.encode() + self.BODY
        deadline = time.monotonic() + 60
        while True:
            try:
                self.socket = socket.create_connection(("127.0.0.1", port))
                return
            except OSError:
                assert time.monotonic() < deadline, "the channel does not start"
                time.sleep(0.1)

    def post(self, times: int) -> float:
        """Return the seconds that it took."""
        started = time.perf_counter()
        for _ in range(times):
            self.socket.sendall(self.request)
            answer = self.socket.recv(65536)
            while not answer.endswith(b"}]"):
                answer += self.socket.recv(65536)
            assert answer.startswith(b"HTTP/1.1 200"), answer
        return time.perf_counter() - started


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def make(bot: Path, *arguments: str) -> str:
    command = ["make", "--no-print-directory", *arguments]
    run = subprocess.run(command, cwd=bot, capture_output=True, text=True)
    if run.returncode:
        raise SystemExit(run.stdout + run.stderr)
    return run.stdout


def started_by(folder: Path, command: list[str]) -> None:
    """Start a bot with a command, wait for its first answer, and stop it."""
    bot = Bot("bare", folder, None)
    port = str(free_port())
    bot.url = f"http://127.0.0.1:{port}"
    bot.run([part.replace("{port}", port) for part in command])
    try:
        bot.wait()
    finally:
        bot.stop()


def cold_starts(folder: Path, environment: Path, trained: Path) -> dict[str, float]:
    """Return seconds to the first answer: from bake and from a trained model, and Rasa's."""
    fresh = bake(folder / "fresh")
    for name in (".uv", ".venv"):  # what a bot needs is installed already
        (fresh / name).symlink_to(environment.parent / name)
    os.utime(fresh / "requirements.txt", (0, 0))
    stock = folder / "init"
    shutil.rmtree(stock, ignore_errors=True)
    stock.mkdir()
    rasa = str(environment / "bin/rasa")
    init = [rasa, "init", "--no-prompt"]
    run = [rasa, "run", "--interface", "127.0.0.1", "--port", "{port}"]
    from_bake = seconds(lambda: started_by(fresh, ["make", "run", "PORT={port}"]))
    from_model = seconds(lambda: started_by(trained, ["make", "run", "PORT={port}"]))
    initialised = seconds(lambda: subprocess.run(init, cwd=stock, check=True, capture_output=True))
    with (stock / "credentials.yml").open("w") as credentials:
        credentials.write("rest:\n")
    stock_run = seconds(lambda: started_by(stock, run))
    return {
        "bake": from_bake,
        "trained": from_model,
        "rasa init": initialised + stock_run,
        "rasa run": stock_run,
    }


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    print("Installing and training five bots ...", flush=True)
    own = bake(folder / "own")
    installing = seconds(lambda: make(own, "install"))
    environment = (own / ".venv").absolute()
    ours = Bot("this bot", own, None)
    others = {
        "bare": (bare, False),
        "session start": (with_session_start, True),
        "each turn": (with_each_turn, True),
    }
    bots = [ours]
    for title, (change, apart) in others.items():
        path = bake(folder / title.replace(" ", "-"))
        change(path)
        bots.append(Bot(title, path, environment).stock(apart))
    big = Bot("large", bake(folder / "large"), environment)
    large(big.folder)
    for bot in (*bots, big):
        bot.train()

    titles = [bot.title for bot in bots]
    columns = ("", *titles, "this bot / bare", "each turn / this bot")
    times = Table(*columns)
    try:
        for bot in (*bots, big):
            bot.start()
        print(f"\n{times}")
        measure(times, bots)
        single = turns([ours, big])
        memory = {bot.title: bot.memory() for bot in bots}
    finally:
        for bot in (*bots, big):
            bot.stop()

    rest = Table("", "this bot", "compared with", "", "ratio")
    print(f"\n{rest}")
    slow, fast = (p50(single[title][1]) for title in ("large", "this bot"))
    what = "turn with 500 responses and 100 metadata slots more, ms"
    rest.add(what, f"{slow:.1f}", "default domain", f"{fast:.1f}", ratio(slow, fast))
    used, most = memory["this bot"], memory["each turn"]
    rest.add("memory, MB", f"{used:.0f}", "each turn", f"{most:.0f}", ratio(used, most, most=1.0))
    alone = channel_alone(ours)
    for kind, least in (("ours", 0.8), ("ours with a token", None)):
        what = f"channel alone, requests/s{kind.removeprefix('ours')}"
        found = ratio(alone[kind], alone["stock"], least=least)
        rest.add(what, f"{alone[kind]:.0f}", "Rasa's `rest`", f"{alone['stock']:.0f}", found)
    starts = cold_starts(folder, environment, own)
    for what, mine, theirs, most in (
        ("bake to first answer, s", "bake", "rasa init", 0.3),
        ("trained to first answer, s", "trained", "rasa run", None),
    ):
        found = ratio(starts[mine], starts[theirs], most=most)
        label = "`rasa init --no-prompt`, `rasa run`" if mine == "bake" else "`rasa run`"
        rest.add(what, f"{starts[mine]:.0f}", label, f"{starts[theirs]:.0f}", found)
    rest.add("install with a warm cache, s", f"{installing:.0f}", "", "", "")
    for tier, most in (("fast", 8), ("live", 60)):
        took = seconds(lambda t=tier: pytest_in(own, t, check=True, capture_output=True))
        met = f"≤ {most} s" + ("" if took <= most else ": missed")
        rest.add(f"{tier} tier of the tests, s", f"{took:.1f}", "", "", met)
    write(times, rest)


def measure(table: Table, bots: list[Bot]) -> None:
    def add(what: str, found: dict[str, float], most: float | None, least: float | None) -> None:
        up = "/s" in what
        own, base, slow = (found[title] for title in ("this bot", "bare", "each turn"))
        table.add(
            what,
            *(f"{found[bot.title]:.1f}" for bot in bots),
            ratio(own, base, most=most),
            ratio(own, slow, least=least) if up else ratio(slow, own, least=least),
        )

    taken = turns(bots)
    first = {title: p50(times[0]) for title, times in taken.items()}
    later = {title: times[1] for title, times in taken.items()}
    add("first turn, p50 ms", first, 1.4, None)
    add("later turn, p50 ms", {title: p50(times) for title, times in later.items()}, 1.15, 4)
    add("later turn, p99 ms", {title: p99(times) for title, times in later.items()}, 1.25, None)
    for number in (10, 100, 500):
        add(f"turn {number}, p50 ms", turn_number(bots, number), None, None)
    for clients in (1, 4, 16):
        add(
            f"{clients} client{'s' * (clients > 1)}, messages/s",
            throughput(bots, clients),
            None,
            None,
        )


def write(times: Table, rest: Table) -> None:
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    machine = f"{os.cpu_count()} cores, {model[1] if model else platform.machine()}"
    before, mark, _ = RESULTS.read_text().partition("<!-- results -->\n")
    said = f"{date.today()}; {machine}; {platform.system()}, Python 3.10."
    RESULTS.write_text(f"{before}{mark}\n{said}\n\n{times}\n\n{rest}\n")
    print(f"\nWritten to {RESULTS.relative_to(TEMPLATE)}.")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
