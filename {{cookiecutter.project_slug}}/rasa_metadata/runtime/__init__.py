"""What changes in a running Rasa: actions run in process, and a failed turn is an error.

endpoints.yml loads it: it names the classes in rasa_metadata.stores, which import this
package, so every Rasa command that talks (`run`, `shell`, `interactive`) has it.
"""

import functools
import sys

from rasa_metadata.runtime import startup


@functools.cache
def load() -> None:
    """Prepare the Rasa of this process, once, if the patched modules are loaded."""
    if "rasa.core.processor" not in sys.modules:  # no server: a migration, or a test
        return
    from rasa_metadata.runtime import patches  # brings TensorFlow

    startup.keep_root_logger()
    startup.keep_logs_clean()
    startup.keep_collections_short()
    startup.answer_ended_turns()
    patches.apply()
