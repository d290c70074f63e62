"""Many conversations at once, by clients that repeat failed messages as deploy/README.md says."""

import random
import time
import uuid
from collections import Counter
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import requests

AGAIN = (429, 502, 503, 504)
NO_CONNECTION = "no connection"
PATIENCE = 60


class Client:
    """Sends each message until it is answered, always with the same Idempotency-Key.

    With the URLs of several servers, it sends a message to any of them.
    """

    def __init__(self, *urls: str) -> None:
        self.urls = urls
        self.errors: list[tuple[int | str, str]] = []
        self.session = requests.Session()

    def say(self, sender: str, message: str, metadata: Any = None, key: str | None = None) -> Any:
        body = {"sender": sender, "message": message, "metadata": metadata}
        headers = {"Idempotency-Key": key or uuid.uuid4().hex}
        deadline = time.monotonic() + PATIENCE
        while True:
            url = f"{random.choice(self.urls)}/webhooks/rest/webhook"
            try:
                answer = self.session.post(url, json=body, headers=headers, timeout=PATIENCE)
            except requests.ConnectionError:
                self.errors.append((NO_CONNECTION, ""))
                assert time.monotonic() < deadline, self.errors
                time.sleep(0.2)
                continue
            if answer.status_code == 200:
                return [each["text"] for each in answer.json()]
            error = answer.json()
            self.errors.append((answer.status_code, error["reason"]))
            if answer.status_code not in AGAIN or time.monotonic() > deadline:
                raise AssertionError(f"{error} after {self.errors}")
            time.sleep(float(answer.headers["Retry-After"]))


@dataclass
class Talk:
    """One conversation: what was sent, and how it went."""

    sender: str
    client: Client
    turns: int
    keys: list[str] = field(default_factory=list)
    known: dict[str, Any] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)

    def hold(self) -> None:
        """Take all turns; each answer must show what is known by then, and nothing else."""
        for number in range(self.turns):
            probe: dict[str, Any] = {"text": f"{self.sender}-{number}"}
            if number % 2:
                probe["flag"] = number % 4 == 1
            if number % 3 == 0:
                probe["number"] = number % 10
            self.known.update(probe)
            self.keys.append(f"{self.sender}-{number}")
            started = time.monotonic()
            reply = self.client.say(self.sender, "/probe_show", {"probe": probe}, self.keys[-1])
            self.seconds.append(time.monotonic() - started)
            known = (self.known.get(name) for name in ("text", "flag", "number"))
            assert reply == [" ".join(map(str, known))]


@dataclass
class Talks:
    """Conversations that go on at once."""

    urls: Collection[str]
    conversations: int
    turns: int

    def __enter__(self) -> "Talks":
        name = uuid.uuid4().hex[:8]
        self.all = [
            Talk(f"{name}-{number}", Client(*self.urls), self.turns)
            for number in range(self.conversations)
        ]
        self.pool = ThreadPoolExecutor(self.conversations)
        self.held = [self.pool.submit(talk.hold) for talk in self.all]
        return self

    def __exit__(self, *_: object) -> None:
        self.pool.shutdown(wait=True)

    def wait_for(self, share: float) -> None:
        """Wait until that share of the turns is over."""
        wanted = share * self.conversations * self.turns
        self.wait_until(lambda: len(self.seconds) >= wanted)

    def wait_until(self, condition: Callable[[], Any]) -> None:
        """Wait until something is so, or the conversations are over."""
        over = False
        while not condition():
            assert not over, "the conversations were over before"
            over = all(held.done() for held in self.held)
            for held in self.held:
                if held.done():
                    held.result()
            time.sleep(0.01)

    @property
    def errors(self) -> list[int | str]:
        """Return the statuses of the answers that were errors."""
        return [status for talk in self.all for status, _ in talk.client.errors]

    @property
    def seconds(self) -> list[float]:
        """Return how long each turn took, repetitions included."""
        return sorted(second for talk in self.all for second in talk.seconds)

    def check(
        self,
        events: Callable[[str], list[dict[str, Any]]],
        errors: Collection[int | str] = (502, 503, 504),
    ) -> None:
        """Compare what is stored with what was sent and answered; no other errors were seen."""
        for talk, held in zip(self.all, self.held, strict=True):
            held.result()
            stored = events(talk.sender)
            messages = [event["metadata"] for event in stored if event["event"] == "user"]
            assert [message["_idempotency_key"] for message in messages] == talk.keys
            slots = {each["name"]: each["value"] for each in stored if each["event"] == "slot"}
            assert {name: slots[f"probe_{name}"] for name in talk.known} == talk.known
        assert set(self.errors) <= set(errors)


@dataclass
class Report:
    """A line of the table of faults."""

    HEADER = (
        "| fault | turns | answered | stored once, in order | errors seen | median | slowest |\n"
        "| --- | --- | --- | --- | --- | --- | --- |"
    )

    fault: str
    talks: Talks

    def __str__(self) -> str:
        seconds, errors = self.talks.seconds, Counter(self.talks.errors)
        seen = ", ".join(f"{status}: {count}" for status, count in errors.most_common())
        turns = self.talks.conversations * self.talks.turns
        return (
            f"| {self.fault} | {turns} | {len(seconds)} | {turns} | {seen or 'none'} "
            f"| {seconds[len(seconds) // 2] * 1000:.0f} ms | {seconds[-1]:.1f} s |"
        )
