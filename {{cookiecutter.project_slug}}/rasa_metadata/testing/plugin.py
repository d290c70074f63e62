"""The pytest plugin of your bot's tests: talks in YAML, and a test of each metadata slot.

pyproject.toml activates it. The bot is started once, when the first test needs it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rasa_metadata.contract import ContractError
from rasa_metadata.testing.bot import BotUnderTest, NoModel, new_sender
from rasa_metadata.testing.processes import NotStarted
from rasa_metadata.testing.talks import Talk, TalkError, talks_in

# pytest_configure makes it, the first test that needs it starts it.
BOT = pytest.StashKey[BotUnderTest]()
STARTED = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--action-server", action="store_true", help="run the bot's actions on an action server"
    )


def pytest_configure(config: pytest.Config) -> None:
    try:
        config.stash[BOT] = BotUnderTest(config.rootpath, config.getoption("--action-server"))
    except (NoModel, ContractError) as error:
        raise pytest.UsageError(str(error)) from None


def pytest_unconfigure(config: pytest.Config) -> None:
    if config.stash.get(STARTED, False):
        config.stash[BOT].stop()


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> "TalksFile | None":
    if file_path.suffix in (".yml", ".yaml") and file_path.parent.name == "talks":
        return TalksFile.from_parent(parent, path=file_path)
    return None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a test that asks for a `slot` each metadata slot of the model."""
    if "slot" in metafunc.fixturenames:
        fields = metafunc.config.stash[BOT].contract.fields
        metafunc.parametrize("slot", fields, ids=[field.slot for field in fields])


@pytest.fixture
def bot(request: pytest.FixtureRequest) -> BotUnderTest:
    """The running bot: `bot.post(sender, message, metadata, claims)`, `bot.slots(sender)`."""
    return started(request.config)


@pytest.fixture
def sender() -> str:
    """The name of somebody who has never talked to the bot."""
    return new_sender()


def started(config: pytest.Config) -> BotUnderTest:
    """Return the running bot; the first call starts it."""
    bot = config.stash[BOT]
    if not config.stash.get(STARTED, False):
        config.stash[STARTED] = True
        capture: Any = config.pluginmanager.get_plugin("capturemanager")
        with capture.global_and_fixture_disabled():
            print("Starting the bot (about ten seconds) ...", flush=True)
        try:
            bot.start()
        except NotStarted as error:
            pytest.exit(str(error), returncode=1)
    return bot


class TalksFile(pytest.File):
    """A file in tests/talks/."""

    def collect(self) -> Iterator["TalkItem"]:
        for talk in talks_in(self.path.relative_to(self.config.rootpath)):
            yield TalkItem.from_parent(self, name=talk.name, talk=talk)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *_: Any) -> Any:
        if isinstance(excinfo.value, TalkError):
            return str(excinfo.value)
        return super().repr_failure(excinfo)


class TalkItem(pytest.Item):
    """One test case of such a file."""

    def __init__(self, *, talk: Talk, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.talk = talk

    def runtest(self) -> None:
        self.talk.run(started(self.config))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *_: Any) -> Any:
        if isinstance(excinfo.value, TalkError):
            return str(excinfo.value)
        return super().repr_failure(excinfo)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, self.name
