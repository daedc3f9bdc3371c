"""`python -m nova_mme_local env`: lines that point a shell at the local stack."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from nova_mme_local.airflow_settings import deployment
from nova_mme_local.server import LocalAws
from nova_mme_local.shell_environment import render_environment

_ROOT = Path(__file__).resolve().parents[2]


def _shell(lines: list[str], command: str, **environment: str) -> str:
    script = "\n".join([*lines, command])
    done = subprocess.run(
        ["sh", "-euc", script],
        env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_shell_reaches_the_stack() -> None:
    """The command line works in it as it is, whatever AWS profile or proxy the shell was set for."""
    with LocalAws() as aws:
        lines = render_environment(aws.url)
        told = _shell(
            [*lines, "python -m nova_mme store list 2>&1 || true"],
            'echo "$NO_PROXY"; echo "$AIRFLOW_VAR_NOVA_MME"',
            AWS_PROFILE="work",
            HTTP_PROXY="http://127.0.0.1:9",
            NO_PROXY="example.org",
        )

    refused, proxies, settings = told.splitlines()
    assert "nova-mme-ledger" in refused
    assert "Run setup_embeddings" in refused
    assert proxies == "127.0.0.1,localhost,example.org"
    assert json.loads(settings) == deployment()


def test_twice_is_as_good_as_once() -> None:
    """Nothing piles up but the PATH and what no proxy is asked for, which does no harm."""
    lines = render_environment("http://127.0.0.1:1")

    once, twice = (
        _shell(lines * count, "env | grep -v PATH | grep -v -i NO_PROXY | sort") for count in (1, 2)
    )

    assert once == twice


def test_nothing_runs(tmp_path: Path) -> None:
    """A sentence on stderr, and nothing for eval."""
    done = subprocess.run(
        [sys.executable, "-m", "nova_mme_local", "env", "--home", str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(_ROOT / "include")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "The stack does not run. `make up` starts it, `make demo` fills it too.\n"
