"""A fault in the machinery fails one of its tests; one that an owner may make, `make check`.

Each fault is put into a copy of the default bot.
"""

import re
import subprocess
from typing import NamedTuple

import pytest

from tests.conftest import change, made, spread
from tools.in_a_bot import pytest_in

pytestmark = pytest.mark.rasa


class Fault(NamedTuple):
    file: str
    old: str | None  # a new file, if None
    new: str
    caught_by: str = ""  # a test in tests/in_a_bot


FAULTS = {
    "a signed value is accepted from the open body": Fault(
        "validation/message.py",
        "if each.signed and",
        "if not each.signed and",
        "fast/test_rest_channel.py::test_each_of_your_signed_slots_is_closed_to_the_open_body",
    ),
    "metadata is not validated": Fault(
        "validation/message.py",
        "for each in violations(contract, metadata)",
        "for each in ()",
        "fast/test_rest_channel.py::test_each_of_your_slots_refuses_what_it_cannot_hold",
    ),
    "a signature is not verified": Fault(
        "contract/signature.py",
        "return json.loads(text) if good else {}",
        "return json.loads(text)",
        "fast/test_signature.py::test_a_seal_holds_for_its_sender_alone",
    ),
    "an expired token is valid": Fault(
        "validation/tokens.py",
        'options={"require"',
        'options={"verify_exp": False, "require"',
        "fast/test_tokens.py::test_a_token_that_is_not_to_be_believed_is_a_401",
    ),
    "a path is one key": Fault(
        "contract/fields.py",
        'tuple(path.split("."))',
        "(path,)",
        "fast/test_contract.py::test_the_short_form_is_the_long_form_with_a_path_alone",
    ),
    "a turn-scoped slot is held": Fault(
        "contract/fields.py",
        'return self.scope == "session" and not self.signed',
        "return not self.signed",
        "fast/test_sync.py::test_a_turn_scoped_slot_is_what_this_message_says",
    ),
    "null is passed over": Fault(
        "slots/sync.py",
        "if value is not ABSENT and not same(value, before)",
        "if value not in (ABSENT, None) and not same(value, before)",
        "fast/test_sync.py::test_null_clears",
    ),
    "false is the same as nothing": Fault(
        "contract/values.py",
        "return isinstance(first, bool) is isinstance(second, bool) and first == second",
        "return bool(first) == bool(second) or first == second",
        "fast/test_sync.py::test_false_zero_and_empty_are_values",
    ),
    "a fallback is not noticed": Fault(
        "slots/applied.py",
        'elif kind == "rewind":',
        'elif kind == "never":',
        "fast/test_sync.py::test_a_change_in_a_turn_that_a_fallback_undid_comes_back",
    ),
    "metadata always takes precedence over the conversation": Fault(
        "slots/sync.py",
        "and not younger and",
        "and",
        "fast/test_sync.py::test_what_the_conversation_gave_later_is_left_alone",
    ),
    "a stock channel's values are not validated": Fault(
        "slots/sync.py",
        "not same(value, before) and field.accepts(value):",
        "not same(value, before):",
        "fast/test_sync.py::test_a_value_that_breaks_the_contract_says_nothing",
    ),
    "the session start does not listen": Fault(
        "slots/session_start.py",
        'return [*events, ActionExecuted("action_listen")]',
        "return events",
        "fast/test_sync.py::test_a_session_start_ends_with_action_listen",
    ),
    "the session start forgets what to carry over": Fault(
        "slots/session_start.py",
        "slots = carried_over(contract, tracker.events)",
        "pass",
        "fast/test_sync.py::test_a_new_session_carries_slots_over",
    ),
    "the session start loses its metadata": Fault(
        "slots/session_start.py",
        "events.append(SlotSet(START_SLOT, start))",
        "pass",
        "fast/test_sync.py::test_two_restarts_are_as_good_as_one",
    ),
    "a turn that failed is an empty answer": Fault(
        "channels/webhook.py",
        "answer_error(request, error)) if error else None",
        "answer_error(request, error)) if False else None",
        "fast/test_rest_channel.py::test_a_turn_that_fails_is_never_an_empty_answer",
    ),
    "a balancer without an action server is an action that fails": Fault(
        "runtime/turn.py",
        "if error.status in (502, 503, 504):",
        "if error.status in ():",
        "fast/test_turn.py::test_a_server_that_does_not_answer_ends_the_turn_and_may_be_tried_again",
    ),
    "an action gets the live tracker": Fault(
        "runtime/in_process.py",
        "call if own else copied(call)",
        "call",
        "fast/test_in_process.py::test_what_an_action_does_to_its_arguments_stays_with_it",
    ),
    "a rejection is an error like others": Fault(
        "runtime/in_process.py",
        "raise _http_error(400, error.message, name)",
        "raise _http_error(500, error.message, name)",
        "fast/test_in_process.py::test_a_rejection_is_the_400_that_rasa_expects",
    ),
    "a message with a known key is handled again": Fault(
        "runtime/turn.py",
        "    if not of_turn:\n        return\n",
        "    return\n",
        "rasa_code/test_keys.py::test_it_is_handled_once_and_answered_each_time",
    ),
}

WIRING = {
    "an action is missing in the domain": (
        Fault("domain.yml", "  - action_tell_known_metadata\n", "", ""),
        "actions/custom.py has 'action_tell_known_metadata', but domain.yml does not list it: "
        "add '- action_tell_known_metadata' under 'actions:'.",
    ),
    "an action is not written": (
        Fault("domain.yml", "actions:\n", "actions:\n  - action_nobody_wrote\n", ""),
        "domain.yml lists 'action_nobody_wrote', but no class in actions/ has that name: "
        "write one in actions/custom.py, or take it out of 'actions:'.",
    ),
    "the channel cannot be imported": (
        Fault("channels/rest.py", "import json\n", "import json\nimport nobody_wrote_this\n", ""),
        "ModuleNotFoundError: No module named 'nobody_wrote_this'",
    ),
    "rest is listed twice": (
        Fault(
            "credentials.yml", "rasa_metadata.channels.chat_page", "rest:\nchannels.chat_page", ""
        ),
        "credentials.yml: 'rasa_metadata.channels.chat_page.ChatPageInput:' and 'rest:' both answer at "
        "/webhooks/rest; take 'rest:' out.",
    ),
    "the action's name is misspelt": (
        Fault("domain.yml", "action: action_sync_metadata", "action: action_sink_metadata", ""),
        "domain.yml: slot 'plan': a mapping with 'metadata' needs 'type: custom' and "
        "'action: action_sync_metadata'.",
    ),
    "there is no action endpoint": (
        Fault("endpoints.yml", "action_endpoint:", "another_endpoint:", ""),
        "endpoints.yml has no 'action_endpoint:'",
    ),
    "the domain has changed since training": (
        Fault("domain.yml", "text: Goodbye!", "text: See you!", ""),
        "domain.yml has changed since bot.tar.gz was trained: type 'make train'.",
    ),
    "a slot is renamed, and a condition is not": (
        Fault("domain.yml", "  plan:\n", "  tier:\n", ""),
        "domain.yml: a condition of 'utter_tell_plan' names the slot 'plan', and domain.yml has "
        "none of that name.",
    ),
    "a slot is renamed, and a response is not": (
        Fault("domain.yml", "  locale:\n", "  language:\n", ""),
        "domain.yml: the response 'utter_tell_locale' names the slot 'locale', and domain.yml has "
        "none of that name.",
    ),
    "a story names a slot that is gone": (
        Fault(
            "data/stories.yml",
            "      - intent: goodbye\n",
            "      - slot_was_set:\n          - tier: pro\n      - intent: goodbye\n",
            "",
        ),
        "data/stories.yml: a 'slot_was_set' names the slot 'tier', and domain.yml has none",
    ),
    "an action names a slot that is gone": (
        Fault("actions/custom.py", "if known:", 'if known or tracker.get_slot("tier"):', ""),
        "actions/custom.py names the slot 'tier', and domain.yml has none of that name.",
    ),
    "a value is renamed, and a condition is not": (
        Fault("domain.yml", 'values: ["free"', 'values: ["basic"', ""),
        "domain.yml: a condition of 'utter_tell_plan' waits for \"free\", which the slot 'plan' "
        "cannot hold any more.",
    ),
    "a domain folder stands beside the file": (
        Fault("domain/slots.yml", None, 'version: "3.1"\n', ""),
        "there are both domain.yml and domain/, and only the folder is read",
    ),
    "a rule depends on a slot that has no influence": (
        Fault(
            "data/rules.yml",
            "      - intent: goodbye\n",
            "      - slot_was_set:\n          - plan: pro\n      - intent: goodbye\n",
            "",
        ),
        "take 'influence_conversation: false' out of the slot 'plan'.",
    ),
}


@pytest.mark.parametrize("fault", spread(FAULTS))
def test_the_machinerys_tests_find(my_bot, fault):
    file, old, new, caught_by = FAULTS[fault]
    change(my_bot / "rasa_metadata", file, old, new)
    run = pytest_in(my_bot, caught_by, "--tb=line", capture_output=True, text=True)
    assert run.returncode == 1, run.stdout + run.stderr
    assert f"{caught_by.split('::')[1]}" in run.stdout.split("short test summary")[1]


@pytest.mark.parametrize("fault", spread(WIRING))
def test_make_check_says_what_to_type(my_bot, fault):
    (file, old, new, _), said = WIRING[fault]
    if old is None:
        (my_bot / file).parent.mkdir()
        (my_bot / file).write_text(new)
    else:
        change(my_bot, file, old, new)
    code, output = made(my_bot, "check-wiring")
    assert code != 0
    assert said in output
    assert "site-packages" not in output


def test_pre_commit_runs_the_checks_and_finds_a_fault_of_each_kind(my_bot):
    subprocess.run(["git", "init", "-q"], cwd=my_bot, check=True)
    subprocess.run(["git", "add", "-A"], cwd=my_bot, check=True)

    def hooks():
        command = [".tools/bin/pre-commit", "run", "--all-files"]
        run = subprocess.run(command, cwd=my_bot, capture_output=True, text=True)
        found = re.findall(r"^(.*?)\.{3,}.*?(Passed|Failed)$", run.stdout, re.MULTILINE)
        return run.returncode, {name.split(" (")[0]: result for name, result in found}

    names = ("Python style", "YAML style", "Contract and wiring", "rasa data validate")
    assert hooks() == (0, dict.fromkeys(names, "Passed"))

    change(my_bot, "actions/custom.py", "import json\n", "import json\nimport os\n")
    change(my_bot, "credentials.yml", "PageInput:", "PageInput:   ")
    change(my_bot, "endpoints.yml", "action_endpoint:", "another_endpoint:")
    change(my_bot, "data/rules.yml", "action: utter_greet", "action: utter_great")
    assert hooks() == (1, dict.fromkeys(names, "Failed"))


def test_make_check_works_outside_git_and_make_fix_repairs_the_style(my_bot):
    change(my_bot, "actions/custom.py", "import json\n", "import os\nimport json\n")
    change(my_bot, "credentials.yml", "PageInput:", "PageInput:   ")
    code, output = made(my_bot, "check")
    assert code != 0
    assert "F401" in output
    assert "trailing spaces" in output
    assert made(my_bot, "fix")[0] == 0
    code, output = made(my_bot, "check")
    assert code == 0, output
    assert "All is well." in output


def test_the_same_tests_follow_a_slot_that_is_added_broken_and_removed(my_bot):
    def collected():
        command = [".venv/bin/python", "-m", "pytest", "--collect-only"]
        run = subprocess.run(command, cwd=my_bot, capture_output=True, text=True)
        return [line for line in run.stdout.split("\n") if "::" in line]

    before = collected()
    assert not any("[tier" in test for test in before)

    tier = """slots:
  tier:
    type: categorical
    values: [gold, silver]
    influence_conversation: false
    mappings:
      - type: custom
        action: action_sync_metadata
        metadata: {path: account.tier, signed: true}
"""
    change(my_bot, "domain.yml", "slots:\n", tier)
    added = set(collected()) - set(before)
    assert len(added) >= 4
    assert any("tests/live" in test for test in added)
    assert all("tier" in test for test in added)
    assert "metadata account.tier fills tier (signed)" in made(my_bot, "contract")[1]
    code, output = made(my_bot, "train", "test-fast")
    assert code == 0, output

    change(my_bot, "domain.yml", "path: account.tier", "paht: account.tier")
    code, output = made(my_bot, "train")
    assert code != 0
    assert "slot 'tier': 'paht' is not a key of 'metadata'" in output
    run = subprocess.run([".venv/bin/python", "-m", "pytest"], cwd=my_bot, capture_output=True)
    assert b"ERROR: The metadata slots cannot be read yet:\ndomain.yml: slot 'tier'" in run.stderr

    broken = tier.replace("path: account.tier", "paht: account.tier")
    change(my_bot, "domain.yml", broken, "slots:\n")
    assert collected() == before
