"""The hooks remove files that are not asked for, print the next steps, and are safe to repeat."""

import ast
import os
import re
import subprocess
import sys

import click
import pytest
from cookiecutter.main import cookiecutter
from jinja2 import Environment

from slot_line import SlotLine, checked
from tests.conftest import BIN, PAIRS, TEMPLATE, made
from tools.choices import files

HOOKS = sorted((TEMPLATE / "hooks").glob("*.py"))
ANSWERS = {"project_slug": "bot", "metadata_slots": "", "channels": ""}


def rendered(name, **answers):
    """Return the hook of a name as cookiecutter runs it."""
    source = (TEMPLATE / "hooks" / f"{name}.py").read_text()
    template = Environment(extensions=[SlotLine]).from_string(source)
    return template.render(cookiecutter={**ANSWERS, **answers})


def run(hook, folder):
    command = [sys.executable, "-I", "-c", hook]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


@pytest.fixture(scope="module")
def without_hooks(tmp_path_factory):
    """Return a bot as `cookiecutter --accept-hooks no` leaves it, for the fewest options."""
    return cookiecutter_without_hooks(
        tmp_path_factory.mktemp("bake"), web_chat="no", ci="none", license="none"
    )


def cookiecutter_without_hooks(folder, **answers):
    cookiecutter(
        str(TEMPLATE), no_input=True, extra_context=answers, output_dir=folder, accept_hooks=False
    )
    return folder / "metadata-bot"


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook.stem)
def test_a_hook_needs_the_standard_library_alone_and_no_network(hook):
    tree = ast.parse(re.sub("{{.*?}}", "None", hook.read_text()))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {getattr(each, "module", None) or each.names[0].name for each in imports}
    assert names <= {"pathlib", "shutil", "sys"}


@pytest.mark.parametrize("answers", PAIRS.values(), ids=PAIRS)
def test_the_last_hook_may_run_twice_or_later(bake, tmp_path, answers):
    whole = cookiecutter_without_hooks(tmp_path, **answers)
    web_chat = str(answers["web_chat"] == "yes")
    hook = rendered("post_gen_project", **{**answers, "web_chat": web_chat})
    wanted = files(bake(**answers))
    for _ in range(2):
        assert run(hook, whole).returncode == 0
        assert files(whole) == wanted


def test_the_last_hook_says_the_next_steps_in_three_lines(tmp_path):
    said = run(rendered("post_gen_project", project_slug="help-desk"), tmp_path).stdout
    steps = [line.split("#")[0].strip() for line in said.splitlines() if line.startswith("  ")]
    assert steps == ["cd help-desk && git init", "make run", "make test"]


def test_the_first_hook_is_silent_about_good_answers_and_stops_at_bad_ones(tmp_path):
    assert run(rendered("pre_gen_project"), tmp_path).stdout == ""
    stopped = run(rendered("pre_gen_project", metadata_slots='plan: "enum\n'), tmp_path)
    assert stopped.returncode == 1
    assert stopped.stderr.startswith("Error: these answers are invalid:\n  - 'plan: ")


def test_without_hooks_a_bot_has_the_optional_files_and_good_style(bake, without_hooks):
    assert files(without_hooks) > files(bake(web_chat="no", ci="none", license="none"))
    for command in (["ruff", "check", "--no-cache", "."], ["yamllint", "--strict", "."]):
        run = subprocess.run([BIN / command[0], *command[1:]], cwd=without_hooks)
        assert run.returncode == 0


@pytest.mark.rasa
def test_without_hooks_a_bot_is_wired_and_can_be_trained(default_bot, without_hooks):
    for name in (".uv", ".venv", ".tools"):
        (without_hooks / name).symlink_to(default_bot / name)
    for name in (".venv", ".tools"):
        (default_bot / name / ".installed").touch()  # they hold what this bot needs
    code, output = made(without_hooks, "train", "check")
    assert code == 0, output


def test_a_folder_that_cannot_be_written_is_one_plain_sentence(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(click.ClickException) as error:
        checked(ANSWERS)
    assert error.value.format_message() == (
        f"nothing was written, because the folder '{os.getcwd()}' is read-only: "
        "choose another with --output-dir."
    )


def test_a_real_read_only_folder_is_refused_without_a_traceback(tmp_path):
    if os.geteuid() == 0:
        pytest.skip("root may write anywhere")
    tmp_path.chmod(0o555)
    command = [BIN / "cookiecutter", str(TEMPLATE), "--no-input"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode != 0
    assert "is read-only: choose another with --output-dir" in run.stderr
    assert "Traceback" not in run.stderr
