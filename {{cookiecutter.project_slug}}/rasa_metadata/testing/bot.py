"""The bot under test: your trained model, served on loopback with one REST channel."""

import json
import tarfile
import tempfile
import time
import uuid
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import jwt
import requests
from ruamel.yaml import YAML

from rasa_metadata.contract import Contract, contract_of
from rasa_metadata.testing.processes import RASA, Process, free_port

KEY = "the key of the tests, which nobody else needs to know"
OUR_CHANNELS = "rasa_metadata.channels."
REST = f"{OUR_CHANNELS}rest.MetadataRestInput"


class NoModel(RuntimeError):
    """There is nothing to test yet."""


class BotUnderTest:
    """A running bot; `start` it before use, and `stop` it."""

    def __init__(self, project: Path, action_server: bool = False) -> None:
        self.project, self.action_server = project, action_server
        self.model = latest_model(project)
        self.domain = domain_of(self.model)
        self.contract: Contract = contract_of(self.domain)
        self.stack = ExitStack()
        self.session = requests.Session()

    def start(self) -> "BotUnderTest":
        """Start the bot, and an action server if it is wanted; return when it answers.

        Raises:
            NotStarted: with what a process printed.
        """
        folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        port, actions = free_port(), free_port()
        environment = {
            "METADATA_JWT_KEY": KEY,
            "METADATA_SIGNATURE_KEY": KEY,
            "ACTION_SERVER_URL": f"http://127.0.0.1:{actions}/webhook"
            if self.action_server
            else "",
        }
        if self.action_server:
            serve = [RASA[0], "-m", "rasa_sdk", "--actions", "actions", "--port", str(actions)]
            host = {"SANIC_HOST": "127.0.0.1", **environment}
            server = Process(self.project, "actions", serve, folder, **host)
            self.stack.callback(server.stop)
            server.wait_until_it_answers(f"http://127.0.0.1:{actions}/health")
        for name, content in (
            ("endpoints.yml", endpoints(self.project, folder)),
            ("credentials.yml", credentials(self.project)),
        ):
            (folder / name).write_text(json.dumps(content))  # which is YAML
        command = [*RASA, "run", "--enable-api", "--interface", "127.0.0.1", "--port", str(port)]
        command += ["--model", str(self.model), "--endpoints", str(folder / "endpoints.yml")]
        command += ["--credentials", str(folder / "credentials.yml")]
        rasa = Process(self.project, "bot", command, folder, **environment)
        self.stack.callback(rasa.stop)
        self.url = f"http://127.0.0.1:{port}"
        rasa.wait_until_it_answers(f"{self.url}/webhooks/rest/")
        return self

    def stop(self) -> None:
        self.stack.close()

    def post(
        self,
        sender: str,
        message: str,
        metadata: Any = None,
        claims: dict[str, Any] | None = None,
    ) -> requests.Response:
        """Send a message, with a token that says `claims` if they are given."""
        headers = {}
        if claims is not None:
            content = {"sub": "u1", "sender": sender, "exp": time.time() + 3600, **claims}
            headers["Authorization"] = f"Bearer {jwt.encode(content, KEY)}"
        body = {"sender": sender, "message": message}
        if metadata is not None:
            body["metadata"] = metadata
        url = f"{self.url}/webhooks/rest/webhook"
        return self.session.post(url, json=body, headers=headers, timeout=60)

    def tracker(self, sender: str) -> dict[str, Any]:
        url = f"{self.url}/conversations/{sender}/tracker?include_events=ALL"
        tracker: dict[str, Any] = self.session.get(url, timeout=60).json()
        return tracker

    def slots(self, sender: str) -> dict[str, Any]:
        slots: dict[str, Any] = self.tracker(sender)["slots"]
        return slots

    def set_slots(self, sender: str, slots: dict[str, Any]) -> None:
        """Set slots as the events API does, in a session that this opens."""
        events = [{"event": "slot", "name": name, "value": slots[name]} for name in slots]
        url = f"{self.url}/conversations/{sender}/tracker/events"
        self.session.post(url, json=events, timeout=60).raise_for_status()


def new_sender() -> str:
    """Return the name of somebody who has never talked to the bot."""
    return f"test-{uuid.uuid4().hex}"


def latest_model(project: Path) -> Path:
    """Return the model that was trained last.

    Raises:
        NoModel: if there is none.
    """
    models = list((project / "models").glob("*.tar.gz"))
    if not models:
        raise NoModel("There is no model in models/: run 'make train'.")
    return max(models, key=lambda path: path.stat().st_mtime)


def domain_of(model: Path) -> dict[str, Any]:
    """Return the domain that a model was trained with."""
    with tarfile.open(model) as archive:
        content = archive.extractfile("metadata.json")
        if content is None:
            raise NoModel(f"{model} is not a model: run 'make train'.")
        domain: dict[str, Any] = json.load(content)["domain"]
    return domain


def read_yaml(path: Path) -> dict[str, Any]:
    return YAML(typ="safe").load(path) or {}


def endpoints(project: Path, folder: Path) -> dict[str, Any]:
    """Return your endpoints with a database for the tests alone, and no broker."""
    yours = read_yaml(project / "endpoints.yml")
    kept: dict[str, Any] = {n: yours[n] for n in ("action_endpoint", "nlg") if n in yours}
    stores = "rasa_metadata.stores"
    database = {"dialect": "sqlite", "db": str(folder / "conversations.db")}
    return {
        **kept,
        "tracker_store": {"type": f"{stores}.SQLTrackerStore", **database},
        "lock_store": {"type": f"{stores}.InProcessLockStore"},
    }


def credentials(project: Path) -> dict[str, Any]:
    """Return the REST channel with your limits, and no other channel.

    Yours may need accounts, and all of them would share this port.
    """
    yours = read_yaml(project / "credentials.yml")
    rest = ("rest", "chat_page")
    ours = [each for each in yours if each.startswith(tuple(OUR_CHANNELS + name for name in rest))]
    settings = dict((yours[ours[0]] if ours else None) or {})
    for key in ("jwt_key", "jwt_method", "jwt_audience", "guests"):
        settings.pop(key, None)
    return {ours[0] if ours else REST: settings}
