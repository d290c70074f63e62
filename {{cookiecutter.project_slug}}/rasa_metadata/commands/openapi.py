"""Prints the OpenAPI document of the REST channel for a client; `make client` runs it.

Signed slots are left out, because no client may send them.
"""

import json
import sys
import warnings
from typing import Any

from rasa.shared.exceptions import RasaException
from rasa.shared.utils.common import class_from_module_path

from rasa_metadata.contract import Contract, ContractError
from rasa_metadata.project import NotYaml, Project, plain


def main() -> int:
    warnings.simplefilter("ignore")  # of Rasa's libraries
    project = Project.here()
    try:
        for name, settings in project.credentials.items():
            if name.endswith((".ChatPageInput", ".MetadataRestInput")):
                channel: Any = class_from_module_path(name).from_credentials(plain(settings))
                open_fields = (each for each in project.contract().fields if not each.signed)
                print(json.dumps(channel.openapi(Contract(tuple(open_fields))), indent=2))
                return 0
    except (ContractError, NotYaml, RasaException) as error:
        print(error, file=sys.stderr)
        return 1
    print("credentials.yml has no REST channel of rasa_metadata.", file=sys.stderr)
    return 1
