"""Asks both spaces: the nearest segments and sources of a query, in the full index and in the smaller ones."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from nova_mme.matryoshka import truncate
from nova_mme.migration.agreement import DEPTH, SMALLER, Agreement, Comparison, overlap, recall
from nova_mme.migration.coverage import Side
from nova_mme.migration.query_set import Query, Vector
from nova_mme.search.request import PAGE
from nova_mme.space import FULL_DIMENSION
from nova_mme.vector_index import VectorIndex
from nova_mme.vector_key import VectorKey

# Five QueryVectors a query, and a client's pool has ten connections.
_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class AgreementCheck:
    """Asks queries of two spaces, eight at a time.

    Each takes five QueryVectors: the full index of either space, and the new one's three smaller ones.
    """

    old: Side
    new: Side
    s3: Any
    bedrock: Any

    def run(self, queries: Sequence[Query], *, sources: int, given: bool) -> Agreement:
        """Ask them all.

        :param sources: how many there are to be found.
        :param given: whether the queries come from a file.
        """
        agreement = Agreement(sources=sources, given=given)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            agreement.add(pool.map(self._ask, queries))
        agreement.names = self._name(agreement)
        return agreement

    def _ask(self, query: Query) -> Comparison | None:
        vectors = [query.find_vector(side, s3=self.s3, bedrock=self.bedrock) for side in (self.old, self.new)]
        if vectors[0] is None or vectors[1] is None:
            return None
        old = find_neighbours(self.old, vectors[0], left_out=query.left_out)
        new = find_neighbours(self.new, vectors[1], left_out=query.left_out)
        best = _segments(new)
        smaller = {
            dimension: self._recall(dimension, vectors[1], query, best) for dimension in SMALLER if best
        }
        told = recall(_sources(new), _sources(old)) if old else None
        likeness = overlap(_sources(new), _sources(old))
        return Comparison(query.name, told, likeness, smaller, _sources(old), _sources(new))

    def _recall(self, dimension: int, vector: Vector, query: Query, best: Sequence[str]) -> float:
        found = find_neighbours(self.new, vector, dimension, left_out=query.left_out, sources=0)
        return recall(_segments(found), best)

    def _name(self, agreement: Agreement) -> dict[str, str]:
        keys = [VectorKey(name, "", 0) for item in agreement.worst for name in (*item.old, *item.new)]
        rows = self.new.ledger.rows(keys) | self.old.ledger.rows(keys)
        return {name: row.uri for name, row in rows.items()}


def find_neighbours(
    side: Side, vector: Vector, dimension: int = FULL_DIMENSION, *, left_out: str = "", sources: int = DEPTH
) -> list[VectorKey]:
    """The nearest segments of one index, best first: at least ten, of at least so many sources, if there are.

    A call answers 100 segments, and a long video has more: where its sources are too few, the next call leaves out
    those that were found already.

    :param vector: float64, shape (3072,); truncated to the dimension.
    :param left_out: the id of a source that is no result.
    """
    index = VectorIndex.of(side.store, dimension)
    query = {"float32": truncate(vector[np.newaxis], dimension)[0].tolist()}
    found: list[VectorKey] = []
    passed = [left_out] if left_out else []
    while True:
        hits = index.client.query_vectors(
            vectorBucketName=index.bucket,
            indexName=index.name,
            queryVector=query,
            topK=PAGE,
            **({"filter": {"objectId": {"$nin": passed}}} if passed else {}),
        )["vectors"]
        keys = [key for key in (VectorKey.parse(hit["key"]) for hit in hits) if key]
        found += keys
        known = list(dict.fromkeys(key.object_id for key in found))
        is_enough = len(found) >= DEPTH and len(known) >= sources
        if is_enough or len(hits) < PAGE or not set(known) - set(passed):
            return found
        passed = [*passed[: bool(left_out)], *known]


def _sources(keys: Sequence[VectorKey]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(key.object_id for key in keys))[:DEPTH]


def _segments(keys: Sequence[VectorKey]) -> list[str]:
    return [str(key) for key in keys[:DEPTH]]
