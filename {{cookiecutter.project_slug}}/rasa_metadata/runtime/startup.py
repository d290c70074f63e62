"""What has to happen before Rasa loads its model and serves requests."""

import logging
from typing import Any

from sanic import Sanic
from sanic.request import Request

from rasa_metadata.runtime.turn import TurnEnded


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
        self.transport.get_protocol().request_handler = handle_request


async def handle_request(request: Request) -> None:
    try:
        await request.app.handle_request(request)
    except TurnEnded as ended:
        await request.app.handle_exception(request, ended.error)
