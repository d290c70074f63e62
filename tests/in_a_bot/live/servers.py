"""Starts servers on loopback for the live tests, and talks to them over HTTP."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from in_a_bot.cases import DOMAIN_PATH, PROJECT
from in_a_bot.tokens import KEY
from rasa_metadata.testing.processes import RASA, READY_SECONDS, Process, free_port


def lay_out(folder: Path) -> Path:
    """Copy the bot to a folder, with the probes of these tests over it."""
    ignored = shutil.ignore_patterns("node_modules", "__pycache__")
    for name in ("actions", "chat", "data", "deploy", "rasa_metadata"):
        if (PROJECT / name).exists():
            shutil.copytree(PROJECT / name, folder / name, ignore=ignored)
    for name in ("config.yml", "credentials.yml", "endpoints.yml"):
        shutil.copy(PROJECT / name, folder)
    (folder / "domain").mkdir()
    for path in [DOMAIN_PATH] if DOMAIN_PATH.is_file() else DOMAIN_PATH.iterdir():
        shutil.copy(path, folder / "domain")
    live = Path(__file__).parent
    for probe in (live / "probe", *live.glob("*/probe")):
        shutil.copytree(probe, folder, dirs_exist_ok=True)
    endpoints = (folder / "endpoints.yml").read_text()
    store = endpoints.replace("rasa_metadata.stores.SQL", "compared.Compared")
    (folder / "endpoints.yml").write_text(store)
    return folder


class Training(Process):
    """`rasa train` in a folder that `lay_out` returned."""

    def __init__(self, project: Path) -> None:
        command = [*RASA, "train", "--quiet", "--domain", "domain", "--fixed-model-name", "bot"]
        super().__init__(project, "train", command, CALLBACK_URL="")

    def model(self) -> Path:
        """Wait until the training ends; return the model."""
        assert self.process.wait(READY_SECONDS) == 0, self.printed()
        return self.project / "models" / "bot.tar.gz"


class Served:
    """A Rasa server with the metadata channels, as its clients see it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.session = requests.Session()

    def load(self, model: Path) -> None:
        """Make the running server use a model."""
        response = self.session.put(f"{self.url}/model", json={"model_file": str(model)})
        assert response.status_code == 204, response.text

    def post(
        self,
        sender: str,
        message: str,
        metadata: Any = None,
        channel: str = "rest",
        **kwargs: Any,
    ) -> requests.Response:
        body: dict[str, Any] = {"sender": sender, "message": message}
        if metadata is not None:
            body["metadata"] = metadata
        url = f"{self.url}/webhooks/{channel}/webhook"
        return self.session.post(url, json=body, timeout=30, **kwargs)

    def say(self, sender: str, message: str, metadata: Any = None, **kwargs: Any) -> list[str]:
        """Send a message and return the texts of the reply."""
        response = self.post(sender, message, metadata, **kwargs)
        assert response.status_code == 200, response.text
        return [answer["text"] for answer in response.json()]

    def slots(self, sender: str) -> dict[str, Any]:
        return self._tracker(sender)["slots"]

    def events(self, sender: str) -> list[dict[str, Any]]:
        return self._tracker(sender)["events"]

    def put_events(self, sender: str, events: list[dict[str, Any]]) -> None:
        """Start a conversation with events that happened before."""
        self._api("PUT", f"{sender}/tracker/events", events)

    def add_events(self, sender: str, *events: dict[str, Any]) -> None:
        """Add events to a conversation without a message."""
        self._api("POST", f"{sender}/tracker/events?execute_side_effects=true", events)

    def trigger(self, sender: str, intent: str) -> list[str]:
        """Let Rasa act as if the user had this intent; return the texts of the reply."""
        state = self._api("POST", f"{sender}/trigger_intent", {"name": intent})
        return [answer["text"] for answer in state["messages"]]

    def schema(self) -> dict[str, Any] | None:
        return self.session.get(f"{self.url}/webhooks/rest/schema").json()

    def _tracker(self, sender: str) -> dict[str, Any]:
        return self._api("GET", f"{sender}/tracker?include_events=ALL")

    def _api(self, method: str, path: str, content: Any = None) -> dict[str, Any]:
        url = f"{self.url}/conversations/{path}"
        response = self.session.request(method, url, json=content, timeout=30)
        assert response.status_code == 200, response.text
        return response.json()


class Bot(Served):
    """A Rasa server that this process starts."""

    def __init__(self, project: Path, name: str, *options: str, **env: str) -> None:
        port = free_port()
        super().__init__(f"http://127.0.0.1:{port}")
        command = [*RASA, "run", "--enable-api", "--interface", "127.0.0.1", "--port", str(port)]
        command += options
        self.server = Process(project, name, command, **env)

    def wait(self) -> None:
        self.server.wait_until_it_answers(f"{self.url}/webhooks/rest/")


@contextmanager
def running(project: Path, training: Training, **env: str) -> Iterator[Bot]:
    """Start a bot with its actions in process, with the model that the other tests trained."""
    bot = Bot(project, "rasa", ACTION_SERVER_URL="", METADATA_JWT_KEY=KEY, **env)
    try:
        bot.wait()
        bot.load(training.model())
        yield bot
    finally:
        bot.server.stop()
