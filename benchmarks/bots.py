"""The bots that are compared: ours, and the ways to do without it."""

import os
import shutil
import subprocess
import time
import uuid
from pathlib import Path
from typing import Any

import requests
import yaml

from tools import demo
from tools.demo import READY_SECONDS, free_port
from tools.life_cycle import DOCUMENTED

SETTINGS = {
    "METADATA_JWT_KEY": "a key that is long enough for the hash of HS256",
    "METADATA_SIGNATURE_KEY": "any",
}
TURNS = ["hey", "what plan am I on?", "what is my locale?", "what is my name?"]


def bake(folder: Path) -> Path:
    """Bake the default bot into an empty folder and return its path."""
    shutil.rmtree(folder, ignore_errors=True)
    return demo.bake(folder)


def bare(bot: Path) -> None:
    """Let a bot know nothing of metadata."""
    _domain(bot, without=("action_session_start", "action_sync_metadata"))


def with_session_start(bot: Path) -> None:
    """Let the documented action_session_start read the first message's metadata."""
    shutil.copy(DOCUMENTED / "session_start.py", bot / "actions")
    _domain(bot, without=("action_sync_metadata",))


def with_each_turn(bot: Path) -> None:
    """Read each message's metadata too, in a custom slot mapping."""
    shutil.copy(DOCUMENTED / "session_start.py", bot / "actions")
    shutil.copy(DOCUMENTED / "sync_metadata.py", bot / "actions")


def large(bot: Path) -> None:
    """Add 500 responses and 100 metadata slots."""
    path = bot / "domain.yml"
    domain = yaml.safe_load(path.read_text())
    for number in range(500):
        domain["responses"][f"utter_more_{number}"] = [{"text": f"More {number}"}]
    for number in range(100):
        mapping = {"type": "custom", "action": "action_sync_metadata"}
        domain["slots"][f"more_{number}"] = {
            "type": "text",
            "influence_conversation": False,
            "mappings": [{**mapping, "metadata": f"more.p{number}"}],
        }
    path.write_text(yaml.safe_dump(domain, sort_keys=False))


def _domain(bot: Path, without: tuple[str, ...]) -> None:
    """Take actions out of a domain, and out of its slots' mappings."""
    path = bot / "domain.yml"
    domain = yaml.safe_load(path.read_text())
    domain["actions"] = [action for action in domain["actions"] if action not in without]
    for slot in domain["slots"].values():
        for mapping in slot["mappings"]:
            if mapping["action"] in without:
                del mapping["action"]
    path.write_text(yaml.safe_dump(domain, sort_keys=False))


class Bot:
    """A trained bot, and its processes while they run."""

    apart = False  # whether its actions run on a server of their own

    def __init__(self, title: str, folder: Path, environment: Path | None) -> None:
        self.title, self.folder = title, folder
        if environment and not (folder / ".venv").exists():
            (folder / ".venv").symlink_to(environment)
        self.python = str(folder / ".venv/bin/python")
        self.processes: list[subprocess.Popen[bytes]] = []
        self.session = requests.Session()

    def stock(self, apart: bool) -> "Bot":
        """Give it Rasa's own channel, and an action server where it needs one."""
        self.apart = apart
        (self.folder / "credentials.yml").write_text("rest:\n")
        shutil.copy(DOCUMENTED / "endpoints.yml", self.folder)
        return self

    def rasa(self, *arguments: str) -> list[str]:
        return [self.python, "-m", "rasa_metadata", "rasa", *arguments]

    def train(self) -> None:
        command = self.rasa("train", "--quiet", "--fixed-model-name", "bot")
        subprocess.run(command, cwd=self.folder, check=True, capture_output=True)

    def start(self) -> None:
        port, actions = str(free_port()), str(free_port())
        self.url = f"http://127.0.0.1:{port}"
        server = f"http://127.0.0.1:{actions}/webhook" if self.apart else ""
        run = ["run", "--enable-api", "--interface", "127.0.0.1", "--port", port]
        self.run(self.rasa(*run), ACTION_SERVER_URL=server)
        if self.apart:
            self.run(self.rasa("run", "actions", "--port", actions))
        self.wait()

    def wait(self) -> None:
        """Wait for the first answer to a message."""
        deadline = time.monotonic() + 2 * READY_SECONDS
        while True:
            try:
                if self.say("first", "hey").json():
                    return
            except requests.RequestException:
                time.sleep(0.05)
            if time.monotonic() > deadline or any(p.poll() is not None for p in self.processes):
                raise SystemExit(f"{self.title}: no answer; see {self.folder}/log")

    def stop(self) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait()
        self.processes.clear()

    def say(self, sender: str, text: str, turn: int = 0, session: Any = None) -> requests.Response:
        """Send a message; each but the bare bot gets metadata that changes every other turn."""
        body: dict[str, Any] = {"sender": sender, "message": text}
        if self.title != "bare":
            plan = ("free", "pro")[turn // 2 % 2]
            body["metadata"] = {"user": {"name": "Ada"}, "account": {"plan": plan}, "locale": "de"}
        url = f"{self.url}/webhooks/rest/webhook"
        answer = (session or self.session).post(url, json=body, timeout=60)
        answer.raise_for_status()
        return answer

    def timed(self, sender: str, turn: int) -> float:
        """Take a turn and return its time in milliseconds."""
        started = time.perf_counter()
        self.say(sender, TURNS[turn % len(TURNS)], turn)
        return 1000 * (time.perf_counter() - started)

    def long_talk(self, turns: int) -> str:
        """Return the name of a conversation that has had so many turns."""
        sender = uuid.uuid4().hex
        for turn in range(5):
            self.timed(sender, turn)
        url = f"{self.url}/conversations"
        tracker = self.session.get(f"{url}/{sender}/tracker?include_events=ALL").json()
        events = tracker["events"]
        begins = [i for i, event in enumerate(events) if event["event"] == "user"]
        four_turns = events[begins[1] :]
        long = events[: begins[1]] + (turns // 4 + 1) * four_turns
        ends = [i for i, event in enumerate(long) if event["event"] == "user"][turns]
        long = long[:ends]
        for index, event in enumerate(long):
            event["timestamp"] = time.time() - (len(long) - index) / 1000
        name = uuid.uuid4().hex
        put = self.session.put(f"{url}/{name}/tracker/events", json=long)
        put.raise_for_status()
        return name

    def memory(self) -> float:
        """Return what all its processes hold, in MB (proportional set size)."""
        kilobytes = 0
        for process in self.processes:
            for line in Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    kilobytes += int(line.split()[1])
        return kilobytes / 1024

    def run(self, command: list[str], **more: str) -> None:
        with (self.folder / "log").open("ab") as log:
            self.processes.append(
                subprocess.Popen(
                    command,
                    cwd=self.folder,
                    env={**os.environ, **SETTINGS, **more, "SANIC_HOST": "127.0.0.1"},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
            )
