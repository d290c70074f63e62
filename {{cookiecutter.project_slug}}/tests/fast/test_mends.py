"""Each mend of Rasa does what its docstring says; without it these fail.

Those that change a turn are proved in tests/live: by the forms and fallbacks of
test_life_cycle.py.
"""

import logging

from channels import mends


def test_the_root_logger_stays_as_it_was(monkeypatch):
    root = logging.getLogger()
    monkeypatch.setattr(root, "level", logging.INFO)
    mends.apply.__wrapped__()
    import numpy.distutils.log  # noqa: F401

    assert root.level == logging.INFO
    assert type(root) is logging.RootLogger
