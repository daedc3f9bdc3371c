"""The local QueryVectors against the plain matrix product that it cannot do without."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from nova_mme_local.bench import judge

TARGET = 2.0
VECTORS, DIMENSION = 5_000, 3_072


def measure() -> None:
    """Print both, and their ratio."""
    import numpy as np

    from nova_mme_local.s3vectors.matrix import Matrix

    rows, query = _unit_rows(VECTORS), _unit_rows(1)[0]
    matrix = Matrix(DIMENSION, cosine=True)
    matrix.put([str(number) for number in range(VECTORS)], rows, [None] * VECTORS)
    plain, search = _in_turn(lambda: rows @ query, lambda: matrix.search(query, 10))
    assert matrix.search(query, 10).keys[0] == str(int(np.argmax(rows @ query)))
    print(f"Search of {VECTORS:,} x {DIMENSION} float32, median of 30 in turn (target {TARGET:g}x):")
    print(f"  numpy rows @ query     {plain:6.2f} ms")
    ratio = search / plain
    print(f"  the index's search     {search:6.2f} ms  = {ratio:.2f}x  {judge(ratio <= TARGET)}")
    _measure_call(rows, query, plain)


def _measure_call(rows: object, query: object, plain: float) -> None:
    """The same over HTTP with boto3: what a client of local AWS waits for."""
    import boto3
    import numpy as np

    from nova_mme.vector_batch import VectorBatch, accept_batches, put_batch
    from nova_mme_local.server import LocalAws

    assert isinstance(rows, np.ndarray)
    assert isinstance(query, np.ndarray)
    with LocalAws() as aws:
        keys = {"aws_access_key_id": "local", "aws_secret_access_key": "local", "region_name": "us-east-1"}
        client = accept_batches(boto3.client("s3vectors", endpoint_url=aws.url, **keys))
        place = {"vectorBucketName": "bench", "indexName": "bench"}
        client.create_vector_bucket(vectorBucketName="bench")
        client.create_index(**place, dataType="float32", dimension=DIMENSION, distanceMetric="cosine")
        names = [str(number) for number in range(len(rows))]
        put_batch(client, VectorBatch(names, rows, [{}] * len(rows)), **place)
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
