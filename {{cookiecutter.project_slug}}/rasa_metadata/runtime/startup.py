"""What has to happen before Rasa loads its model and serves requests."""

import gc
import logging
import re
import warnings
from typing import Any

import structlog
from sanic import Sanic
from sanic.request import Request
from structlog.dev import ConsoleRenderer

from rasa_metadata.runtime.turn import TurnEnded

CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
# What Rasa logs at --debug with the values of slots: those of signed ones, too.
SLOT_VALUES = re.compile("slot_values|rasa_events|extracted slots")
SOCKET_LOGGERS = ("engineio.server", "socketio.server")  # they log a session's id as it comes
SLOT_LOGGERS = ("rasa.core.processor", "rasa.core.actions.action", "rasa.core.actions.forms")


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


def keep_logs_clean() -> None:
    """Leave slot values out of the log, and keep each warning and each text on one line.

    Rasa repeats what a client sent: `/greet` and a line break could forge a line.
    """
    for name in SLOT_LOGGERS:
        logging.getLogger(name).addFilter(_has_no_slot_values)
    for name in SOCKET_LOGGERS:
        logging.getLogger(name).addFilter(_keep_on_one_line)
    show = warnings.showwarning

    def show_on_one_line(message: Any, *where: Any, **more: Any) -> None:
        show(_on_one_line(str(message)), *where, **more)

    warnings.showwarning = show_on_one_line
    processors = structlog.get_config()["processors"]
    if isinstance(processors[-1], ConsoleRenderer):  # at a terminal; else they write JSON
        processors.insert(-1, _keep_texts_on_one_line)


def keep_collections_short() -> None:
    """Exclude the half million objects of Rasa's libraries from garbage collection.

    One of all objects takes 0.2 s, in which nobody is served, and lists in a message of
    64 KB can cause several.
    """
    gc.collect()
    gc.freeze()


def _on_one_line(text: str) -> str:
    return CONTROL.sub(lambda found: repr(found[0])[1:-1], text)


def _keep_on_one_line(record: logging.LogRecord) -> bool:
    record.msg, record.args = _on_one_line(record.getMessage()), ()
    return True


def _keep_texts_on_one_line(_: Any, __: str, event: Any) -> Any:
    return {k: _on_one_line(v) if isinstance(v, str) else v for k, v in event.items()}


def _has_no_slot_values(record: logging.LogRecord) -> bool:
    return record.levelno > logging.DEBUG or not SLOT_VALUES.search(record.getMessage())


def answer_ended_turns() -> None:
    """Answer a request whose turn has ended early, behind stock channels and Rasa's API too.

    `TurnEnded` passes `except Exception`, Rasa's and Sanic's: the client would see a
    dropped connection.
    """
    for app in Sanic._app_registry.values():
        app.request_class = EndableRequest


class EndableRequest(Request):
    """A request whose connection expects `TurnEnded`; Sanic makes one for each request."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if protocol := self.transport.get_protocol():  # None once the client has gone
            protocol.request_handler = handle_request


async def handle_request(request: Request) -> None:
    try:
        await request.app.handle_request(request)
    except TurnEnded as ended:
        await request.app.handle_exception(request, ended.error)
