"""The demo, whole, in a directory and on ports of its own, and the search page of the Airflow that it leaves running."""

from __future__ import annotations

import subprocess
import sys
import tempfile

from nova_mme_local.bench.page import measure_page
from nova_mme_local.ports import HOST, find_free_port


def measure() -> None:
    """Run it; it prints its seconds per phase."""
    with tempfile.TemporaryDirectory(prefix="nova-mme-bench-") as home:
        airflow = find_free_port()
        ports = ("--airflow-port", str(airflow), "--local-aws-port", str(find_free_port()))
        command = [sys.executable, "-m", "nova_mme_local"]
        print("The demo, from nothing (the environment is there already):", flush=True)
        try:
            subprocess.run([*command, "demo", "--home", home, *ports], check=True)
            measure_page(f"http://{HOST}:{airflow}")
        finally:
            subprocess.run([*command, "down", "--home", home], check=True)
