"""What is baked is a whole Rasa project, with nothing of the template left in it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import tomli as tomllib
import yaml

from tests.conftest import TEMPLATE

SLOT_LINES = {
    "default": None,
    "other slots": (
        "turn page: text from page.url; signed roles: list from auth.roles;"
        " level: categorical(1|2|on) ; score: float(-2.5..); vip: bool; extra: any;"
    ),
    "no slots": "",
}


@pytest.fixture(scope="module", params=SLOT_LINES, ids=str)
def bot(request, bake):
    line = SLOT_LINES[request.param]
    return bake() if line is None else bake(metadata_slots=line)


def files(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def slots(bot):
    return yaml.safe_load((bot / "domain.yml").read_text())["slots"]


def test_no_jinja_is_left(bot):
    for name, content in files(bot).items():
        assert "cookiecutter." not in name + content.decode(), name
        if not name.endswith(".py"):
            assert not re.search(rb"{%|{{", content), name


def test_all_yaml_loads(bot):
    found = list(bot.rglob("*.yml"))
    assert len(found) >= 7
    for path in found:
        assert isinstance(yaml.safe_load(path.read_text()), dict), path


def test_all_toml_loads(bot):
    project = tomllib.loads((bot / "pyproject.toml").read_text())["project"]
    assert project["name"] == "metadata-bot"
    assert "rasa==3.6.21" in project["dependencies"]


def test_all_python_compiles(bot):
    for path in bot.rglob("*.py"):
        compile(path.read_text(), str(path), "exec")


def test_the_assistant_is_named_as_its_folder(bake):
    bot = bake(project_slug="help-desk")
    assert bot.name == "help-desk"
    assert yaml.safe_load((bot / "config.yml").read_text())["assistant_id"] == "help-desk"


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
    other = slots(bake(metadata_slots=SLOT_LINES["other slots"]))
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


def test_the_same_answers_make_the_same_bytes(bake):
    assert files(bake()) == files(bake())


@pytest.mark.parametrize("text", ['O\'Hara "Öl" & {Söhne} \\n', "你好 🤖 שלום", "two\nlines"])
def test_words_of_people_stay_words(bake, text):
    bot = bake(project_name=text, project_slug="bot", description=text, author=text)
    project = tomllib.loads((bot / "pyproject.toml").read_text())["project"]
    assert project["description"] == text
    assert project["authors"] == [{"name": text}]
    assert " ".join(text.split()) in (bot / "README.md").read_text()


def test_the_command_line_bakes_and_says_what_to_do_next(tmp_path):
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


def test_a_bot_can_be_baked_again_over_itself(bake, tmp_path):
    bot = bake()
    (bot / "mine.txt").write_text("kept")
    run = subprocess.run(
        [sys.executable, "-m", "cookiecutter", str(TEMPLATE), "--no-input", "-f", "-o", bot.parent],
        capture_output=True,
        text=True,
        env={**os.environ},
    )
    assert run.returncode == 0, run.stderr
    assert (bot / "mine.txt").read_text() == "kept"
