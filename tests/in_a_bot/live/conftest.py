"""One trained model, one bot with its actions in process, one with an action server."""

import json
import tarfile
from contextlib import ExitStack

import pytest

from in_a_bot.live.servers import RASA, Bot, Process, free_port, lay_out
from in_a_bot.tokens import KEY


@pytest.fixture(scope="session")
def bots(tmp_path_factory):
    """Return both bots, ready, by the way they run their actions."""
    alone = lay_out(tmp_path_factory.mktemp("alone") / "project")
    apart = lay_out(tmp_path_factory.mktemp("apart") / "project")
    actions_url = f"http://127.0.0.1:{free_port()}"
    callback_url = f"http://127.0.0.1:{free_port()}/"
    shared = {
        "METADATA_JWT_KEY": KEY,
        "METADATA_SIGNATURE_KEY": "both servers hold this one",
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
        for process in (actions, *(bot.server for bot in bots.values())):
            process.process.terminate()  # all at once, and then wait for each


@pytest.fixture(scope="session", params=["in process", "action server"])
def bot(request, bots):
    return bots[request.param]


@pytest.fixture(scope="session")
def with_domain(bots, tmp_path_factory):
    """Return a function that makes the model anew with another domain.

    What was trained stays as it is: the domain stands in the model's metadata, from
    which Rasa reads it. The function takes what changes the domain (a dict, in place).
    """

    def changed(change):
        folder = tmp_path_factory.mktemp("model")
        with tarfile.open(bots["in process"].model) as model:
            model.extractall(folder / "model")
        metadata = folder / "model" / "metadata.json"
        content = json.loads(metadata.read_text())
        change(content["domain"])
        metadata.write_text(json.dumps(content))
        with tarfile.open(folder / "changed.tar.gz", "w:gz") as model:
            model.add(folder / "model", arcname="")
        return folder / "changed.tar.gz"

    return changed
