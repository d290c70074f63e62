"""This tier is fast because nothing in it imports TensorFlow, which takes ten seconds."""

import sys

import actions.custom  # noqa: F401  (what the other files here do not import)
import rasa_metadata.channels.rest
import rasa_metadata.commands.check  # noqa: F401


def test_contract_channels_and_actions_do_not_import_tensorflow():
    assert "rasa_metadata.channels.rest" in sys.modules
    assert "tensorflow" not in sys.modules
