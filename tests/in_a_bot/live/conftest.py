"""One trained model, one bot with its actions in process, one with an action server."""

import json
import tarfile
from contextlib import ExitStack

import pytest

from in_a_bot.live.servers import RASA, Bot, Process, free_port, lay_out
from in_a_bot.provider import AUDIENCE, IdentityProvider
from in_a_bot.tokens import KEY


@pytest.fixture(scope="session")
def provider():
    """Return the identity provider of both bots' channel `openid`."""
    with IdentityProvider() as provider:
        yield provider


@pytest.fixture(scope="session")
def bots(training, tmp_path_factory, provider):
    """Return both bots, ready, by the way they run their actions."""
    alone = lay_out(tmp_path_factory.mktemp("alone") / "project")
    apart = lay_out(tmp_path_factory.mktemp("apart") / "project")
    for project in (alone, apart):
        with (project / "credentials.yml").open("a") as credentials:
            settings = {"jwt_issuer": provider.issuer, "jwt_audience": AUDIENCE}
            credentials.write(f"others.OpenIdInput: {json.dumps(settings)}\n")
    endpoints = (apart / "endpoints.yml").read_text()
    forwarding = "actions_module: actions\n  forward_token: true"
    (apart / "endpoints.yml").write_text(endpoints.replace("actions_module: actions", forwarding))
    actions_url = f"http://127.0.0.1:{free_port()}"
    callback_url = f"http://127.0.0.1:{free_port()}/"
    shared = {
        "METADATA_JWT_KEY": KEY,
        "METADATA_SIGNATURE_KEY": "both servers have this one",
        "CALLBACK_URL": callback_url,
    }
    with ExitStack() as stack:
        serve = ["-m", "rasa_sdk", "--actions", "actions", "--port", actions_url.split(":")[-1]]
        actions = Process(apart, "actions", [RASA[0], *serve], SANIC_HOST="127.0.0.1", **shared)
        stack.callback(actions.stop)

        bots = {
            "in process": Bot(alone, "rasa", ACTION_SERVER_URL="", **shared),
            "action server": Bot(
                apart, "rasa", "--debug", ACTION_SERVER_URL=f"{actions_url}/webhook", **shared
            ),
        }
        for bot in bots.values():
            stack.callback(bot.server.stop)

        actions.wait_until_it_answers(f"{actions_url}/health")
        for bot in bots.values():
            bot.wait()
            bot.model = training.model()
            bot.load(bot.model)
            bot.callback_url = callback_url
        bots["action server"].actions = actions
        bots["action server"].actions_url = actions_url
        yield bots
        for process in (actions, *(bot.server for bot in bots.values())):
            process.process.terminate()  # all at once; the stack waits for each


@pytest.fixture(scope="session", params=["in process", "action server"])
def bot(request, bots):
    return bots[request.param]


@pytest.fixture(scope="session")
def with_domain(training, tmp_path_factory):
    """Return a function that returns the model with another domain.

    The function's argument changes the domain (a dict) in place. Nothing is trained: Rasa
    reads the domain from the model's metadata.
    """

    def changed(change):
        folder = tmp_path_factory.mktemp("model")
        with tarfile.open(training.model()) as model:
            model.extractall(folder / "model")
        metadata = folder / "model" / "metadata.json"
        content = json.loads(metadata.read_text())
        change(content["domain"])
        metadata.write_text(json.dumps(content))
        with tarfile.open(folder / "changed.tar.gz", "w:gz") as model:
            model.add(folder / "model", arcname="")
        return folder / "changed.tar.gz"

    return changed
