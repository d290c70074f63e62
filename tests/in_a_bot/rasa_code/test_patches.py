"""Patches of Rasa: few, and each can be left out.

What they do to a turn is proved by the forms, fallbacks, sessions and greetings of
in_a_bot/live; the template's test_patches.py shows that those fail without them.
"""

import inspect
import re

from rasa_metadata.runtime import patches


def test_four_classes_of_rasa_are_patched():
    classes = re.findall(r"^    (\w+)\.\w+ = ", inspect.getsource(patches), re.MULTILINE)
    assert set(classes) == {
        "ActionExtractSlots",
        "EndpointConfig",
        "MessageProcessor",
        "RemoteAction",
    }


def test_each_can_be_left_out(monkeypatch):
    done = []

    def one():
        done.append("one")

    def another():
        done.append("another")

    monkeypatch.setattr(patches, "PATCHES", (one, another))
    monkeypatch.setenv(patches.PATCHES_OFF, "one,nothing")
    patches.apply()
    assert done == ["another"]
