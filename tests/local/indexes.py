"""A vector bucket and an index with random vectors, for the tests of S3 Vectors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

INDEX = {"vectorBucketName": "media", "indexName": "index"}
RANDOM = np.random.default_rng(7)


def open_vectors(client: Callable[..., Any]) -> Any:
    """Open a client and create the vector bucket "media"."""
    vectors = client("s3vectors")
    vectors.create_vector_bucket(vectorBucketName="media")
    return vectors


def fill(vectors: Any, count: int, *, dimension: int = 8, metric: str = "cosine") -> np.ndarray:
    """Create the index with random vectors k0, k1, ... whose metadata has their number; return them."""
    vectors.create_index(
        vectorBucketName="media",
        indexName="index",
        dataType="float32",
        dimension=dimension,
        distanceMetric=metric,
    )
    rows = RANDOM.standard_normal((count, dimension)).astype(np.float32)
    for start in range(0, count, 500):
        records = [
            {"key": f"k{n}", "data": {"float32": rows[n].tolist()}, "metadata": {"n": n, "even": n % 2 == 0}}
            for n in range(start, min(start + 500, count))
        ]
        vectors.put_vectors(**INDEX, vectors=records)
    return rows


def keys_of(answer: dict) -> list[str]:
    """Return the keys of an answer, in its order."""
    return [vector["key"] for vector in answer["vectors"]]
