"""One named store: an S3 Vectors index of one dimension, with chunks of texts in it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nova_mme.metadata import add_dimension
from nova_mme.search.query import TextQuery, embed_query, shorten
from nova_mme.search.request import PAGE, check_bounds
from nova_mme.search.snippet import cut_snippet
from nova_mme.search.vector_answer import query_vectors
from nova_mme.space import FULL_DIMENSION, Space
from nova_mme.store import require_space
from nova_mme.vector_batch import VectorBatch, accept_batches, put_batch
from nova_mme.vector_index import VectorIndex
from nova_mme.vector_key import VectorKey


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk that was found.

    :ivar score: cosine similarity, -1 to 1: 1 - distance.
    :ivar uri: the file, as ``file:///...``.
    :ivar start, end: characters of the file's text, the end exclusive.
    :ivar snippet: the part of the text to show, in one line.
    """

    key: str
    score: float
    uri: str
    name: str
    start: int
    end: int
    text: str
    snippet: str

    def as_document(self) -> dict[str, Any]:
        """The passage for JSON."""
        return {
            "id": self.key,
            "score": self.score,
            "uri": self.uri,
            "name": self.name,
            "span": {"start_character": self.start, "end_character": self.end},
            "text": self.text,
            "snippet": self.snippet,
        }


@dataclass(frozen=True, slots=True)
class Contents:
    """What is in a store.

    :ivar indexed: epoch seconds of the latest chunk; 0 of an empty store.
    """

    chunks: int = 0
    files: int = 0
    indexed: int = 0

    def as_document(self) -> dict[str, Any]:
        """The contents for JSON."""
        return {"chunks": self.chunks, "files": self.files, "indexed": self.indexed or None}


@dataclass(frozen=True, slots=True)
class NamedStore:
    """A store that is there; :meth:`nova_mme.text_store.catalog.Catalog.open` finds it.

    :ivar client: a boto3 ``s3vectors`` client; one serves all threads.
    :ivar space: of every vector in it, and of the queries that it is asked.
    """

    client: Any
    bucket: str
    name: str
    dimension: int
    space: Space

    @property
    def _index(self) -> VectorIndex:
        return VectorIndex(self.client, self.bucket, self.name)

    def count(self) -> Contents:
        """Count what is in it: reads through all of it, a page of 1,000 at a time.

        :raises IndexMismatch: when there are vectors of another space.
        """
        chunks, indexed, files = 0, 0, set[str]()
        for page in self._index.pages(metadata=True):
            require_space(page, self.space, self._place)
            chunks += len(page)
            files.update(vector["key"].partition("/")[0] for vector in page)
            times = (vector.get("metadata", {}).get("processingTimestamp", 0) for vector in page)
            indexed = max(indexed, *map(int, times), 0)
        return Contents(chunks, len(files), indexed)

    def find_segments(self, object_ids: Collection[str]) -> dict[str, list[int]]:
        """Which chunks are stored of these files: object id -> their numbers; files without any are left out."""
        found: dict[str, list[int]] = {}
        for page in self._index.pages():
            for vector in page:
                key = VectorKey.parse(vector["key"])
                if key and key.object_id in object_ids:
                    found.setdefault(key.object_id, []).append(key.segment)
        return found

    def describe(self, keys: Iterable[str]) -> dict[str, dict[str, Any]]:
        """The metadata of those of these chunks that are stored, by key.

        :raises IndexMismatch: when one of them is of another space.
        """
        found = list(self._index.get(keys, metadata=True))
        require_space(found, self.space, self._place)
        return {vector["key"]: vector.get("metadata", {}) for vector in found}

    def put(self, keys: list[str], vectors: list[NDArray[np.float32]], documents: list[bytes]) -> None:
        """Store chunks, or replace them, in calls of at most 500 vectors and 20 MiB.

        :param vectors: float32, shape (3072,) each, at unit norm; they are shortened to the store's dimension.
        :param documents: as :func:`~nova_mme.metadata.encode_document` writes them.
        """
        matrix = np.stack([shorten(vector, self.dimension) for vector in vectors])
        batch = VectorBatch(keys, matrix, [add_dimension(body, self.dimension) for body in documents])
        client = accept_batches(self.client)
        put_batch(client, batch, vectorBucketName=self.bucket, indexName=self.name)

    def delete(self, keys: Iterable[str]) -> int:
        """Delete chunks; returns how many were named."""
        return self._index.delete(keys)

    def find(self, text: str, *, bedrock: Any, top_k: int = 10) -> list[Passage]:
        """The chunks nearest to a text, best first: one call of the model, one of S3 Vectors.

        The query is embedded at 3072 dimensions and shortened, as the chunks were.

        :param top_k: 1 to 100.
        :raises BadSetting: for another ``top_k``, or a text that the model does not take.
        :raises IndexMismatch: when there are vectors of another space.
        """
        check_bounds("top_k", top_k, PAGE)
        vector = embed_query(TextQuery(text), FULL_DIMENSION, bedrock=bedrock, space=self.space)
        answer = query_vectors(
            self.client,
            shorten(vector, self.dimension),
            vectorBucketName=self.bucket,
            indexName=self.name,
            topK=top_k,
            returnDistance=True,
            returnMetadata=True,
        )
        require_space(answer["vectors"], self.space, self._place)
        return [_read_passage(hit, text) for hit in self._of_files(answer["vectors"])]

    def _of_files(self, hits: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        return (hit for hit in hits if VectorKey.parse(hit["key"]))

    @property
    def _place(self) -> str:
        return f"{self.bucket}/{self.name}"


def _read_passage(hit: dict[str, Any], words: str) -> Passage:
    facts = hit.get("metadata") or {}
    text = str(facts.get("text", ""))
    return Passage(
        hit["key"],
        1.0 - hit["distance"],
        str(facts.get("sourceS3Uri", "")),
        str(facts.get("fileName", "")),
        int(facts.get("segmentStartCharPosition", 0)),
        int(facts.get("segmentEndCharPosition", 0)),
        text,
        cut_snippet(text, words),
    )
