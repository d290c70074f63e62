"""Answers are read as one means them, or refused with what would be right."""

import shlex
import subprocess
import sys

import click
import cookiecutter
import pytest
from jinja2 import Environment

from slot_line import CHANNELS, SlotLine, channels, checked, problems, slots
from tests.conftest import TEMPLATE

ACCEPTED = [
    "",
    " ; ",
    "plan: text",
    "plan: text;",
    "plan:text from a.b",
    "  signed   plan :  text   from   a.b  ",
    "turn page: text from page.url",
    "vip: bool",
    "score: float",
    "score: float(0..1)",
    "score: float(-2.5..)",
    "score: float( ..10 )",
    "plan: categorical(free|pro)",
    "plan: categorical( free | two words | 3 )",
    "tags: list",
    "visits: integer",
    "visits: integer(0..)",
    "visits: integer(-3..9)",
    "birthday: date",
    "signed since: datetime from account.since",
    "mail: email; turn page: url from page.url",
    "extra: any from a-b.c_d",
    "from_where: text from from.where",
    "signed: text",
    "a: text; b: text from a2.b",
    "a: text from x; b: text from x2",
    "a: text from x.a; b: text from x.b; c: text from y.a",
    "camelCase: bool; CAPITALS: bool",
    "none: any; nil: any",
    "x: float(-10..-1)",
    "x: float(0.5..0.75)",
    "x: float(..-1)",
    "x: categorical(a)",
    "x: categorical(yes|no|null|1.5)",
    "x: categorical(größer|kleiner|emoji 🤖)",
    'x: categorical(O\'Hara|"quoted"|back\\\\slash)',
    "x: text from a.b.c.d.e.f",
    "x: text from _private.key-with-hyphen",
    "turn from: text from from",
    "x: list;;; y3: any ;",
]

REFUSED = {
    "plan": "write NAME: TYPE from PATH, such as 'plan: text'",
    "plan:": "such as 'plan: text'",
    ": text": "'' cannot be a slot's name",
    "plan: text from": "such as 'plan: text'",
    "my-plan: text": "such as 'my_plan'",
    "1st: text": "such as 'slot_1st'",
    "secret plan: text": "only 'signed' or 'turn' is allowed there",
    "signed turn plan: text": "only 'signed' or 'turn' is allowed there",
    "signed member id: text": "only 'signed' or 'turn' is allowed there, such as 'signed member_id",
    "turn secret signed plan: bool": "such as 'turn secret_plan: text'",
    "plan: string": "use 'text'",
    "plan: int": "use 'integer'",
    "plan: uri": "use 'url'",
    "age: integer(0.5..2)": "'0.5' is not a whole number; write 'integer(0..10)'",
    "age: integer()": "write bounds as 'integer(0..10)'",
    "day: date(2026)": "'date' takes no brackets",
    "plan: categorical(a, b, c)": "separate values with '|'. Such as 'plan: categorical(a|b|c)'",
    "plan: enum(a|b)": "use 'categorical'",
    "plan: Text": "use 'text'",
    "plan: text(3)": "'text' takes no brackets",
    "plan: categorical": "none of them empty",
    "plan: categorical()": "none of them empty",
    "plan: categorical(a|)": "Such as 'plan: categorical(a)'",
    "plan: categorical(a|A)": "does not distinguish",
    "plan: categorical(__other__|a)": "reserved by Rasa",
    "plan: categorical({a}|b)": "has brackets",
    "age: float(9..1)": "'age: float(1..9)'",
    "age: float(1..1)": "the first bound must be smaller",
    "age: float(a..b)": "'a' is not a number",
    "age: float(nan..1)": "'nan' is not a number",
    "age: float(3)": "write bounds as",
    "age: float(..)": "write bounds as",
    "plan: text from a..b": "write 'from a.b'",
    "plan: text from .a": "write 'from a'",
    "plan: text from a b": "write 'from a.b'",
    "plan: text from model_id": "a reserved key",
    "plan: text from assistant_id.x": "a reserved key",
    "plan: text from _signed.plan": "a reserved key",
    "plan: text from _idempotency_key": "a reserved key",
    "requested_slot: text": "one of Rasa's slots",
    "session_started_metadata: any": "one of Rasa's slots",
    "yes: bool": "not a name in YAML",
    "plan: text; plan: bool": "there is a slot 'plan' already",
    "a: text from x; b: text from x": "one value cannot fill both",
    "a: any from x; b: text from x.y": "one value cannot fill both",
}


def answers(**changed):
    return {"project_slug": "bot", "metadata_slots": "", "channels": "", **changed}


@pytest.mark.parametrize("line", ACCEPTED)
def test_accepted(line):
    assert problems(answers(metadata_slots=line)) == []
    written = "; ".join(map(str, slots(line)))
    assert slots(written) == slots(line)


@pytest.mark.parametrize("line, said", REFUSED.items(), ids=REFUSED)
def test_refused_with_what_would_be_right(line, said):
    found = problems(answers(metadata_slots=line))
    assert any(said in problem for problem in found), found


@pytest.mark.parametrize("line", REFUSED)
def test_the_corrected_line_is_accepted(line):
    corrected = "; ".join(map(str, slots(line)))
    assert problems(answers(metadata_slots=corrected)) == []


@pytest.mark.parametrize(
    "line, names",
    [
        ("", []),
        (" , ", []),
        ("telegram", ["telegram"]),
        ("twilio,telegram , twilio", ["telegram", "twilio"]),
        (", ".join(CHANNELS), list(CHANNELS)),
    ],
)
def test_platforms_are_a_list(line, names):
    assert problems(answers(channels=line)) == []
    assert channels(line) == names


@pytest.mark.parametrize(
    "line, said, right",
    [
        ("Telegram", "use 'telegram' for 'Telegram'", "telegram"),
        ("whatsapp, sms", "use 'twilio' for 'whatsapp'", "twilio"),
        ("teams", "use 'botframework' for 'teams'", "botframework"),
        ("telegram; slack", "there is no 'telegram; slack'", ""),
        ("slack, matrix", "there is no 'matrix'; there are telegram, slack", "slack"),
        ("'\"{{ 1 }}", "there is no", ""),
    ],
)
def test_a_platform_that_is_none_is_refused_with_what_would_be_right(line, said, right):
    assert said in "\n".join(problems(answers(channels=line)))
    assert ", ".join(channels(line)) == right
    with pytest.raises(click.ClickException) as error:
        checked(answers(channels=line))
    assert shlex.quote(f"channels={right}") in error.value.format_message()


@pytest.mark.parametrize("slug", ["bot", "Bot_2", "a-b"])
def test_a_slug_is_a_folder_everywhere(slug):
    assert problems(answers(project_slug=slug)) == []


@pytest.mark.parametrize(
    "slug",
    [
        "",
        " ",
        ".",
        "..",
        "../bot",
        "/tmp/bot",
        "a/b",
        "a\\b",
        "a b",
        "a.b",
        "con",
        "NUL",
        "-a",
        "a-",
    ],
)
def test_a_slug_that_is_none_is_refused(slug):
    (problem,) = problems(answers(project_slug=slug))
    assert problem.startswith("project_slug")


def test_every_mistake_is_in_one_message_with_the_command_that_is_right():
    with pytest.raises(click.ClickException) as error:
        checked(answers(project_slug="a b", metadata_slots="a: string; b: enum(c)"))
    message = error.value.format_message()
    assert message.count("  - ") == 3
    assert "project_slug=a-b 'metadata_slots=a: text; b: categorical(c)'" in message


def test_the_corrected_command_bakes(tmp_path):
    command = [sys.executable, "-m", "cookiecutter", str(TEMPLATE), "--no-input"]
    run = subprocess.run(
        [*command, "metadata_slots=plan: enum(a|b)"], cwd=tmp_path, capture_output=True, text=True
    )
    assert run.returncode != 0
    assert "Traceback" not in run.stderr
    assert list(tmp_path.iterdir()) == []

    corrected = run.stderr.strip().split("\n")[-1].strip()
    assert corrected.startswith("cookiecutter ")
    again = subprocess.run(
        f"{sys.executable} -m {corrected}", shell=True, cwd=tmp_path, capture_output=True
    )
    assert again.returncode == 0
    assert 'values: ["a", "b"]' in (tmp_path / "metadata-bot" / "domain.yml").read_text()


def test_a_folder_that_exists_is_refused_and_another_one_offered(tmp_path):
    command = [sys.executable, "-m", "cookiecutter", str(TEMPLATE), "--no-input"]
    mine = tmp_path / "metadata-bot" / "mine.txt"
    mine.parent.mkdir()
    mine.write_text("kept")
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode != 0
    assert "the folder 'metadata-bot' exists already" in run.stderr
    assert "project_slug=metadata-bot-2" in run.stderr
    assert [path.name for path in mine.parent.iterdir()] == ["mine.txt"]

    over = subprocess.run([*command, "--overwrite-if-exists"], cwd=tmp_path, capture_output=True)
    assert over.returncode == 0
    assert mine.read_text() == "kept"


def test_labels_are_the_words_people_use():
    line = "user_name: text; user_id: text; id: text; first_pet: text"
    assert [slot.label for slot in slots(line)] == ["name", "user id", "id", "first pet"]


def test_an_old_cookiecutter_is_rejected_in_one_sentence(monkeypatch):
    monkeypatch.setattr(cookiecutter, "__version__", "2.6.0")
    with pytest.raises(click.ClickException, match=r"needs cookiecutter 2\.7 or newer") as error:
        SlotLine(Environment())
    assert "\n" not in error.value.format_message()


def test_two_versions_of_the_extension_live_in_one_process():
    SlotLine(Environment())
    assert "slot_line" not in sys.modules
