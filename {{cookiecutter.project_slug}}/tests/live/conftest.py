"""One trained model, one bot with its actions in process, one with an action server."""

import json
import tarfile
import uuid
from contextlib import ExitStack

import pytest

from tests.live.servers import RASA, Bot, Process, free_port, lay_out


@pytest.fixture(scope="session")
def bots(tmp_path_factory):
    """Return both bots, ready, by the way they run their actions."""
    alone = lay_out(tmp_path_factory.mktemp("alone") / "project")
    apart = lay_out(tmp_path_factory.mktemp("apart") / "project")
    with ExitStack() as stack:
        command = [*RASA, "train", "--quiet", "--domain", "domain", "--fixed-model-name", "live"]
        training = Process(alone, "train", command)
        stack.callback(training.stop)

        port = free_port()
        command = ["-m", "rasa_sdk", "--actions", "actions", "--port", str(port)]
        actions = Process(apart, "actions", [RASA[0], *command], SANIC_HOST="127.0.0.1")
        stack.callback(actions.stop)

        bots = {
            "in process": Bot(alone, "rasa", ACTION_SERVER_URL=""),
            "action server": Bot(
                apart, "rasa", ACTION_SERVER_URL=f"http://127.0.0.1:{port}/webhook"
            ),
        }
        for bot in bots.values():
            stack.callback(bot.server.stop)

        training.wait_until_it_ends()
        actions.wait_until_it_answers(f"http://127.0.0.1:{port}/health")
        for bot in bots.values():
            bot.wait()
            bot.model = alone / "models" / "live.tar.gz"
            bot.load(bot.model)
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
