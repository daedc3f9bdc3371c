"""The vector store: one space's four indexes in Amazon S3 Vectors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from nova_mme.errors import IndexMismatch
from nova_mme.metadata import NON_FILTERABLE_KEYS
from nova_mme.pace import Pacer
from nova_mme.space import DIMENSIONS, Space
from nova_mme.vector_batch import VectorBatch, accept_batches, put_batch

DISTANCE_METRIC = "cosine"
_MAX_DELETED = 500
_PEEKED = 10


def require_space(vectors: Iterable[Mapping[str, Any]], space: Space, place: str) -> None:
    """See that vectors are of a space; one that does not say of which is nobody's concern.

    :param vectors: as the service answers them, with their metadata.
    :raises IndexMismatch: naming the space that they are of: distances between two models' vectors mean nothing.
    """
    for vector in vectors:
        told = (vector.get("metadata") or {}).get("space", space.name)
        if told != space.name:
            raise IndexMismatch(
                f"{place} holds vectors of the space {told!r}, not of {space.name!r}: the vector {vector['key']!r} is "
                "one. Nothing was written or compared. Name the vector_bucket that belongs to this ledger, or change "
                "the model with backfill_embeddings."
            )


@dataclass(frozen=True, slots=True)
class VectorStore:
    """A space's indexes in one vector bucket.

    :ivar client: a boto3 ``s3vectors`` client; one serves all threads.
    :ivar pacer: keeps what is put and deleted below the indexes' limit; None goes at full speed.
    """

    client: Any
    bucket: str
    space: Space
    pacer: Pacer | None = None

    def take_turn(self, vectors: int) -> None:
        """Return when so many vectors may be put into, or deleted from, each of the four indexes."""
        if self.pacer and vectors:
            self.pacer.take(vectors)

    def ensure(self) -> list[str]:
        """Create what is missing of the bucket and the four indexes; returns the names that were created.

        :raises IndexMismatch: when an index exists in another shape. It is not touched: dimension, metric
            and non-filterable keys are fixed when an index is created.
        """
        missing = [dimension for dimension in DIMENSIONS if not self._has_index(dimension)]
        created = []
        if missing and self._create(self.client.create_vector_bucket, vectorBucketName=self.bucket):
            created.append(self.bucket)
        created += [self.space.index_name(dimension) for dimension in missing if self._make_index(dimension)]
        self.check_space()
        return created

    def ensure_index(self, dimension: int) -> bool:
        """Create one index unless it exists; returns whether it was created.

        :raises IndexMismatch: when it exists in another shape; it is not touched.
        :raises ClientError: when there is no vector bucket.
        """
        return not self._has_index(dimension) and self._make_index(dimension)

    def check(self, dimension: int) -> None:
        """See that an index is there and of the right shape.

        :raises IndexMismatch: when it is of another shape.
        :raises ClientError: when it is not there, or cannot be looked at.
        """
        name = self.space.index_name(dimension)
        found = self.client.get_index(vectorBucketName=self.bucket, indexName=name)["index"]
        self._check_index(name, dimension, found)

    def check_space(self) -> None:
        """See that the indexes hold this space's vectors and no other's, by a few of the smallest one.

        Their names alone do not tell: two deployments may have been given the same vector bucket.

        :raises IndexMismatch: when a vector says that it is of another space.
        :raises ClientError: when the index is not there, or cannot be looked at.
        """
        name = self.space.index_name(DIMENSIONS[0])
        found = self.client.list_vectors(
            vectorBucketName=self.bucket, indexName=name, maxResults=_PEEKED, returnMetadata=True
        )
        require_space(found["vectors"], self.space, f"{self.bucket}/{name}")

    def _has_index(self, dimension: int) -> bool:
        # Asked before anything is created: a role that may only use what is there needs no right to create it.
        try:
            self.check(dimension)
        except self.client.exceptions.NotFoundException:
            return False
        return True

    def _make_index(self, dimension: int) -> bool:
        if self._create_index(dimension):
            return True
        self._has_index(dimension)  # somebody was faster
        return False

    def _create_index(self, dimension: int) -> bool:
        return self._create(
            self.client.create_index,
            vectorBucketName=self.bucket,
            indexName=self.space.index_name(dimension),
            dataType="float32",
            dimension=dimension,
            distanceMetric=DISTANCE_METRIC,
            metadataConfiguration={"nonFilterableMetadataKeys": sorted(NON_FILTERABLE_KEYS)},
        )

    def _create(self, operation: Any, **request: Any) -> bool:
        try:
            operation(**request)
        except self.client.exceptions.ConflictException:
            return False
        return True

    def _check_index(self, name: str, dimension: int, found: dict[str, Any]) -> None:
        keys = found.get("metadataConfiguration", {}).get("nonFilterableMetadataKeys", [])
        shapes = {
            "dimension": (found["dimension"], dimension),
            "distance metric": (found["distanceMetric"], DISTANCE_METRIC),
            "non-filterable metadata keys": (sorted(keys), sorted(NON_FILTERABLE_KEYS)),
        }
        wrong = [f"{what} {has}, needed {needs}" for what, (has, needs) in shapes.items() if has != needs]
        if wrong:
            raise IndexMismatch(
                f"The index {self.bucket}/{name} exists in another shape: {'; '.join(wrong)}. "
                "It was left alone. Name another vector_bucket, or delete the index if nothing needs it."
            )

    def put(self, dimension: int, batch: VectorBatch) -> int:
        """Store (or replace) a batch in one index, in calls of at most 500 vectors and 20 MiB.

        It takes no turn: whoever puts the same segments into all four indexes takes one for all.

        :returns: how many vectors were stored. Safe to repeat: a key's vector is replaced.
        """
        index = self.space.index_name(dimension)
        return put_batch(accept_batches(self.client), batch, vectorBucketName=self.bucket, indexName=index)

    def drop(self) -> list[str]:
        """Delete the four indexes with all that is in them; returns the names of those that were there."""
        names = [self.space.index_name(dimension) for dimension in DIMENSIONS]
        return [name for name in names if self._drop_index(name)]

    def _drop_index(self, name: str) -> bool:
        try:
            self.client.get_index(vectorBucketName=self.bucket, indexName=name)
            self.client.delete_index(vectorBucketName=self.bucket, indexName=name)
        except self.client.exceptions.NotFoundException:
            return False
        return True

    def delete(self, keys: Iterable[str]) -> int:
        """Delete keys from all four indexes; absent keys are no error. Returns how many keys were named.

        From the 3072-d index first: whoever copies from it into another one, and looks there once more, sees that
        what was copied had to go.
        """
        names = list(keys)
        for start in range(0, len(names), _MAX_DELETED):
            chunk = names[start : start + _MAX_DELETED]
            self.take_turn(len(chunk))
            for dimension in reversed(DIMENSIONS):
                index = self.space.index_name(dimension)
                self.client.delete_vectors(vectorBucketName=self.bucket, indexName=index, keys=chunk)
        return len(names)
