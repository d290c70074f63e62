"""A bot follows a newer template: with cruft, or by baking again, as docs/updating.md says."""

import os
import re
import subprocess
import sys

import pytest
from cookiecutter.main import cookiecutter

from tests.conftest import BIN, TEMPLATE, change, files, scratch_template

DOC = (TEMPLATE / "docs" / "updating.md").read_text()
BOT = "{{cookiecutter.project_slug}}"
SECRET = "no-diff-may-show-this"

# What the newer template says, file by file.
NEWER = {
    "slot_line.py": ('" ".join(text', '"_".join(text'),
    "cookiecutter.json": ('  "ci": [', '  "mood": ["calm", "lively"],\n  "ci": ['),
    f"{BOT}/contract/values.py": ("Find a path", "Find a newer path"),
    f"{BOT}/Makefile": ("PORT ?= 5005", "PORT ?= 5006"),
    f"{BOT}/endpoints.yml": ("# Custom actions", "# Newer custom actions"),
    f"{BOT}/domain.yml": ("intents:", "# newer\nintents:"),
    f"{BOT}/data/stories.yml": ("stories:", "# newer\nstories:"),
    f"{BOT}/actions/custom.py": ("Your own actions", "Your own newer actions"),
    f"{BOT}/README.md": ("## Tests and checks", "## Newer tests"),
}
# What the bot's owner says in the same files; in endpoints.yml, both are kept.
YOURS = {
    "domain.yml": ("intents:", "# my own\nintents:"),
    "data/stories.yml": ("stories:", "# my own\nstories:"),
    "actions/custom.py": ("Your own actions", "My actions"),
    "README.md": ("## Tests and checks", "## My tests"),
    "endpoints.yml": ("db: conversations.db", f"db: conversations.db # {SECRET}"),
}


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
    """Commit a newer state of the template, tagged v2."""
    for file, (old, new) in NEWER.items():
        change(template, file, old, new)
    (template / BOT / "tests" / "tokens_two.py").write_text('"""New."""\n')
    (template / BOT / "tools" / "make_token.py").unlink()
    did("git add --all && git commit --quiet --message two && git tag v2", template)


def make_it_ones_own(bot):
    """Change what owners change, in a repository of the bot's own."""
    did("git init --quiet --initial-branch main && git add --all", bot)
    did("git commit --quiet --message baked", bot)
    for file, (old, new) in YOURS.items():
        change(bot, file, old, new)
    (bot / "actions" / "mine.py").write_text('"""My own."""\n')
    (bot / ".env").write_text(f"METADATA_JWT_KEY={SECRET}\n")
    did("git add --all && git commit --quiet --message mine", bot)


def assert_it_followed(bot):
    for file, (_, mine) in YOURS.items():
        assert mine in (bot / file).read_text()
    for file in ("domain.yml", "data/stories.yml", "actions/custom.py", "README.md"):
        assert "ewer" not in (bot / file).read_text(), file
    for file in ("contract/values.py", "Makefile", "endpoints.yml"):
        old, new = NEWER[f"{BOT}/{file}"]
        assert new in (bot / file).read_text()
        assert old not in (bot / file).read_text().replace(new, "")
    assert (bot / "actions" / "mine.py").exists()
    assert (bot / "tests" / "tokens_two.py").exists()
    assert not (bot / "tools" / "make_token.py").exists()
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
    said = did(update, bot)
    assert_it_followed(bot)
    assert SECRET not in said + did("cruft diff", bot).replace(YOURS["endpoints.yml"][1], "")
    assert "patches.py" not in did(diff, bot), "only what is new"
    did("git add --all && git commit --quiet --message newer", bot)
    did(check, bot)


def test_nothing_compiled_of_the_extension_outlives_a_bake(template, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    cookiecutter(str(template), no_input=True, output_dir=tmp_path)
    assert list(template.rglob("slot_line*.pyc")) == []


def test_cruft_takes_over_a_bot_that_cookiecutter_baked(template, tmp_path):
    _, link, check, update, _ = documented("With cruft", template, VERSION="v1")
    did(f"cookiecutter {template} --no-input ci=gitlab", tmp_path)
    bot = tmp_path / "metadata-bot"
    make_it_ones_own(bot)
    renew(template)
    did(link, bot)
    did("git add --all && git commit --quiet --message linked", bot)
    assert run(check, bot).returncode == 1
    did(update, bot)
    assert_it_followed(bot)
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
    renew(template)
    first = did("git rev-list --max-parents=0 HEAD", bot).strip()
    for command in documented("By baking again", template, COMMIT=first):
        said = run(command, bot)
        conflict = command.startswith("git merge") and "CONFLICT" in said.stdout
        assert said.returncode == 0 or conflict, f"{command}\n{said.stdout}{said.stderr}"
    assert_it_followed(bot)
    assert did("git status --short", bot) == ""


def test_what_is_said_to_be_yours_is_what_cruft_is_told(bake):
    skipped = re.search(r"^skip = \[(.*)\]$", (bake() / "pyproject.toml").read_text(), re.MULTILINE)
    yours = re.findall(r"^\| (.*?) \|", DOC, re.MULTILINE)[2:]
    named = {name.rstrip("/") for cell in yours for name in re.findall(r"`(.*?)`", cell)}
    assert named == {name.strip(' "') for name in skipped[1].split(",")}
