"""What happens before Rasa loads its model."""

import logging

from rasa_metadata.runtime import startup


def test_the_root_logger_stays_as_it_was(monkeypatch):
    root = logging.getLogger()
    monkeypatch.setattr(root, "level", logging.INFO)
    startup.keep_root_logger()
    import numpy.distutils.log  # noqa: F401

    assert root.level == logging.INFO
    assert type(root) is logging.RootLogger
