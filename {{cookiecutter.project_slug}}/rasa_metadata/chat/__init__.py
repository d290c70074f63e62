"""The chat page: its files, and its texts. channels/chat_page.py serves them."""

import json
import logging
from pathlib import Path

logger = logging.getLogger(__name__)

FOLDER = Path(__file__).parent
YOURS = FOLDER.parents[1] / "chat"


def texts() -> dict[str, str]:
    """Return the texts of the page: yours in chat/texts.json, and English ones for the rest.

    An update may so bring new texts without a change of your file.
    """
    defaults: dict[str, str] = json.loads((FOLDER / "texts.json").read_text("utf-8"))
    try:
        yours = dict(json.loads((YOURS / "texts.json").read_text("utf-8")))
    except FileNotFoundError:
        return defaults
    except (TypeError, ValueError) as error:
        logger.warning(f"chat/texts.json cannot be used; run 'make check': {error}")
        return defaults
    usable = {key: yours[key] for key in defaults if isinstance(yours.get(key), str)}
    return defaults | usable
