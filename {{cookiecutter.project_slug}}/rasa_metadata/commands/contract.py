"""Prints the slots that metadata fills, or what is wrong with them; `make contract` runs it."""

import sys

from rasa_metadata.contract import ContractError
from rasa_metadata.project import Project


def main() -> int:
    project = Project.here()
    try:
        contract = project.contract()
    except ContractError as error:
        print("The metadata slots cannot be read yet:", *error.problems, sep="\n", file=sys.stderr)
        return 1
    if not contract.fields:
        print(f"  no slot in {project.domain_name} is filled from metadata")
    for field in contract.fields:
        mark = "signed" if field.signed else field.scope
        mark += f", claim {field.claim}" if field.claim else ""
        others = "".join(f", {name}: {'.'.join(at)}" for name, at in field.channels.items())
        print(f"  {field.dotted}{others} → {field.slot} ({mark}, “{field.label}”)")
    return 0
