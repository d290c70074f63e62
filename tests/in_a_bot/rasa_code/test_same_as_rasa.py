"""What a generated bot has of Rasa's own rules says what Rasa's code says.

tests/test_bots.py runs this in a bot, since it needs Rasa, and TensorFlow with it. With
HYPOTHESIS_PROFILE=thorough it tries many more.
"""

import os
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import ValidationError
from rasa.core.actions.action import RemoteAction
from rasa.shared.core import events
from rasa.shared.core.trackers import DialogueStateTracker

from rasa_metadata.runtime import patches
from rasa_metadata.slots.applied import applied_events

settings.register_profile("quick", max_examples=300, deadline=None)
settings.register_profile("thorough", max_examples=30_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))

FORM, SLOTS = "a_form", ["one", "two"]

happened = st.lists(
    st.one_of(
        st.builds(events.UserUttered, st.just("hello")),
        st.builds(events.ActionExecuted, st.sampled_from(["action_listen", "utter", FORM])),
        st.builds(events.ActiveLoop, st.sampled_from([FORM, None])),
        st.builds(events.ActionExecutionRejected, st.sampled_from([FORM, "utter"])),
        st.builds(events.SlotSet, st.sampled_from(SLOTS), st.integers()),
        st.builds(events.AllSlotsReset),
        st.builds(events.ActionReverted),
        st.builds(events.UserUtteranceReverted),
        st.builds(events.Restarted),
        st.builds(events.SessionStarted),
        st.builds(events.DefinePrevUserUtteredFeaturization, st.booleans()),
    ),
    max_size=40,
)


@given(happened)
def test_applied_events_are_those_that_rasa_applies(history: list[Any]):
    tracker = DialogueStateTracker("ada", [])
    tracker.events.extend(history)
    applied = tracker.applied_events()
    ours = applied_events([event.as_dict() for event in history])
    assert [history[index] for index, _ in ours] == applied
    assert all(history[index] is event for (index, _), event in zip(ours, applied, strict=True))


rasas_check = RemoteAction._validate_action_result
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inside: (
        st.lists(inside, max_size=3)
        | st.dictionaries(st.sampled_from(["event", "name", "value", "text"]), inside, max_size=3)
    ),
    max_leaves=8,
)
results = anything | st.fixed_dictionaries(
    {},
    optional={
        "events": anything
        | st.lists(
            st.fixed_dictionaries(
                {"event": st.sampled_from(["slot", "followup", "nothing"])},
                optional={"name": anything, "value": anything, "timestamp": anything},
            ),
            max_size=3,
        ),
        "responses": anything,
    },
)


def judged(check, result):
    try:
        return check(RemoteAction("action_any", None), result)
    except ValidationError as error:
        return str(error)


@given(results)
def test_an_action_result_is_judged_as_by_rasa_in_the_same_words(result):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RemoteAction, "_validate_action_result", rasas_check)
        patches.check_action_results_quickly()
        assert RemoteAction._validate_action_result is not rasas_check
        assert judged(RemoteAction._validate_action_result, result) == judged(rasas_check, result)
