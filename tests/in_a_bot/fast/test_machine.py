"""Whatever happens in whatever order, the slots are what a plain account of it says.

Hypothesis plays random conversations with Rasa's tracker and our two actions, and keeps
a second account of them: not of events, but of what was told when, what was set when,
and how things stood before each message. `make fuzz` plays many more.
"""

import time
from typing import Any, NamedTuple

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from rasa.shared.core.events import ActionExecuted, ActionReverted, AllSlotsReset, SlotSet
from rasa.shared.core.events import UserUtteranceReverted as Reverted

from in_a_bot.fast.conversation import MESSAGE_ID, Conversation, mapped
from rasa_metadata.contract import ABSENT, lookup, nested
from rasa_metadata.contract.signature import SIGNED_KEY, sign

HELD = {"name": ("user", "name"), "plan": ("plan",), "both": ("both",)}
TURN = {"page": ("page",)}
SLOTS = {
    "name": mapped("user.name", "any"),
    "plan": mapped("plan", "any"),
    "both": mapped("both", "any", others=[{"type": "from_entity", "entity": "both"}]),
    "page": mapped({"path": "page", "scope": "turn"}, "any"),
    "id": mapped({"path": "id", "signed": True}),
    "own": {"type": "any", "mappings": [{"type": "custom"}]},
}
values = st.sampled_from(["a", "b", 0, False, "", None])
metadata = st.fixed_dictionaries(
    {},
    optional={
        "user": st.none() | st.fixed_dictionaries({}, optional={"name": values}),
        "plan": values,
        "both": values,
        "page": values,
        "other": values,
    },
)
members = st.sampled_from([None, "u1", "u2"])
said = st.fixed_dictionaries({}, optional={"both": st.sampled_from(["said", "a"])})


class Since(NamedTuple):
    value: Any = None
    when: int = 0


class Metadata(RuleBasedStateMachine):
    @initialize(carry_over=st.booleans())
    def begin(self, carry_over):
        self.carry_over = carry_over
        self.talk = Conversation(SLOTS, {"carry_over_slots_to_new_session": carry_over})
        self.now = 1
        self.slots = dict.fromkeys(SLOTS, Since())
        self.told = {}
        self.at_rest = self.slots  # how they stood when the bot listened last
        self.before = []  # the same, for each message that still counts
        self.open = False

    # What happens

    @rule(metadata=metadata, member=members, said=said)
    def message(self, metadata, member, said):
        self.hear(metadata, member, said)
        self.say(self.stored(metadata, member), entities=said)

    @rule(metadata=metadata, slot=st.sampled_from(["name", "both", "own"]), value=values)
    def message_and_an_action_sets_a_slot(self, metadata, slot, value):
        self.hear(metadata)
        self.set(**{slot: value})
        self.say(metadata, ActionExecuted("mine"), SlotSet(slot, value))

    @rule(metadata=metadata)
    def message_and_an_action_resets_the_slots(self, metadata):
        self.hear(metadata)
        self.set(**dict.fromkeys(SLOTS))
        self.say(metadata, ActionExecuted("mine"), AllSlotsReset())

    @rule(metadata=metadata)
    def message_and_an_action_reverts_itself(self, metadata):
        self.hear(metadata)
        self.say(metadata, ActionExecuted("mine"), SlotSet("own", "x"), ActionReverted())

    @rule(slot=st.sampled_from(["name", "both", "own"]), value=values)
    def the_events_api_sets_a_slot(self, slot, value):
        if self.open:
            self.set(**{slot: value})
            self.talk.tracker.update(SlotSet(slot, value))

    @rule(metadata=metadata, member=members, said=said)
    def fallback(self, metadata, member, said):
        self.hear(metadata, member, said)
        self.undo(1)
        self.say(self.stored(metadata, member), *FALLBACK, Reverted(), entities=said)

    @rule(metadata=metadata)
    def back(self, metadata):
        self.hear(metadata)
        if len(self.before) > 1:
            self.undo(2)
            self.say(metadata, *FALLBACK, Reverted(), Reverted())
        else:
            self.say(metadata)

    @rule(metadata=metadata, member=members)
    def restart(self, metadata, member):
        self.hear(metadata, member)
        self.begin_session(self.told, metadata, member, {})
        self.talk.restart(self.stored(metadata, member, "/restart"))
        self.at_rest = self.slots

    @rule(metadata=metadata, member=members)
    def session_start(self, metadata, member):
        self.hear(metadata, member)
        self.begin_session(self.tell({}, metadata), metadata, member, self.carried())
        self.say(self.stored(metadata, member, "/session_start"), text="/session_start")

    @rule()
    def a_long_time_passes(self):
        self.talk.wait(61)
        self.open = False

    @rule()
    def the_tracker_is_stored_and_loaded(self):
        if self.open:
            self.talk.reload()

    # What should come of it

    def say(self, *args, **kwargs):
        self.talk.say(*args, **kwargs)
        self.at_rest = self.slots

    def hear(self, metadata, member=None, said=None):
        if not self.open:
            self.begin_session(self.tell({}, metadata), metadata, member, self.carried())
        self.before.append(self.at_rest)
        self.now += 1
        self.told = self.tell(self.told, metadata)
        due = {
            slot: told.value
            for slot, told in self.told.items()
            if told.when > self.slots[slot].when
        }
        self.now += 1
        self.set(**due, **self.of_this_message(metadata, member))
        self.set(**(said or {}))
        self.expected = {slot: since.value for slot, since in self.slots.items()}

    def tell(self, told, metadata):
        found = {slot: lookup(metadata, path) for slot, path in HELD.items()}
        changed = {
            slot: Since(value, self.now)
            for slot, value in found.items()
            if value is not ABSENT and (slot not in told or repr(value) != repr(told[slot].value))
        }
        return {**told, **changed}

    def of_this_message(self, metadata, member):
        page = lookup(metadata, TURN["page"])
        return {"page": None if page is ABSENT else page, "id": member}

    def begin_session(self, told, metadata, member, carried):
        self.now += 1
        self.slots = dict.fromkeys(SLOTS, Since(None, self.now))
        self.told = {slot: Since(known.value, self.now - 1) for slot, known in told.items()}
        self.set(**carried)
        self.set(**{slot: known.value for slot, known in told.items()})
        self.set(**self.of_this_message(metadata, member))
        self.before = []
        self.at_rest = self.slots
        self.open = True

    def carried(self):
        kept = {slot: self.slots[slot].value for slot in (*HELD, "own")}
        return kept if self.carry_over else {}

    def set(self, **values):
        self.slots = {**self.slots, **{slot: Since(v, self.now) for slot, v in values.items()}}

    def undo(self, messages):
        for _ in range(messages):
            self.slots = self.before.pop()

    def stored(self, metadata, member, text="hi"):
        """Return metadata as it is stored with a message that has a token."""
        if not member:
            return metadata
        expires = time.time() + 3600
        proof = sign(nested(("id",), member), "ada", MESSAGE_ID, text, member, expires)
        return {**metadata, SIGNED_KEY: proof}

    @invariant()
    def the_bot_saw_and_the_tracker_holds_what_it_should(self):
        if self.talk.seen:
            assert repr(self.talk.seen) == repr(self.expected)
            now = {slot: since.value for slot, since in self.slots.items()}
            assert repr(self.talk.slots) == repr(now)


FALLBACK = (ActionExecuted("action_default_fallback"),)

TestMetadata = Metadata.TestCase
