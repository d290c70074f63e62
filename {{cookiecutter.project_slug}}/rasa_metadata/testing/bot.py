"""The bot under test: your trained model, served on loopback with one REST channel."""

import json
import tempfile
import time
import uuid
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import jwt
import requests

from rasa_metadata.contract import contract_of
from rasa_metadata.project import NotYaml, Project, domain_of, plain
from rasa_metadata.testing.processes import RASA, NotStarted, Process, free_port
from rasa_metadata.validation.tokens import TOKEN_KEYS

KEY = "the key of the tests, which nobody else needs to know"
REST = "rasa_metadata.channels.rest.MetadataRestInput"
PAGE = "rasa_metadata.channels.chat_page.ChatPageInput"
SECONDS = 60


class Sent(NamedTuple):
    """The answer to a message, and the conversation that the message is in."""

    status: int
    answer: Any
    conversation: str


class BotUnderTest:
    """A bot that runs from `start` to `stop`."""

    def __init__(self, root: Path, action_server: bool = False) -> None:
        """Read the model that was trained last.

        Raises:
            NotStarted: if there is none, or a file is not YAML.
            ContractError: if its slots are not a contract.
        """
        self.project, self.action_server = Project(root), action_server
        model = self.project.latest_model()
        if model is None:
            raise NotStarted("There is no model in models/: run 'make train'.")
        try:
            _ = self.project.endpoints, self.project.credentials
        except NotYaml as error:
            raise NotStarted(str(error)) from None
        self.model, self.domain = model, domain_of(model)
        self.contract = contract_of(self.domain)
        self.stack = ExitStack()
        self.session = requests.Session()

    def start(self) -> None:
        """Start the bot, and an action server if it is wanted; return when it answers.

        Raises:
            NotStarted: with what a process printed.
        """
        folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        port, actions_port = free_port(), free_port()
        actions_url = f"http://127.0.0.1:{actions_port}"
        env = {
            "METADATA_JWT_KEY": KEY,
            "METADATA_SIGNATURE_KEY": KEY,
            "ACTION_SERVER_URL": f"{actions_url}/webhook" if self.action_server else "",
        }
        files = {"endpoints": endpoints(self.project, folder)}
        files["credentials"] = credentials(self.project)
        command = [*RASA, "run", "--enable-api", "--interface", "127.0.0.1", "--port", str(port)]
        command += ["--model", str(self.model)]
        for name, content in files.items():
            (folder / f"{name}.yml").write_text(json.dumps(content))  # which is YAML
            command += [f"--{name}", str(folder / f"{name}.yml")]

        if self.action_server:
            serve = [RASA[0], "-m", "rasa_sdk", "--actions", self.project.actions_module]
            serve += ["--port", str(actions_port)]
            host = {"SANIC_HOST": "127.0.0.1", **env}
            self._run("the action server", serve, folder, f"{actions_url}/health", host)
        self.url = f"http://127.0.0.1:{port}"
        self.process = self._run("the bot", command, folder, f"{self.url}/webhooks/rest/", env)

    def stop(self) -> None:
        self.stack.close()

    def send(
        self,
        sender: str,
        message: str,
        metadata: Any = None,
        claims: dict[str, Any] | None = None,
    ) -> Sent:
        """Send a message; with `claims`, with a token that contains them.

        The token is valid for the conversation of `sender`. A claim that is None is left out.
        """
        body = {"sender": sender, "message": message}
        if metadata is not None:
            body["metadata"] = metadata
        headers, conversation = {}, sender
        if claims is not None:
            content = {"sub": sender, "sender": sender, "exp": time.time() + 3600, **claims}
            content = {name: value for name, value in content.items() if value is not None}
            headers["Authorization"] = f"Bearer {jwt.encode(content, KEY)}"
            conversation = content.get("sender", f"user:{content.get('sub')}")
        response = self._request("POST", "webhooks/rest/webhook", json=body, headers=headers)
        return Sent(response.status_code, response.json(), conversation)

    def tracker(self, sender: str) -> dict[str, Any]:
        """Return a conversation as Rasa's API does, with all its events."""
        path = f"conversations/{sender}/tracker?include_events=ALL"
        return dict(self._request("GET", path).json())

    def add_events(self, sender: str, *events: dict[str, Any]) -> None:
        """Add events to a conversation; a new one begins with a session without metadata."""
        path = f"conversations/{sender}/tracker/events"
        self._request("POST", path, json=events).raise_for_status()

    def schema(self) -> Any:
        """Return the schema of metadata that clients get."""
        return self._request("GET", "webhooks/rest/schema").json()

    def _run(
        self, name: str, command: list[str], folder: Path, url: str, env: dict[str, str]
    ) -> Process:
        process = Process(self.project.root, name, command, folder, **env)
        self.stack.callback(process.stop)
        process.wait_until_it_answers(url)
        return process

    def _request(self, method: str, path: str, **options: Any) -> requests.Response:
        try:
            return self.session.request(method, f"{self.url}/{path}", timeout=SECONDS, **options)
        except requests.RequestException as error:
            printed = "\n".join(self.process.printed().splitlines()[-30:])
            raise NotStarted(f"The bot does not answer: {error}. It printed\n{printed}") from None


def new_sender() -> str:
    """Return a sender that has never talked to the bot."""
    return f"test-{uuid.uuid4().hex}"


def endpoints(project: Project, folder: Path) -> dict[str, Any]:
    """Return your endpoints with a database for the tests alone, and no event broker."""
    yours = plain(project.endpoints)
    database = {"dialect": "sqlite", "db": str(folder / "conversations.db")}
    return {
        **{name: yours[name] for name in ("nlg",) if name in yours},
        "action_endpoint": {"actions_module": project.actions_module},
        "tracker_store": {"type": "rasa_metadata.stores.SQLTrackerStore", **database},
        "lock_store": {"type": "rasa_metadata.stores.InProcessLockStore"},
    }


def credentials(project: Project) -> dict[str, Any]:
    """Return this package's REST channel with your settings, except for keys, and no other channel.

    Others may need accounts; guests are let in, since talks have tokens only where they say so.
    """
    yours = plain(project.credentials)
    name = PAGE if PAGE in yours else REST
    settings = dict(yours.get(name) or {})
    for key in (*TOKEN_KEYS, "guests"):
        settings.pop(key, None)
    return {name: settings}
