"""The demo, whole, in a directory and on ports of its own."""

from __future__ import annotations

import subprocess
import sys
import tempfile

from nova_mme_local.ports import find_free_port


def measure() -> None:
    """Run it; it prints its seconds per phase."""
    with tempfile.TemporaryDirectory(prefix="nova-mme-bench-") as home:
        ports = ("--airflow-port", str(find_free_port()), "--local-aws-port", str(find_free_port()))
        command = [sys.executable, "-m", "nova_mme_local"]
        print("The demo, from nothing (the environment is there already):", flush=True)
        try:
            subprocess.run([*command, "demo", "--home", home, *ports], check=True)
        finally:
            subprocess.run([*command, "down", "--home", home], check=True)
