"""The bot's slots, and example metadata for them: the tests follow domain.yml."""

import warnings
from pathlib import Path
from typing import Any

from rasa.shared.core.domain import Domain

from rasa_metadata.contract import contract_of, nested
from rasa_metadata.contract.examples import example_values, wrong_values

PROJECT = Path.cwd()
DOMAIN_PATH = next(path for path in (PROJECT / "domain", PROJECT / "domain.yml") if path.exists())

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    DOMAIN = Domain.load(str(DOMAIN_PATH))

CONTRACT = contract_of(DOMAIN.as_dict(), source=DOMAIN_PATH.name)

OPEN_FIELDS = [field for field in CONTRACT.fields if not field.signed and example_values(field)]
SIGNED_FIELDS = [field for field in CONTRACT.fields if field.signed and example_values(field)]
REFUSING_FIELDS = [field for field in CONTRACT.fields if not field.signed and wrong_values(field)]


def names(fields: list[Any]) -> list[str]:
    """Return the slots' names, as ids of parameters."""
    return [field.slot for field in fields]


def good(field: Any) -> dict[str, Any]:
    """Return metadata with an example at the field's path."""
    return nested(field.path, example_values(field)[0])


def bad(field: Any) -> dict[str, Any]:
    """Return metadata with a value that violates the field's schema."""
    return nested(field.path, wrong_values(field)[0])
