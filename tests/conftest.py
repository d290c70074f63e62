"""Bakes bots from the template in this repository."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests
from cookiecutter.main import cookiecutter

from tools.choices import covering
from tools.demo import READY_SECONDS, free_port

TEMPLATE = Path(__file__).parent.parent
BIN = Path(sys.executable).parent

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
# Bots in which each two choices meet.
PAIRS = {", ".join(answers.values()): answers for answers in covering()}


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
def bake(tmp_path_factory):
    """Return a function that bakes a bot with some answers and returns its folder."""

    def bake_into_new_folder(template: Path = TEMPLATE, **answers: str) -> Path:
        folder = tmp_path_factory.mktemp("bake")
        return Path(
            cookiecutter(
                str(template), no_input=True, extra_context=answers, output_dir=str(folder)
            )
        )

    return bake_into_new_folder


@pytest.fixture(scope="session")
def default_bot(bake):
    """Return the default bot, installed and trained."""
    bot = bake()
    code, output = made(bot, "train", "check")
    assert code == 0, output
    return bot


@pytest.fixture
def my_bot(default_bot, tmp_path):
    """Return a copy of the default bot that a test may change."""
    return copied(default_bot, tmp_path)


@pytest.fixture(scope="session")
def linters(tmp_path_factory):
    """Return tools/linters, installed in another folder."""
    if not shutil.which("npm"):
        pytest.skip("no npm, through which these linters come")
    folder = tmp_path_factory.mktemp("npm") / "linters"
    shutil.copytree(TEMPLATE / "tools" / "linters", folder)
    command = ["npm", "ci", "--silent", "--ignore-scripts", "--no-audit", "--prefer-offline"]
    subprocess.run(command, cwd=folder, check=True)
    return folder


def copied(default_bot, folder):
    """Copy a bot into a folder; the copy has the same environments."""
    environments = (".uv", ".venv", ".tools")
    bot = folder / default_bot.name
    shutil.copytree(default_bot, bot, ignore=shutil.ignore_patterns(*environments))
    for name in environments:
        (bot / name).symlink_to(default_bot / name)
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
