"""What has to happen before Rasa loads its model."""

import logging


def keep_root_logger() -> None:
    """Keep the root logger as Rasa set it up.

    Loading a model imports numpy.distutils, which replaces the root logger's class and
    sets its level to WARNING (with setuptools 70.3, which Rasa pins). "Rasa server is up
    and running" and each INFO line of your actions would be lost. Once the import is done
    and its effect undone, it is harmless later.
    """
    root = logging.getLogger()
    level, kind = root.level, root.__class__
    import numpy.distutils.log  # noqa: F401

    root.setLevel(level)
    root.__class__ = kind
