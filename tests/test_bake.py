"""What is baked is a whole Rasa project, with nothing of the template left in it."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import tomli as tomllib
import yaml
from cookiecutter.main import cookiecutter
from yamllint import linter as yamllint
from yamllint.config import YamlLintConfig

from tests.conftest import (
    BAKES,
    BIN,
    BOT,
    ODD_WORDS,
    PAIRS,
    TEMPLATE,
    bake_bot,
    files,
    made,
    scratch_template,
    spread,
)

ANSWERS = BAKES | PAIRS
# What was checked in another bot already: (name, content) of files.
COMPILED, LINTED, LOADED = set(), set(), set()


@pytest.fixture(scope="module", params=spread(ANSWERS))
def bot(request, bake):
    return bake(**ANSWERS[request.param])


def slots(bot):
    return yaml.safe_load((bot / "domain.yml").read_text())["slots"]


def unseen(bot, seen, *endings):
    """Return the files with these endings that no bot before had word for word."""
    found = {
        (path.relative_to(bot), path.read_bytes())
        for end in endings
        for path in bot.rglob(f"*{end}")
    }
    new = found - seen
    seen |= found
    return [bot / name for name, _ in new]


def texts(folder):
    """Return the files that hold text, which are all but the pictures."""
    return {name: each for name, each in files(folder).items() if not name.endswith(".png")}


def test_no_jinja_is_left(bot):
    for name, content in texts(bot).items():
        assert "cookiecutter." not in name + content.decode(), name
        if not name.endswith((".py", ".js")):
            assert not re.search(rb"{%|(?<!\$){{", content), name  # ${{ }} is GitHub's


def test_all_yaml_loads(bot):
    assert len(list(bot.rglob("*.yml"))) >= 7
    for path in unseen(bot, LOADED, ".yml"):
        assert isinstance(yaml.safe_load(path.read_text()), dict), path


def test_all_toml_loads(bot):
    project = tomllib.loads((bot / "pyproject.toml").read_text())["project"]
    assert project["name"] == bot.name
    assert "rasa==3.6.21" in project["dependencies"]
    assert tomllib.loads((bot / "ruff.toml").read_text())["target-version"] == "py310"


def test_all_python_compiles(bot):
    for path in unseen(bot, COMPILED, ".py"):
        compile(path.read_text(), str(path), "exec")


def test_linters_have_nothing_to_say(bot):
    for command in (["check"], ["format", "--check"]):
        ruff = [BIN / "ruff", *command, "--no-cache", "."]
        run = subprocess.run(ruff, cwd=bot, capture_output=True)
        assert run.returncode == 0, run.stdout.decode()
    rules = YamlLintConfig(file=bot / ".yamllint")
    for path in unseen(bot, LINTED, ".yml", ".yaml", ".yamllint"):
        assert list(yamllint.run(path.read_text(), rules)) == [], path


def test_no_line_ends_in_a_blank_and_each_file_in_one_newline(bot):
    for name, content in texts(bot).items():
        if content:
            assert not re.search(rb"[ \t]\n", content), name
            assert content.endswith(b"\n"), name
            assert not content.endswith(b"\n\n"), name


def test_the_assistant_is_named_as_its_folder(bake):
    bot = bake(project_slug="help-desk")
    assert bot.name == "help-desk"
    assert yaml.safe_load((bot / "config.yml").read_text())["assistant_id"] == "help-desk"


def test_a_library_of_rasas_finds_no_repository_around_it(bake, tmp_path):
    """It would ask for its version in each start, and fail before the first commit."""
    bot = shutil.copytree(bake(), tmp_path / "bot")
    (bot / ".venv" / "lib").mkdir(parents=True)
    subprocess.run(["git", "init", "--quiet"], cwd=bot, check=True)
    code, output = made(bot, "--eval", "where: ; @git -C .venv/lib rev-parse --git-dir", "where")
    assert (code, "not a git repository" in output) == (2, True)


def test_the_slug_comes_from_the_name(bake):
    assert bake(project_name="Ünser Help-Desk!").name == "unser-help-desk"


def test_the_default_slots_are_those_of_the_slot_line(bake):
    slots_of_default = slots(bake())
    assert list(slots_of_default) == ["user_name", "user_id", "plan", "locale"]
    assert slots_of_default["plan"]["values"] == ["free", "pro"]
    metadata = {name: slot["mappings"][0]["metadata"] for name, slot in slots_of_default.items()}
    assert metadata == {
        "user_name": {"path": "user.name", "schema": {"examples": ["Ada"]}},
        "user_id": {"path": "user.id", "signed": True},
        "plan": "account.plan",
        "locale": "locale",
    }


def test_other_slots_are_those_of_their_line(bake):
    other = slots(bake(**BAKES["every type"]))
    assert other["level"]["values"] == ["1", "2", "on"]
    assert "min_value" not in other["score"]  # Rasa would add a maximum of 1
    assert {name: slot["mappings"][0]["metadata"] for name, slot in other.items()} == {
        "page": {"path": "page.url", "scope": "turn"},
        "roles": {"path": "auth.roles", "signed": True},
        "level": "level",
        "score": {"path": "score", "schema": {"minimum": -2.5}},
        "vip": "vip",
        "extra": "extra",
    }


def test_bounds_on_both_sides_are_rasas_own(bake):
    slot = slots(bake(metadata_slots="age: float(0..130)"))["age"]
    assert (slot["min_value"], slot["max_value"]) == (0, 130)


@pytest.mark.parametrize(
    "kind, slot, metadata",
    [
        ("integer", "float", {"path": "x", "schema": {"type": "integer"}}),
        ("integer(..9)", "float", {"path": "x", "schema": {"type": "integer", "maximum": 9}}),
        ("date", "text", {"path": "x", "schema": {"format": "date"}}),
        ("datetime", "text", {"path": "x", "schema": {"format": "date-time"}}),
        ("email", "text", {"path": "x", "schema": {"format": "email"}}),
        ("url", "text", {"path": "x", "schema": {"format": "uri"}}),
    ],
)
def test_a_type_that_rasa_lacks_is_a_rasa_slot_with_a_schema(bake, kind, slot, metadata):
    found = slots(bake(metadata_slots=f"x: {kind}"))["x"]
    assert (found["type"], found["mappings"][0]["metadata"]) == (slot, metadata)


def test_the_bot_greets_with_the_first_name_it_knows(bake):
    line = "city: text; user_name: text; pet_name: text"
    responses = yaml.safe_load((bake(metadata_slots=line) / "domain.yml").read_text())["responses"]
    assert [each["text"] for each in responses["utter_greet"]] == ["Hello!", "Hello {user_name}!"]


@pytest.mark.parametrize(
    "licence, first_line",
    [("MIT", "MIT License"), ("Apache-2.0", "Apache License"), ("none", None)],
)
def test_the_licence_is_the_one_that_was_chosen(bake, licence, first_line):
    file = bake(license=licence, author="Ada & Co.") / "LICENSE"
    if first_line is None:
        assert not file.exists()
    else:
        text = file.read_text()
        assert text.split("\n")[0 if licence == "MIT" else 1].strip() == first_line
        assert ("Ada & Co." in text) == (licence == "MIT")


def test_its_answers_bake_the_same_bytes_again(bot, tmp_path):
    assert_baked_again(bot, tmp_path)


def test_an_answer_may_look_like_jinja(bake, tmp_path):
    bot = bake(description="{{ '{{ 7 * 7 }} {% if %} \"{#' }}")
    assert '{{ 7 * 7 }} {% if %} "{#' in (bot / "README.md").read_text()
    assert_baked_again(bot, tmp_path)


def assert_baked_again(bot, folder):
    """Bake from the bot's answers, as `cookiecutter --no-input --config-file` does."""
    answers = str(bot / ".cookiecutter-answers.yml")
    again = cookiecutter(str(TEMPLATE), no_input=True, config_file=answers, output_dir=folder)
    assert files(Path(again)) == files(bot)


def test_the_same_answers_make_the_same_bytes(bake, tmp_path):
    assert files(bake_bot(tmp_path)) == files(bake())


@pytest.mark.parametrize("name", ODD_WORDS)
def test_any_text_in_an_answer_is_kept(bake, name):
    bot, text = bake(**BAKES[name]), ODD_WORDS[name]
    project = tomllib.loads((bot / "pyproject.toml").read_text())["project"]
    assert project["description"] == text
    assert project["authors"] == [{"name": text}]
    one_line = " ".join(text.split())
    assert f"# {one_line}\n\n{one_line}\n" in (bot / "README.md").read_text()
    assert f"Copyright (c) {one_line}\n" in (bot / "LICENSE").read_text()


def test_the_command_line_bakes_and_prints_the_next_steps(tmp_path):
    run = subprocess.run(
        [sys.executable, "-m", "cookiecutter", str(TEMPLATE), "--no-input"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "metadata-bot" / "domain.yml").exists()
    assert "cd metadata-bot && git init" in run.stdout
    assert "make run" in run.stdout
    assert "make test" in run.stdout


def test_a_replay_with_bad_answers_is_refused_by_the_hook(tmp_path):
    context = json.loads((TEMPLATE / "cookiecutter.json").read_text())
    answers = {key: value for key, value in context.items() if not key.startswith("__")}
    answers.update(license="MIT", project_slug="bot", metadata_slots="plan: enum(a|b)")
    replay = tmp_path / "replay.json"
    replay.write_text(json.dumps({"cookiecutter": {**answers, "__checked": ""}}))
    run = subprocess.run(
        [sys.executable, "-m", "cookiecutter", str(TEMPLATE), "--replay-file", str(replay)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert run.returncode != 0
    assert "'enum' is not a type; use 'categorical'" in run.stderr + run.stdout
    assert not (tmp_path / "bot").exists()


def test_the_template_holds_no_path_that_windows_forbids():
    tracked = subprocess.run(
        ["git", "ls-files", "-z"], cwd=TEMPLATE, capture_output=True, text=True, check=True
    ).stdout.split("\0")
    for name in filter(None, tracked):
        assert not set(name) & set('<>:"|?*\\'), name
        assert not any(part.endswith((".", " ")) for part in Path(name).parts), name


def test_a_zip_and_a_git_address_bake_the_same_bot(bake, tmp_path):
    expected = files(bake())
    template = scratch_template(tmp_path / "template")
    zipped = shutil.make_archive(str(tmp_path / "template"), "zip", tmp_path, "template")
    assert files(bake(template=zipped)) == expected

    git = ["git", "-C", template, "-c", "user.name=x", "-c", "user.email=x@example.org"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "template"]):
        subprocess.run([*git, *command], check=True)
    assert files(bake(template=f"git+file://{template}")) == expected


def test_pre_commit_runs_the_templates_own_checks(tmp_path):
    template = scratch_template(tmp_path / "template")
    for name in (".venv", ".uv"):
        (template / name).symlink_to(TEMPLATE / name)
    for command in (["init", "-q"], ["add", "-A"]):
        subprocess.run(["git", *command], cwd=template, check=True)

    def style():
        command = [BIN / "pre-commit", "run", "check", "--all-files"]
        return subprocess.run(command, cwd=template, capture_output=True, text=True)

    assert style().returncode == 0, style().stdout
    with (template / "slot_line.py").open("a") as extension:
        extension.write("import base64\n")
    assert "F401" in style().stdout


def test_two_versions_of_the_template_bake_in_one_process(tmp_path):
    older, newer = (scratch_template(tmp_path / name / "template") for name in ("old", "new"))
    module = newer / BOT.name / "rasa_metadata" / "contract" / "slot_line.py"
    module.write_text(module.read_text().replace('["Ada"]', '["Grace"]'))
    code = (
        "import sys; from cookiecutter.main import cookiecutter\n"
        "for number, template in enumerate(sys.argv[1:]):\n"
        "    cookiecutter(template, no_input=True, output_dir=f'out{number}')"
    )
    command = [sys.executable, "-c", code, older, newer, older]
    subprocess.run(command, cwd=tmp_path, check=True)
    for number, name in enumerate(["Ada", "Grace", "Ada"]):
        slot = slots(tmp_path / f"out{number}" / "metadata-bot")["user_name"]
        assert slot["mappings"][0]["metadata"]["schema"] == {"examples": [name]}


def test_paths_are_legal_on_windows_in_each_bot(bot):
    for name in files(bot):
        assert not set(name) & set('<>:"|?*\\'), name


def test_the_template_and_its_bots_are_linted_by_the_same_versions():
    pinned = re.compile(r"^(pre-commit|ruff|yamllint)==(\S+)", re.MULTILINE)
    ours = pinned.findall((TEMPLATE / "requirements.txt").read_text())
    theirs = (TEMPLATE / "{{cookiecutter.project_slug}}" / "requirements-tools.txt").read_text()
    assert ours
    assert dict(ours) == dict(pinned.findall(theirs))
