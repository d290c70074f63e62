"""One trained model, one bot with its actions in process, one with an action server."""

import json
import tarfile
import uuid
from contextlib import ExitStack

import pytest

from tests.live.servers import RASA, Bot, Process, free_port, lay_out
from tests.tokens import KEY


@pytest.fixture(scope="session")
def bots(tmp_path_factory):
    """Return both bots, ready, by the way they run their actions."""
    alone = lay_out(tmp_path_factory.mktemp("alone") / "project")
    apart = lay_out(tmp_path_factory.mktemp("apart") / "project")
    actions_url = f"http://127.0.0.1:{free_port()}"
    callback_url = f"http://127.0.0.1:{free_port()}/"
    shared = {
        "METADATA_JWT_KEY": KEY,
        "METADATA_SEAL_KEY": "both servers hold this one",
        "CALLBACK_URL": callback_url,
    }
    with ExitStack() as stack:
        train = [*RASA, "train", "--quiet", "--domain", "domain", "--fixed-model-name", "live"]
        training = Process(alone, "train", train)
        stack.callback(training.stop)

        serve = ["-m", "rasa_sdk", "--actions", "actions", "--port", actions_url.split(":")[-1]]
        actions = Process(apart, "actions", [RASA[0], *serve], SANIC_HOST="127.0.0.1", **shared)
        stack.callback(actions.stop)

        bots = {
            "in process": Bot(alone, "rasa", ACTION_SERVER_URL="", **shared),
            "action server": Bot(
                apart, "rasa", ACTION_SERVER_URL=f"{actions_url}/webhook", **shared
            ),
        }
        for bot in bots.values():
            stack.callback(bot.server.stop)

        training.wait_until_it_ends()
        actions.wait_until_it_answers(f"{actions_url}/health")
        for bot in bots.values():
            bot.wait()
            bot.model = alone / "models" / "live.tar.gz"
            bot.load(bot.model)
            bot.callback_url = callback_url
        bots["action server"].actions = actions
        bots["action server"].actions_url = actions_url
        yield bots


@pytest.fixture(params=["in process", "action server"])
def bot(request, bots):
    return bots[request.param]


@pytest.fixture
def sender():
    """Return the name of somebody who has never talked to the bot."""
    return f"sender-{uuid.uuid4().hex}"


@pytest.fixture
def with_session_config(bot, tmp_path):
    """Return a function that gives the running bot another `session_config`.

    The model stays as it was trained; what it says of sessions is a setting in its
    metadata, from which Rasa reads the domain.
    """

    def load(**session_config):
        unpacked, changed = tmp_path / "model", tmp_path / "changed.tar.gz"
        with tarfile.open(bot.model) as model:
            model.extractall(unpacked)
        metadata = unpacked / "metadata.json"
        content = json.loads(metadata.read_text())
        content["domain"]["session_config"].update(session_config)
        metadata.write_text(json.dumps(content))
        with tarfile.open(changed, "w:gz") as model:
            model.add(unpacked, arcname="")
        bot.load(changed)

    yield load
    bot.load(bot.model)
