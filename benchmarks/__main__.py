"""Compares the default bot with the ways to do without it; writes benchmarks/RESULTS.md.

`make bench` runs it, in some twenty minutes; with QUICK=1 it does a tenth, and writes nothing.
All figures are of one run on one machine: only their ratios can be compared with others. The
bots take turns, so that all of them meet the machine in the same state.
"""

import os
import platform
import random
import re
import shutil
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import requests

from benchmarks.bots import (
    TURNS,
    Bot,
    bake,
    bare,
    large,
    with_each_turn,
    with_session_start,
)
from tools.demo import TEMPLATE, free_port

RESULTS = TEMPLATE / "benchmarks" / "RESULTS.md"
QUICK = bool(os.environ.get("QUICK"))


def many(number: int) -> int:
    return max(2, number // 10) if QUICK else number


def p50(times: list[float]) -> float:
    return statistics.median(times)


def p99(times: list[float]) -> float:
    return statistics.quantiles(times, n=100)[98]


def shuffled(bots: list[Bot]) -> list[Bot]:
    return random.sample(bots, len(bots))


class Table:
    """The rows of RESULTS.md, printed as they come."""

    def __init__(self, *columns: str) -> None:
        self.lines = [self._line(columns), self._line(["---"] * len(columns))]
        print(f"\n{self}")

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
    if most is not None:
        target, met = f"≤ {most}", found <= most
    elif least is not None:
        target, met = f"≥ {least}", found >= least
    else:
        return f"{found:.2f}"
    return f"{found:.2f} ({target}{'' if met else ': missed'})"


def turns(bots: list[Bot]) -> dict[str, tuple[list[float], list[float]]]:
    """Return the times of first turns and of later ones, by title."""
    times: dict[str, tuple[list[float], list[float]]] = {bot.title: ([], []) for bot in bots}
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
    times: dict[str, list[float]] = {bot.title: [] for bot in bots}
    for _ in range(many(20)):
        for bot in shuffled(bots):
            sender = bot.long_talk(number - 2)
            bot.timed(sender, number - 2)  # the first after the events API is no usual one
            times[bot.title].append(bot.timed(sender, number - 1))
    return {title: p50(found) for title, found in times.items()}


def measure(bots: list[Bot]) -> Table:
    """Compare the bots while all of them run."""
    columns = [bot.title for bot in bots]
    table = Table("", *columns, "this bot / bare", "each turn / this bot")

    def add(
        what: str,
        found: dict[str, float],
        most: float | None = None,
        least: float | None = None,
        faster: float | None = None,
    ) -> None:
        own, base, slow = (found[title] for title in ("this bot", "bare", "each turn"))
        times = (own, slow) if "/s" in what else (slow, own)
        table.add(
            what,
            *(f"{found[title]:.1f}" for title in columns),
            ratio(own, base, most, least),
            ratio(*times, least=faster),
        )

    taken = turns(bots)
    later = {title: times[1] for title, times in taken.items()}
    add("first turn, p50 ms", {title: p50(times[0]) for title, times in taken.items()}, most=1.2)
    add("later turn, p50 ms", {title: p50(t) for title, t in later.items()}, most=0.85, faster=4.5)
    add("later turn, p99 ms", {title: p99(times) for title, times in later.items()}, most=1.0)
    for number in (100, 500):
        add(f"turn {number}, p50 ms", turn_number(bots, number), most=0.55)
    add("1 client, messages/s", throughput(bots, 1))
    add("16 clients, messages/s", throughput(bots, 16), least=1.15)
    return table


def memory(bot: Bot) -> float:
    """Return the megabytes that a bot holds after 10,000 messages of 1,000 conversations."""

    def talk(_: int) -> None:
        sender, session = uuid.uuid4().hex, requests.Session()
        for turn in range(10):
            bot.say(sender, TURNS[turn % len(TURNS)], turn, session)

    bot.start()
    try:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(talk, range(many(1000))))
        return bot.memory()
    finally:
        bot.stop()


def first_answer(folder: Path, *commands: str) -> float:
    """Return the seconds to the first answer of the bot that the last command runs."""
    bot, port = Bot("bare", folder, None), str(free_port())
    bot.url = f"http://127.0.0.1:{port}"
    started = time.perf_counter()
    for command in commands[:-1]:
        subprocess.run(command, shell=True, cwd=folder, check=True, capture_output=True)
    bot.run(f"{commands[-1]}{port}".split(), ACTION_SERVER_URL="")
    try:
        bot.wait()
        return time.perf_counter() - started
    finally:
        bot.stop()


def edit(bot: Path) -> None:
    """Change the text of a response."""
    domain = bot / "domain.yml"
    domain.write_text(domain.read_text().replace("Goodbye!", "See you!"))


def waits(table: Table, folder: Path, own: Path, stock: Path) -> None:
    """Add the rows of what people wait for: after the bake, after an edit, after a start."""
    fresh, init = bake(folder / "fresh"), folder / "init"
    for name in (".uv", ".venv"):  # what a bot needs is installed already
        (fresh / name).symlink_to((own / name).absolute())
    os.utime(fresh / "requirements.txt", (0, 0))
    shutil.rmtree(init, ignore_errors=True)
    init.mkdir()

    make = "make run PORT="
    rasa = own.absolute() / ".venv/bin/rasa"
    run = f"{rasa} run --interface 127.0.0.1 --port="

    def add(what: str, ours: float, label: str, theirs: float) -> None:
        table.add(what, f"{ours:.0f}", label, f"{theirs:.0f}", ratio(ours, theirs))

    initialise = f"{rasa} init --no-prompt && echo rest: > credentials.yml"
    add(
        "bake to first answer, s",
        first_answer(fresh, make),
        "`rasa init --no-prompt`, `rasa run`",
        first_answer(init, initialise, run),
    )
    add("start to first answer, s", first_answer(own, make), "`rasa run`", first_answer(stock, run))
    for bot in (own, stock):
        edit(bot)
    add(
        "edit to first answer, s",
        first_answer(own, make),
        "`rasa train`, `rasa run`",
        first_answer(stock, f"{rasa} train", run),
    )


def main(folder: Path) -> None:
    print("Installing and training five bots ...", flush=True)
    own = bake(folder / "own")
    install = ["make", "--no-print-directory", "install"]
    subprocess.run(install, cwd=own, check=True, capture_output=True)
    environment = (own / ".venv").absolute()

    def changed(title: str, change: Callable[[Path], None]) -> Bot:
        path = bake(folder / title.replace(" ", "-"))
        change(path)
        return Bot(title, path, environment)

    ours, big = Bot("this bot", own, None), changed("large", large)
    stock = changed("bare", bare).stock(apart=False)
    start = changed("session start", with_session_start).stock(apart=True)
    each = changed("each turn", with_each_turn).stock(apart=True)
    bots = [ours, stock, start, each]
    for bot in (*bots, big):
        bot.train()
    try:
        for bot in (*bots, big):
            bot.start()
        table = measure(bots)
        single = turns([ours, big])
    finally:
        for bot in (*bots, big):
            bot.stop()

    rest = Table("", "this bot", "compared with", "", "ratio")
    slow, fast = (p50(single[title][1]) for title in ("large", "this bot"))
    what = "later turn with 500 more responses and 100 more slots, ms"
    rest.add(what, f"{slow:.1f}", "the default domain", f"{fast:.1f}", ratio(slow, fast))
    used, most = memory(ours), memory(each)
    what = "memory after 10,000 messages of 1,000 conversations, MB"
    rest.add(what, f"{used:.0f}", "each turn", f"{most:.0f}", ratio(used, most, most=0.9))
    waits(rest, folder, own, stock.folder)
    if not QUICK:
        write(table, rest)


def write(*tables: Table) -> None:
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    machine = f"{os.cpu_count()} cores, {model[1] if model else platform.machine()}"
    before, mark, _ = RESULTS.read_text().partition("<!-- results -->\n")
    run = f"{date.today()}; {machine}; {platform.system()}, Python 3.10."
    RESULTS.write_text("\n\n".join([f"{before}{mark}\n{run}", *map(str, tables)]) + "\n")
    print(f"\nWritten to {RESULTS.relative_to(TEMPLATE)}.")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
