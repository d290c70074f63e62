"""Says at once what is wrong with the slots, and keeps the count of tests honest."""

import importlib
import os
import uuid

import pytest
from hypothesis import HealthCheck, Phase, settings

from rasa_metadata.contract import ContractError

os.environ.setdefault("SQLALCHEMY_SILENCE_UBER_WARNING", "1")  # it is about Rasa's code


def pytest_configure():
    try:
        importlib.import_module("in_a_bot.cases")
    except ContractError as error:
        raise pytest.UsageError(f"The metadata slots cannot be read yet:\n{error}") from None


def pytest_collection_modifyitems(items):
    items[:] = [item for item in items if "[NOTSET" not in item.name and "-NOTSET" not in item.name]


@pytest.fixture
def sender():
    """Return the name of somebody who has never talked to the bot."""
    return f"sender-{uuid.uuid4().hex}"


# Some examples by default, many for `make fuzz`.
EVERY = {
    "deadline": None,
    "suppress_health_check": [
        HealthCheck.too_slow,
        HealthCheck.filter_too_much,
        HealthCheck.data_too_large,
    ],
}
# Shrinking a failure takes minutes: that is for `make fuzz`, which begins with what failed.
QUICK = {**EVERY, "phases": [Phase.explicit, Phase.reuse, Phase.generate]}
settings.register_profile("quick", max_examples=25, stateful_step_count=20, **QUICK)
settings.register_profile("thorough", max_examples=34_000, **EVERY)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))
