"""`make bench`: the figures that this project watches, measured on the machine it runs on.

Ratios inside one run are what counts: absolute times move with the machine and with what else it does.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from nova_mme_local.ports import find_free_port

ROOT = Path(__file__).resolve().parents[2]

PARSE_TARGET_MS = 30
QUERY_TARGET = 2.0
VECTORS, DIMENSION = 5_000, 3_072
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


def main() -> int:
    """Measure what was asked for, all of it by default."""
    benches: dict[str, Callable[[], None]] = {
        "parse": measure_parse,
        "query": measure_query,
        "demo": measure_demo,
    }
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("which", nargs="*", choices=[*benches, []], help="default: all")
    for name in parser.parse_args().which or benches:
        benches[name]()
    return 0


def measure_parse() -> None:
    """How long the dag-processor takes for each DAG file."""
    print(f"DAG parse, a fresh process per file, median of {_ROUNDS} (target {PARSE_TARGET_MS} ms):")
    paths = os.pathsep.join(str(ROOT / name) for name in ("include", "plugins"))
    environment = {**os.environ, "PYTHONPATH": paths, "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    for path in sorted((ROOT / "dags").glob("*.py")):
        command = [sys.executable, "-c", _PARSE, str(path)]
        times = [_last_number(command, environment) for _ in range(_ROUNDS)]
        print(f"  {path.name:<22} {statistics.median(times):6.1f} ms  ({min(times):.1f} to {max(times):.1f})")


def _last_number(command: list[str], environment: dict[str, str]) -> float:
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return float(json.loads(done.stdout.strip().splitlines()[-1]))


def measure_query() -> None:
    """The local QueryVectors against the plain matrix product that it cannot do without."""
    import numpy as np

    from nova_mme_local.s3vectors.matrix import Matrix

    rows, query = _unit_rows(VECTORS), _unit_rows(1)[0]
    matrix = Matrix(DIMENSION, cosine=True)
    matrix.put([str(number) for number in range(VECTORS)], rows, [None] * VECTORS)
    plain, search = _in_turn(lambda: rows @ query, lambda: matrix.search(query, 10))
    assert matrix.search(query, 10).keys[0] == str(int(np.argmax(rows @ query)))
    print(f"Search of {VECTORS:,} x {DIMENSION} float32, median of 30 in turn (target {QUERY_TARGET:g}x):")
    print(f"  numpy rows @ query     {plain:6.2f} ms")
    print(f"  the index's search     {search:6.2f} ms  = {search / plain:.2f}x")
    _measure_call(rows, query, plain)


def _measure_call(rows: object, query: object, plain: float) -> None:
    """The same over HTTP with boto3: what a client of local AWS waits for."""
    import boto3
    import numpy as np

    from nova_mme.vector_batch import VectorBatch, accept_encoded_vectors, encode_in_calls
    from nova_mme_local.server import LocalAws

    assert isinstance(rows, np.ndarray)
    assert isinstance(query, np.ndarray)
    with LocalAws() as aws:
        keys = {"aws_access_key_id": "local", "aws_secret_access_key": "local", "region_name": "us-east-1"}
        client = accept_encoded_vectors(boto3.client("s3vectors", endpoint_url=aws.url, **keys))
        place = {"vectorBucketName": "bench", "indexName": "bench"}
        client.create_vector_bucket(vectorBucketName="bench")
        client.create_index(**place, dataType="float32", dimension=DIMENSION, distanceMetric="cosine")
        names = [str(number) for number in range(len(rows))]
        for call in encode_in_calls(VectorBatch(names, rows, [{}] * len(rows))):
            client.put_vectors(**place, vectors=call)
        vector = {"float32": query.tolist()}
        _, whole = _in_turn(
            lambda: rows @ query, lambda: client.query_vectors(**place, queryVector=vector, topK=10)
        )
    print(
        f"  the whole boto3 call   {whole:6.2f} ms  = {whole / plain:.2f}x (JSON, signature and HTTP included)"
    )


def _unit_rows(count: int) -> object:
    """Deterministic float32 unit vectors, shape (count, 3072)."""
    import numpy as np

    from nova_mme.matryoshka import truncate

    return truncate(np.random.default_rng(count).normal(size=(count, DIMENSION)), DIMENSION)


def _in_turn(first: Callable[[], object], second: Callable[[], object]) -> tuple[float, float]:
    """Median milliseconds of both, called in turn 30 times, so that a slower moment hits both."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(30):
        for call, kept in zip((first, second), times, strict=True):
            start = time.perf_counter()
            call()
            kept.append((time.perf_counter() - start) * 1000)
    return statistics.median(times[0]), statistics.median(times[1])


def measure_demo() -> None:
    """The demo, whole, in a directory and on ports of its own; it prints its seconds per phase."""
    with tempfile.TemporaryDirectory(prefix="nova-mme-bench-") as home:
        ports = ("--airflow-port", str(find_free_port()), "--local-aws-port", str(find_free_port()))
        command = [sys.executable, "-m", "nova_mme_local"]
        print("The demo, from nothing (the environment is there already):", flush=True)
        try:
            subprocess.run([*command, "demo", "--home", home, *ports], check=True)
        finally:
            subprocess.run([*command, "down", "--home", home], check=True)


if __name__ == "__main__":
    sys.exit(main())
