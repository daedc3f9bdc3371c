"""`make evaluate`: the command line's `evaluate`, against the local stack while it runs, else as the shell is set."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from nova_mme_command.evaluate import NAME
from nova_mme_command.main import main as run_command
from nova_mme_local.stack import HOME, Stack


def main(arguments: Sequence[str], home: Path = HOME) -> int:
    """Evaluate; returns the command's exit code."""
    stack = Stack(home)
    if stack.is_running():
        print(f"The local stack runs: its vectors are evaluated, at {stack.aws_url}.", file=sys.stderr)
        environment = stack.environment
        os.environ.clear()  # no profile and no proxy of the shell's: nothing here is for a real account
        os.environ.update(environment)
    else:
        print("The local stack does not run: what this shell is set for is evaluated.", file=sys.stderr)
    return run_command([NAME, *arguments])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
