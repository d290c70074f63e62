"""Slots say what the conversation has been told, whatever happened before."""

import time

import pytest
from rasa.shared.core.events import (
    ActionExecuted,
    ActionReverted,
    AllSlotsReset,
    Restarted,
    SlotSet,
)

from in_a_bot.fast.conversation import MESSAGE_ID, Conversation, mapped
from rasa_metadata.contract.signature import SIGNED_KEY, sign
from rasa_metadata.slots.known import known_metadata
from rasa_metadata.slots.sync import slots_to_write

ADA = {"user": {"name": "Ada"}, "account": {"plan": "pro"}}


def talk(**session_config):
    """Return a new conversation with a bot that knows four slots."""
    slots = {
        "name": mapped("user.name"),
        "plan": mapped("account.plan", "categorical", values=["free", "pro"]),
        "extra": mapped("extra", "any"),
        "page": mapped({"path": "page", "scope": "turn"}),
        "said": {"type": "text", "mappings": [{"type": "from_entity", "entity": "said"}]},
    }
    return Conversation(slots, session_config)


def test_metadata_of_the_first_message_is_in_the_slots():
    slots = talk().say(ADA).slots
    assert (slots["name"], slots["plan"]) == ("Ada", "pro")


def test_it_is_in_the_slots_before_the_bot_decides_what_to_say():
    conversation = talk().say(ADA)
    events = [event.type_name for event in conversation.tracker.events]
    assert events.index("session_started") < events.index("user")
    assert conversation.tracker.applied_events()[0].key == "session_started_metadata"


def test_metadata_may_begin_on_a_later_message():
    assert talk().say().say(ADA).slots["name"] == "Ada"


def test_a_change_replaces_and_what_is_not_mentioned_stays():
    slots = talk().say(ADA).say({"user": {"name": "Bob"}}).slots
    assert (slots["name"], slots["plan"]) == ("Bob", "pro")


def test_absent_metadata_changes_nothing():
    conversation = talk().say(ADA)
    assert conversation.say().say({"other": 1}).say({"user": {}}).slots["name"] == "Ada"


@pytest.mark.parametrize("cleared", [{"user": {"name": None}}, {"user": None}])
def test_null_clears(cleared):
    conversation = talk().say(ADA).say(cleared)
    assert conversation.slots["name"] is None
    assert conversation.slots["plan"] == "pro"
    assert conversation.say(ADA).slots["name"] == "Ada"


@pytest.mark.parametrize("value", [False, 0, "", [], {}])
def test_false_zero_and_empty_are_values(value):
    assert talk().say({"extra": value}).slots["extra"] == value
    assert talk().say().say({"extra": value}).slots["extra"] == value
    assert talk().say({"extra": "a"}).say({"extra": value}).slots["extra"] == value


@pytest.mark.parametrize("wrap", [lambda v: v, lambda v: {"in": [v]}])
def test_false_after_zero_is_a_change_and_a_whole_number_written_otherwise_is_none(wrap):
    conversation = talk().say({"extra": wrap(0)}).say({"extra": wrap(False)})
    assert repr(conversation.slots["extra"]) == repr(wrap(False))
    conversation.say({"extra": wrap(1)}, SlotSet("extra", "mine"))
    assert conversation.say({"extra": wrap(1.0)}).slots["extra"] == "mine"


def test_an_object_that_fills_a_slot_is_one_value():
    conversation = talk().say({"extra": {"a": 1}, "more": {"a": 1}})
    conversation.say({"extra": {"b": 2}, "more": {"b": 2}})
    known = {"extra": {"b": 2}, "more": {"a": 1, "b": 2}}
    assert conversation.slots["extra"] == {"b": 2}
    assert known_metadata(conversation.sdk_tracker(), conversation.domain.as_dict()) == known
    assert conversation.restart().slots["extra"] == {"b": 2}


def test_a_value_that_breaks_the_contract_says_nothing():
    conversation = talk().say({"account": {"plan": "gold"}, "page": 7})
    assert (conversation.slots["plan"], conversation.slots["page"]) == (None, None)
    conversation.say({"account": {"plan": "pro"}, "page": "/a"})
    conversation.say({"account": {"plan": "gold"}, "page": 7})
    assert (conversation.slots["plan"], conversation.slots["page"]) == ("pro", None)


def test_metadata_that_is_no_object_is_passed_over():
    assert talk().say(["Ada"]).say("Ada").say(ADA).slots["name"] == "Ada"


def test_a_value_that_the_conversation_sets_later_stays():
    conversation = talk().say(ADA, SlotSet("name", "Grace"))
    assert conversation.say(ADA).slots["name"] == "Grace"
    assert conversation.say({"user": {"name": "Bob"}}).slots["name"] == "Bob"


def test_slots_that_were_reset_stay_empty_until_metadata_changes():
    conversation = talk().say(ADA, AllSlotsReset())
    assert conversation.say(ADA).slots["name"] is None
    assert conversation.say({"user": {"name": "Bob"}}).slots["name"] == "Bob"


def test_a_change_in_a_turn_that_a_fallback_undid_comes_back():
    conversation = talk().say(ADA).fall_back({"user": {"name": "Bob"}})
    assert conversation.slots["name"] == "Ada"
    assert conversation.say().slots["name"] == "Bob"


def test_so_does_one_of_two_fallbacks_in_a_row():
    conversation = talk().say(ADA).fall_back({"user": {"name": "Bob"}}).fall_back({"extra": 1})
    slots = conversation.say().slots
    assert (slots["name"], slots["extra"]) == ("Bob", 1)


def test_a_fallback_as_the_very_first_turn_keeps_the_session_start():
    conversation = talk().fall_back(ADA)
    assert conversation.slots["name"] == "Ada"
    assert conversation.say().slots["name"] == "Ada"


def test_an_action_that_was_reverted_takes_its_slots_along():
    conversation = talk().say(ADA, SlotSet("name", "Grace"), ActionReverted())
    assert conversation.say().slots["name"] == "Ada"


def test_what_the_user_says_takes_precedence_over_the_metadata_of_the_same_message():
    mapping = {"type": "from_entity", "entity": "name"}
    conversation = Conversation({"name": mapped("user.name", others=[mapping])})
    told = {"user": {"name": "Ada"}}
    conversation.say().say(told, entities={"name": "Grace"})
    assert conversation.slots["name"] == "Grace"
    assert conversation.say(told).slots["name"] == "Grace"
    assert conversation.say({"user": {"name": "Bob"}}).slots["name"] == "Bob"


def test_running_twice_in_a_turn_changes_nothing_more():
    conversation = talk().say(ADA).say({"user": {"name": "Bob"}})
    conversation.sync()
    before = len(conversation.tracker.events)
    conversation.sync()
    assert len(conversation.tracker.events) == before


def test_restart_keeps_what_this_session_knows():
    conversation = talk().say(ADA).say({"user": {"name": "Bob"}}).restart()
    slots = conversation.slots
    assert (slots["name"], slots["plan"]) == ("Bob", "pro")
    assert conversation.reload().say().slots["name"] == "Bob"


def test_restart_forgets_what_the_conversation_gave():
    conversation = talk().say(ADA, SlotSet("said", "x"), SlotSet("name", "Grace")).restart()
    assert conversation.slots["said"] is None
    assert conversation.slots["name"] == "Ada"


def test_a_restart_that_is_no_message_keeps_what_this_session_knows():
    conversation = talk().say(ADA)
    conversation.tracker.update(Restarted())
    assert conversation.say({"extra": 1}).slots["name"] == "Ada"
    conversation.tracker.update(Restarted())
    assert conversation.wait(61).say({"extra": 1}).slots["name"] is None


def test_restart_uses_its_own_metadata():
    assert talk().say(ADA).restart({"user": {"name": "Bob"}}).slots["name"] == "Bob"


def test_restart_keeps_what_was_cleared_clear():
    assert talk().say(ADA).say({"user": {"name": None}}).restart().slots["name"] is None


def test_restart_keeps_what_an_object_cleared_and_another_did_not_mention():
    conversation = talk().say({"user": None}).say({"user": {}}).restart()
    conversation.say({}, SlotSet("name", "Grace"))
    assert conversation.say({"user": None}).slots["name"] == "Grace"


def test_two_restarts_are_as_good_as_one():
    assert talk().say(ADA).restart().reload().restart().reload().say().slots["name"] == "Ada"


def test_a_new_session_carries_slots_over():
    conversation = talk().say(ADA, SlotSet("said", "x")).reload().wait(61).say()
    slots = conversation.slots
    assert (slots["name"], slots["plan"], slots["said"]) == ("Ada", "pro", "x")


def test_a_new_session_carries_nothing_over_when_configured_not_to():
    conversation = talk(carry_over_slots_to_new_session=False).say(ADA, SlotSet("said", "x"))
    assert set(conversation.wait(61).say().slots.values()) == {None}


@pytest.mark.parametrize("carry_over", [True, False])
def test_a_new_session_starts_from_its_own_metadata(carry_over):
    conversation = talk(carry_over_slots_to_new_session=carry_over).say(ADA)
    slots = conversation.wait(61).say({"user": {"name": "Bob"}}).slots
    assert (slots["name"], slots["plan"]) == ("Bob", "pro" if carry_over else None)


def test_null_at_a_new_session_clears_what_would_be_carried_over():
    assert talk().say(ADA).wait(61).say({"user": {"name": None}}).slots["name"] is None


def test_restart_in_a_new_session_revives_nothing_older():
    conversation = talk().say(ADA).wait(61).say({"user": {"name": "Bob"}})
    slots = conversation.reload().restart().slots
    assert (slots["name"], slots["plan"]) == ("Bob", None)
    assert talk().say(ADA).wait(61).say().reload().restart().slots["name"] is None


def test_restart_and_then_expiry_revives_nothing():
    conversation = talk(carry_over_slots_to_new_session=False).say(ADA).restart()
    assert conversation.say().reload().wait(61).say().slots["name"] is None


def test_a_session_in_which_nobody_spoke_expires_too():
    conversation = talk(carry_over_slots_to_new_session=False).say(ADA).restart()
    assert conversation.reload().wait(61).say().slots["name"] is None


def test_sessions_may_be_disabled():
    assert talk(session_expiration_time=0).say(ADA).wait(9999).say().slots["name"] == "Ada"


def test_slots_that_were_reset_are_not_carried_over():
    conversation = talk().say(ADA, SlotSet("said", "x"), AllSlotsReset())
    assert set(conversation.wait(61).say().slots.values()) == {None}


def test_a_first_message_of_session_start_counts_like_any_other():
    conversation = talk().say(ADA, text="/session_start")
    assert conversation.slots["name"] == "Ada"
    assert conversation.reload().say().slots["name"] == "Ada"


def test_session_start_in_the_middle_begins_with_its_own_metadata():
    conversation = talk(carry_over_slots_to_new_session=False).say(ADA)
    slots = conversation.say({"user": {"name": "Bob"}}, text="/session_start").slots
    assert (slots["name"], slots["plan"]) == ("Bob", None)


def test_a_session_start_ends_with_action_listen():
    events = talk().say(ADA).tracker.events
    user = [event.type_name for event in events].index("user")
    assert events[user - 1].action_name == "action_listen"


def test_a_turn_scoped_slot_is_what_this_message_says():
    conversation = talk().say({"page": "/a"})
    assert conversation.slots["page"] == "/a"
    assert conversation.say().slots["page"] is None
    assert conversation.say({"page": ""}).slots["page"] == ""
    assert conversation.fall_back({"page": "/b"}).say().slots["page"] is None
    assert conversation.say({"page": "/c"}).wait(61).say().slots["page"] is None


def signed(user_id, sender="ada", text="hi", **more):
    """Return metadata as it is stored with a message that has a token."""
    proof = sign({"user": {"id": user_id}}, sender, MESSAGE_ID, text, user_id, time.time() + 60)
    return {**more, SIGNED_KEY: proof}


def member_talk(**session_config):
    slots = {"id": mapped({"path": "user.id", "signed": True}), "name": mapped("user.name")}
    return Conversation(slots, session_config)


def test_a_signed_slot_is_what_the_token_of_this_message_says():
    conversation = member_talk().say(signed("u1", user={"name": "Ada"}))
    assert conversation.slots == {"id": "u1", "name": "Ada"}
    assert conversation.say(signed("u2")).slots == {"id": "u2", "name": "Ada"}
    assert conversation.say().slots == {"id": None, "name": "Ada"}


def test_login_and_logout_in_the_middle_of_a_talk():
    conversation = member_talk().say({"user": {"name": "Ada"}})
    assert conversation.say(signed("u1")).slots["id"] == "u1"
    assert conversation.say({"user": {"name": "Ada"}}).slots["id"] is None


@pytest.mark.parametrize("carry_over", [True, False])
def test_nobody_inherits_an_identity(carry_over):
    conversation = member_talk(carry_over_slots_to_new_session=carry_over).say(signed("u1"))
    assert conversation.restart().slots["id"] is None
    assert conversation.say(signed("u1")).wait(61).say().slots["id"] is None
    assert conversation.say(signed("u1")).wait(61).say(signed("u2")).slots["id"] == "u2"


def test_a_restart_with_a_token_keeps_what_it_says():
    assert (
        member_talk().say(signed("u1")).restart(signed("u1", text="/restart")).slots["id"] == "u1"
    )


def test_a_signed_slot_is_there_at_the_session_start():
    conversation = member_talk()
    conversation.say(signed("u1", text="/session_start"), text="/session_start")
    assert conversation.slots["id"] == "u1"


def test_what_an_open_message_claims_is_worth_nothing():
    assert member_talk().say({"user": {"id": "u1"}}).slots["id"] is None
    assert member_talk().say(signed("u1", sender="eve")).slots["id"] is None


def test_known_metadata_includes_what_the_token_of_this_message_says():
    conversation = member_talk().say(signed("u1", user={"id": "claimed", "name": "Ada"}))
    domain = conversation.domain.as_dict()
    known = {"user": {"id": "u1", "name": "Ada"}}
    assert known_metadata(conversation.sdk_tracker(), domain) == known
    conversation.say({"user": {"id": "claimed"}})
    assert known_metadata(conversation.sdk_tracker(), domain) == {"user": {"name": "Ada"}}


def test_a_restart_does_not_bring_back_what_held_for_one_message():
    conversation = talk().say({"page": "/a"}).restart()
    assert conversation.slots["page"] is None
    assert talk().say({"page": "/a"}).restart({"page": "/b"}).slots["page"] == "/b"


def test_the_work_of_a_turn_grows_with_the_conversation_and_no_faster():
    """Rasa itself sends and reads all events in each turn."""

    class Counted(list):
        read = 0

        def __iter__(self):
            for event in super().__iter__():
                Counted.read += 1
                yield event

        def __getitem__(self, index):
            Counted.read += 1
            return super().__getitem__(index)

    def read_in(turns):
        conversation = talk().say(ADA)
        for turn in range(turns):
            conversation.say({"user": {"name": str(turn)}}, ActionExecuted("utter_greet"))
        tracker = conversation.sdk_tracker()
        tracker.events, Counted.read = Counted(tracker.events), 0
        slots_to_write(tracker, conversation.domain.as_dict())
        return Counted.read / len(tracker.events)

    assert read_in(100) < read_in(10) + 1 < 10


def test_two_conversations_never_mix():
    one, two = talk().say(ADA), talk().say({"user": {"name": "Bob"}})
    assert (one.say().slots["name"], two.say().slots["name"]) == ("Ada", "Bob")
    assert two.slots["plan"] is None


def test_known_metadata_is_all_metadata_of_this_session():
    conversation = talk().say({**ADA, "theme": {"dark": True}}).say({"user": {"name": None}})
    known = known_metadata(conversation.sdk_tracker())
    assert known == {"user": {}, "account": {"plan": "pro"}, "theme": {"dark": True}}
    known["account"]["plan"] = "free"
    assert known_metadata(conversation.sdk_tracker())["account"] == {"plan": "pro"}


def test_known_metadata_contains_none_of_rasas_own_keys():
    conversation = talk()
    conversation.tracker.model_id = "m"
    assert known_metadata(conversation.say(ADA).sdk_tracker()) == ADA


def test_known_metadata_of_a_new_session_is_its_own():
    assert known_metadata(talk().say(ADA).wait(61).say({"extra": 1}).sdk_tracker()) == {"extra": 1}


def test_with_the_domain_known_metadata_drops_what_held_for_one_message():
    conversation = talk().say({"page": "/a", "extra": 1})
    domain = conversation.domain.as_dict()
    assert known_metadata(conversation.sdk_tracker(), domain) == {"page": "/a", "extra": 1}
    assert known_metadata(conversation.say().sdk_tracker(), domain) == {"extra": 1}
