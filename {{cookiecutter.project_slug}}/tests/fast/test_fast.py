"""This tier is fast because nothing in it imports TensorFlow, which takes ten seconds."""

import sys

import actions.custom  # noqa: F401  (what the other files here do not import)
import channels.rest  # noqa: F401
import contract.__main__  # noqa: F401


def test_contract_channels_and_actions_do_not_import_tensorflow():
    assert "channels.rest" in sys.modules
    assert "tensorflow" not in sys.modules
