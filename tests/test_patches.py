"""Each patch of Rasa earns its place: without it, a test of the machinery fails."""

import pytest

from tests.conftest import spread
from tools.in_a_bot import pytest_in

pytestmark = pytest.mark.rasa

PATCHES = {
    "run_actions_in_process": "test_life_cycle.py::test_the_first_reply_knows_the_metadata",
    "greet_in_the_new_session": "test_greeting.py::test_a_condition_on_a_slot_holds_in_a_greeting",
    "sync_before_extraction": "test_life_cycle.py::"
    "test_a_message_that_a_form_ignores_still_brings_metadata",
    "sync_after_rewind": "test_life_cycle.py::"
    "test_a_fallback_undoes_no_metadata_between_turns_either",
    "expire_restarted_sessions": "test_sessions.py::"
    "test_a_session_that_was_restarted_and_then_left_expires_too",
}


@pytest.mark.parametrize("patch", spread(PATCHES))
def test_without_a_patch_its_test_fails(default_bot, monkeypatch, patch):
    monkeypatch.setenv("RASA_PATCHES_OFF", patch)
    test = f"live/{PATCHES[patch]}"
    run = pytest_in(default_bot, test, "-k", "not server", capture_output=True, text=True)
    assert run.returncode == 1, run.stdout + run.stderr
    assert "FAILED" in run.stdout
