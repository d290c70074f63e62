"""The OpenAPI document of the REST channel: openapi.yml, with a contract and a channel's limits."""

import copy
import json
import re
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from rasa_metadata.contract import Contract
from rasa_metadata.contract.fields import RESERVED_KEYS
from rasa_metadata.validation.message import RequestValidation
from rasa_metadata.validation.tokens import SENDER_PREFIX

# Read once: a client would wait 7 ms for it.
TEMPLATE: dict[str, Any] = YAML(typ="safe").load(Path(__file__).with_suffix(".yml"))
HEADERS = {401: "WWW-Authenticate", 503: "Retry-After"}


def document(contract: Contract, validation: RequestValidation, chat: bool) -> dict[str, Any]:
    """Return the document; `chat`: whether the channel has a chat page."""
    found = copy.deepcopy(TEMPLATE)
    answers, paths, schemas = found.pop("answers"), found["paths"], found["components"]["schemas"]
    send = paths["/webhooks/rest/webhook"]["post"]
    send["responses"].update({str(code): _error(code, answers[code]) for code in answers})
    message = schemas["Message"]["properties"]
    message["message"]["maxLength"] = validation.max_message_characters
    message["input_channel"] = {"enum": [*validation.input_channels, None]}
    if validation.guests:
        reserved = "|".join(map(re.escape, (SENDER_PREFIX, *validation.reserved_senders)))
        message["sender"]["not"] = {"pattern": f"^({reserved})"}
        message["sender"]["maxLength"] = validation.max_sender_characters
    else:  # the token names the sender
        send["security"].remove({})
        schemas["Message"]["required"].remove("sender")
        del message["sender"]
    if not chat:
        del paths["/webhooks/rest/chat"]
    pointers = '"$ref": "#', '"$ref": "#/components/schemas/Metadata'
    schema = json.loads(json.dumps(contract.schema).replace(*pointers))
    schemas["Metadata"].update({**schema, "type": ["object", "null"]})
    schemas["Metadata"]["propertyNames"] = {"not": {"enum": sorted(RESERVED_KEYS)}}
    return found


def _error(code: int, reasons: dict[str, str]) -> dict[str, Any]:
    kind = {"properties": {"code": {"const": code}, "reason": {"enum": list(reasons)}}}
    schema = {"allOf": [{"$ref": "#/components/schemas/Error"}, kind]}
    name = HEADERS.get(code)
    return {
        "description": "\n".join(f"- `{reason}`: {when}" for reason, when in reasons.items()),
        "headers": {name: {"$ref": f"#/components/headers/{name}"}} if name else {},
        "content": {"application/json": {"schema": schema}},
    }
