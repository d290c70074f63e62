"""What happens before Rasa loads its model."""

import logging
import warnings

import pytest
import structlog
from structlog.dev import ConsoleRenderer
from structlog.processors import JSONRenderer

from rasa_metadata.runtime import startup


def test_the_root_logger_stays_as_it_was(monkeypatch):
    root = logging.getLogger()
    monkeypatch.setattr(root, "level", logging.INFO)
    startup.keep_root_logger()
    import numpy.distutils.log  # noqa: F401

    assert root.level == logging.INFO
    assert type(root) is logging.RootLogger


RENDERERS = ConsoleRenderer(colors=False), ConsoleRenderer(colors=True), JSONRenderer()


@pytest.mark.parametrize("renderer", RENDERERS)
@pytest.mark.parametrize("key", ["slot_values", "rasa_events"])
def test_values_of_slots_are_not_in_the_log_however_it_is_written(renderer, key):
    said = renderer(None, "debug", {"event": "set", key: "{'id': 'u1'}"})
    record = logging.makeLogRecord({"msg": said, "levelno": logging.DEBUG})
    assert not startup._has_no_slot_values(record)


@pytest.mark.parametrize("renderer", [RENDERERS[0], RENDERERS[-1]])
def test_what_a_client_sent_stays_on_its_line_of_the_log(monkeypatch, renderer):
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    before = structlog.get_config()
    structlog.configure(**{**before, "processors": [renderer]})
    try:
        startup.keep_logs_clean()
        event = {"event": "said", "text": "a\n\x1b[31m"}
        for process in structlog.get_config()["processors"]:
            event = process(None, "debug", event)
    finally:
        structlog.configure(**before)
    assert not startup.CONTROL.search(event)
