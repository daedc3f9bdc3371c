"""The commands of the local stack: `python -m nova_mme_local up`, `down`, `status`, `env` and `demo`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from nova_mme_local.airflow_api import AirflowError
from nova_mme_local.airflow_settings import clean_environment
from nova_mme_local.interrupts import Terminated, raise_on_termination
from nova_mme_local.screen import Screen
from nova_mme_local.shell_environment import show_environment
from nova_mme_local.stack import HOME, Stack
from nova_mme_local.stackerror import StackError
from nova_mme_local.updown import bring_up, show_status, take_down


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code: 0, 1 for what did not work, 130 when it was interrupted."""
    raise_on_termination()
    options = _read_options(arguments)
    # Whatever AWS profile, proxy or Airflow the user's shell is set for: nothing here is to use it.
    environment = clean_environment()
    os.environ.clear()
    os.environ.update(environment)
    screen = Screen()
    try:
        return _run(options, screen)
    except (StackError, AirflowError) as error:
        screen.live([])
        print(error, file=sys.stderr)
        return 1
    except (KeyboardInterrupt, Terminated):
        screen.say()
        screen.say(_describe_end(options.home))
        return 130


def _run(options: argparse.Namespace, screen: Screen) -> int:
    ports = {"airflow_port": options.airflow_port, "local_aws_port": options.local_aws_port}
    stack = Stack(options.home, **ports, watch_uploads=True)
    if options.command == "up":
        return bring_up(stack, screen)
    if options.command == "down":
        return take_down(stack, screen)
    if options.command == "status":
        return show_status(stack, screen)
    if options.command == "env":
        return show_environment(stack, screen)
    from nova_mme_local.demo import Demo  # boto3 and numpy are not for the other commands

    return Demo(stack, screen, folder=options.media).run()


def _describe_end(home: Path) -> str:
    if Stack(home).is_running():
        return "Interrupted. The stack goes on running; `make down` stops it."
    return "Interrupted. Nothing that was started is left running."


def _read_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m nova_mme_local", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="up|down|status|env|demo")
    for name, what in (
        ("up", "start Airflow and local AWS, and leave them running"),
        ("down", "stop them"),
        ("status", "say what runs, and where"),
        ("env", "print what a shell needs for the command line to reach what runs"),
        ("demo", "start them, embed media, and search"),
    ):
        command = commands.add_parser(name, help=what, description=what)
        command.add_argument("--airflow-port", type=int, default=_read_port("AIRFLOW_PORT", 8080))
        command.add_argument("--local-aws-port", type=int, default=_read_port("LOCAL_AWS_PORT", 4566))
        command.add_argument(
            "--home", type=Path, default=HOME, help="where everything is kept (default: .local)"
        )
        if name == "demo":
            command.add_argument(
                "--media", type=Path, help="a folder of your own instead of the sample media"
            )
    return parser.parse_args(arguments)


def _read_port(variable: str, default: int) -> int:
    text = os.environ.get(variable, "").strip()
    if text and not (text.isdigit() and int(text) < 65_536):
        raise SystemExit(
            f"{variable} is {text!r}; it must be a port number, 1 to 65535 (0 takes a free one)."
        )
    return int(text) if text else default


if __name__ == "__main__":
    sys.exit(main())
