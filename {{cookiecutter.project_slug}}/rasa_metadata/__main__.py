"""`python -m rasa_metadata COMMAND`; the Makefile runs these commands."""

import argparse
import sys
from importlib import import_module


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m rasa_metadata", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("check", help="check the wiring of this bot; this changes nothing")
    commands.add_parser("contract", help="list the slots that metadata fills")
    commands.add_parser("openapi", help="print the OpenAPI document of the REST channel")
    commands.add_parser("slot", help="add slots to the files of this bot (SLOT)")
    commands.add_parser("token", help="print a token for development (SUB, METADATA)")
    commands.add_parser("rasa", help="the rasa command, without its libraries' warnings")
    if sys.argv[1:2] == ["rasa"]:  # its arguments are its own
        from rasa_metadata.commands import rasa

        return rasa.main(sys.argv[2:])
    command = parser.parse_args().command
    code: int = import_module(f"rasa_metadata.commands.{command}").main()
    return code


if __name__ == "__main__":
    sys.exit(main())
