"""A bot follows a newer template: with cruft, or by baking again, as docs/updating.md says."""

import os
import re
import subprocess
import sys

import pytest
import tomli as tomllib
import yaml
from cookiecutter.main import cookiecutter

from tests.conftest import BIN, BOT, TEMPLATE, change, files, scratch_template

pytestmark = pytest.mark.spread

DOC = (TEMPLATE / "docs" / "updating.md").read_text()
SECRET = "no-diff-may-show-this"

# What the newer template changes: {file of a bot: (text, its replacement)}.
NEWER = {
    "rasa_metadata/contract/values.py": ("def lookup(", "# of v2\n\n\ndef lookup("),
    "Makefile": ("PORT ?= 5005", "PORT ?= 5006"),
    "endpoints.yml": ("action_endpoint:", "# of v2\naction_endpoint:"),
    "domain.yml": ("intents:", "# of v2\nintents:"),
    "data/stories.yml": ("stories:", "# of v2\nstories:"),
    "actions/custom.py": ("from typing", "# of v2\nfrom typing"),
    "actions/session_start.py": ("from typing import Any", "# of v2\nfrom typing import Any"),
    "chat/texts.json": ('"lang": "en",', '"lang": "en", "of v2": "",'),
    "README.md": ("## Without make", "## of v2"),
}
# What the owner changes.
YOURS = {
    "domain.yml": ("intents:", "# mine\nintents:"),
    "data/stories.yml": ("stories:", "# mine\nstories:"),
    "actions/custom.py": ("from typing", "# mine\nfrom typing"),
    "actions/session_start.py": ("from typing import Any", "# mine\nfrom typing import Any"),
    "chat/texts.json": ('"lang": "en",', '"lang": "eo",'),
    "README.md": ("## Without make", "## Mine"),
    "endpoints.yml": ("db: conversations.db", f"db: conversations.db # {SECRET}"),
}
MERGED = ("Makefile", "endpoints.yml")
OWNERS = tuple(file for file in YOURS if file not in MERGED)


def run(command, folder):
    """Run a line of the shell as documented, with the cruft and cookiecutter of these tests."""
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    identity = {
        f"GIT_{who}_{what}": "x@y" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    return subprocess.run(
        command,
        shell=True,
        cwd=folder,
        env={**os.environ, **identity, "PATH": path, "TERM": "dumb"},
        capture_output=True,
        text=True,
    )


def did(command, folder):
    """Run a line of the shell, which must succeed, and return what it printed."""
    folder.mkdir(exist_ok=True)
    done = run(command, folder)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def documented(title, template="", **words):
    """Return the commands that docs/updating.md gives under a title, in order."""
    section = DOC.split(f"## {title}\n")[1].split("\n## ")[0]
    blocks = re.findall(r"^```\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    text = "".join(blocks).replace("TEMPLATE", str(template))
    for word, value in words.items():
        text = text.replace(word, value)
    lines = [line for line in text.splitlines() if not line.startswith("make ")]
    return [line.split("  #")[0] for line in lines]


@pytest.fixture
def template(tmp_path):
    """Return the template as a git repository, tagged v1."""
    folder = scratch_template(tmp_path / "template")
    did("git init --quiet --initial-branch main && git add --all", folder)
    did("git commit --quiet --message one && git tag v1", folder)
    return folder


def renew(template):
    """Commit a newer version of the template, tagged v2."""
    for file, (old, new) in NEWER.items():
        change(template / BOT.name, file, old, new)
    change(template, "slot_line.py", '" ".join(text', '"_".join(text')
    change(template, "cookiecutter.json", '  "ci": [', '  "mood": ["calm", "lively"],\n  "ci": [')
    machinery = template / BOT.name / "rasa_metadata"
    (machinery / "slots" / "newer.py").write_text('"""New."""\n')
    (machinery / "slots" / "known.py").unlink()
    (template / BOT.name / "tests").mkdir(exist_ok=True)
    (template / BOT.name / "tests" / "newer.py").write_text('"""New."""\n')
    did("git add --all && git commit --quiet --message two && git tag v2", template)


def make_it_ones_own(bot):
    """Change what owners change, in a repository of the bot."""
    did("git init --quiet --initial-branch main && git add --all", bot)
    did("git commit --quiet --message baked", bot)
    for file, (old, new) in YOURS.items():
        change(bot, file, old, new)
    (bot / "tests").mkdir(exist_ok=True)
    (bot / "tests" / "mine.py").write_text('"""My own."""\n')
    (bot / ".env").write_text(f"METADATA_JWT_KEY={SECRET}\n")
    did("git add --all && git commit --quiet --message mine", bot)


def assert_it_followed(bot, template, folder):
    """Assert that a bot has the newer template's files, and its owner's."""
    for file, (_, mine) in YOURS.items():
        assert mine in (bot / file).read_text(), file
    for file in OWNERS:
        assert "of v2" not in (bot / file).read_text(), file
    for file in MERGED:
        assert NEWER[file][1] in (bot / file).read_text(), file
    did(f"cookiecutter {template} --no-input", folder)
    newest = folder / "metadata-bot" / "rasa_metadata"
    assert files(bot / "rasa_metadata") == files(newest)
    assert (bot / "tests" / "mine.py").exists()
    assert not (bot / "tests" / "newer.py").exists()
    assert "(c) Your_Name" in (bot / "LICENSE").read_text()
    assert 'mood: "calm"' in (bot / ".cookiecutter-answers.yml").read_text()
    assert (bot / ".env").read_text() == f"METADATA_JWT_KEY={SECRET}\n"
    assert list(bot.rglob("*.rej")) + list(bot.rglob("*.orig")) == []
    assert not any(b"<<<<<<<" in text for text in files(bot).values())


def test_cruft_brings_what_is_new_and_leaves_what_is_yours(template, tmp_path):
    create, _, check, update, diff = documented("With cruft", template, VERSION="v1")
    did(f"{create} --no-input", tmp_path)
    bot = tmp_path / "metadata-bot"
    make_it_ones_own(bot)
    did(check, bot)
    assert "Nothing to do" in did(update, bot)

    renew(template)
    assert run(check, bot).returncode == 1
    printed = did(update, bot)
    assert_it_followed(bot, template, tmp_path / "newest")
    assert SECRET not in printed + did("cruft diff", bot).replace(YOURS["endpoints.yml"][1], "")
    assert "patches.py" not in did(diff, bot), "only what is new"
    did("git add --all && git commit --quiet --message newer", bot)
    did(check, bot)


@pytest.mark.parametrize("bake", ["cookiecutter {} --no-input", "cruft create {} --no-input"])
def test_a_bot_names_the_template_it_was_baked_from(template, tmp_path, bake):
    def version(folder):
        did(bake.format(template), folder)
        return recorded(folder / "metadata-bot")

    assert version(tmp_path / "tag") == "v1"
    renew(template)
    did("git tag --delete v2", template)
    commit = version(tmp_path / "commit")
    assert did(f"git rev-parse {commit}", template) == did("git rev-parse HEAD", template)


def test_a_bot_of_a_template_outside_a_repository_names_its_version(tmp_path):
    did("git init --quiet", tmp_path)  # not the template's
    template = scratch_template(tmp_path / "template")
    did(f"cookiecutter {template} --no-input", tmp_path)
    version = tomllib.loads((TEMPLATE / "pyproject.toml").read_text())["project"]["version"]
    assert recorded(tmp_path / "metadata-bot") == f"v{version}"


def recorded(bot):
    return yaml.safe_load((bot / ".cookiecutter-answers.yml").read_text())["template_version"]


def test_a_bake_leaves_no_compiled_file_in_the_template(template, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    cookiecutter(str(template), no_input=True, output_dir=tmp_path)
    assert list(template.rglob("slot_line*.pyc")) == []


def test_cruft_links_a_bot_that_cookiecutter_baked(template, tmp_path):
    did(f"cookiecutter {template} --no-input ci=gitlab", tmp_path)
    bot = tmp_path / "metadata-bot"
    version = recorded(bot)
    _, link, check, update, _ = documented("With cruft", template, VERSION=version)
    make_it_ones_own(bot)
    renew(template)
    did(link, bot)
    did("git add --all && git commit --quiet --message linked", bot)
    assert run(check, bot).returncode == 1
    did(update, bot)
    assert_it_followed(bot, template, tmp_path / "newest")
    assert (bot / ".gitlab-ci.yml").exists()
    assert not (bot / ".github").exists()


def test_cruft_changes_an_answer(template, tmp_path):
    bot = tmp_path / "metadata-bot"
    did(f"cruft create {template} --no-input", tmp_path)
    make_it_ones_own(bot)
    (command,) = re.findall(r"`(cruft update.*?'\{.*?)`", DOC)
    did(command, bot)
    assert (bot / ".gitlab-ci.yml").exists()
    assert not (bot / ".github").exists()


def test_baking_again_on_a_branch_does_the_same(template, tmp_path):
    did(f"cookiecutter {template} --no-input", tmp_path)
    bot = tmp_path / "metadata-bot"
    make_it_ones_own(bot)
    change(bot, "rasa_metadata/contract/values.py", "def lookup(", "# mine\ndef lookup(")
    did("git commit --all --quiet --message edited", bot)
    renew(template)
    first = did("git rev-list --max-parents=0 HEAD", bot).strip()
    for command in documented("By baking again", template, COMMIT=first):
        found = run(command, bot)
        conflict = command.startswith("git merge") and "CONFLICT" in found.stdout
        assert found.returncode == 0 or conflict, f"{command}\n{found.stdout}{found.stderr}"
    assert_it_followed(bot, template, tmp_path / "newest")
    assert did("git status --short", bot) == ""


def test_cruft_skips_the_files_that_the_document_calls_yours(bake):
    skipped = re.search(r"^skip = \[(.*)\]$", (bake() / "pyproject.toml").read_text(), re.MULTILINE)
    (row,) = re.findall(r"^\| (.*) \| .*: they are yours \|$", DOC, re.MULTILINE)
    named = {name.rstrip("/") for name in re.findall(r"`(.*?)`", row)}
    assert named == {name.strip(' "') for name in skipped[1].split(",")}
