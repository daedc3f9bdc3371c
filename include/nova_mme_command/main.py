"""The commands: `python -m nova_mme COMMAND ...`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from botocore.exceptions import BotoCoreError, ClientError

from nova_mme.errors import NovaMMEError
from nova_mme.search.wording import flatten
from nova_mme_command import evaluate, index, query, search, status, store
from nova_mme_command.argument import WrongCommandLine
from nova_mme_command.deployment import Deployment
from nova_mme_command.trouble import explain

# Each has: NAME, SUMMARY, add_options(parser), and sets `run`: (deployment, options) -> exit code.
_COMMANDS = (search, status, store, index, query, evaluate)

_EXIT_CODES = """\
exit codes: 0 done; 1 did not work, said in a sentence on stderr; 2 wrong command line; 130 interrupted
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code: 0, 1 for what did not work, 2 for a wrong command line, 130 for Ctrl-C."""
    options = _read_options(arguments)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal that cannot show a letter is no reason to stop
            stream.reconfigure(errors="backslashreplace")
    try:
        code = _run(options)
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Whoever read it (`| head`) has seen enough; Python would complain once more when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


def _run(options: argparse.Namespace) -> int:
    try:
        deployment = Deployment.open(options.settings)
        try:
            return int(options.run(deployment, options))
        except (ClientError, BotoCoreError) as error:
            _complain(explain(error, deployment))
    except WrongCommandLine as error:
        _complain(str(error))
        return 2
    except NovaMMEError as error:
        _complain(str(error))
    return 1


def _complain(text: str) -> None:
    for line in text.splitlines():  # a caret stands below what it points at
        print(flatten(line), file=sys.stderr)


def _read_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m nova_mme",
        description="Search the embeddings of a deployment, and keep texts of your own in named stores.",
        epilog=_EXIT_CODES,
    )
    parser.add_argument("--settings", default="", help="JSON file: what the Airflow Variable nova_mme says")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in _COMMANDS:
        made = commands.add_parser(command.NAME, help=command.SUMMARY, description=command.__doc__)
        command.add_options(made)
    return parser.parse_args(arguments)
