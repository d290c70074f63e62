"""The pytest plugin of a bot's tests: what talks can say, and what one that fails prints."""

import re
import subprocess

import pytest

from tests.conftest import change, copied, made

pytestmark = pytest.mark.rasa

PASSING = """\
fixtures:
  - member: [{plan: pro}]
  - german:
      - locale: de

metadata:
  - ada: {user: {name: Ada}}
  - free: {account: {plan: free}}

test_cases:
  - test_case: metadata of a case and of a step, by name and as it is
    metadata: ada
    steps:
      - user: hello
      - bot: Hello Ada!
      - slot_was_set: [user_name, user_name: Ada]
      - user: what is my plan
        metadata: free
      - utter: utter_tell_plan
      - user: hello
        metadata: {user: {name: Grace}}
      - bot: Hello Grace!
      - slot_was_set: [{user_name: Grace}, {plan: free}]
      - slot_was_not_set: [locale, plan: pro]
      - user: hello
        metadata: {user: {name: null}}
      - bot: Hello!
  - test_case: several fixtures
    fixtures: [member, german]
    steps:
      - slot_was_set:
          - plan: pro
          - locale: de
      - user: what is my plan
      - bot: "plan: pro"
  - test_case: nothing of another case
    steps:
      - user: hello
      - slot_was_not_set: [user_name, plan, locale]
  - test_case: a guest signs in, and out again
    metadata: {locale: de}
    steps:
      - user: hello
      - user: what is my id
        token: {metadata: {user: {id: u1}}}
      - bot: "id: u1"
      - slot_was_set: [locale: de, user_id: u1]
      - user: hello
      - slot_was_not_set: user_id
  - test_case: a token of a case
    token: {sub: ada, metadata: {user: {id: u1}}}
    steps:
      - user: hello
      - slot_was_set: {user_id: u1}
      - user: hello
        token: null
      - slot_was_not_set: user_id
      - user: hello
        token: {sender: null}
      - utter: utter_greet
      - user: hello
        token: {exp: 1}
        expect: {status: 401, reason: BadToken}
      - user: hello
        token: {exp: null}
        expect: {status: 401}
  - test_case: what is rejected changes nothing
    metadata: free
    steps:
      - user: hello
      - user: hello
        metadata: {account: {plan: gold}}
        expect: {status: 422, reason: BadMetadata}
      - user: hello
        metadata: {user: {id: u1}}
        expect: {reason: SignedMetadata}
      - slot_was_set: {plan: free}
  - test_case: a date without quotes
    steps:
      - user: what is my locale
        metadata: {locale: 2026-01-31}
      - bot: "locale: 2026-01-31"
"""

# Of the talk below, each failing case and what it prints, without the name of the file.
FAILING = """\
test_cases:
  - test_case: another text
    steps:
      - user: hello
        metadata: {user: {name: Ada}}
      - bot: Hello Ada!
      - user: what is my plan
      - bot: "plan: pro"
  - test_case: another response
    steps:
      - user: hello
      - utter: utter_goodbye
  - test_case: one message too many
    steps:
      - user: hello
      - bot: Hello!
      - bot: Hello!
  - test_case: another value
    steps:
      - user: hello
        metadata: {locale: de}
      - slot_was_set:
          - locale: en
  - test_case: a value that should not be there
    steps:
      - user: hello
        metadata: {locale: de}
      - slot_was_not_set: [locale]
  - test_case: another status
    steps:
      - user: hello
        metadata: {account: {plan: gold}}
  - test_case: another reason
    steps:
      - user: hello
        token: {metadata: {account: {plan: gold}}}
        expect: {status: 422, reason: BadMessage}
  - test_case: no error at all
    steps:
      - user: hello
        expect: {status: 403}
"""
PRINTED = [
    """\
8: another text
  user: hello  {"user": {"name": "Ada"}}
  bot: Hello Ada!
  user: what is my plan
  bot: plan: not known yet
> bot: plan: pro
  received: plan: not known yet""",
    """\
12: another response
  user: hello
  bot: Hello!
> utter: utter_goodbye
  received: utter_greet""",
    """\
17: one message too many
  user: hello
  bot: Hello!
> bot: Hello!
  received: no more messages""",
    """\
22: another value
  user: hello  {"locale": "de"}
  bot: Hello!
> slot_was_set: locale: "en"
  received: locale: "de\"""",
    """\
28: a value that should not be there
  user: hello  {"locale": "de"}
  bot: Hello!
> slot_was_not_set: locale
  received: locale: "de\"""",
    """\
31: another status
  user: hello  {"account": {"plan": "gold"}}
> expect: {"status": 200}
  received: {"status": 422, "reason": "BadMetadata",""",
    """\
35: another reason
  user: hello  token {"metadata": {"account": {"plan": "gold"}}}
> expect: {"status": 422, "reason": "BadMessage"}
  received: {"status": 422, "reason": "BadMetadata",""",
    """\
40: no error at all
  user: hello
  bot: Hello!
> expect: {"status": 403}
  received: {"status": 200}""",
]

CASE = "test_cases:\n  - test_case: x\n    steps:\n      - user: hello\n"
# What is written wrongly, and what is printed behind the name of the file.
WRITTEN_WRONGLY = {
    "not YAML": (f"{CASE}      - bot: [Hello\n", "6: this is not YAML: "),
    "a tab": ("test_cases:\n\t- x\n", "2: this is not YAML: found character '\\t'"),
    "a key twice": (
        f"{CASE}        user: bye\n",
        '5: this is not YAML: found duplicate key "user".',
    ),
    "empty": ("", "1: a file of talks is a mapping with fixtures, metadata, test_cases."),
    "no cases": ("fixtures: []\n", "1: a file of talks needs 'test_cases'."),
    "a key of a file": (
        f"stories: []\n{CASE}",
        "1: 'stories' is not a key of a file of talks; the keys are fixtures, metadata, "
        "test_cases.",
    ),
    "a key of a case": (
        f"{CASE}    metadatas: x\n",
        "5: 'metadatas' is not a key of a test case; the keys are test_case, fixtures, metadata, "
        "token, steps.",
    ),
    "a key of a user step": (
        f"{CASE}        slots: x\n",
        "5: 'slots' is not a key of a 'user' step; the keys are user, metadata, token, expect.",
    ),
    "a kind of step": (
        f"{CASE}      - says: Hello!\n",
        "5: a step has one of user, bot, utter, slot_was_set, slot_was_not_set.",
    ),
    "metadata of a bot step": (
        f"{CASE}      - bot: Hello!\n        metadata: x\n",
        "6: 'metadata' is not a key of a 'bot' step; the keys are bot.",
    ),
    "a key of expect": (
        f"{CASE}        expect: {{code: 422}}\n",
        "5: 'code' is not a key of 'expect'; the keys are status, reason.",
    ),
    "a name that is not defined": (
        f"metadata:\n  - ada: {{}}\n{CASE}        metadata: eve\n",
        "7: 'eve' is not under 'metadata' at the top; defined are ada.",
    ),
    "a fixture that is not defined": (
        f"{CASE}    fixtures: [eve]\n",
        "5: 'eve' is not under 'fixtures' at the top; nothing is defined there.",
    ),
    "a slot of a fixture": (
        f"fixtures:\n  - member:\n      - plam: pro\n{CASE}",
        "3: the bot has no slot 'plam'; did you mean 'plan'?",
    ),
    "a slot of a step": (
        f"{CASE}      - slot_was_not_set:\n          - plam\n",
        "5: the bot has no slot 'plam'; did you mean 'plan'?",
    ),
    "a number as a message": (
        f"{CASE}      - user: 5\n",
        "5: 'user' needs text: put it in quotes.",
    ),
    "a token as text": (
        f"{CASE}        token: eyJ\n",
        "5: 'token' has the claims, such as '{metadata: {...}}'.",
    ),
    "two cases of one name": (
        f"{CASE}  - test_case: x\n    steps: [user: hello]\n",
        "5: there are two test cases 'x'.",
    ),
    "a case without steps": (
        "test_cases:\n  - test_case: x\n",
        "2: a test case needs 'steps'.",
    ),
    "the bot first": (
        "test_cases:\n  - test_case: x\n    steps: [bot: Hello!]\n",
        "3: the first message is a 'user' step: its answer contains the bot's greeting.",
    ),
}


@pytest.fixture(scope="module")
def bot(installed_bot, tmp_path_factory):
    """Return a trained bot whose talks are these, in a folder with a space in its path."""
    bot = copied(installed_bot, tmp_path_factory.mktemp("of a bot"))
    for path in (bot / "tests" / "talks").iterdir():
        path.unlink()
    (bot / "tests" / "talks" / "passing.yml").write_text(PASSING)
    (bot / "tests" / "talks" / "failing.yml").write_text(FAILING)
    return bot


def run(bot, *arguments, folder="."):
    """Run pytest in a bot; return (exit code, what it printed)."""
    command = [bot / ".venv" / "bin" / "python", "-m", "pytest", *arguments]
    done = subprocess.run(command, cwd=bot / folder, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def printed(bot):
    """Return what all talks print, run from a folder that is not the bot's own."""
    code, output = run(bot, "talks", folder="tests")
    assert code == 1, output
    return output


def test_talks_pass_where_the_bot_does_what_they_expect(printed):
    assert f"{len(PRINTED)} failed, {PASSING.count('- test_case:')} passed" in printed
    assert "Starting the bot with its actions in process" in printed


def test_a_failing_talk_prints_itself_up_to_the_step_with_file_and_line(printed):
    for expected in PRINTED:
        assert f"\ntalks/failing.yml:{expected}" in printed
    assert "Traceback" not in printed
    assert ".py" not in printed


def test_a_failing_talk_is_named_by_file_and_case(printed):
    assert "FAILED talks/failing.yml::another text" in printed.replace("FAILED tests/", "FAILED ")


def test_talks_and_slots_pass_with_an_action_server(bot):
    code, output = run(bot, "--action-server", "tests/test_slots.py", "tests/talks/passing.yml")
    assert code == 0, output
    assert "Starting the bot with an action server" in output
    assert "skipped" not in output


def test_a_talk_that_is_written_wrongly_says_what_is_right(installed_bot, tmp_path):
    bot = copied(installed_bot, tmp_path)
    names = {}
    for number, (name, (text, _)) in enumerate(WRITTEN_WRONGLY.items()):
        names[name] = f"tests/talks/{number}.yml"
        (bot / names[name]).write_text(text)
    code, output = run(bot)
    assert code == 2
    for name, (_, message) in WRITTEN_WRONGLY.items():
        assert f"\n{names[name]}:{message}" in output, name
    assert "Traceback" not in output
    assert f"{len(names)} errors" in output


def test_a_bot_without_a_model_says_how_to_get_one(installed_bot, tmp_path):
    bot = copied(installed_bot, tmp_path)
    (bot / "models" / "bot.tar.gz").unlink()
    (bot / "tests" / "test_mine.py").write_text("def test_mine():\n    pass\n")
    code, output = run(bot)
    assert code != 0
    assert ".py:" not in output
    assert "There is no model in models/: run 'make train'." in output
    assert run(bot, "tests/test_mine.py")[0] == 0, "your own tests need no model"


def test_a_bot_that_cannot_start_shows_its_log(installed_bot, tmp_path):
    bot = copied(installed_bot, tmp_path)
    change(bot, "actions/custom.py", "import known_metadata", "import known_metadat")
    code, output = run(bot)
    assert code == 1
    assert "cannot import name 'known_metadat'" in output


def test_a_bot_that_ends_in_the_middle_shows_its_log(installed_bot, tmp_path):
    bot = copied(installed_bot, tmp_path)
    change(
        bot,
        "actions/custom.py",
        "        known =",
        "        __import__('os')._exit(3)\n        known =",
    )
    code, output = run(bot, "tests/talks/slots.yml", "-k", "nothing")
    assert code == 1
    assert "The bot does not answer" in output
    assert "Rasa server is up and running" in output
    assert "Traceback" not in output


SLOTS = {  # of types and formats whose values cannot be guessed from the type alone
    "birthday": ("text", "{format: date}"),
    "seen": ("text", "{format: date-time}"),
    "mail": ("text", "{format: email}"),
    "site": ("text", "{format: uri}"),
    "key": ("text", "{format: uuid}"),
    "age": ("float", "{type: integer, minimum: 18}"),
    "code": ("text", "{pattern: '^[A-Z]{3}-[0-9]+$', examples: [ABC-1, XYZ-22]}"),
    "note": ("text", "{minLength: 40, maxLength: 60}"),
    "tags": ("list", "{items: {type: string}, minItems: 2}"),
    "size": ("any", "{enum: [1, two]}"),
    "tier": ("text", "{default: gold, pattern: ^g}"),
    # of claims; the last one decides whose token it is, so that it has no test
    "e_mail": ("text", "{format: email}, signed: true, claim: email"),
    "roles": ("list", "{items: {type: string}}, signed: true, claim: realm_access.roles"),
    "paid": ("bool", "{}, signed: true, claim: 'https://shop.example.com/paid'"),
    "user_key": ("text", "{}, signed: true, claim: sub"),
}


def slot(name, kind, metadata, more=""):
    return (
        f"  {name}:\n    type: {kind}\n    mappings:\n{more}      - type: custom\n"
        f"        action: action_sync_metadata\n        metadata: {metadata}\n"
    )


def test_slots_of_each_format_have_examples(installed_bot, tmp_path):
    bot = copied(installed_bot, tmp_path)
    slots = "".join(
        slot(name, kind, f"{{path: my.{name}, schema: {schema}}}")
        for name, (kind, schema) in SLOTS.items()
    )
    change(bot, "domain.yml", "slots:\n", f"slots:\n{slots}")
    code, output = made(bot, "test")
    assert code == 0, output

    change(bot, "domain.yml", ", examples: [ABC-1, XYZ-22]", "")
    code, output = made(bot, "test")
    assert code != 0
    hint = "add 'examples: [...]' to the 'schema' of 'code' in domain.yml."
    assert f"No value can be made up: {hint}" in output
    assert "1 failed" in output
    assert "Traceback" not in output


def test_the_ordinary_work_of_an_owner_fails_nothing(installed_bot, tmp_path):
    """One bot with many edits, since training takes its time; its folder has another name."""
    bot = copied(installed_bot, tmp_path).rename(tmp_path / "mein Bot")
    rewrite = [
        (
            "utter_goodbye:\n    - text: Goodbye!",
            "utter_goodbye:\n    - text: Bye!\n    - text: Ciao!",
        ),
        ("    - text: Sorry", "    - text: Wie bitte?\n    - text: Sorry"),
        ("actions:\n", "actions:\n  - action_validate_slot_mappings\n"),
        (
            "    mappings:\n      - type: custom\n        action: action_sync_metadata\n"
            "        metadata: account.plan",
            "    mappings:\n      - type: from_entity\n        entity: plan\n      - type: custom\n"
            "        action: action_sync_metadata\n        metadata: account.plan",
        ),
        ("session_expiration_time: 60", "session_expiration_time: 0"),
        ("carry_over_slots_to_new_session: true", "carry_over_slots_to_new_session: false"),
        ("intents:\n", "entities:\n  - plan\n\nintents:\n"),
    ]
    for old, new in rewrite:
        change(bot, "domain.yml", old, new)
    rest, responses = (bot / "domain.yml").read_text().split("\nresponses:\n")
    (bot / "domain.yml").unlink()
    (bot / "domain").mkdir()
    (bot / "domain" / "slots.yml").write_text(rest)
    (bot / "domain" / "responses.yml").write_text(f'version: "3.1"\n\nresponses:\n{responses}')
    change(bot, "config.yml", "language: en", "language: de")
    change(bot, "credentials.yml", "action_timeout: 30", "guests: false\n  action_timeout: 30")
    for name, text in {
        "credentials.yml": "\nrasa_metadata.channels.callback.MetadataCallbackInput:\n  url: http://x\n"
        "\ntelegram:\n  access_token: ${TELEGRAM_TOKEN}\n",
        "endpoints.yml": "\nevent_broker:\n  type: kafka\n  url: ${KAFKA}\n",
    }.items():
        with (bot / name).open("a") as file:
            file.write(text)
    change(bot, "endpoints.yml", "  dialect: sqlite\n", "  dialect: postgresql\n  url: nowhere\n")
    (bot / "services").mkdir()
    (bot / "services" / "__init__.py").write_text("PLANS = {'gratis': 'free'}\n")
    (bot / "actions" / "checks.py").write_text(
        "from rasa_sdk.forms import ValidationAction\n\nfrom services import PLANS\n\n\n"
        "class Validation(ValidationAction):\n"
        "    async def validate_plan(self, value, dispatcher, tracker, domain):\n"
        "        return {'plan': str(PLANS.get(value, value)).upper()}\n"
    )
    with (bot / "actions" / "session_start.py").open("a") as file:
        file.write('        dispatcher.utter_message(response="utter_greet")\n')
    (bot / "tests" / "test_mine.py").write_text(
        "def test_mine(bot, sender):\n    assert bot.send(sender, 'hello').status == 200\n"
    )
    for path in (bot / "tests" / "talks").iterdir():
        path.unlink()
    (bot / "tests" / "talks" / "mine.yml").write_text(
        "test_cases:\n- test_case: several wordings\n  steps:\n"
        + "  - user: bye\n  - utter: utter_goodbye\n" * 8
    )
    code, output = made(bot, "test")
    assert code == 0, output
    assert "skipped" not in output


def test_a_bot_without_slots_and_talks_passes(installed_bot, tmp_path):
    bot = copied(installed_bot, tmp_path)
    text = (bot / "domain.yml").read_text()
    text = re.sub(r"^slots:\n(  .*\n|\n)+", "slots: {}\n\n", text, flags=re.MULTILINE)
    text = re.sub(
        r"^    - condition:.*\n(        - .*\n)+      text: .*\n", "", text, flags=re.MULTILINE
    )
    (bot / "domain.yml").write_text(re.sub(r"{\w+}", "", text))
    for path in (bot / "tests" / "talks").iterdir():
        path.unlink()
    code, output = made(bot, "test")
    assert code == 0, output
    assert "1 passed" in output


def test_rasas_own_test_commands_work(installed_bot, tmp_path):
    bot = copied(installed_bot, tmp_path)
    code, output = made(bot, "test-stories")
    assert code == 0, output
    assert (bot / "results" / "failed_test_stories.yml").read_text().strip() in (
        "",
        "# None of the test stories failed - all good!",
    )
    split = [bot / ".venv/bin/python", "-m", "rasa_metadata", "rasa", "data", "split", "stories"]
    done = subprocess.run(split, cwd=bot, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (bot / "train_test_split").is_dir()
    code, output = made(bot, "check-yaml", "check-python")
    assert code == 0, output
