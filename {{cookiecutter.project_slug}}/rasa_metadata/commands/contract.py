"""`python -m contract domain.yml` prints the contract, or what is wrong with it."""

import sys
import warnings

from rasa.shared.core.domain import Domain
from rasa.shared.exceptions import RasaException

from rasa_metadata.contract.fields import ContractError, contract_of


def main(path: str) -> int:
    warnings.simplefilter("ignore")  # Rasa's, of things no contract is about
    try:
        contract = contract_of(Domain.load(path).as_dict(), source=path)
    except (ContractError, RasaException) as error:
        print(f"The metadata slots cannot be read yet:\n{error}", file=sys.stderr)
        return 1
    if not contract.fields:
        print(f"  no slot in {path} is filled from metadata")
    for field in contract.fields:
        mark = "(signed)" if field.signed else f"({field.scope})"
        print(f"  metadata {field.dotted} fills {field.slot} {mark}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
