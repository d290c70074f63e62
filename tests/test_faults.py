"""A fault in rasa_metadata/ fails the test that is named for it, in a copy of the default bot."""

from typing import NamedTuple

import pytest

from tests.conftest import BOT, change, spread
from tools.in_a_bot import TESTS, pytest_in


class Fault(NamedTuple):
    file: str  # in rasa_metadata/
    old: str
    new: str
    caught_by: str  # a test in tests/in_a_bot


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
        "fast/test_rest_channel.py::test_each_of_your_slots_rejects_what_it_cannot_hold",
    ),
    "a signature is not verified": Fault(
        "contract/signature.py",
        "json.loads(content) if valid else {}",
        "json.loads(content)",
        "fast/test_signature.py::test_a_forged_signature_proves_nothing",
    ),
    "an expired token is valid": Fault(
        "validation/tokens.py",
        '"require": ["exp"',
        '"verify_exp": False, "require": ["exp"',
        "fast/test_tokens.py::test_a_token_that_is_not_valid_is_a_401",
    ),
    "a provider's token for another client is valid": Fault(
        "validation/tokens.py",
        '"require": ["exp"',
        '"verify_aud": not provider, "require": ["exp"',
        "fast/test_openid.py::test_a_token_counts_for_what_it_is",
    ),
    "the users of two issuers are the same": Fault(
        "validation/tokens.py",
        "[subject] if issuer is None else [subject, issuer]",
        "[subject]",
        "fast/test_openid.py::test_two_issuers_with_the_same_subject_are_two_people",
    ),
    "the last good keys are forgotten": Fault(
        "validation/providers.py",
        "            self.away = True\n",
        "            self.away, self.keys = True, {}\n",
        "fast/test_openid.py::test_a_provider_with_a_fault_is_a_503_and_the_last_good_keys_stay",
    ),
    "each unknown key is looked for": Fault(
        "validation/providers.py",
        "self.due_unknown = now + UNKNOWN",
        "self.due_unknown = now",
        "fast/test_openid.py::test_unknown_keys_cause_one_fetch_a_minute",
    ),
    "a token outlives its turn": Fault(
        "runtime/turn.py",
        "held.clear()",
        "pass",
        "fast/test_turn.py::test_an_action_has_the_users_token_until_its_turn_is_over",
    ),
    "an action server gets tokens that it should not": Fault(
        "runtime/patches.py",
        'self.kwargs.get("forward_token") is True',
        'self.kwargs.get("forward_token", True)',
        "rasa_code/test_patches.py::test_an_action_server_gets_a_users_token_only_if_it_is_to",
    ),
    "a path is one key": Fault(
        "contract/fields.py",
        'tuple(str(path).split("."))',
        "(path,)",
        "fast/test_contract.py::test_the_short_form_is_the_long_form_with_a_path_only",
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
        "fast/test_sync.py::test_a_value_that_the_conversation_sets_later_stays",
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
        "stores/idempotency.py",
        "    if first is None:\n        return\n",
        "    return\n",
        "fast/test_idempotency.py::test_it_is_handled_once_and_answered_each_time",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_line_and_the_test_of_a_fault_exist(fault):
    file, old, _, caught_by = FAULTS[fault]
    assert (BOT / "rasa_metadata" / file).read_text().count(old) == 1
    path, name = caught_by.split("::")
    assert f"def {name}(" in (TESTS / path).read_text()


@pytest.mark.rasa
@pytest.mark.parametrize("fault", spread(FAULTS))
def test_the_machinerys_tests_find(my_bot, fault):
    file, old, new, caught_by = FAULTS[fault]
    change(my_bot / "rasa_metadata", file, old, new)
    run = pytest_in(my_bot, caught_by, "--tb=line", capture_output=True, text=True)
    assert run.returncode == 1, run.stdout + run.stderr
    assert f"{caught_by.split('::')[1]}" in run.stdout.split("short test summary")[1]
