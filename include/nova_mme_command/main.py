"""The commands: `python -m nova_mme COMMAND ...`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from nova_mme.errors import NovaMMEError
from nova_mme_command.deployment import Deployment

# Each has: NAME, SUMMARY, add_options(parser), run(deployment, options) -> exit code.
_COMMANDS: tuple[str, ...] = ("nova_mme_command.evaluate",)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code: 0, 1 for what did not work, 2 for a wrong command line."""
    options = _read_options(arguments)
    try:
        return int(options.run(Deployment.open(options.settings), options))
    except NovaMMEError as error:
        print(error, file=sys.stderr)
        return 1


def _read_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m nova_mme", description=__doc__)
    parser.add_argument("--settings", default="", help="JSON file: what the Airflow Variable nova_mme says")
    commands = parser.add_subparsers(dest="command", required=True)
    for name in _COMMANDS:
        module = import_module(name)
        command = commands.add_parser(module.NAME, help=module.SUMMARY, description=module.__doc__)
        module.add_options(command)
        command.set_defaults(run=module.run)
    return parser.parse_args(arguments)
