"""The `rasa` command without the warnings about its own libraries; `make` uses it.

Sanic and Rasa switch deprecation warnings on while they are imported, whatever the value of
PYTHONWARNINGS: each start prints forty lines about which an author of a bot can do nothing.
"""

import argparse
import os
import socket
import sys
import warnings
from typing import Any

# Read when Rasa is imported; a variable that is set already is kept.
QUIET = {
    "RASA_TELEMETRY_ENABLED": "false",
    "SQLALCHEMY_SILENCE_UBER_WARNING": "1",
    "TF_CPP_MIN_LOG_LEVEL": "2",
}
# Rasa's hints, which are not mistakes in a bot.
NOT_USED = ("utterance 'utter_default' is not used", "is not used in any story")

print_warning = warnings.showwarning


def print_useful_warning(message: Any, category: Any, *where: Any, **more: Any) -> None:
    known = any(opinion in str(message) for opinion in NOT_USED)
    if not known and not issubclass(category, DeprecationWarning):
        print_warning(message, category, *where, **more)


def port_in_use(arguments: list[str]) -> str | None:
    """Return the port of `run` if it is in use; Rasa would find out when all is loaded."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("-p", "--port", default="5055" if "actions" in arguments else "5005")
    parser.add_argument("-i", "--interface", default=os.environ.get("SANIC_HOST", "0.0.0.0"))
    given, _ = parser.parse_known_args(arguments)
    try:
        socket.create_connection((given.interface, given.port), 1).close()
    except (OSError, OverflowError):  # the port is free; Rasa reports other problems
        return None
    return str(given.port)


def main(arguments: list[str]) -> int:
    """Run `rasa` with these arguments."""
    if arguments[:1] == ["run"] and (port := port_in_use(arguments)):
        print(f'Port {port} is in use. Use another one: ARGS="--port ..."', file=sys.stderr)
        return 1
    warnings.showwarning = print_useful_warning
    os.environ.update({**QUIET, **os.environ})
    if not sys.stderr.isatty():
        os.environ.setdefault("TQDM_DISABLE", "1")
    from rasa.__main__ import main as rasa

    sys.argv = ["rasa", *arguments]
    rasa()
    return 0
