"""Bakes bots from the template in this repository.

The tests run in several processes (pytest-xdist), which share what takes long to make: an
installed environment, and bots that are trained.
"""

import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from itertools import chain
from pathlib import Path

import pytest
import requests
from cookiecutter.main import cookiecutter

from tools import in_a_bot
from tools.choices import covering
from tools.demo import READY_SECONDS, free_port

TEMPLATE = Path(__file__).parent.parent
BOT = TEMPLATE / "{{cookiecutter.project_slug}}"
BIN = Path(sys.executable).parent
ENVIRONMENTS = (".uv", ".venv", ".tools")

collect_ignore = ["in_a_bot"]  # runs with a bot's Python: tests/test_machinery.py

# Bots as unlike as people make them: the name of each, and the answers it is baked with.
ODD_WORDS = {
    "quotes and braces": 'O\'Hara "Öl" & {Söhne} <b> 100% # $HOME `x`',
    "backslashes": "C:\\new\\table \\u0041 \\",
    "emoji and right-to-left": "你好 🤖 שלום",
    "lines": "two\nlines\n- and: a third\u2028",
}
BAKES = {
    "the default": {},
    "no slots": {"metadata_slots": ""},
    "every type": {
        "metadata_slots": (
            "turn page: text from page.url; signed roles: list from auth.roles;"
            " level: categorical(1|2|on) ; score: float(-2.5..); vip: bool; extra: any;"
        )
    },
    "one flag": {"metadata_slots": "vip: bool"},
    "only signed": {"metadata_slots": "signed user_id: text from user.id; signed admin: bool"},
    "only for a turn": {"metadata_slots": "turn page: text; turn cart: list from shop.cart"},
    "bounds": {"metadata_slots": "a: float(0..130); b: float(..-1); c: float(0.5..); d: float"},
    "odd values": {"metadata_slots": 'x: categorical(größer|O\'Hara|"two words"|null|#|a: b|🤖)'},
    "deep paths": {"metadata_slots": "a_name: text from x.y.z.name; b: any from x.y.b; c: any"},
    "words of rasa": {
        "metadata_slots": "greet: text; default: bool; metadata: any; intent: text; name: text"
    },
    "a hundred slots": {"metadata_slots": ";".join(f"s{n}: text from p{n}.v" for n in range(100))},
    "apache": {"license": "Apache-2.0", "project_name": "Help Desk"},
    "no chat page": {"web_chat": "no", "metadata_slots": "plan: categorical(free|pro)"},
    "in containers": {"deployment": "compose", "web_chat": "False"},
    "on kubernetes": {"deployment": "kubernetes"},
    "no licence": {"license": "none", "project_slug": "A-b_3"},
    **{
        name: {"project_name": text, "project_slug": "bot", "description": text, "author": text}
        for name, text in ODD_WORDS.items()
    },
}
# A bot that shares no answer with the default one.
OTHER_SLOTS = (
    "city: text from geo.city; age: float(0..130); vip: bool; signed tier: text; turn page: text;"
    "visits: integer(0..9); birthday: date; turn seen: datetime; mail: email; signed site: url"
)
OTHER = {
    "project_name": "Other Bot",
    "metadata_slots": OTHER_SLOTS,
    "web_chat": "no",
    "deployment": "compose",
    "ci": "gitlab",
    "license": "Apache-2.0",
}
# Bots in which each two choices meet.
PAIRS = {", ".join(answers.values()): answers for answers in covering()}


def pytest_collection_modifyitems(items):
    """Keep the tests of a file in one process, but for those that say otherwise."""
    for item in items:
        if not item.get_closest_marker("xdist_group"):
            group = item.nodeid if item.get_closest_marker("spread") else item.path.name
            item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(scope="session", autouse=True)
def own_cookiecutter_home(tmp_path_factory):
    """Keep the tests out of the user's ~/.cookiecutters and replay folder."""
    home = tmp_path_factory.mktemp("cookiecutter")
    config = home / "config.yml"
    config.write_text(f"cookiecutters_dir: {home / 'templates'}\nreplay_dir: {home / 'replay'}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COOKIECUTTER_CONFIG", str(config))
        yield


@pytest.fixture(scope="session")
def once(tmp_path_factory):
    """Return a function that makes a folder's content once for all processes of this run."""
    folder = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        folder = folder.parent

    def made_once(name: str, make: Callable[[Path], None]) -> Path:
        with (folder / f"{name}.lock").open("a+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (folder / f"{name}.made").exists():
                shutil.rmtree(folder / name, ignore_errors=True)
                (folder / name).mkdir()
                make(folder / name)
                (folder / f"{name}.made").touch()
        return folder / name

    return made_once


@pytest.fixture(scope="session")
def bake(once):
    """Return a function that bakes a bot, once for the same answers, and returns its folder.

    No test may change it.
    """

    def bake_once(template: Path = TEMPLATE, **answers: str) -> Path:
        asked = repr((str(template), sorted(answers.items())))
        name = hashlib.sha256(asked.encode()).hexdigest()
        (bot,) = once(name, lambda folder: bake_bot(folder, template, **answers)).iterdir()
        return bot

    return bake_once


@pytest.fixture(scope="session")
def installed_bot(once):
    """Return the default bot, installed and trained; no test may change it."""

    def make(folder):
        bot = bake_bot(folder)
        code, output = made(bot, "train", "chat", "check-types")  # mypy has a cache then
        assert code == 0, output
        in_a_bot.install(bot)

    return once("default", make) / "metadata-bot"


@pytest.fixture(scope="session")
def default_bot(installed_bot, tmp_path_factory):
    """Return a copy of the default bot, trained, for the tests of this process."""
    return copied(installed_bot, tmp_path_factory.mktemp("default"))


@pytest.fixture
def my_bot(installed_bot, tmp_path):
    """Return a copy of the default bot that a test may change."""
    return copied(installed_bot, tmp_path)


@pytest.fixture(scope="session")
def other_bot(installed_bot, once, tmp_path_factory):
    """Return a copy of a trained bot that has no answer in common with the default one."""

    def make(folder):
        code, output = made(installed(bake_bot(folder, **OTHER), installed_bot), "train")
        assert code == 0, output

    return copied(once("other", make) / "other-bot", tmp_path_factory.mktemp("other"))


@pytest.fixture(scope="session")
def linters(tmp_path_factory):
    """Return tools/linters, installed in another folder."""
    return npm_installed("linters", tmp_path_factory.mktemp("npm"))


@pytest.fixture(scope="session")
def generators(tmp_path_factory):
    """Return tools/generators, installed in another folder: they conflict with Rasa."""
    folder = npm_installed("generators", tmp_path_factory.mktemp("npm"))
    uv = TEMPLATE / ".uv" / "bin" / "uv"
    for command in (
        ["venv", "--python", sys.executable, ".venv"],
        ["pip", "sync", "--require-hashes", "--python", ".venv", "requirements.txt"],
    ):
        subprocess.run([uv, *command, "--quiet"], cwd=folder, check=True)
    return folder


def npm_installed(name, folder):
    """Return a folder of tools/, copied into another one and installed."""
    if not shutil.which("npm"):
        pytest.skip(f"no npm, through which these {name} come")
    shutil.copytree(TEMPLATE / "tools" / name, folder / name)
    command = ["npm", "ci", "--silent", "--ignore-scripts", "--no-audit", "--prefer-offline"]
    subprocess.run(command, cwd=folder / name, check=True)
    return folder / name


def spread(names):
    """Return parameters whose tests may run in different processes."""
    return [pytest.param(name, marks=pytest.mark.xdist_group(str(name))) for name in names]


def bake_bot(folder: Path, template: Path = TEMPLATE, **answers: str) -> Path:
    baked = cookiecutter(
        str(template), no_input=True, extra_context=answers, output_dir=str(folder)
    )
    return Path(baked)


def copied(bot, folder):
    """Copy a bot into a folder; the copy has the same environments."""
    copy = folder / bot.name
    shutil.copytree(bot, copy, ignore=shutil.ignore_patterns(*ENVIRONMENTS))
    return installed(copy, bot)


def installed(bot, other):
    """Let a bot use the environments of another one with the same locks; return the bot."""
    for name in ENVIRONMENTS:
        (bot / name).symlink_to((other / name).resolve())
    for lock in bot.rglob("requirements*.txt"):
        os.utime(lock, (0, 0))  # `make` would install what is newer than the environment
    return bot


def files(folder):
    """Return {name: bytes} of the files in a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def scratch_template(folder):
    """Copy what git knows of this template, and what it would add, to a folder."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=TEMPLATE,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\0")
    for name in filter(None, listed):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(TEMPLATE / name, folder / name)
    return folder


def change(bot, name, old, new):
    """Replace a text in one of the bot's files, which must be there."""
    path = bot / name
    text = path.read_text()
    assert old in text, f"{name} has no {old!r}"
    path.write_text(text.replace(old, new))


def check_schema(name, *paths):
    """Assert that files keep to a schema that check-jsonschema comes with."""
    command = [BIN / "check-jsonschema", "--builtin-schema", f"vendor.{name}", *paths]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout


def make(folder, *arguments, **kwargs):
    """Start `make` in a folder, as from a shell; its output is the process's stdout."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    return subprocess.Popen(
        ["make", "--no-print-directory", *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **kwargs,
    )


def made(folder, *arguments):
    """Run `make` to its end and return (exit code, output)."""
    process = make(folder, *arguments)
    output, _ = process.communicate()
    return process.returncode, output


class Running:
    """`make run`, until it prints the curl that one can paste."""

    def __init__(self, bot):
        self.port = free_port()
        arguments = ["run", f"PORT={self.port}", "ARGS=--enable-api"]
        self.process = make(bot, *arguments, start_new_session=True)
        self.printed = ""
        self.curl = ""
        deadline = time.monotonic() + READY_SECONDS
        for line in self.process.stdout:
            self.printed += line
            if line.strip().startswith("curl "):
                self.curl = line.strip()
                break
            assert time.monotonic() < deadline, self.printed
        assert self.curl, self.printed
        self.url = f"http://localhost:{self.port}"

    def say(self, text, **metadata):
        body = {"sender": "12321133", "message": text, "metadata": metadata}
        answer = requests.post(f"{self.url}/webhooks/rest/webhook", json=body, timeout=30)
        return [each["text"] for each in answer.json()]

    def stop(self):
        """Press Ctrl-C."""
        os.killpg(self.process.pid, signal.SIGINT)
        self.process.wait(timeout=30)
        # Not communicate(timeout=...), which passes over what was read ahead of the curl.
        self.printed += self.process.stdout.read()


def pytest_terminal_summary(terminalreporter):
    """Print how long each file and edit took and, of tests that ran others, what those found."""
    seconds, found, edits = Counter(), {}, []
    for report in chain(*terminalreporter.stats.values()):
        if isinstance(report, pytest.TestReport):
            summary = dict(report.user_properties).get("summary")
            part = report.nodeid.split("@")[0] if summary else report.location[0]
            seconds[part] += report.duration
            if summary:
                found[part] = summary
            if report.when == "call":
                edits += [text for name, text in report.user_properties if name == "edit"]
    slow = [part for part, took in seconds.most_common() if took > 1]
    if slow:
        terminalreporter.section("seconds")
    for part in slow:
        terminalreporter.line(f"{seconds[part]:7.1f}  {part}  {found.get(part, '')}".rstrip())
    if edits:
        terminalreporter.section("ordinary edits")
    for text in edits:
        terminalreporter.line(text)
