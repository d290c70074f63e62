"""What is mended in Rasa 3.6.21, and why. Nothing of Rasa is changed anywhere else."""

import logging


def keep_log_level() -> None:
    """Keep the log level that Rasa was started with.

    Loading a model imports numpy.distutils, which with the setuptools that Rasa
    pins (70.3) sets the root logger to WARNING. "Rasa server is up and running" is
    then never printed, nor any INFO line of your own actions. Importing it before
    and setting the level back makes the later import harmless.
    """
    root = logging.getLogger()
    level = root.level
    import numpy.distutils.log  # noqa: F401

    root.setLevel(level)
