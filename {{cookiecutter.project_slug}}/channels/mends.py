"""What is mended in Rasa 3.6.21, and why. Nothing of Rasa is changed anywhere else."""

import logging


def restore_log_level() -> None:
    """Let INFO lines through again once a model is loaded.

    Loading one imports numpy.distutils, which with the setuptools that Rasa pins
    (70.3) sets the root logger to WARNING. "Rasa server is up and running" is then
    never printed, nor any INFO line of your own actions.
    """
    logging.getLogger().setLevel(logging.getLogger("rasa").getEffectiveLevel())
