"""What is searched with: a text, a file, or a source that is stored already; and how it becomes a vector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from nova_mme.errors import BadSetting
from nova_mme.ledger import Ledger
from nova_mme.matryoshka import truncate
from nova_mme.modality import Modality
from nova_mme.nova import media_query, text_query
from nova_mme.recipe import RETRIEVAL_PURPOSE
from nova_mme.row import Row
from nova_mme.search.vector_answer import MAX_KEYS, get_vectors
from nova_mme.source import S3Uri, object_id
from nova_mme.space import FULL_DIMENSION, Space
from nova_mme.store import require_space
from nova_mme.vector_key import VectorKey

# A source of several embedding types is asked with one of them: what is seen goes before what is heard.
_TYPES = ("AUDIO_VIDEO_COMBINED", "VIDEO", "IMAGE", "TEXT", "AUDIO")
# Opposite vectors have a mean of no direction.
_TINY = 1e-6


@dataclass(frozen=True, slots=True)
class TextQuery:
    """Words to search with, at most 8,192 characters."""

    text: str

    def body(self, dimension: int, purpose: str = RETRIEVAL_PURPOSE) -> dict[str, Any]:
        """The request to the model.

        :raises BadSetting: for an empty or overlong text, or another dimension or purpose than the schema has.
        """
        return text_query(self.text, dimension=dimension, purpose=purpose)


@dataclass(frozen=True, slots=True)
class MediaQuery:
    """An image, a sound or a clip (at most 30 s, 18.7 MB) to search with; ``name`` tells its format."""

    name: str
    content: bytes

    def body(self, dimension: int, purpose: str = RETRIEVAL_PURPOSE) -> dict[str, Any]:
        """The request to the model.

        :raises BadSetting: when the name stands for no image, audio or video format, or the file is too large.
        """
        modality = Modality.of_name(self.name)
        media_format = modality.format_of(self.name) if modality else None
        if modality in (None, Modality.TEXT, Modality.DOCUMENT) or media_format is None:
            raise BadSetting(f"{self.name!r} is no image, audio or video file that the model can take.")
        return media_query(self.content, modality, media_format, dimension=dimension, purpose=purpose)


@dataclass(frozen=True, slots=True)
class SourceQuery:
    """A source that is stored in the space, to find others that are like it; no model is asked.

    :ivar uri: ``s3://bucket/key``.
    :ivar segment: the one segment to ask with, counted from 0 (a page of a PDF, too); None asks with the mean of
        all of them (of 100 evenly spread ones, where there are more).
    """

    uri: str
    segment: int | None = None

    def __post_init__(self) -> None:
        if not S3Uri.parse(self.uri).key:
            raise BadSetting(f"{self.uri!r} names a bucket and no object in it.")
        if self.segment is not None and self.segment < 0:
            raise BadSetting(f"The segment is {self.segment}; they are counted from 0.")

    @property
    def object_id(self) -> str:
        """The source's id; a source is not found with itself."""
        return object_id(self.uri)


ModelQuery = TextQuery | MediaQuery
Query = TextQuery | MediaQuery | SourceQuery


def choose_purpose(modality: Modality | None) -> str:
    """The purpose of a query: generic, or that of the only modality that is looked for.

    Amazon Nova user guide, "Embeddings schema", embeddingPurpose: GENERIC_RETRIEVAL for a mixed store, and one for
    a store of each modality.
    """
    return f"{modality.value.upper()}_RETRIEVAL" if modality else RETRIEVAL_PURPOSE


def embed_query(
    query: ModelQuery, dimension: int, *, bedrock: Any, space: Space, purpose: str = RETRIEVAL_PURPOSE
) -> NDArray[np.float32]:
    """The query's vector by one InvokeModel: float32, shape (dimension,), at unit L2 norm.

    :raises BadSetting: for a query that the schema does not take; nothing was asked then.
    :raises ClientError: what Bedrock answers.
    """
    answer = bedrock.invoke_model(
        modelId=space.model_id,
        body=orjson.dumps(query.body(dimension, purpose)),
        contentType="application/json",
        accept="application/json",
    )
    values = orjson.loads(answer["body"].read())["embeddings"][0]["embedding"]
    return _to_unit(np.asarray(values, dtype=np.float64))


def shorten(vector: NDArray[np.float32], dimension: int) -> NDArray[np.float32]:
    """A query's vector at a smaller dimension, at unit norm again: what was done to the stored ones is done to it.

    :param vector: float32, shape (3072,) or any other that is no shorter than the dimension.
    :returns: float32, shape (dimension,).
    """
    if len(vector) == dimension:
        return vector
    row: NDArray[np.float32] = truncate(vector.astype(np.float64)[np.newaxis], dimension)[0]
    return row


def read_source(
    query: SourceQuery, *, s3vectors: Any, vector_bucket: str, ledger: Ledger
) -> NDArray[np.float32]:
    """A stored source's vector, from the ledger's space: float32, shape (3072,), at unit L2 norm.

    :raises BadSetting: when the space does not hold the source, or not that segment of it.
    :raises IndexMismatch: when the index holds vectors of another space.
    """
    row = ledger.rows([VectorKey(query.object_id, "", 0)]).get(query.object_id)
    keys = _choose_keys(query, row) if row else []
    index = ledger.space.index_name(FULL_DIMENSION)
    place = {"vectorBucketName": vector_bucket, "indexName": index}
    if keys:
        found, matrix = get_vectors(s3vectors, place, keys, FULL_DIMENSION, metadata=True)
        require_space(found, ledger.space, f"{vector_bucket}/{index}")
    if not keys or not len(matrix):
        part = "" if query.segment is None else f"segment {query.segment} of "
        raise BadSetting(
            f"The space {ledger.space.name!r} holds no vector of {part}{query.uri}. Embed it first, or search with "
            "the file itself."
        )
    mean = matrix.mean(axis=0, dtype=np.float64)
    if np.linalg.norm(mean) < _TINY:
        mean = matrix[0].astype(np.float64)
    return _to_unit(mean)


def _to_unit(vector: NDArray[np.float64]) -> NDArray[np.float32]:
    unit: NDArray[np.float32] = (vector / np.linalg.norm(vector)).astype(np.float32)
    return unit


def _choose_keys(query: SourceQuery, row: Row) -> list[str]:
    name = next((name for name in _TYPES if row.segments.get(name)), "")
    extent = row.segments.get(name, 0)
    if query.segment is None:
        numbers = sorted({round(place) for place in np.linspace(0, extent - 1, min(extent, MAX_KEYS))})
    else:
        numbers = [query.segment] if query.segment < extent else []
    return [str(VectorKey(row.object_id, name, number)) for number in numbers]
