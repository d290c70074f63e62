"""What all of these tests share: a sender, a trained model, the table of faults, and how many
inputs are tried."""

import os
import uuid

import pytest
from hypothesis import HealthCheck, Phase, settings

from in_a_bot.cases import PROJECT
from in_a_bot.hostile.talk import TABLE, table
from in_a_bot.live.servers import Training, lay_out
from in_a_bot.talks import Report

if not (PROJECT / "rasa_metadata" / "channels" / "chat_page.py").exists():
    collect_ignore = ["fast/test_chat_page.py"]

os.environ.setdefault("SQLALCHEMY_SILENCE_UBER_WARNING", "1")  # it is about Rasa's code


@pytest.fixture
def sender():
    """Return the name of a user who has never talked to the bot."""
    return f"sender-{uuid.uuid4().hex}"


@pytest.fixture(scope="session")
def training(tmp_path_factory):
    """Return the training of the bot with the probes; it runs while servers start."""
    training = Training(lay_out(tmp_path_factory.mktemp("training") / "project"))
    yield training
    training.stop()


REPORTS: list[Report] = []


@pytest.fixture(scope="session")
def report():
    """Return a function that adds a row to the table that is printed at the end."""
    return REPORTS.append


def pytest_terminal_summary(terminalreporter):
    faults = [Report.HEADER, *map(str, REPORTS)] if REPORTS else []
    for title, lines in (("faults", faults), ("hostile inputs", table() if TABLE else [])):
        if lines:
            terminalreporter.section(title)
        for line in lines:
            terminalreporter.line(line)


# Some examples by default, many for `make fuzz`.
EVERY = {
    "deadline": 1000,  # ms, for each input; many take none of it
    "suppress_health_check": [
        HealthCheck.too_slow,
        HealthCheck.filter_too_much,
        HealthCheck.data_too_large,
    ],
}
# Shrinking a failure takes minutes: `make fuzz` does it, and starts with what failed here.
QUICK = {**EVERY, "phases": [Phase.explicit, Phase.reuse, Phase.generate]}
settings.register_profile("quick", max_examples=25, stateful_step_count=20, **QUICK)
settings.register_profile("thorough", max_examples=34_000, **EVERY)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))
