"""Sends what is hostile to a live bot, and looks at the clock and at the bot's other users."""

import json
import re
import threading
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import requests

from in_a_bot.hostile.corpus import KINDS, Case
from in_a_bot.live.servers import Served

LONGEST = 2.0  # seconds, for any answer and for anybody else's; generous for a busy machine
CHANNELS = ("rest", "callback", "socketio")
HTTP_ALONE = ("headers", "odd, as input_channel", "never valid, as input_channel")
NO_PACKET = {"rest": (), "callback": (), "socketio": (None,)}  # answered by silence
# An error, and the end of what a handler does: an acknowledgement with this number.
BOT_ERROR = re.compile(r'42\["bot_error",(\{.*?\})\](?:\x1e|$)')
ACK = 7


@dataclass
class Row:
    """What one kind of input got, over all its cases."""

    answers: Counter = field(default_factory=Counter)
    worst: float = 0.0
    others_worst: float = 0.0


TABLE: dict[str, Row] = defaultdict(Row)


def table() -> list[str]:
    lines = [f"{'input':45} {'worst':>7} {'others':>7}  answers"]
    for kind, row in TABLE.items():
        answers = ", ".join(f"{answer} x {n}" for answer, n in sorted(row.answers.items(), key=str))
        lines.append(f"{kind:45} {row.worst:6.3f}s {row.others_worst:6.3f}s  {answers}")
    return lines


class Neighbour:
    """Somebody else, who talks to the bot all the time, and whose answers are timed."""

    def __init__(self, url: str) -> None:
        self.url, self.sender = f"{url}/webhooks/rest/webhook", f"neighbour-{uuid.uuid4().hex}"
        self.turns: list[tuple[float, float]] = []
        self.wrong: list[str] = []
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.talk)

    def talk(self) -> None:
        session = requests.Session()
        body = {
            "sender": self.sender,
            "message": "/probe_show",
            "metadata": {"probe": {"text": "n"}},
        }
        while not self.ended.is_set():
            if len(self.turns) % 50 == 0:  # long conversations take longer
                body["sender"] = self.sender = f"neighbour-{uuid.uuid4().hex}"
            started = time.monotonic()
            try:
                answer = session.post(self.url, json=body, timeout=60)
                if [each["text"] for each in answer.json()] != ["n None None"]:
                    self.wrong.append(answer.text)
            except (requests.RequestException, ValueError, TypeError, KeyError) as error:
                self.wrong.append(repr(error))
            self.turns.append((started, time.monotonic()))
            self.ended.wait(0.01)

    def worst_since(self, started: float) -> float:
        """Wait for a turn that begins now; return the longest that was under way since."""
        seen, deadline = len(self.turns), time.monotonic() + 60
        while len(self.turns) < seen + 2 and time.monotonic() < deadline:
            time.sleep(0.002)
        return max(end - begin for begin, end in self.turns if end >= started)


@contextmanager
def neighbour(url: str):
    other = Neighbour(url)
    other.thread.start()
    try:
        yield other
    finally:
        other.ended.set()
        other.thread.join()
    assert other.turns
    assert other.wrong == []


def raw(case: Case) -> bytes:
    return case.raw.replace(b'"hostile"', f'"hostile-{uuid.uuid4().hex}"'.encode())


def by_http(url: str, case: Case, session: requests.Session) -> int:
    headers = {"content-type": "application/json", **case.headers}
    if case.token is not None:
        headers["authorization"] = f"Bearer {case.token}"
    encoded = {name: value.encode("latin-1") for name, value in headers.items()}
    return answered(session.post(url, data=raw(case), headers=encoded, timeout=60))


def answered(answer: requests.Response) -> int:
    """Return the status of an answer, which has the form of an API error if it is one."""
    if answer.status_code >= 400:
        error = answer.json()
        assert (error["status"], error["code"]) == ("failure", answer.status_code)
        assert error["reason"]
        assert error["message"]
    return answer.status_code


def by_socketio(url: str, case: Case, session: requests.Session) -> int | None:
    """Send a case as a Socket.IO client; return None if it is not even text."""
    text = raw(case).decode("utf-8", "surrogateescape").replace('"sender"', '"session_id"')
    if case.token is not None:
        text = f'{{"token": {json.dumps(case.token)}, {text[1:]}'
    url += "/socket.io/?EIO=4&transport=polling"
    url += f"&sid={json.loads(session.get(url, timeout=60).text[1:])['sid']}"
    session.post(url, data="40", timeout=60)
    packet = f'42{ACK}["user_uttered",{text}]'.encode("utf-8", "surrogateescape")
    sent = session.post(url, data=packet, timeout=60)
    if sent.status_code != 200:
        return sent.status_code
    if not is_utf8(packet):
        return None
    received = ""
    while f"43{ACK}[" not in received:
        got = session.get(url, timeout=60)
        if got.status_code != 200:  # the server has closed this connection
            return None
        received += got.text + "\x1e"
    session.post(url, data="1", timeout=60)
    found = BOT_ERROR.search(received)
    return json.loads(found[1])["code"] if found else 200


def is_utf8(packet: bytes) -> bool:
    """Return whether this becomes a packet; Engine.IO leaves out what is not UTF-8."""
    try:
        packet.decode()
    except UnicodeDecodeError:
        return False
    return True


def assert_answered(url: str, channel: str, kind: str, other: Neighbour) -> None:
    """Send all cases of a kind; each gets one of its answers in time, and so do others."""
    if channel == "socketio" and kind in HTTP_ALONE:
        return
    wrong, row = [], TABLE[f"{kind}, by {channel}"]
    session = requests.Session()
    begun = time.monotonic()
    for case in KINDS[kind]:
        started = time.monotonic()
        if channel == "socketio":
            status = by_socketio(url, case, session)
        else:
            status = by_http(f"{url}/webhooks/{channel}/webhook", case, session)
        took = time.monotonic() - started
        row.answers[status] += 1
        row.worst = max(row.worst, took)
        if status not in (*case.statuses, *NO_PACKET[channel]) or took > LONGEST:
            wrong.append((case.name, status, took))
    row.others_worst = max(row.others_worst, other.worst_since(begun))
    assert not wrong, wrong
    assert row.others_worst < LONGEST


def assert_harmless(
    bot: Served, kind: str, faults: Iterable[str], statuses: tuple[int, ...], other: Neighbour
) -> None:
    """Let an action do its worst: its turn is answered, and the conversation goes on."""
    wrong, row = [], TABLE[f"actions, {kind}"]
    for fault in faults:
        sender = f"{kind}-{fault}-{uuid.uuid4().hex}"
        bot.say(sender, "/probe_show", {"probe": {"text": "a"}})
        begun = time.monotonic()
        turn = bot.post(sender, f"/{kind}", {"fault": fault})
        after = bot.post(sender, "/probe_show", {"probe": {"text": "b"}})
        took = time.monotonic() - begun
        row.answers[turn.status_code] += 1
        row.worst = max(row.worst, took)
        if turn.status_code not in statuses or after.status_code != 200 or took > LONGEST:
            wrong.append((fault, turn.status_code, after.text, took))
        row.others_worst = max(row.others_worst, other.worst_since(begun))
    assert not wrong, wrong
    assert row.others_worst < LONGEST


def memory(pid: int) -> float:
    """Return the memory of a process in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024
