"""The `rasa` command without the warnings about its own libraries; `make` uses it.

Sanic and Rasa switch deprecation warnings on while they are imported, past
whatever PYTHONWARNINGS says, and so each start prints forty lines that nobody
who writes a bot can do anything about.
"""

import os
import sys
import warnings
from typing import Any

# Read when Rasa is imported; whoever has set one of them is obeyed.
QUIET = {
    "RASA_TELEMETRY_ENABLED": "false",
    "SQLALCHEMY_SILENCE_UBER_WARNING": "1",
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "TQDM_DISABLE": "1",
}

print_warning = warnings.showwarning


def print_useful_warning(message: Any, category: Any, *where: Any, **more: Any) -> None:
    # action_default_fallback utters it without any rule that names it
    known = "utterance 'utter_default' is not used" in str(message)
    if not known and not issubclass(category, DeprecationWarning):
        print_warning(message, category, *where)


if __name__ == "__main__":
    warnings.showwarning = print_useful_warning
    os.environ.update({**QUIET, **os.environ})
    from rasa.__main__ import main

    sys.argv[0] = "rasa"
    sys.exit(main())
