"""Runs the tests of rasa_metadata/ in a baked bot: tests/in_a_bot, with the bot's Python.

    python -m tools.in_a_bot build/demo/metadata-bot fast/test_sync.py -k restart

A path is one below tests/in_a_bot; other arguments are pytest's. The bot has to be installed;
what these tests need beside its own packages is added to its environment.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tools.demo import TEMPLATE

TESTS = TEMPLATE / "tests" / "in_a_bot"


def install(bot: Path) -> None:
    """Add what these tests need to the environment of an installed bot."""
    command = [".uv/bin/uv", "pip", "install", "--quiet", "--require-hashes", "--python", ".venv"]
    subprocess.run([*command, "--requirement", TESTS / "requirements.txt"], cwd=bot, check=True)


def pytest_in(
    bot: Path, *arguments: str | Path, tests: Path = TESTS, **options: Any
) -> subprocess.CompletedProcess[Any]:
    """Run pytest in a bot's folder; `tests` is this folder, or a copy of it.

    Other options are those of `subprocess.run`.
    """
    python = str(bot.absolute() / ".venv" / "bin" / "python")
    here = [f"--rootdir={tests}", f"--confcutdir={tests}", "-c", str(tests / "pytest.ini")]
    paths = [str(tests / word) if _is_a_path(word, tests) else str(word) for word in arguments]
    env = {**os.environ, "PYTHONPATH": str(tests.parent)}
    return subprocess.run([python, "-m", "pytest", *here, *paths], cwd=bot, env=env, **options)


def _is_a_path(word: str | Path, tests: Path) -> bool:
    return (tests / str(word).split("::")[0]).exists()


if __name__ == "__main__":
    bot, *arguments = sys.argv[1:]
    install(Path(bot))
    sys.exit(pytest_in(Path(bot), *arguments).returncode)
