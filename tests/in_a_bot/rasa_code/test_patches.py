"""Patches of Rasa: few, and each can be left out.

What they do to a turn is proved by the forms, fallbacks, sessions and greetings of
in_a_bot/live; the template's test_patches.py shows that those fail without them.
"""

import gc
import inspect
import re

from rasa_metadata import runtime
from rasa_metadata.runtime import patches, startup


def test_four_classes_of_rasa_are_patched():
    classes = re.findall(r"^    (\w+)\.\w+ = ", inspect.getsource(patches), re.MULTILINE)
    assert set(classes) == {
        "ActionExtractSlots",
        "EndpointConfig",
        "MessageProcessor",
        "RemoteAction",
    }


def test_a_garbage_collection_passes_over_rasas_libraries(monkeypatch):
    monkeypatch.setattr(patches, "apply", lambda: None)
    for other in ("keep_root_logger", "keep_logs_clean", "answer_ended_turns"):
        monkeypatch.setattr(startup, other, lambda: None)
    gc.unfreeze()
    runtime.load.__wrapped__()
    assert gc.get_freeze_count() > 100_000


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
