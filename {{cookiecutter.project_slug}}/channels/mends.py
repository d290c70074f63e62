"""What is mended in Rasa 3.6.21, and why. Nothing of Rasa is changed anywhere else."""

import logging


def keep_root_logger() -> None:
    """Keep the root logger as Rasa set it up.

    Loading a model imports numpy.distutils, which takes the root logger for its
    own: it sets it to WARNING and prints without time or level (with setuptools
    70.3, which Rasa pins). "Rasa server is up and running" and each INFO line of your
    actions are lost. Done first and undone, the import is harmless later.
    """
    root = logging.getLogger()
    level, kind = root.level, root.__class__
    import numpy.distutils.log  # noqa: F401

    root.setLevel(level)
    root.__class__ = kind
