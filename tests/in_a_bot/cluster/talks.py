"""Many conversations at once, by clients that repeat failed messages as deploy/README.md says."""

import time
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import requests

AGAIN = (429, 502, 503, 504)
PATIENCE = 60


@dataclass
class Client:
    """Sends each message until it is answered, always with the same Idempotency-Key."""

    url: str
    errors: list[tuple[int, str]] = field(default_factory=list)
    session: requests.Session = field(default_factory=requests.Session)

    def say(self, sender: str, message: str, metadata: Any = None, key: str | None = None) -> Any:
        body = {"sender": sender, "message": message, "metadata": metadata}
        headers = {"Idempotency-Key": key or uuid.uuid4().hex}
        deadline = time.monotonic() + PATIENCE
        while True:
            url = f"{self.url}/webhooks/rest/webhook"
            answer = self.session.post(url, json=body, headers=headers, timeout=PATIENCE)
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

    url: str
    conversations: int
    turns: int

    def __enter__(self) -> "Talks":
        name = uuid.uuid4().hex[:8]
        self.all = [
            Talk(f"{name}-{number}", Client(self.url), self.turns)
            for number in range(self.conversations)
        ]
        self.pool = ThreadPoolExecutor(self.conversations)
        self.started = time.monotonic()
        self.held = [self.pool.submit(talk.hold) for talk in self.all]
        return self

    def __exit__(self, *_: object) -> None:
        self.pool.shutdown(wait=True)
        self.took = time.monotonic() - self.started

    def wait_for(self, share: float) -> None:
        """Wait until that share of the turns is over, or some conversation failed."""
        wanted = share * self.conversations * self.turns
        while sum(len(talk.seconds) for talk in self.all) < wanted:
            for held in self.held:
                if held.done():
                    held.result()
            time.sleep(0.01)

    @property
    def errors(self) -> list[tuple[int, str]]:
        return [error for talk in self.all for error in talk.client.errors]

    def check(self, events: Callable[[str], list[dict[str, Any]]]) -> None:
        """Compare what is stored with what was sent and answered."""
        for talk, held in zip(self.all, self.held, strict=True):
            held.result()
            stored = events(talk.sender)
            messages = [event["metadata"] for event in stored if event["event"] == "user"]
            assert [message["_idempotency_key"] for message in messages] == talk.keys
            slots = {each["name"]: each["value"] for each in stored if each["event"] == "slot"}
            assert {name: slots[f"probe_{name}"] for name in talk.known} == talk.known
        assert {status for status, _ in self.errors} <= {502, 503, 504}


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
        seconds = sorted(second for talk in self.talks.all for second in talk.seconds)
        errors = Counter(status for status, _ in self.talks.errors)
        seen = ", ".join(f"{status}: {count}" for status, count in sorted(errors.items()))
        turns = self.talks.conversations * self.talks.turns
        return (
            f"| {self.fault} | {turns} | {len(seconds)} | {turns} | {seen or 'none'} "
            f"| {seconds[len(seconds) // 2] * 1000:.0f} ms | {seconds[-1]:.1f} s |"
        )
