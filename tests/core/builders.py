"""Builds what the core's tests feed it: sources, settings, vectors, and a job's output lines as Bedrock writes them."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from nova_mme.modality import Modality
from nova_mme.run import Run
from nova_mme.settings import Settings
from nova_mme.source import Source

ACCOUNT = "123456789012"
MODIFIED = 1_700_000_000


def make_settings(**changes: str) -> Settings:
    """A deployment that reads s3://media, writes below s3://output/nova and keeps its vectors in ``vectors``."""
    values = {
        "source_uri": "s3://media",
        "output_uri": "s3://output/nova",
        "vector_bucket": "vectors",
        "ledger_table": "ledger",
        "model_revision": "test",
    }
    return Settings(**{**values, **changes})


def make_source(
    key: str = "clips/cat.mp4", *, bucket: str = "media", etag: str = "v1", size: int = 100
) -> Source:
    """One version of one object; there need be no such object."""
    return Source(f"s3://{bucket}/{key}", etag, size, MODIFIED)


def make_run(modality: Modality = Modality.TEXT, **params: Any) -> Run:
    """A run as its DAG's parameters would give it."""
    return Run.read(modality, params)


def make_vectors(count: int, *, seed: int = 0) -> NDArray[np.float64]:
    """Random unit vectors: float64, shape (count, 3072)."""
    matrix = np.random.default_rng(seed).standard_normal((count, 3072))
    return matrix / np.linalg.norm(matrix, axis=1, keepdims=True)


def make_line(index: int | None = 0, embedding: Any = None, **members: Any) -> bytes:
    """A line of an output file: by default a good one of 3072 equal numbers."""
    record: dict[str, Any] = {"embedding": [0.5] * 3072 if embedding is None else embedding}
    if index is not None:
        record["segmentMetadata"] = {"segmentIndex": index}
    return orjson.dumps({**record, "status": "SUCCESS", **members}) + b"\n"


def make_summary(*results: dict[str, Any]) -> bytes:
    """A job's segmented-embedding-result.json."""
    return orjson.dumps(
        {"sourceFileUri": "s3://media/x", "embeddingDimension": 3072, "embeddingResults": results}
    )
