"""A release is tagged with its notes, and reaches the example and the bots by pull request."""

import re

import pytest
import tomli as tomllib
import yaml

from tests.conftest import TEMPLATE, files
from tests.test_updating import did, recorded, renew, run, template

WORKFLOWS = TEMPLATE / ".github" / "workflows"
GH = """#!/bin/sh
case "$1 $2" in
"repo clone") git clone --quiet "$3" "$4" ;;
*) echo "$@" >> "{log}" ;;
esac
"""

__all__ = ["template"]  # a fixture


def script(workflow, job):
    """Return the last script of a job."""
    return yaml.safe_load((WORKFLOWS / f"{workflow}.yml").read_text())["jobs"][job]["steps"][-1][
        "run"
    ]


@pytest.fixture
def ci(template, tmp_path):
    """Return a function that runs a job's script in the template; it returns gh's commands."""
    (template / ".venv").symlink_to(TEMPLATE / ".venv")
    log = tmp_path / "gh.log"
    (tmp_path / "gh").write_text(GH.format(log=log))
    (tmp_path / "gh").chmod(0o755)

    def run_job(workflow, job, **environment):
        values = {"GITHUB_ACTOR": "octocat", "GITHUB_SHA": "HEAD", **environment}
        given = " ".join(f"export {name}={value};" for name, value in values.items())
        path = tmp_path / "script.sh"
        path.write_text(f'PATH="{tmp_path}:$PATH"; {given}\n{script(workflow, job)}')
        log.unlink(missing_ok=True)
        code = run(f"bash -e {path}", template)
        assert code.returncode == 0, code.stdout + code.stderr
        did("rm -rf build", template)
        return log.read_text().splitlines()

    return run_job


def origin(bot):
    """Return a bare repository with a bot's commit, as the server has it."""
    bare = bot.parent / "origin.git"
    did("git init --quiet --initial-branch main && git add --all", bot)
    did("git commit --quiet --message baked", bot)
    did(f"git clone --quiet --bare {bot} {bare}", bot)
    return bare


def test_the_version_is_the_newest_of_the_changelog():
    version = tomllib.loads((TEMPLATE / "pyproject.toml").read_text())["project"]["version"]
    changelog = (TEMPLATE / "CHANGELOG.md").read_text()
    newest = re.search(r"^## (\S+) \(\d{4}-\d\d-\d\d\)$", changelog, re.MULTILINE)
    assert newest[1] == version


def test_a_release_has_its_section_of_the_changelog_as_notes(ci, template):
    assert ci("release", "tag")[-1] == "workflow run bots.yml --field version=v1.0.0"
    notes = (template / "notes.md").read_text()
    assert "The first release." in notes
    assert "##" not in notes
    with pytest.raises(AssertionError, match="already exists"):
        ci("release", "tag")


def test_a_release_is_offered_to_a_bot_as_a_pull_request(ci, template, tmp_path):
    did(f"cruft create {template} --no-input", tmp_path)
    bare = origin(tmp_path / "metadata-bot")
    renew(template)
    commands = ci("bots", "update", REPOSITORY=bare, VERSION="v2")
    assert commands[-1] == "pr create --fill --head template-v2"
    changed = did("git diff --name-only main template-v2", bare).split()
    assert "rasa_metadata/contract/values.py" in changed
    assert "domain.yml" not in changed
    did("git branch --force main template-v2", bare)
    assert ci("bots", "update", REPOSITORY=bare, VERSION="v2") == ["auth setup-git"]


def test_the_example_follows_the_template(ci, template, tmp_path):
    did(f"cookiecutter {template} --no-input", tmp_path)
    bare = origin(tmp_path / "metadata-bot")
    renew(template)
    for _ in range(2):  # the second time, there is nothing to commit
        ci("bots", "example", REPOSITORY=bare)
    assert did("git log --format=%s", bare).splitlines() == ["The template at v2", "baked"]
    example, again = tmp_path / "example", tmp_path / "again"
    did(f"git clone --quiet {bare} {example} && rm -rf {example}/.git", tmp_path)
    did(f"cookiecutter {template} --no-input", again)
    assert files(example) == files(again / "metadata-bot")
    assert recorded(example) == "v2"
