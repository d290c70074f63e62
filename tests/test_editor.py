"""The files for editors name commands, modules and versions that a bot has."""

import json
import re

import pytest

from tests.conftest import BOT, TEMPLATE, files, made


@pytest.fixture(scope="module")
def bot(bake):
    return bake(project_name='A "quoted" bot', project_slug="bot")


def read(bot, name):
    return json.loads((bot / name).read_text())


def test_tasks_are_commands_of_make(bot):
    for task in read(bot, ".vscode/tasks.json")["tasks"]:
        assert task["command"] == "make"
        assert made(bot, "--dry-run", *task["args"])[0] == 0


def test_each_configuration_runs_a_module_behind_a_task(bot):
    tasks = {task["label"] for task in read(bot, ".vscode/tasks.json")["tasks"]}
    for launch in read(bot, ".vscode/launch.json")["configurations"]:
        assert launch["preLaunchTask"] in tasks
        assert launch["module"] == "pytest" or (bot / launch["module"] / "__main__.py").exists()


def test_the_container_has_python_of_the_bot_and_runs_commands_of_make(bot):
    container = read(bot, ".devcontainer.json")
    assert container["name"] == 'A "quoted" bot'
    version = (bot / ".python-version").read_text().strip()
    assert container["image"].split(":")[1].startswith(f"{version}-")
    command, *arguments = container["postCreateCommand"].split()
    assert command == "make"
    assert made(bot, "--dry-run", *arguments)[0] == 0


def test_files_are_indented_as_editors_are_told(bake):
    assert (TEMPLATE / ".editorconfig").read_text() == (BOT / ".editorconfig").read_text()
    for name, content in files(bake()).items():
        indents = set(re.findall(rb"^[\t ]", content, re.MULTILINE))
        wanted = b"\t" if name.endswith(("Makefile", ".mk")) else b" "
        assert indents <= {wanted}, name
