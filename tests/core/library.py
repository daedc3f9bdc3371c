"""A stocked deployment to search in: vectors of known cosines, put by hand, with the metadata of real ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from core.builders import make_settings
from core.deployment import Deployment
from numpy.typing import NDArray

from nova_mme.matryoshka import truncate
from nova_mme.search.query import TextQuery, embed_query
from nova_mme.search.request import Request, Strategy, Way
from nova_mme.search.searcher import Searcher
from nova_mme.source import Source
from nova_mme.space import DIMENSIONS, Space
from nova_mme.space_registry import SpaceRegistry
from nova_mme.store import VectorStore
from nova_mme.vector_batch import VectorBatch

CATS = TextQuery("cats")
HIERARCHICAL = Way(strategy=Strategy.HIERARCHICAL)


def open_registry(deployment: Deployment) -> SpaceRegistry:
    """The deployment's spaces."""
    return SpaceRegistry(deployment.dynamodb, "ledger", deployment.settings.space)


def open_searcher(deployment: Deployment) -> Searcher:
    """Searches the deployment."""
    return Searcher(open_registry(deployment), deployment.s3vectors, deployment.bedrock, deployment.settings)


def ask(**changes: Any) -> Request:
    """A search for cats."""
    return Request(**{"query": CATS, **changes})


def near(deployment: Deployment, cosines: Sequence[float], *, query: TextQuery = CATS) -> NDArray[np.float64]:
    """Vectors at these cosines to a query in the 256-d index: float64, shape (n, 3072).

    They have nothing beyond the first 256 numbers, so that the larger indexes see the same order, of cosines that
    are all smaller by one factor: what the query has beyond.
    """
    space = deployment.settings.space
    vector = embed_query(query, 3072, bedrock=deployment.bedrock, space=space).astype(np.float64)
    noise = np.random.default_rng(len(cosines)).standard_normal((len(cosines), 3072))
    noise[:, 256:] = 0.0
    head = np.where(np.arange(3072) < 256, vector, 0.0)
    noise -= np.outer(noise @ head / (head @ head), head)
    noise /= np.linalg.norm(noise, axis=1, keepdims=True)
    cosine = np.asarray(cosines)[:, np.newaxis]
    return cosine * head / np.linalg.norm(head) + np.sqrt(1 - cosine**2) * noise


def put(
    deployment: Deployment,
    documents: Sequence[dict[str, Any]],
    matrix: NDArray[np.float64],
    *,
    dimensions: Sequence[int] = DIMENSIONS,
    space: Space | None = None,
) -> None:
    """Put vectors; each document has its ``key`` beside the metadata."""
    store = VectorStore(deployment.s3vectors, "vectors", space or deployment.settings.space)
    keys = [document["key"] for document in documents]
    about = [{name: value for name, value in document.items() if name != "key"} for document in documents]
    for dimension in dimensions:
        store.put(dimension, VectorBatch(keys, truncate(matrix, dimension), about))


def describe(
    uri: str = "s3://media/clip.mp4", index: int = 0, kind: str = "VIDEO", **extra: Any
) -> dict[str, Any]:
    """A segment's key and metadata; five seconds of a clip unless it is told otherwise."""
    source = Source(uri, "v1", 100, 1_700_000_000)
    seconds = {"segmentStartSeconds": 5.0 * index, "segmentEndSeconds": 5.0 * index + 5}
    return {
        "key": f"{source.object_id}/{kind}/{index}",
        "objectId": source.object_id,
        "modalityType": "text" if kind == "TEXT" else kind.lower(),
        "embeddingType": kind,
        "segmentIndex": index,
        "sourceS3Uri": uri,
        "fileName": source.name,
        "uploadTimestamp": source.modified,
        "space": make_settings().space.name,
        **(seconds if kind in ("VIDEO", "AUDIO") else {}),
        **extra,
    }


def stock(deployment: Deployment, count: int, *, place: str = "s3://media", **extra: Any) -> list[str]:
    """Put so many pictures, each a little farther from cats; returns their URIs in that order."""
    uris = [f"{place}/{number}.png" for number in range(count)]
    documents = [describe(uri, kind="IMAGE", **extra) for uri in uris]
    put(deployment, documents, near(deployment, np.linspace(0.9, 0.1, count).tolist()))
    return uris
