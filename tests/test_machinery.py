"""The tests of rasa_metadata/ pass in baked bots. They are in tests/in_a_bot."""

import re
import shutil

import pytest

from slot_line import CHANNELS
from tests.conftest import bake_bot, installed, spread
from tests.in_a_bot.programs import missing
from tools.in_a_bot import TESTS, pytest_in

pytestmark = pytest.mark.rasa

LIVE, CLUSTER = TESTS / "live", TESTS / "cluster"
# Which tests run in which bot. What depends on the slots runs in two bots, all else in one.
RUNS = {
    "cluster": ("other_bot", ["cluster", f"--ignore={CLUSTER / 'test_manifests.py'}"]),
    "stores": ("other_bot", ["stores"]),
    "live": (
        "default_bot",
        ["live", *(f"--ignore={LIVE / part}" for part in ("chat_page", "platforms"))],
    ),
    "platforms": ("platform_bot", ["live/platforms"]),
    "chat page": ("default_bot", ["live/chat_page"]),
    "rasa code": ("default_bot", ["rasa_code"]),
    "fast": ("default_bot", ["fast"]),
    "fast, other slots": ("other_bot", ["fast"]),
    "manifests": ("kubernetes_bot", ["cluster/test_files.py", "cluster/test_manifests.py"]),
}
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# Whether the programs are there that `make` does not install. Without them, tests are skipped.
PROGRAMS = {
    "cluster": not missing(),
    "chat page": any(map(shutil.which, BROWSERS)),
    "stores": False,  # the small disk of a test has to be mounted
}


@pytest.fixture
def platform_bot(tmp_path, installed_bot):
    return installed(bake_bot(tmp_path, channels=", ".join(CHANNELS)), installed_bot)


@pytest.fixture
def kubernetes_bot(tmp_path, installed_bot):
    bot = bake_bot(tmp_path, deployment="kubernetes", ci="none", license="none")
    return installed(bot, installed_bot)


@pytest.mark.parametrize("name", spread(RUNS))
def test_the_machinerys_tests_pass(request, name, record_property):
    bot, tests = RUNS[name]
    run = pytest_in(request.getfixturevalue(bot), *tests, capture_output=True, text=True)
    print(run.stdout, run.stderr)
    assert run.returncode == 0
    summary = run.stdout.strip().splitlines()[-1]
    record_property("summary", summary)
    assert re.match(r"[1-9]\d* passed", summary)
    assert "skipped" not in summary or not PROGRAMS.get(name, True)
