"""Choices go together: any two of them bake a project that is whole, and nothing more."""

import itertools
import json
import re
import subprocess

import pytest
import yaml

from slot_line import CHANNELS
from tests.conftest import BIN, PAIRS, TEMPLATE, check_schema
from tools.choices import ALWAYS, FILES, choices, files, pairs

WORKFLOWS = ".github/workflows"
OUR_COMMANDS = {
    "bots": ["make install", "make install"],
    "newest": ["make lock", "make test"],
    "release": ["make check", "make test"],
    "test": ["make check", "make test"],
}
WHAT_TO_TYPE = "run 'make file-list', and read what changes in tests/files.yml"


def test_there_are_at_most_ten_questions():
    questions = json.loads((TEMPLATE / "cookiecutter.json").read_text())
    public = [name for name in questions if not name.startswith("_")]
    assert len(public) <= 10
    assert list(questions["__prompts__"]) == public, "each has a label, in the same order"
    for name, answers in choices().items():
        if isinstance(questions[name], list):
            labels = [key for key in questions["__prompts__"][name] if key != "__prompt__"]
            assert labels == answers


def test_each_two_choices_meet_in_a_project_that_the_tests_bake():
    wanted = {
        ((first, one), (second, other))
        for (first, ones), (second, others) in itertools.combinations(choices().items(), 2)
        for one, other in itertools.product(ones, others)
    }
    assert set().union(*map(pairs, PAIRS.values())) == wanted


@pytest.fixture(scope="module")
def listed():
    return yaml.safe_load(FILES.read_text())


def test_the_list_of_files_has_every_answer(listed):
    every = [f"{name}={answer}" for name, answers in choices().items() for answer in answers]
    assert list(listed) == [ALWAYS, *every], WHAT_TO_TYPE


@pytest.mark.parametrize("answers", PAIRS.values(), ids=PAIRS)
def test_a_project_has_exactly_the_files_of_its_answers(bake, listed, answers):
    parts = [ALWAYS, *(f"{name}={answer}" for name, answer in answers.items())]
    wanted = {name for part in parts for name in listed.get(part, ())}
    assert files(bake(**answers)) == wanted, WHAT_TO_TYPE


@pytest.mark.parametrize("name", CHANNELS)
def test_a_platform_brings_its_own_file_and_what_all_have(bake, name):
    shared = {"README.md", "incoming.py", "platform.py"}
    brought = files(bake(channels=name)) - files(bake())
    assert brought == {f"rasa_metadata/channels/{each}" for each in {f"{name}.py", *shared}}


def test_the_name_of_who_writes_from_a_platform_fills_the_slot_with_a_name(bake):
    def metadata(channels):
        domain = yaml.safe_load((bake(channels=channels) / "domain.yml").read_text())
        return {slot: each["mappings"][0]["metadata"] for slot, each in domain["slots"].items()}

    places = {"telegram": "author.name", "slack": "author.name"}
    changed = {**metadata("")["user_name"], "channels": places}
    assert metadata("telegram, slack") == {**metadata(""), "user_name": changed}


PLATFORM = re.compile("platform|telegram|slack|twilio", re.IGNORECASE)
# The key `channels` of the contract, and the names of Rasa's own channels.
NAME_A_PLATFORM = {"README.md", "commands/check.py", "contract/fields.py"}


def test_without_platforms_a_bot_has_no_line_of_them(bake):
    bots = bake(), bake(channels=", ".join(CHANNELS))
    without, whole = ({name: (bot / name).read_bytes() for name in files(bot)} for bot in bots)
    differ = {name for name, content in without.items() if content != whole[name]}
    assert differ == {".cookiecutter-answers.yml", "README.md", "credentials.yml", "domain.yml"}
    for name in differ - {".cookiecutter-answers.yml"}:
        assert not PLATFORM.search(without[name].decode()), name
    code = [name for name in without if name.startswith("rasa_metadata/")]
    named = {name for name in code if PLATFORM.search(without[name].decode("latin-1"))}
    assert named == {f"rasa_metadata/{name}" for name in NAME_A_PLATFORM}


@pytest.fixture(scope="module")
def pipelines(bake):
    """Return the GitHub workflows of the template and of a bot."""
    folders = [TEMPLATE, bake(ci="github")]
    return [path for folder in folders for path in sorted((folder / WORKFLOWS).glob("*.yml"))]


def test_pipelines_for_github_match_its_schema(pipelines):
    check_schema("github-workflows", *pipelines)


def test_the_pipeline_for_gitlab_matches_its_schema(bake):
    check_schema("gitlab-ci", bake(ci="gitlab") / ".gitlab-ci.yml")


def test_pipelines_run_the_commands_that_people_type(bake, pipelines):
    for pipeline in [*pipelines, bake(ci="gitlab") / ".gitlab-ci.yml"]:
        commands = re.findall(r"(?:- run:|-) (make .+)", pipeline.read_text())
        wanted = ["make check", "make test", "make test ARGS=--action-server"]
        if pipeline.is_relative_to(TEMPLATE):
            wanted = OUR_COMMANDS[pipeline.stem]
        assert commands == wanted, pipeline


def test_zizmor_finds_no_fault_in_the_pipelines(pipelines):
    command = [BIN / "zizmor", "--offline", "--persona=pedantic", *pipelines]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout


def test_actionlint_finds_no_fault_in_the_pipelines(pipelines, linters, tmp_path):
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(pipelines[-1].read_text().replace("github.ref", "github.nobody"))
    command = ["node", linters / "actionlint.mjs", wrong, *pipelines]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.stderr == ""
    (fault,) = run.stdout.strip().split("\n")
    assert 'property "nobody" is not defined' in fault


def test_actions_are_pinned_by_commit_and_the_same_everywhere(pipelines):
    used = [re.findall(r"uses: (\S+)@(\S+) # (v\S+)", each.read_text()) for each in pipelines]
    assert all(len(commit) == 40 for _, commit, _ in itertools.chain(*used))
    assert len(set(itertools.chain(*used))) == 2
    for pipeline, found in zip(pipelines, used, strict=True):
        assert pipeline.read_text().count("uses:") == len(found)
