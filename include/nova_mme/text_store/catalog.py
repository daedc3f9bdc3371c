"""The indexes of a vector bucket: the spaces' own, named stores, and others that are none of ours."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from nova_mme.errors import BadSetting, IndexMismatch
from nova_mme.metadata import NON_FILTERABLE_KEYS
from nova_mme.space import DIMENSIONS, Space
from nova_mme.space_member import Spaces
from nova_mme.store import DISTANCE_METRIC, require_space
from nova_mme.text_store.named_store import NamedStore

# "S3 Vectors limitations and restrictions" in the Amazon S3 user guide.
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)
# How the names of all spaces' indexes begin, of those to come too.
_RESERVED = "embeddings-"
_LISTED = 500
_AT_ONCE = 8
_PEEKED = 10


class Kind(StrEnum):
    """What an index is."""

    STORE = "store"  # a named store
    SPACE = "space"  # of a space of this deployment: the DAGs fill it
    OTHER = "other"  # of another shape, or with a reserved name: not made by a command


@dataclass(frozen=True, slots=True)
class Entry:
    """An index, as it was made.

    :ivar created: epoch seconds.
    :ivar space: the name of the space whose index it is; empty for others.
    """

    name: str
    kind: Kind
    dimension: int
    metric: str
    created: int
    space: str = ""

    def as_document(self) -> dict[str, Any]:
        """The entry for JSON."""
        return {
            "name": self.name,
            "kind": self.kind.value,
            "dimension": self.dimension,
            "metric": self.metric,
            "created": self.created,
            "space": self.space or None,
        }


def check_name(name: str) -> str:
    """See that a store may be called so; returns the name.

    :raises BadSetting: when S3 Vectors would not take it, or a space's index may be called so.
    """
    if not _NAME.fullmatch(name):
        raise BadSetting(
            f"{name!r} cannot be a store's name: 3 to 63 lower-case letters, digits, '-' and '.', beginning and ending "
            "with a letter or digit."
        )
    if name.startswith(_RESERVED):
        raise BadSetting(f"{name!r} cannot be a store's name: {_RESERVED}... are the indexes of spaces.")
    return name


@dataclass(frozen=True, slots=True)
class Catalog:
    """The indexes of one vector bucket.

    :ivar client: a boto3 ``s3vectors`` client.
    :ivar spaces: the deployment's, as they are now.
    """

    client: Any
    bucket: str
    spaces: Spaces

    def list(self) -> list[Entry]:
        """All indexes, by name.

        :raises BadSetting: when there is no vector bucket.
        """
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = list(pool.map(self._find, self._names()))
        return sorted((entry for entry in found if entry), key=lambda entry: entry.name)

    def find(self, name: str) -> Entry:
        """One index.

        :raises BadSetting: when there is none of this name.
        """
        if entry := self._find(name):
            return entry
        raise BadSetting(
            f"There is no store {name!r} in the vector bucket {self.bucket!r}. `store list` shows those that there "
            f"are, `store create` makes one."
        )

    def create(self, name: str, dimension: int) -> Entry:
        """Make an empty store: cosine, float32, with the non-filterable keys that all our indexes have.

        :param dimension: 256, 384, 1024 or 3072; it is fixed from then on, as everything about an index is.
        :raises BadSetting: for a name or a dimension that cannot be, or a name that is taken.
        """
        check_name(name)
        if dimension not in DIMENSIONS:
            raise BadSetting(
                f"The dimension is {dimension}; it can be {', '.join(map(str, DIMENSIONS))}, which Nova has."
            )
        try:
            self.client.create_index(
                vectorBucketName=self.bucket,
                indexName=name,
                dataType="float32",
                dimension=dimension,
                distanceMetric=DISTANCE_METRIC,
                metadataConfiguration={"nonFilterableMetadataKeys": sorted(NON_FILTERABLE_KEYS)},
            )
        except self.client.exceptions.ConflictException as error:
            raise BadSetting(
                f"There is an index {name!r} already in {self.bucket!r}; it was left alone. `store info {name}` tells "
                "about it."
            ) from error
        except self.client.exceptions.NotFoundException as error:
            raise self._lacking() from error
        return self.find(name)

    def delete(self, name: str) -> Entry:
        """Delete a store with all that is in it; returns what it was.

        :raises BadSetting: when there is none, or it is no named store.
        """
        entry = self.require_store(name)
        self.client.delete_index(vectorBucketName=self.bucket, indexName=name)
        return entry

    def require_store(self, name: str) -> Entry:
        """One index that is a named store.

        :raises BadSetting: when there is none of this name, or it is a space's, or none of ours.
        """
        entry = self.find(name)
        if entry.kind is Kind.SPACE:
            raise BadSetting(
                f"{name!r} is an index of the space {entry.space!r}, not a named store: the DAGs fill it, `search` "
                "searches it, and backfill_embeddings retires it with its space."
            )
        if entry.kind is Kind.OTHER:
            raise BadSetting(
                f"{name!r} is no named store: its name is reserved for spaces, or it was made in another shape. It was "
                "left alone."
            )
        return entry

    def open(self, name: str) -> NamedStore:
        """A store to index into and to ask, in the space of what is in it; in the active one while it is empty.

        :raises BadSetting: when there is no named store of this name.
        :raises IndexMismatch: when its vectors are of a model that this deployment does not have any more, or of
            several.
        """
        entry = self.require_store(name)
        return NamedStore(self.client, self.bucket, name, entry.dimension, self._find_space(name))

    def _find_space(self, name: str) -> Space:
        found = self.client.list_vectors(
            vectorBucketName=self.bucket, indexName=name, maxResults=_PEEKED, returnMetadata=True
        )["vectors"]
        told = next((vector["metadata"]["space"] for vector in found if _tells_space(vector)), None)
        member = self.spaces.active if told is None else self.spaces.members.get(str(told))
        if member is None:
            raise IndexMismatch(
                f"The store {name!r} holds vectors of the space {told!r}, which this deployment does not have: no "
                "query can be compared with them. Delete the store, and index its files anew."
            )
        require_space(found, member.space, f"{self.bucket}/{name}")
        return member.space

    def _names(self) -> Iterator[str]:
        pages = self.client.get_paginator("list_indexes").paginate(
            vectorBucketName=self.bucket, PaginationConfig={"PageSize": _LISTED}
        )
        try:
            for page in pages:
                yield from (index["indexName"] for index in page["indexes"])
        except self.client.exceptions.NotFoundException as error:
            raise self._lacking() from error

    def _find(self, name: str) -> Entry | None:
        if not _NAME.fullmatch(name):  # the service would call the whole request wrong
            return None
        try:
            found = self.client.get_index(vectorBucketName=self.bucket, indexName=name)["index"]
        except self.client.exceptions.NotFoundException:
            return None
        spaces = self._spaces_of_indexes()
        return Entry(
            name,
            Kind.SPACE if name in spaces else Kind.STORE if _is_ours(found) else Kind.OTHER,
            found["dimension"],
            found["distanceMetric"],
            int(found["creationTime"].timestamp()),
            spaces.get(name, ""),
        )

    def _spaces_of_indexes(self) -> dict[str, str]:
        members = self.spaces.members.values()
        return {
            one.space.index_name(dimension): one.space.name for one in members for dimension in DIMENSIONS
        }

    def _lacking(self) -> BadSetting:
        return BadSetting(
            f"There is no vector bucket {self.bucket!r}. Run setup_embeddings, or name the right vector_bucket."
        )


def _tells_space(vector: Mapping[str, Any]) -> bool:
    return "space" in (vector.get("metadata") or {})


def _is_ours(found: Mapping[str, Any]) -> bool:
    keys = found.get("metadataConfiguration", {}).get("nonFilterableMetadataKeys", [])
    return (
        not found["indexName"].startswith(_RESERVED)
        and found["dimension"] in DIMENSIONS
        and found["distanceMetric"] == DISTANCE_METRIC
        and set(keys) == NON_FILTERABLE_KEYS
    )
