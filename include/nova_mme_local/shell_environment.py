"""What a person's shell needs for `python -m nova_mme` to reach the local stack, as lines for `eval`."""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path

from nova_mme_local.airflow_settings import ROOT, aws_environment, deployment
from nova_mme_local.screen import Screen
from nova_mme_local.stack import Stack
from nova_mme_local.stackerror import StackError

# They would send boto3 elsewhere, or into a profile that the empty configuration does not have.
_UNSET = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_REGION", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE")
# The stack is on this machine: no proxy is to be asked for it. What the shell has goes on counting.
_DIRECT = "127.0.0.1,localhost"


def show_environment(stack: Stack, screen: Screen) -> int:
    """Print the lines.

    :raises StackError: when the stack does not run; nothing is printed then.
    """
    if not stack.is_running():
        raise StackError("The stack does not run. `make up` starts it, `make demo` fills it too.")
    for line in render_environment(stack.aws_url):
        screen.say(line)
    return 0


def render_environment(aws_url: str) -> list[str]:
    """Return the lines, for any POSIX shell: this Python first on the PATH, the project's packages, AWS, the settings."""
    values = {
        **aws_environment(aws_url),
        "AIRFLOW_VAR_NOVA_MME": json.dumps(deployment()),
        "PYTHONPATH": str(ROOT / "include"),
    }
    python = shlex.quote(str(Path(sys.executable).parent))
    return [
        f"unset {' '.join(_UNSET)}",
        *(f"export {name}={shlex.quote(value)}" for name, value in values.items()),
        f'export PATH={python}{os.pathsep}"$PATH"',
        *(f'export {name}="{_DIRECT}${{{name}:+,${name}}}"' for name in ("NO_PROXY", "no_proxy")),
    ]
