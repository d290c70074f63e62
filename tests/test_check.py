"""`make check` finds what owners break, says where it is and what to type, and is right when it
says nothing."""

import re
import subprocess

import pytest

from tests.conftest import change, made, spread

pytestmark = pytest.mark.rasa

SLOT = """slots:
  tier:
    type: {type}
    influence_conversation: false
    mappings:
      - type: custom
        action: action_sync_metadata
        metadata: {metadata}
"""


def slot(metadata="tier", kind="text"):
    return ("domain.yml", "slots:\n", SLOT.format(type=kind, metadata=metadata))


# What somebody changes: (file, old text, new text), and what is printed; a list for several.
FAULTS = {
    "an action is not in the domain": (
        ("domain.yml", "  - action_tell_known_metadata\n", ""),
        "actions/custom.py: domain.yml does not list 'action_tell_known_metadata': add "
        "'- action_tell_known_metadata' under 'actions:'.",
    ),
    "the sync action is not in the domain": (
        ("domain.yml", "  - action_sync_metadata\n", ""),
        "domain.yml does not list 'action_sync_metadata'",
    ),
    "an action is not written": (
        ("domain.yml", "actions:\n", "actions:\n  - action_nobody_wrote\n"),
        "domain.yml: no class in actions/ has the name 'action_nobody_wrote'",
    ),
    "an action imports what is not there": (
        ("actions/custom.py", "from rasa_sdk", "import nobody_wrote_this\nfrom rasa_sdk"),
        "actions/custom.py:6: this cannot be imported: ModuleNotFoundError: No module named "
        "'nobody_wrote_this'",
    ),
    "an action has a mistake in its syntax": (
        ("actions/custom.py", "class Action", "class class Action"),
        "actions/custom.py:12: invalid syntax.",
    ),
    "an action ends the process when it is imported": (
        ("actions/custom.py", "class Action", "raise SystemExit(3)\n\n\nclass Action"),
        "actions/custom.py:12: this cannot be imported: SystemExit: 3",
    ),
    "the package of the actions is named wrongly": (
        ("endpoints.yml", "actions_module: actions", "actions_module: action"),
        "endpoints.yml: there is no package 'action' in this folder: 'actions_module' names it.",
    ),
    "rest is listed twice": (
        ("credentials.yml", "rasa_metadata.channels.chat", "rest:\nrasa_metadata.channels.chat"),
        "'rest' and 'rasa_metadata.channels.chat_page.ChatPageInput' both answer at "
        "/webhooks/rest. Remove one of them.",
    ),
    "a key of the tokens is misspelt": (
        ("credentials.yml", "  action_timeout:", "  jwt_isuer: https://x\n  action_timeout:"),
        "'jwt_isuer' is unknown; there are",
    ),
    "an issuer's tokens for others would be valid": (
        ("credentials.yml", "  action_timeout:", "  jwt_issuer: https://x\n  action_timeout:"),
        "jwt_audience is missing: without it, tokens for any client of the provider are valid.",
    ),
    "a key of the action endpoint is misspelt": (
        ("endpoints.yml", "actions_module:", "forward_tokn: true\n  actions_module:"),
        "endpoints.yml:5: 'forward_tokn' is not a key of action_endpoint; did you mean "
        "'forward_token'?",
    ),
    "a stock channel is misspelt": (
        (
            "credentials.yml",
            "rasa_metadata.channels.chat",
            "telegramm:\nrasa_metadata.channels.chat",
        ),
        "'telegramm' is not a channel; did you mean 'telegram'?",
    ),
    "a channel's class is misspelt": (
        ("credentials.yml", "ChatPageInput", "ChatPgeInput"),
        "ChatPgeInput' cannot be imported",
    ),
    "a channel's key is misspelt": (
        ("credentials.yml", "max_body_bytes", "max_body_byte"),
        "'max_body_byte' is unknown; there are max_body_bytes",
    ),
    "a channel's value has another type": (
        ("credentials.yml", "action_timeout: 30", "action_timeout: soon"),
        "'action_timeout' is a number above 0, not 'soon'",
    ),
    "an endpoint is misspelt": (
        ("endpoints.yml", "action_endpoint:", "action_endpoin:"),
        "endpoints.yml:4: 'action_endpoin' is not an endpoint; did you mean 'action_endpoint'?",
    ),
    "there is no action endpoint": (
        ("endpoints.yml", "action_endpoint:\n  actions_module: actions\n", ""),
        "endpoints.yml: there is no 'action_endpoint:'",
    ),
    "a store's class is misspelt": (
        ("endpoints.yml", "SQLTrackerStore", "SqlTrackerStore"),
        "SqlTrackerStore' cannot be imported",
    ),
    "the action of a mapping is misspelt": (
        ("domain.yml", "action: action_sync_metadata", "action: action_sink_metadata"),
        "slot 'plan': a mapping with 'metadata' needs 'type: custom' and 'action: "
        "action_sync_metadata'.",
    ),
    "a key of metadata is misspelt": (
        slot("{paht: tier}"),
        "domain.yml:6: slot 'tier': 'paht' is not a key of 'metadata'",
    ),
    "a claim fills a slot that is not signed": (
        slot("{path: tier, claim: email}"),
        "slot 'tier': 'claim' is the name of a token's claim, and needs 'signed: true'.",
    ),
    "a keyword of a schema is misspelt": (
        slot("{path: tier, schema: {minimun: 1}}"),
        "'minimun' is not a JSON Schema keyword that a slot may use; did you mean 'minimum'?",
    ),
    "a regular expression looks ahead": (
        slot("{path: tier, schema: {pattern: '(?=a)'}}"),
        "slot 'tier': 'schema': pattern: it is not a regular expression, or one with lookaround",
    ),
    "an example is a date without quotes": (
        slot("{path: tier, schema: {format: date, examples: [2026-01-31]}}"),
        "Put it in quotes.",
    ),
    "a path is written as in JSONPath": (slot("$.tier"), "'$.tier' is not a path"),
    "a path has an index": (slot("'user.tags[0]'"), "separated by dots, without indexes"),
    "a path escapes a dot": (slot("'a\\.b'"), "is not a path"),
    "two slots read one path": (
        slot("locale"),
        "slots 'tier' and 'locale' read paths inside one another",
    ),
    "metadata is beside the mappings": (
        ("domain.yml", "  plan:\n", "  plan:\n    metadata: account.plan\n"),
        "slot 'plan': move 'metadata:' into the mapping",
    ),
    "a slot has a type that Rasa lacks": (
        slot(kind="integer"),
        "slot 'tier': Rasa has no 'integer' slots: write 'type: float' and 'metadata: {path: …, "
        "schema: {type: integer}}'.",
    ),
    "a slot is renamed and a condition is not": (
        ("domain.yml", "  plan:\n", "  plans:\n"),
        "a condition of 'utter_tell_plan' names the slot 'plan', which domain.yml does not have; "
        "did you mean 'plans'?",
    ),
    "a slot is renamed and a response is not": (
        ("domain.yml", "  locale:\n", "  language:\n"),
        "the response 'utter_tell_locale' names the slot 'locale'",
    ),
    "a story names a slot that is gone": (
        (
            "data/stories.yml",
            "      - intent: goodbye\n",
            "      - slot_was_set:\n          - tier: pro\n      - intent: goodbye\n",
        ),
        "a 'slot_was_set' names the slot 'tier'",
    ),
    "an action reads a slot that is gone": (
        (
            "actions/custom.py",
            "        return []",
            '        tracker.get_slot("tier")\n        return []',
        ),
        "this names the slot 'tier'",
    ),
    "an action reads such a slot in another way": (
        (
            "actions/custom.py",
            "        return []",
            '        tracker.slots["tier"]\n        return []',
        ),
        "actions/custom.py:23: this names the slot 'tier'",
    ),
    "a rule depends on a slot without influence": (
        (
            "data/rules.yml",
            "      - intent: goodbye\n",
            "      - slot_was_set:\n          - plan: pro\n      - intent: goodbye\n",
        ),
        "remove 'influence_conversation: false' from the slot.",
    ),
    "a response waits for a value that cannot be": (
        ("domain.yml", "name: plan, value: null", "name: plan, value: gold"),
        "'utter_tell_plan' waits for \"gold\", which 'plan' cannot hold.",
    ),
    "there are two domains": (
        ("domain/slots.yml", None, 'version: "3.1"\n'),
        "domain.yml:1: the folder domain/ exists too, and only it is read",
    ),
    "a file is not YAML": (
        ("data/rules.yml", "rules:\n", "rules: [\n"),
        "data/rules.yml:",
    ),
    "the texts of the chat page are not JSON": (
        ("chat/texts.json", "{", "{,"),
        "chat/texts.json:1: this is not JSON",
    ),
}
HINTS = {
    "a payload that a slot's text can break": (
        (
            "domain.yml",
            "    - text: Goodbye!\n",
            "    - text: Goodbye!\n      buttons:\n        - title: Again\n"
            '          payload: \'/greet{"name": "{locale}"}\'\n',
        ),
        "hint: a quote in the slot 'locale' breaks the payload of 'utter_goodbye'.",
    ),
    "a slot that the model does not know yet": (
        slot(),
        "hint: the slots have changed since bot.tar.gz was trained: run 'make train'.",
    ),
    "a response that is silent without a condition": (
        (
            "domain.yml",
            "    - text: Goodbye!\n",
            "    - condition: [{type: slot, name: locale, value: de}]\n      text: Tschüss!\n",
        ),
        "hint: 'utter_goodbye' says nothing if no condition holds",
    ),
}


def checked(bot, file, old, new):
    if old is None:
        (bot / file).parent.mkdir()
        (bot / file).write_text(new)
    else:
        change(bot, file, old, new)
    command = [".venv/bin/python", "-m", "rasa_metadata", "check"]
    return subprocess.run(command, cwd=bot, capture_output=True, text=True)


@pytest.mark.parametrize("fault", spread(FAULTS))
def test_a_fault_is_named_with_what_to_type(my_bot, fault):
    changed, said = FAULTS[fault]
    run = checked(my_bot, *changed)
    assert run.returncode == 1, run.stdout + run.stderr
    assert said in run.stdout
    assert "Traceback" not in run.stdout + run.stderr
    assert re.match(r"\S+(:\d+)?: ", run.stdout)


@pytest.mark.parametrize("what", spread(HINTS))
def test_a_hint_does_not_fail_the_check(my_bot, what):
    changed, said = HINTS[what]
    run = checked(my_bot, *changed)
    assert run.returncode == 0, run.stdout + run.stderr
    assert said in run.stdout


def test_it_needs_no_tensorflow_and_says_nothing_about_a_good_bot(my_bot):
    program = "import sys; from rasa_metadata.commands.check import main; code = main(); "
    program += "sys.exit(code or 'tensorflow' in sys.modules)"
    command = [".venv/bin/python", "-c", program]
    run = subprocess.run(command, cwd=my_bot, capture_output=True, text=True)
    assert (run.returncode, run.stdout) == (0, "")


def test_pre_commit_runs_the_checks_and_finds_a_fault_of_each_kind(my_bot):
    subprocess.run(["git", "init", "-q"], cwd=my_bot, check=True)
    subprocess.run(["git", "add", "-A"], cwd=my_bot, check=True)

    def hooks():
        command = [".tools/bin/pre-commit", "run", "--all-files"]
        run = subprocess.run(command, cwd=my_bot, capture_output=True, text=True)
        assert "fatal:" not in run.stdout + run.stderr
        found = re.findall(r"^(.*?)\.{3,}.*?(Passed|Failed)$", run.stdout, re.MULTILINE)
        return run.returncode, {name.split(" (")[0]: result for name, result in found}

    names = ("Python style", "Types", "YAML style", "Wiring", "rasa data validate")
    assert hooks() == (0, dict.fromkeys(names, "Passed"))

    change(my_bot, "actions/custom.py", "from typing", "import os\nfrom typing")
    change(my_bot, "endpoints.yml", "action_endpoint:", "another_endpoint:   ")
    change(my_bot, "data/rules.yml", "action: utter_greet", "action: utter_great")
    failed = dict.fromkeys(names, "Failed") | {"Types": "Passed"}
    assert hooks() == (1, failed)


def test_make_check_works_outside_git_and_make_fix_repairs_the_style(my_bot):
    change(my_bot, "actions/custom.py", "from typing", "import os\nfrom typing")
    change(my_bot, "credentials.yml", "PageInput:", "PageInput:   ")
    code, output = made(my_bot, "check")
    assert code != 0
    assert "F401" in output
    assert "trailing spaces" in output
    assert made(my_bot, "fix")[0] == 0
    code, output = made(my_bot, "check")
    assert code == 0, output
    assert "All is well." in output


def test_make_check_and_make_fix_leave_the_files_of_others_alone(my_bot):
    names = ("node_modules/x/a.py", "node_modules/x/a.yml", "node_modules/x/a.md")
    names += ("results/a.yml", "results/a.md", "train_test_split/a.yml")
    ugly = "import os  \nx: {a :  1}   \n\n\n"
    for path in (my_bot / name for name in (*names, f"rasa_metadata/chat/{names[0]}")):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(ugly)
    assert made(my_bot, "fix")[0] == 0
    assert {path.read_text() for path in my_bot.rglob("a.*")} == {ugly}
    code, output = made(my_bot, "check-python", "check-yaml")
    assert code == 0, output


def test_the_actions_of_a_new_bot_are_typed(my_bot):
    run = subprocess.run([".tools/bin/mypy", "-p", "actions"], cwd=my_bot, capture_output=True)
    assert run.returncode == 0, run.stdout


def test_yaml_that_rasa_writes_is_accepted(my_bot):
    stories = my_bot / "data" / "stories.yml"
    one = stories.read_text().split("stories:\n")[1]
    stories.write_text(stories.read_text() + one.replace("A short", "Another") * 1)
    command = [".venv/bin/python", "-m", "rasa_metadata", "rasa", "data", "split", "stories"]
    subprocess.run(command, cwd=my_bot, check=True, capture_output=True)
    (story,) = (my_bot / "train_test_split").rglob("train_stories.yml")
    stories.write_text(story.read_text())
    code, output = made(my_bot, "check-yaml")
    assert code == 0, output


def test_checks_and_tests_follow_a_slot_that_is_added_broken_and_removed(my_bot):
    def collected():
        command = [".venv/bin/python", "-m", "pytest", "--collect-only"]
        run = subprocess.run(command, cwd=my_bot, capture_output=True, text=True)
        return [line for line in run.stdout.split("\n") if "::" in line]

    before = collected()
    others = "{telegram: author.id, slack: author.id}"
    file, old, new = slot(f"{{path: account.tier, signed: true, channels: {others}}}")
    change(my_bot, file, old, new)
    listed = made(my_bot, "contract")[1]
    others = "telegram: author.id, slack: author.id"
    assert f"account.tier, {others} → tier (signed, “tier”)" in listed
    code, output = made(my_bot, "train")
    assert code == 0, output
    added = set(collected()) - set(before)
    assert len(added) == 3
    assert all("[tier]" in test for test in added)
    code, output = made(my_bot, "test")
    assert code == 0, output

    change(my_bot, "domain.yml", "path: account.tier", "paht: account.tier")
    code, output = made(my_bot, "train")
    assert code != 0
    assert "slot 'tier': 'paht' is not a key of 'metadata'" in output
