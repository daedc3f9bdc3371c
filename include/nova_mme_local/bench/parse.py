"""How long the dag-processor takes for each DAG file."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys

from nova_mme_local.bench import ROOT, judge

TARGET_MS = 30
_ROUNDS = 7

# What the dag-processor does: it forks a process per file, which has what the dag-processor itself has imported
# and pays for everything else.
_PARSE = """
import json, os, runpy, sys, time
import airflow.sdk, airflow.dag_processing.dagbag, airflow.dag_processing.processor
read, write = os.pipe()
if os.fork() == 0:
    start = time.perf_counter()
    runpy.run_path(sys.argv[1])
    os.write(write, json.dumps((time.perf_counter() - start) * 1000).encode())
    os._exit(0)
os.wait()
print(os.read(read, 100).decode())
"""


def measure() -> None:
    """Print a line per DAG file."""
    print(f"DAG parse, a fresh process per file, median of {_ROUNDS} (target {TARGET_MS} ms):")
    paths = os.pathsep.join(str(ROOT / name) for name in ("include", "plugins"))
    environment = {**os.environ, "PYTHONPATH": paths, "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    for path in sorted((ROOT / "dags").glob("*.py")):
        command = [sys.executable, "-c", _PARSE, str(path)]
        times = [_last_number(command, environment) for _ in range(_ROUNDS)]
        median = statistics.median(times)
        spread = f"({min(times):.1f} to {max(times):.1f})"
        print(f"  {path.name:<26} {median:6.1f} ms  {spread:<16} {judge(median <= TARGET_MS)}")


def _last_number(command: list[str], environment: dict[str, str]) -> float:
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return float(json.loads(done.stdout.strip().splitlines()[-1]))
