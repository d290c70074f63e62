"""Ordinary edits of an owner leave `make check` and `make test` green, or name the mistake.

Each is made to a fresh copy of the default bot.
"""

import json
import re
import shutil
import time

import pytest

from tests.conftest import change, installed, made, spread
from tests.test_recipes import RECIPES, follow

pytestmark = pytest.mark.rasa

SLOT = """  {name}:
    type: {type}
{more}    influence_conversation: false
    mappings:
{others}      - type: custom
        action: action_sync_metadata
        metadata: {metadata}
"""
GREET = '''        """Greet with'''
FORM = """
forms:
  visit_form:
    ignored_intents: [goodbye]
    required_slots: [visit_day]
"""
VALIDATION = """

class ValidateSlotMappings(ValidationAction):
    \"\"\"Checks what slots are set to, wherever it comes from.\"\"\"

    def validate_user_name(
        self,
        value: Any,
        dispatcher: CollectingDispatcher,
        tracker: Tracker,
        domain: dict[str, Any],
    ) -> dict[str, Any]:
        return {"user_name": value.strip().title() if value else None}
"""
CONNECTOR = '''"""A connector of this bot's owner."""

from rasa.core.channels.rest import RestInput


class PartnerInput(RestInput):
    """REST for a partner, at an address of its own."""

    @classmethod
    def name(cls) -> str:
        return "partner"
'''
EACH_TYPE = (
    "nickname: text; vip: bool from user.vip; credit: float; signed score: float(0..10);"
    " visits: integer(0..); turn seen: datetime; birthday: date; mail: email; site: url;"
    " signed tier: categorical(gold|silver) from account.tier; tags: list; signed extra: any"
)
OWN_TEST = '''"""A test of this bot's owner."""


def test_the_bot_says_hello_to_ada(bot, sender):
    answer = bot.send(sender, "hello", {"user": {"name": "Ada"}})
    assert answer.answer[0]["text"] == "Hello Ada!"
'''
RULE = """
  - rule: Ask for the day of a visit
    steps:
      - intent: plan_visit
      - action: visit_form
      - active_loop: visit_form
"""


def add_slot(metadata, kind="text", more="", others="", name="extra"):
    slot = SLOT.format(name=name, type=kind, metadata=metadata, more=more, others=others)
    return lambda bot: change(bot, "domain.yml", "slots:\n", f"slots:\n{slot}")


def add_slots(**slots):
    def edit(bot):
        for name, slot in slots.items():
            add_slot(*slot, name=name)(bot)

    return edit


def replace(*changes):
    def edit(bot):
        for change_of_file in changes:
            change(bot, *change_of_file)

    return edit


def all_of(*edits):
    """Return an edit that makes several, one after the other: each bot has to be trained."""

    def edit(bot):
        for each in edits:
            each(bot)

    return edit


def recipe(title):
    return lambda bot: follow(RECIPES[title], bot)


def append(bot, name, text):
    with (bot / name).open("a") as file:
        file.write(text)


def greet(line):
    """Let the bot say something when a session starts."""

    def edit(bot):
        path = bot / "actions" / "session_start.py"
        head = path.read_text().split(GREET)[0]
        path.write_text(f"{head}{line}\n")

    return edit


def import_a_package_of_the_root(bot):
    (bot / "services").mkdir()
    (bot / "services" / "__init__.py").write_text('"""Services of this bot."""\n\nNAME = "x"\n')
    change(
        bot,
        "actions/custom.py",
        "from rasa_metadata",
        "from services import NAME  # noqa: F401\nfrom rasa_metadata",
    )
    made(bot, "fix")


def translate_the_page(bot):
    path = bot / "chat" / "texts.json"
    texts = json.loads(path.read_text())
    translated = {
        k: f"Ü {v}" if isinstance(v, str) and k != "lang" else v for k, v in texts.items()
    }
    path.write_text(json.dumps(translated, ensure_ascii=False, indent=2) + "\n")


def add_by_command(slots):
    def edit(bot):
        code, printed = made(bot, "slot", slots)
        assert code == 0, printed

    return edit


def rename_a_slot(bot):
    names = (
        "domain.yml",
        "data/nlu.yml",
        "data/rules.yml",
        "data/stories.yml",
        "tests/talks/slots.yml",
        "tests/test_stories.yml",
    )
    for name in names:
        text = (bot / name).read_text()
        (bot / name).write_text(
            re.sub(r'(?<!")(?<!some )\b(ask_|utter_tell_)?locale\b', r"\1language", text)
        )
    change(bot, "domain.yml", "metadata: language", "metadata: locale")


def sign_a_slot(bot):
    change(bot, "domain.yml", "metadata: locale", "metadata: {path: locale, signed: true}")
    change(
        bot,
        "tests/talks/slots.yml",
        "        metadata: locale\n",
        "        token: {metadata: {locale: some locale}}\n",
    )


def add_a_form(bot):
    slot = SLOT.format(
        name="visit_day",
        type="text",
        metadata="visit.day",
        more="",
        others="      - type: from_text\n        conditions:\n          - active_loop: visit_form\n"
        "            requested_slot: visit_day\n",
    )
    change(bot, "domain.yml", "slots:\n", f"slots:\n{slot}")
    change(bot, "domain.yml", "intents:\n", "intents:\n  - plan_visit\n")
    change(
        bot,
        "domain.yml",
        "responses:\n",
        "responses:\n  utter_ask_visit_day:\n    - text: On which day?\n",
    )
    append(bot, "domain.yml", FORM)
    append(bot, "data/rules.yml", RULE)
    append(
        bot,
        "data/nlu.yml",
        "\n  - intent: plan_visit\n    examples: |\n"
        "      - I want to visit\n      - can I come by?\n      - book a visit\n",
    )


def validate_slots(bot):
    change(
        bot,
        "actions/custom.py",
        "from rasa_sdk import Action, Tracker",
        "from rasa_sdk import Action, Tracker, ValidationAction",
    )
    append(bot, "actions/custom.py", VALIDATION)
    change(bot, "domain.yml", "actions:\n", "actions:\n  - action_validate_slot_mappings\n")


def split_the_domain(bot):
    text = (bot / "domain.yml").read_text()
    head, responses = text.split("responses:\n")
    (bot / "domain").mkdir()
    (bot / "domain" / "main.yml").write_text(head.rstrip() + "\n")
    (bot / "domain" / "responses.yml").write_text(f'version: "3.1"\n\nresponses:\n{responses}')
    (bot / "domain.yml").unlink()


def turn_the_chat_page_off(bot):
    shutil.rmtree(bot / "chat")
    path = bot / "credentials.yml"
    lines = [
        line for line in path.read_text().splitlines() if "chat_" not in line or "ChatPage" in line
    ]
    text = "\n".join(lines) + "\n"
    path.write_text(text.replace("chat_page.ChatPageInput", "rest.MetadataRestInput"))


def learn_with_diet_and_ted(bot):
    """As the comments in config.yml say, with fewer epochs."""
    text = (bot / "config.yml").read_text()
    text = re.sub(r"  - name: Logistic.*\n    max_iter: .*\n", "", text)
    text = re.sub(r"^  #   (.*)$", r"  \1", text, flags=re.MULTILINE)
    (bot / "config.yml").write_text(text.replace("epochs: 100", "epochs: 30"))


EDITS = {
    "greet by a text": greet('        dispatcher.utter_message(text="Welcome!")'),
    "greet by a response": greet('        dispatcher.utter_message(response="utter_greet")'),
    "two wordings of a response, a talk, and the page in another language": all_of(
        replace(
            (
                "domain.yml",
                "    - text: Goodbye!\n",
                "    - text: Goodbye!\n    - text: Bye!\n",
            )
        ),
        recipe("Write a talk"),
        translate_the_page,
    ),
    "actions with a library, a package in the root and no types, a connector, a test": all_of(
        replace(
            (
                "actions/custom.py",
                "from rasa_sdk import",
                "import requests  # noqa: F401\nfrom rasa_sdk import",
            )
        ),
        lambda bot: append(bot, "actions/custom.py", "\n\ndef helper(value):\n    return value\n"),
        import_a_package_of_the_root,
        lambda bot: (bot / "partner.py").write_text(CONNECTOR),
        lambda bot: append(bot, "credentials.yml", "partner.PartnerInput:\n"),
        lambda bot: (bot / "tests" / "test_mine.py").write_text(OWN_TEST),
    ),
    "DIET and TED": learn_with_diet_and_ted,
    "the bot in another language": recipe("Speak another language"),
    "nothing left of the demo": recipe("Remove the demo"),
    "a slot of each type": add_slots(
        number=("age", "float", "    min_value: 0\n    max_value: 130\n"),
        whole_number=("{path: visits, schema: {type: integer, minimum: 1}}", "float"),
        flag=("vip", "bool"),
        choice=("tier", "categorical", "    values: [gold, silver]\n"),
        texts=("{path: tags, schema: {items: {type: string}, minItems: 1}}", "list"),
        anything=("anything", "any"),
    ),
    "texts of each format": add_slots(
        date=("{path: day, schema: {format: date}}",),
        time=("{path: at, schema: {format: date-time}}",),
        mail=("{path: mail, schema: {format: email}}",),
        page=("{path: page, schema: {format: uri, maxLength: 200}}",),
        code=("{path: code, schema: {pattern: '^[A-Z]{3}$', examples: [ABC, XYZ]}}",),
    ),
    "a slot of each type, added by a command to a domain in several files": all_of(
        split_the_domain, add_by_command(EACH_TYPE)
    ),
    "a slot added where nothing is left of the demo": all_of(
        recipe("Remove the demo"), add_by_command("tier: text; tags: list")
    ),
    "a slot with a deep path, one for a turn and a signed number": add_slots(
        deep=("a.b.c.d",),
        page=("{path: page.url, scope: turn}",),
        credit=("{path: credit, signed: true}", "float"),
    ),
    "a slot with another name": rename_a_slot,
    "a slot that takes a token from now on": sign_a_slot,
    "an entity and metadata": all_of(
        add_slot("city", others="      - type: from_entity\n        entity: city\n"),
        replace(("domain.yml", "intents:\n", "entities:\n  - city\n\nintents:\n")),
    ),
    "a form": add_a_form,
    "a validation of slots": validate_slots,
    "sessions that never expire, no carry-over, and an event broker": all_of(
        replace(("domain.yml", "session_expiration_time: 60", "session_expiration_time: 0")),
        replace(("domain.yml", "new_session: true", "new_session: false")),
        lambda bot: append(
            bot, "endpoints.yml", "\nevent_broker:\n  type: file\n  path: events.log\n"
        ),
    ),
    "another tracker store": replace(
        (
            "endpoints.yml",
            "rasa_metadata.stores.SQLTrackerStore\n  dialect: sqlite\n  db: conversations.db",
            "in_memory",
        )
    ),
    "Rasa's own channel": lambda bot: (bot / "credentials.yml").write_text("rest:\n"),
    "no chat page any more": turn_the_chat_page_off,
}
# Edits that are mistakes, and what is said about them.
MISTAKES = {
    "a pattern without examples": (
        add_slot("{path: code, schema: {pattern: '^[A-Z]{3}$'}}"),
        "add 'examples: [...]' to the 'schema' of 'extra' in domain.yml",
    ),
    "a response that a talk expects is translated": (
        replace(("domain.yml", '"plan: {plan}"', '"Tarif: {plan}"')),
        "> bot: plan: free",
    ),
    "a slot takes a token, and a talk sends it openly": (
        replace(
            (
                "domain.yml",
                "metadata: account.plan",
                "metadata: {path: account.plan, signed: true}",
            )
        ),
        "SignedMetadata",
    ),
    "an action that fails": (
        replace(
            (
                "actions/custom.py",
                "        return []",
                '        raise RuntimeError("oops")',
            )
        ),
        "The action 'action_tell_known_metadata' failed.",
    ),
}


def both(bot):
    """Run `make check` and `make test`; return (code, output, seconds) of each."""
    for target in ("check", "test"):
        started = time.monotonic()
        code, output = made(bot, target)
        yield code, output, round(time.monotonic() - started)


@pytest.mark.parametrize("edit", spread(EDITS))
def test_an_ordinary_edit_stays_green(my_bot, edit, record_property):
    EDITS[edit](my_bot)
    (check, said, checked), (test, printed, tested) = both(my_bot)
    assert check == 0, said
    assert test == 0, printed
    record_property("edit", f"{edit}: check {checked} s, test {tested} s")


@pytest.mark.parametrize("mistake", spread(MISTAKES))
def test_a_mistake_is_named_in_a_sentence(my_bot, mistake):
    edit, said = MISTAKES[mistake]
    edit(my_bot)
    code, printed = made(my_bot, "test")
    assert code != 0
    assert said in printed, printed


def test_a_folder_may_have_a_space_in_its_name(my_bot, installed_bot, tmp_path):
    moved = tmp_path / "my own bot"
    shutil.copytree(my_bot, moved, ignore=shutil.ignore_patterns(".venv", ".tools", ".uv"))
    installed(moved, installed_bot)
    for code, output, _ in both(moved):
        assert code == 0, output
