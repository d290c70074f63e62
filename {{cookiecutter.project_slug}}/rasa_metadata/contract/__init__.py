"""The contract: what metadata may contain, declared by the slots in domain.yml.

Knows nothing of HTTP or of Rasa's server: it reads a domain as a dict, so the
validation, the actions and the tests all work from the same words.
"""

from rasa_metadata.contract.fields import Contract, ContractError, Field, contract_of
from rasa_metadata.contract.schema import Violation, metadata_schema, violations
from rasa_metadata.contract.values import ABSENT, copied, lookup, merge, nested, same, without

__all__ = [
    "ABSENT",
    "Contract",
    "ContractError",
    "Field",
    "Violation",
    "contract_of",
    "copied",
    "lookup",
    "merge",
    "metadata_schema",
    "nested",
    "same",
    "violations",
    "without",
]
