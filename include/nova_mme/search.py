"""Embed a query and find its nearest segments in one index of a space."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from nova_mme.errors import BadSetting
from nova_mme.modality import Modality
from nova_mme.nova import media_query, text_query
from nova_mme.space import Space
from nova_mme.store import require_space

# S3 Vectors answers at most 100 hits a page; more than that wants paging.
MAX_TOP_K = 100
DEFAULT_DIMENSION = 1024


@dataclass(frozen=True, slots=True)
class TextQuery:
    """Words to search with."""

    text: str

    def body(self, dimension: int) -> dict[str, Any]:
        """The request to the model."""
        return text_query(self.text, dimension=dimension)


@dataclass(frozen=True, slots=True)
class MediaQuery:
    """An image, a sound or a clip to search with; ``name`` tells its format."""

    name: str
    content: bytes

    def body(self, dimension: int) -> dict[str, Any]:
        """The request to the model.

        :raises BadSetting: when the name stands for no image, audio or video format.
        """
        modality = Modality.of_name(self.name)
        media_format = modality.format_of(self.name) if modality else None
        if modality in (None, Modality.TEXT, Modality.DOCUMENT) or media_format is None:
            raise BadSetting(f"{self.name!r} is no image, audio or video file that the model can take.")
        return media_query(self.content, modality, media_format, dimension=dimension)


@dataclass(frozen=True, slots=True)
class Hit:
    """A segment that was found.

    :ivar score: cosine similarity, -1 to 1 (1 - distance).
    """

    key: str
    score: float
    metadata: dict[str, Any]


def embed_query(
    query: TextQuery | MediaQuery, dimension: int, *, bedrock: Any, space: Space
) -> NDArray[np.float32]:
    """The query's vector: float32, shape (dimension,), at unit L2 norm."""
    answer = bedrock.invoke_model(
        modelId=space.model_id,
        body=orjson.dumps(query.body(dimension)),
        contentType="application/json",
        accept="application/json",
    )
    values = orjson.loads(answer["body"].read())["embeddings"][0]["embedding"]
    vector = np.asarray(values, dtype=np.float64)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def search(
    query: TextQuery | MediaQuery,
    *,
    bedrock: Any,
    s3vectors: Any,
    vector_bucket: str,
    space: Space,
    dimension: int = DEFAULT_DIMENSION,
    top_k: int = 10,
    modality: Modality | None = None,
) -> list[Hit]:
    """The ``top_k`` nearest segments, best first; of one modality when it is given.

    :raises BadSetting: for a query, dimension or ``top_k`` that the services do not take.
    :raises IndexMismatch: when the index holds vectors of another space.
    """
    if not 1 <= top_k <= MAX_TOP_K:
        raise BadSetting(f"top_k is {top_k}; it can be 1 to {MAX_TOP_K}.")
    vector = embed_query(query, dimension, bedrock=bedrock, space=space)
    request: dict[str, Any] = {
        "vectorBucketName": vector_bucket,
        "indexName": space.index_name(dimension),
        "queryVector": {"float32": vector.tolist()},
        "topK": top_k,
        "returnDistance": True,
        "returnMetadata": True,
    }
    if modality is not None:
        # The operator is always written out: the bare form was refused by the service at least once.
        request["filter"] = {"modalityType": {"$eq": modality.value}}
    hits = s3vectors.query_vectors(**request)["vectors"]
    require_space(hits, space, f"{vector_bucket}/{request['indexName']}")
    return [Hit(hit["key"], 1.0 - hit["distance"], hit.get("metadata", {})) for hit in hits]
