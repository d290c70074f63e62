"""The pytest plugin of your bot's tests: talks in YAML, and a test of each metadata slot.

tests/conftest.py names it. The bot is started once, when the first test needs it.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rasa_metadata.contract import ContractError
from rasa_metadata.contract.examples import wrong_values
from rasa_metadata.testing.bot import BotUnderTest, new_sender
from rasa_metadata.testing.processes import NotStarted
from rasa_metadata.testing.slots import RESERVED_CLAIMS
from rasa_metadata.testing.talks import Conversation, Talk, TalkError, read_talks

MODEL, RUNNING = pytest.StashKey[BotUnderTest](), pytest.StashKey[BotUnderTest]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--action-server", action="store_true", help="run the bot's actions on an action server"
    )


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> "TalksFile | None":
    if file_path.suffix in (".yml", ".yaml") and file_path.parent.name == "talks":
        return TalksFile.from_parent(parent, path=file_path)
    return None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give tests the model's metadata slots: all, the signed ones, or those that reject values."""
    for name in {"slot", "signed_slot", "strict_slot"}.intersection(metafunc.fixturenames):
        fields = model_of(metafunc.config).contract.fields
        if name == "signed_slot":
            fields = tuple(field for field in fields if field.signed)
        else:
            fields = tuple(field for field in fields if field.claim not in RESERVED_CLAIMS)
        if name == "strict_slot":
            fields = tuple(field for field in fields if wrong_values(field))
        metafunc.parametrize(name, fields, ids=[field.slot for field in fields])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out the tests of slots where there is no such slot; pytest would skip them."""
    items[:] = [item for item in items if not item.name.endswith("[NOTSET]")]


def pytest_unconfigure(config: pytest.Config) -> None:
    if RUNNING in config.stash:
        config.stash[RUNNING].stop()


@pytest.fixture
def bot(request: pytest.FixtureRequest) -> BotUnderTest:
    """The running bot: `bot.send(sender, message, metadata, claims)`, `bot.tracker(sender)`."""
    return running(request.config)


@pytest.fixture
def sender() -> str:
    """A sender that has never talked to the bot."""
    return new_sender()


def model_of(config: pytest.Config) -> BotUnderTest:
    """Return the bot, which need not run; the first call reads its model.

    Raises:
        CollectError: if there is no model, or its slots are not a contract.
    """
    if MODEL not in config.stash:
        try:
            config.stash[MODEL] = BotUnderTest(config.rootpath, config.getoption("--action-server"))
        except (NotStarted, ContractError) as error:
            raise pytest.Collector.CollectError(str(error)) from None
    return config.stash[MODEL]


def running(config: pytest.Config) -> BotUnderTest:
    """Return the bot; the first call starts it."""
    if RUNNING not in config.stash:
        try:
            config.stash[RUNNING] = model_of(config)
            _announce(config, config.stash[RUNNING])
            config.stash[RUNNING].start()
        except (pytest.Collector.CollectError, NotStarted) as error:
            pytest.exit(str(error), returncode=pytest.ExitCode.TESTS_FAILED)
    return config.stash[RUNNING]


def _announce(config: pytest.Config, bot: BotUnderTest) -> None:
    how = "with an action server" if bot.action_server else "with its actions in process"
    capture: Any = config.pluginmanager.get_plugin("capturemanager")
    with capture.global_and_fixture_disabled():
        print(f"Starting the bot {how} (about ten seconds) ...", flush=True)


class TalksFile(pytest.File):
    """A file in tests/talks/."""

    def collect(self) -> Iterator["TalkItem"]:
        slots = model_of(self.config).domain.get("slots") or {}
        for talk in read_talks(self.path, slots):
            yield TalkItem.from_parent(self, name=talk.name, talk=talk)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *_: Any) -> Any:
        return in_words(self, excinfo) or super().repr_failure(excinfo)


class TalkItem(pytest.Item):
    """One test case of such a file."""

    def __init__(self, *, talk: Talk, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.talk = talk

    def runtest(self) -> None:
        Conversation(self.talk, running(self.config)).play()

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *_: Any) -> Any:
        return in_words(self, excinfo) or super().repr_failure(excinfo)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, self.talk.line - 1, self.name


def in_words(node: pytest.Collector | pytest.Item, failed: pytest.ExceptionInfo[Any]) -> str | None:
    """Return what went wrong without Python's traceback, None if it is a fault in Python."""
    if isinstance(failed.value, TalkError):
        return f"{os.path.relpath(node.path, node.config.invocation_params.dir)}:{failed.value}"
    return str(failed.value) if isinstance(failed.value, NotStarted) else None
